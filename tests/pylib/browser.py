"""A headless Chromium, driven by chromedriver: W3C WebDriver over HTTP, with the standard library."""

import base64
import json
import os
import re
import shutil
import tempfile
import urllib.error
import urllib.request

from pylib.process import Process
from pylib.waiting import Failed, wait_for

# Without the services of its maker, and as root, who has no sandbox.
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # WebDriver's name for a reference to an element
TAB, ENTER = "\ue004", "\ue007"


def why_not():
    """Why there is no browser here; "" there is one."""
    missing = [name for name in ("chromium", "chromedriver") if not shutil.which(name)]
    return "no %s here" % " and no ".join(missing) if missing else ""


class Browser:
    def __init__(self):
        self._folder = tempfile.mkdtemp(prefix="stsmapd-browser-")
        self._driver = self._session = None
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self):
        log = os.path.join(self._folder, "chromedriver.log")
        self._driver = Process("chromedriver", ["chromedriver", "--port=0"], log)

        def port():
            with open(log, encoding="utf-8", errors="replace") as file:
                return re.search(r"started successfully on port (\d+)", file.read())

        self._base = "http://127.0.0.1:" + self._driver.wait_until(port, "its port")[1]
        profile = os.path.join(self._folder, "profile")
        os.mkdir(profile)
        options = {"binary": shutil.which("chromium"), "args": [*ARGUMENTS, "--user-data-dir=" + profile]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        made = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = "/session/" + made["sessionId"]

    def close(self):
        try:
            if self._session:
                self._call("DELETE", self._session)
        finally:
            if self._driver:
                self._driver.stop()
            # What the browser's last processes still write goes with it.
            wait_for(lambda: shutil.rmtree(self._folder, ignore_errors=True) or not os.path.exists(self._folder))

    def _call(self, method, path, body=None):
        octets = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data=octets, method=method)
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=120) as reply:
                return json.load(reply)["value"]
        except urllib.error.HTTPError as error:
            raise Failed("chromedriver: " + error.read().decode(errors="replace")[:1000]) from None

    def _post(self, path, **body):
        return self._call("POST", self._session + path, body)

    def _devtools(self, command, **parameters):
        return self._post("/goog/cdp/execute", cmd=command, params=parameters)

    def look(self, width, height=900, scheme="light"):
        """From now on pages are so wide, and the user prefers this colour scheme."""
        self._devtools(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._devtools("Emulation.setEmulatedMedia", features=features)

    def open(self, url):
        self._post("/url", url=url)

    def run(self, script, *arguments):
        """The result of a function's body."""
        return self._post("/execute/sync", script=script, args=list(arguments))

    def press(self, key):
        actions = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self._post("/actions", actions=[{"type": "key", "id": "keyboard", "actions": actions}])

    def click(self, selector):
        found = self._post("/element", using="css selector", value=selector)
        self._post("/element/%s/click" % found[ELEMENT])

    def said(self):
        """What pages wrote to the console since the last call, the browser's own complaints among it."""
        return [one["message"] for one in self._post("/se/log", type="browser")]

    def screenshot(self, path, height=None):
        """The whole page, or its upper part, as PNG."""
        width, whole = self.run("return [innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": min(whole, height or whole), "scale": 1}
        taken = self._devtools("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        with open(path, "wb") as file:
            file.write(base64.b64decode(taken["data"]))
