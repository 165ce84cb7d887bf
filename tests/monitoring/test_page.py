"""The status page in a real browser: nothing it refuses or complains of, nothing cut off at the width of a telephone or
of a desk, contrast of WCAG AA in light and dark, usable with the keyboard alone. Screenshots go to the folder `page` of
the build; its page-*.png are those of packaging/monitoring."""

import http.server
import os
import re
import threading
import unittest
import urllib.request

from blackbox import harness
from pylib import browser
from pylib.process import run
from pylib.programs import TESTS, program
from pylib.waiting import wait_for

WHY_NOT = browser.why_not()
SHOTS = os.path.join(os.path.dirname(program("stsmapd")), "page")  # the screenshots of the last run
LOOKS = [(width, scheme) for width in (360, 1440) for scheme in ("light", "dark")]
with open(os.path.join(TESTS, "monitoring", "page.js"), encoding="utf-8") as script:
    LOOK = script.read()


class Served:
    """A web server with some pages, each under its name, and the headers of the daemon."""

    def __init__(self, pages, headers):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                page = pages.get(self.path[1:].partition("?")[0])
                self.send_response(200 if page else 404)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write((page or "").encode())

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.base = "http://127.0.0.1:%d/" % self._server.server_port

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@unittest.skipIf(WHY_NOT, WHY_NOT)
class Page(harness.Case):
    @classmethod
    def setUpClass(cls):
        os.makedirs(SHOTS, exist_ok=True)
        cls.browser = browser.Browser()
        cls.addClassCleanup(cls.browser.close)

    def begin(self, **web):
        """A daemon with a web listener, and its address."""
        daemon = self.start(web={"listen": ["tcp:127.0.0.1:0"], **web})
        daemon.wait_log("web-listening")
        return daemon, "http://" + re.search(r"web-listening: address=tcp:(127\.0\.0\.1:\d+)", daemon.log())[1] + "/"

    def headers(self):
        """Those that a browser obeys, of the daemon's own page."""
        _, address = self.begin()
        with urllib.request.urlopen(address, timeout=60) as reply:
            kept = ("Content-Type", "Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy")
            headers = {name: reply.headers[name] for name in kept if reply.headers[name]}
        self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
        self.assertRegex(headers["Content-Security-Policy"], r"style-src 'sha256-[A-Za-z0-9+/]{43}='")
        return headers

    def assert_good(self, url):
        self.browser.open(url)
        self.assertEqual(self.browser.run(LOOK), [], url)
        self.assertEqual(self.browser.said(), [], url)


