"""What every black-box test stands on: a small world on loopback and the real daemon in it.

    class MyTest(harness.Case):
        def test_something(self):
            self.world.policy("good.test")              # TXT record, policy, certificate
            daemon = self.start()                       # the real binary, ready to answer
            self.assertEqual(daemon.ask("good.test"), harness.SECURE)

Everything is on 127.0.0.1 with ports of the system's choice and in one temporary folder a test, so that tests
run in parallel, unprivileged, and leave nothing behind. Nothing sleeps for correctness: waits are for events,
with a limit.
The binaries are STSMAPD_BIN and STSMAP_BIN (default: build/stsmapd and build/stsmap of this tree).
"""

import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import logcheck
from dns_server import DnsServer
from policy_host import PolicyHosts
from socketmap import Client, Closed, frame

__all__ = [
    "Case",
    "Client",
    "Closed",
    "Daemon",
    "World",
    "frame",
    "unittest",
    "wait_for",
    "STSMAP",
    "STSMAPD",
]

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STSMAPD = os.environ.get("STSMAPD_BIN", os.path.join(TREE, "build", "stsmapd"))
STSMAP = os.environ.get("STSMAP_BIN", os.path.join(TREE, "build", "stsmap"))
LIMIT = 30  # seconds any wait may take; sanitizer builds on a busy machine are slow
SECURE = (
    "OK secure match=mx1.good.test:.mail.test servername=hostname"  # what world.policy() makes Postfix hear
)
NOTFOUND = "NOTFOUND "
# A daemon that dies of a bug says so in one of these words.
CRASHES = re.compile(
    r"Sanitizer|runtime error:|terminate called|Assertion .* failed|stack smashing|core dumped"
)


def wait_for(what, limit=LIMIT, every=0.02):
    """Waits until what() is true and returns it; fails after `limit` seconds."""
    end = time.monotonic() + limit
    while True:
        got = what()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError("waited %s s in vain for %s" % (limit, getattr(what, "__name__", what)))
        time.sleep(every)


def stopped(pid):
    """A signal holds the process (SIGSTOP)."""
    with open("/proc/%d/stat" % pid) as file:
        return file.read().rpartition(")")[2].split()[0] == "T"


def toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def is_sanitized():
    """Does the binary bring an allocator of its own, which measures and limits mean nothing to?"""
    with open(STSMAPD, "rb") as file:
        octets = file.read()
    return b"__asan_init" in octets or b"__tsan_init" in octets


def raise_file_limit(count=4096):
    """As many open files as allowed, up to `count`, for us and what we start; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = max(soft, count if hard == resource.RLIM_INFINITY else min(count, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft


class World:
    """DNS and policy hosts, in a temporary folder."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="stsmapd-bb-")
        self.dns = DnsServer()
        self.hosts = PolicyHosts(self.folder)

    def close(self):
        self.dns.close()
        self.hosts.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def policy(
        self,
        domain,
        mode="enforce",
        mx=("mx1.good.test", "*.mail.test"),
        max_age=86400,
        ident="1",
        ttl=300,
        body=None,
        **options
    ):
        """A domain with an MTA-STS policy. Called again it changes what is served."""
        if body is None:
            body = "version: STSv1\r\nmode: %s\r\n%smax_age: %d\r\n" % (
                mode,
                "".join("mx: %s\r\n" % one for one in mx),
                max_age,
            )
        self.hosts.add(domain, body, **options)
        self.record(domain, ident, ttl)

    def record(self, domain, ident, ttl=300):
        self.dns.add("_mta-sts." + domain, "TXT", "v=STSv1; id=%s;" % ident, ttl=ttl)
        self.dns.add("mta-sts." + domain, "A", "127.0.0.1")

    def txt_questions(self, domain):
        return self.dns.count("_mta-sts." + domain, "TXT")

    def unplug(self):
        """From now on neither DNS nor HTTPS answers anything useful."""
        self.dns.behave("silent")
        self.hosts.unplugged = True

    def plug(self):
        """The end of unplug()."""
        self.dns.behave(None)
        self.hosts.unplugged = False


