"""stsmapd under test: its configuration, its life, and a plain socketmap client."""
import json
import os
import shutil
import signal
import socket

from .process import Process, WorldError, run, wait_for

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def program(name):
    """The path of a built program: $STSMAPD_BIN or $STSMAP_BIN, else from the build folder; "" when not
    built."""
    named = os.environ.get(name.upper() + "_BIN", "")
    built = os.path.join(os.environ.get("STSMAPD_BUILD_DIR", os.path.join(ROOT, "build")), name)
    return named or (built if os.access(built, os.X_OK) else "")


def toml(value):
    """A Python value as TOML; dictionaries become inline tables."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def without_options():
    """The environment without variables that would be options of the daemon, or taken for some."""
    return {key: value for key, value in os.environ.items() if not key.startswith("STSMAPD_")}


class Daemon:
    """`settings`: the configuration; a dictionary under dns, fetch or cache becomes a table of that name."""

    TABLES = ("dns", "fetch", "cache")

    def __init__(self, folder, settings):
        self.folder = folder
        self.log = os.path.join(folder, "stsmapd.log")
        self.config = os.path.join(folder, "stsmapd.toml")
        self.settings = settings
        self.process = None

    def start(self):
        """Starts it and returns when it says READY=1."""
        self.write_config()
        path = os.path.join(self.folder, "notify")
        if os.path.exists(path):
            os.unlink(path)
        environment = without_options()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            notify.settimeout(0)
            self.process = Process(
                "stsmapd",
                [program("stsmapd"), "--config", self.config],
                self.log,
                env={**environment, "NOTIFY_SOCKET": path},
            )
            self.process.wait_until(lambda: self._ready(notify), "READY=1", 20)

    def stop(self):
        """An orderly stop; WorldError when the exit status is not 0."""
        if not self.process:
            return
        status = self.process.stop()
        self.process = None
        if status != 0:
            raise WorldError(f"stsmapd ended with {status} after SIGTERM")

    def kill(self):
        """kill -9."""
        self.process.stop(signal.SIGKILL)
        self.process = None

    def reload(self):
        """Gives it the present settings by SIGHUP; returns when it has logged its reload."""
        before = len(self.log_lines(" reload: "))
        self.write_config()
        self.process.send_signal(signal.SIGHUP)
        self.process.wait_until(lambda: len(self.log_lines(" reload: ")) > before, "a reload")

    def forget_everything(self):
        """Removes its state (while it is stopped)."""
        shutil.rmtree(self.settings["state_dir"], ignore_errors=True)
        os.makedirs(self.settings["state_dir"])

    def ask(self, key, name="sts", seconds=30.0):
        """The reply to one socketmap request over the first listener."""
        return socketmap(self.settings["listen"][0], name, key, seconds)

    def query(self, domain):
        """What `stsmap query --json` says of the domain."""
        address = self.settings["listen"][0]
        return json.loads(run(program("stsmap"), "--socket", address, "query", "--json", domain))

    def log_lines(self, *words):
        """The lines of its log that contain all the words."""
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return [line.rstrip("\n") for line in file if all(word in line for word in words)]

    def wait_for_log(self, *words, seconds=5.0):
        """Like log_lines(), at most one; the log may be written after the answer, so it is waited for."""
        try:
            return wait_for(lambda: self.log_lines(*words), f"{words} in the log", seconds)[:1]
        except WorldError:
            return []

    @staticmethod
    def _ready(notify):
        try:
            return b"READY=1" in notify.recv(4096).split(b"\n")
        except BlockingIOError:
            return False

    def write_config(self):
        """Writes the present settings to its file."""
        with open(self.config, "w", encoding="utf-8") as file:
            for key, value in self.settings.items():
                if key not in self.TABLES:
                    file.write(f"{key} = {toml(value)}\n")
            for table in self.TABLES:
                if table in self.settings:
                    file.write(f"[{table}]\n")
                    file.write(
                        "".join(f"{key} = {toml(value)}\n" for key, value in self.settings[table].items())
                    )


def socketmap(address, name, key, seconds=30.0):
    """Asks a socketmap server at "unix:PATH" or "tcp:HOST:PORT"; returns the reply without its netstring
    frame."""
    kind, _, where = address.partition(":")
    if kind == "unix":
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stream.settimeout(seconds)
        stream.connect(where)
    else:
        host, _, port = where.rpartition(":")
        stream = socket.create_connection((host.strip("[]"), int(port)), seconds)
    with stream:
        request = f"{name} {key}".encode()
        stream.sendall(b"%d:%s," % (len(request), request))
        received = b""
        while True:
            length, colon, rest = received.partition(b":")
            if colon and len(rest) > int(length):
                return rest[: int(length)].decode()
            more = stream.recv(65536)
            if not more:
                raise WorldError(f"the connection was closed after {received!r}")
            received += more