class MadeUp(Page):
    """Pages of daemons that are well, broken, and only observe."""

    def setUp(self):
        super().setUp()
        sample = os.path.join(os.path.dirname(program("stsmapd")), "tests", "page_sample")
        self.pages = {name: run(sample, name) for name in ("healthy", "broken", "observing")}
        self.pages["ugly"] = self.pages["healthy"].replace(
            "<main", '<p style="color:red">x</p><p class="state ok"><span class="tiles">%s</span></p><main' % ("w" * 300)
        )
        self.served = Served(self.pages, self.headers())
        self.addCleanup(self.served.close)

    def test_looks_good_everywhere(self):
        for width, scheme in LOOKS:
            self.browser.look(width, scheme=scheme)
            for name in ("healthy", "broken", "observing"):
                with self.subTest(name, width=width, scheme=scheme):
                    self.assert_good(self.served.base + name)
                    self.browser.screenshot(os.path.join(SHOTS, "%s-%s-%d.png" % (name, scheme, width)))
                    # What is folded up is looked at as well.
                    self.browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
                    self.assertEqual(self.browser.run(LOOK), [])

    def test_pictures_for_the_manual(self):
        for name, scheme in (("healthy", "light"), ("broken", "dark"), ("observing", "light")):
            self.browser.look(1100, scheme=scheme)
            self.assert_good(self.served.base + name)
            if name == "broken":  # what is wrong would fill the picture
                self.browser.run("document.querySelectorAll('.wrong li:nth-child(n+7)').forEach((one) => one.remove())")
            self.browser.screenshot(os.path.join(SHOTS, "page-%s.png" % name), 1020)

    def test_the_look_and_the_console_find_what_is_wrong(self):
        self.browser.look(360)
        self.browser.open(self.served.base + "ugly")
        self.assertTrue(any("inline style" in line for line in self.browser.said()), "the policy was not obeyed")
        self.browser.run(
            "const sheet = new CSSStyleSheet(); sheet.replaceSync('.state{white-space:nowrap;overflow-wrap:normal;color:#999}"
            ".k-secure{fill:#eee}'); document.adoptedStyleSheets = [sheet];"
        )
        wrong = " ".join(self.browser.run(LOOK))
        for part in ("overflow: the page is", "contrast: text of p.state ok", "contrast: the colour of div.plot"):
            self.assertIn(part, wrong)
        self.browser.open(self.served.base + "missing")
        self.assertTrue(any("404" in line for line in self.browser.said()))

    def test_works_with_the_keyboard(self):
        self.browser.look(1440)
        self.browser.open(self.served.base + "broken")
        focused = (
            "const one = document.activeElement; const style = getComputedStyle(one);"
            "return [one.textContent.trim().slice(0, 24), style.outlineStyle !== 'none', "
            "one.getBoundingClientRect().left >= 0];"
        )
        seen = []
        for _ in range(5):
            self.browser.press(browser.TAB)
            words, outlined, visible = self.browser.run(focused)
            self.assertTrue(outlined and visible, words)
            seen.append(words)
        self.assertEqual(
            seen,
            ["Skip to what is wrong", "Stop refreshing", "Good to know (8)", "JSON", "metrics for Prometheus"],
        )
        self.browser.run("document.querySelector('summary').focus()")
        self.browser.press(browser.ENTER)
        self.assertTrue(self.browser.run("return document.querySelector('details').open"))
        self.browser.run("document.querySelector('.skip').focus()")
        self.browser.press(browser.ENTER)
        wait_for(lambda: self.browser.run("return document.activeElement.id") == "main", "the skip link")
        self.assertEqual(self.browser.said(), [])


class Real(Page):
    """The page of the real daemon."""

    def test_shows_what_the_daemon_does(self):
        self.world.policy("good.test")
        daemon, address = self.begin()
        self.assertEqual(daemon.ask("good.test"), harness.SECURE)
        self.assertEqual(daemon.ask("good.test"), harness.SECURE)
        self.assertEqual(daemon.ask("none.test"), harness.NOTFOUND)
        for width, scheme in LOOKS:
            self.browser.look(width, scheme=scheme)
            self.assert_good(address)
        self.browser.screenshot(os.path.join(SHOTS, "real.png"))
        rows = self.browser.run(
            "return [...document.querySelectorAll('#answers ~ table tbody tr')].map("
            "(row) => [row.className, row.lastElementChild.textContent])"
        )
        self.assertEqual(dict(rows)["secure"], "2")
        self.assertNotIn("good.test", self.browser.run("return document.documentElement.outerHTML"))
        # By itself again, until a link stops it.
        again = "return (document.querySelector('meta[http-equiv=refresh]') || {content: ''}).content"
        self.assertEqual(self.browser.run(again), "30")
        self.browser.click("header a")
        wait_for(lambda: self.browser.run("return location.search") == "?refresh=0", "the page that stays")
        self.assertEqual(self.browser.run(again), "")
        self.browser.click("header a")
        wait_for(lambda: self.browser.run("return location.search") in ("", "?"), "the page that comes again")
        self.assertEqual(self.browser.run(again), "30")
        self.assertEqual(self.browser.said(), [])


if __name__ == "__main__":
    unittest.main()