class Notifications:
    """The service manager's end of NOTIFY_SOCKET. A thread reads it: the sender waits when the queue is full."""

    def __init__(self, path):
        self.path = path
        self._lines = []
        self.on_line = None  # called with each line, on the thread that reads
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        while True:
            message = self._socket.recv(65536)
            if not message:
                return
            lines = message.decode().splitlines()
            self._lines += lines
            for line in lines if self.on_line else ():
                self.on_line(line)

    def poll(self):
        return list(self._lines)

    def count(self, line):
        return self.poll().count(line)

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as nudge:
            nudge.sendto(b"", self.path)
        self._thread.join(5)
        self._socket.close()
        os.unlink(self.path)


class Daemon:
    """One run of the real binary. Options are those of the configuration, e.g. deadline="2s" or dns={...}."""

    starts = 0

    def __init__(
        self,
        world,
        binary=None,
        wrapper=(),
        inherited=(),
        fd_names=None,
        files=None,
        wait=True,
        arguments=None,
        environment=None,
        **options
    ):
        Daemon.starts += 1
        self.world = world
        self.log_file = world.path("log.%d" % Daemon.starts)
        self.config_file = world.path("stsmapd.%d.toml" % Daemon.starts)
        self.socket_path = world.path("socketmap")
        self.state_dir = world.path("state")
        self.options = {}
        self.configure(**options)
        if "state_dir" not in options:
            os.makedirs(self.state_dir, exist_ok=True)
        self.notifications = Notifications(world.path("notify.%d" % Daemon.starts))
        command = [binary or STSMAPD] + (
            ["--config", self.config_file] if arguments is None else list(arguments)
        )
        command = list(wrapper) + command
        if inherited:
            command = self._inheriting(command, inherited, fd_names)
        variables = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("STSMAPD_", "LISTEN_", "WATCHDOG_"))
        }
        variables["NOTIFY_SOCKET"] = self.notifications.path
        variables.update(environment or {})
        limit = None
        if files is not None:

            def limit():
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

        with open(self.log_file, "wb") as log:
            # The log file poses as the journal, so that lines begin with their priority.
            status = os.fstat(log.fileno())
            variables["JOURNAL_STREAM"] = "%d:%d" % (status.st_dev, status.st_ino)
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=variables,
                cwd=world.folder,
                pass_fds=inherited,
                preexec_fn=limit,
            )
        if wait:
            self.wait_ready()

    @staticmethod
    def _inheriting(command, inherited, fd_names):
        """Puts the sockets to 3 and on, as a service manager does, and tells the process."""
        program = (
            "import fcntl, os, sys\n"
            "high = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for fd in sys.argv[1].split(',')]\n"
            "for number, fd in enumerate(high): os.dup2(fd, 3 + number, inheritable=True)\n"
            "os.closerange(3 + len(high), 256)\n"
            "os.environ['LISTEN_PID'] = str(os.getpid())\n"
            "os.environ['LISTEN_FDS'] = str(len(high))\n"
            "if sys.argv[2]: os.environ['LISTEN_FDNAMES'] = sys.argv[2]\n"
            "os.execv(sys.argv[3], sys.argv[3:])\n"
        )
        return [sys.executable, "-c", program, ",".join(map(str, inherited)), fd_names or ""] + command

    def configure(self, **options):
        """Writes the configuration: what start() was given, with these on top; None leaves an option out."""
        merged = {
            "listen": ["unix:" + self.socket_path],
            "state_dir": self.state_dir,
            "socket": {"mode": "0600", "owner": "", "group": ""},
            "dns": {"servers": ["127.0.0.1:%d" % self.world.dns.port], "try_timeout": "1s", "timeout": "3s"},
            "fetch": {
                "ca_file": self.world.hosts.authority.file,
                "proxy": "http://127.0.0.1:%d" % self.world.hosts.port,
            },
        }
        self.options.update(options)
        for name, value in self.options.items():
            if isinstance(value, dict):
                merged[name] = {**merged.get(name, {}), **value}
            else:
                merged[name] = value
        lines = [
            "%s = %s" % (name, toml(value))
            for name, value in merged.items()
            if value is not None and not isinstance(value, dict)
        ]
        for name, table in merged.items():
            if isinstance(table, dict):
                lines += ["[%s]" % name] + [
                    "%s = %s" % (key, toml(value)) for key, value in table.items() if value is not None
                ]
        self.write_config("\n".join(lines) + "\n")

    def write_config(self, text):
        with open(self.config_file, "w") as file:
            file.write(text)

    # Its life.

    def wait_ready(self, times=1):
        def ready():
            if self.process.poll() is not None:
                raise AssertionError("the daemon ended with %s:\n%s" % (self.process.returncode, self.log()))
            return self.notifications.count("READY=1") >= times

        wait_for(ready)

    def reload(self):
        """SIGHUP, and waits until the daemon says that it is done."""
        before = self.notifications.count("READY=1")
        self.process.send_signal(signal.SIGHUP)
        self.wait_ready(before + 1)

    def stop(self, limit=LIMIT):
        """SIGTERM; the exit status."""
        self.process.terminate()
        return self.wait_exit(limit)

    def kill(self):
        """As a crash or power loss ends it."""
        self.process.kill()
        return self.process.wait(LIMIT)

    def wait_exit(self, limit=LIMIT):
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise AssertionError("still running after %s s:\n%s" % (limit, self.log())) from None

    def clean_up(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.notifications.close()

    # Asking it.

    def client(self, address=None):
        return Client(address or "unix:" + self.socket_path)

    def ask(self, key, name="sts", address=None):
        with self.client(address) as client:
            return client.ask(key, name)

    def addresses(self):
        """What it listens on, as its log says, with the system's choice of ports."""
        self.wait_log("ready")  # the log is written behind the back of what it tells
        return re.findall(r"\blistening\b.*?\baddress=\"?((?:unix|tcp):[^\s\"]+)", self.log())

    # What it takes.

    def memory(self, what="VmRSS"):
        """In kilobytes: VmRSS now, VmHWM at most, VmSize of address space."""
        with open("/proc/%d/status" % self.process.pid) as file:
            return int(next(line for line in file if line.startswith(what + ":")).split()[1])

    def files(self):
        return len(os.listdir("/proc/%d/fd" % self.process.pid))

    # What it wrote.

    def log(self):
        with open(self.log_file, errors="backslashreplace") as file:
            return file.read()

    def log_lines(self, *parts):
        """The lines that contain all parts."""
        return [line for line in self.log().splitlines() if all(part in line for part in parts)]

    def complaints(self):
        """Errors and warnings, but the one about tests that are run by root."""
        lines = self.log_lines("<3>") + self.log_lines("<4>")
        return [line for line in lines if "running-as-root" not in line]

    def wait_log(self, *parts, count=1, limit=LIMIT):
        def logged():
            return len(self.log_lines(*parts)) >= count

        try:
            wait_for(logged, limit)
        except AssertionError:
            raise AssertionError("no log line with %s:\n%s" % (parts, self.log())) from None
        return self.log_lines(*parts)

    def lookups(self, domain, count=1):
        """The fields of the lookup lines of a domain, once there are `count`."""
        lines = self.wait_log("lookup", "domain=" + domain, count=count)
        return [fields(line) for line in lines if fields(line).get("domain") == domain]


def fields(line):
    """key=value and key="quoted value" pairs of a log line."""
    return {
        key: value.strip('"') for key, value in re.findall(r'([a-z_]+)=("(?:[^"\\]|\\.)*"|[^\s,]*)', line)
    }


class Case(unittest.TestCase):
    """A test with a world and any number of daemons."""

    maxDiff = None

    def setUp(self):
        self.assertTrue(os.access(STSMAPD, os.X_OK), "no binary at " + STSMAPD)
        self.world = World()
        self.addCleanup(self.world.close)
        self.daemons = []
        self.addCleanup(self._check_daemons)

    def start(self, **options):
        daemon = Daemon(self.world, **{"wait": False, **options})
        self.daemons.append(daemon)
        self.addCleanup(daemon.clean_up)
        if options.get("wait", True):
            daemon.wait_ready()
        return daemon

    def _check_daemons(self):
        for daemon in self.daemons:
            log = daemon.log()
            self.assertIsNone(CRASHES.search(log), log)
            self.assertEqual(logcheck.mistakes(log), [], "rules for logcheck and log lines do not agree")
            status = daemon.process.returncode
            self.assertNotIn(
                status,
                (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGILL, -signal.SIGPIPE),
                "died of signal %s:\n%s" % (status, log),
            )

    def run_tool(self, *arguments, binary=None, stdin="", environment=None):
        variables = {name: value for name, value in os.environ.items() if not name.startswith("STSMAPD_")}
        variables.update(environment or {})
        return subprocess.run(
            [binary or STSMAP, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            env=variables,
        )
