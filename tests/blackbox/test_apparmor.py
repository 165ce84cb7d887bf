"""The package's AppArmor profile allows every file and socket that a busy daemon uses, as strace(1) shows them. The
rules that the kernel would enforce are read from the profile itself, flattened by apparmor_parser(8)."""

import os
import re
import shutil
import signal
import socket
import subprocess
import unittest

from blackbox import harness
from pylib import control_octets
from pylib.programs import ROOT

PROFILE = os.path.join(ROOT, "packaging", "apparmor", "usr.sbin.stsmapd")
CALLS = "trace=openat,open,creat,connect,bind,socket,unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat,chmod,fchmodat"
CALL = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+)(?: (E\w+))?", re.M)
WRITES = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC")


class Profile:
    """The file rules as (regular expression, permissions), and the address families of the network rules."""

    def __init__(self, text):
        self.variables = {}
        text = re.sub(r"^\s*#.*$", "", text, flags=re.M)
        for name, values in re.findall(r"^(@\{\w+\})\s*\+?=\s*(.*)$", text, re.M):
            self.variables.setdefault(name, []).extend(values.replace('"', "").split())
        self.rules = [
            (re.compile(self.expression(path)), set(permissions))
            for path, permissions in re.findall(
                r"^\s*(?:owner\s+)?((?:/|@\{)\S*)\s+([rwakmixPU]+)\s*,", text, re.M
            )
        ]
        self.families = set(re.findall(r"^\s*network\s+(\w+)", text, re.M))

    def expand(self, glob):
        """The glob, with each variable replaced by its alternatives."""
        found = re.search(r"@\{\w+\}", glob)
        if not found:
            return glob
        values = ",".join(self.variables.get(found[0], ["\x00"]))
        return self.expand(glob.replace(found[0], "{%s}" % values, 1))

    def expression(self, glob):
        parts = {"**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")", ",": "|"}
        pieces = re.findall(r"\*\*|\[[^]]*\]|.", self.expand(glob))
        text = "".join(part if part[0] == "[" else parts.get(part, re.escape(part)) for part in pieces)
        # A variable may end in a slash and be followed by another.
        return "^" + re.sub(r"/\)/", "/)/?", text) + "$"

    def admits(self, path, permissions):
        had = set().union(*(allowed for rule, allowed in self.rules if rule.match(path)))
        if "w" in had:
            had.add("a")
        return set(permissions) <= had


def flattened():
    done = subprocess.run(["apparmor_parser", "-p", PROFILE], capture_output=True, text=True)
    return done.stdout


@unittest.skipUnless(shutil.which("strace"), "no strace here")
@unittest.skipUnless(shutil.which("apparmor_parser"), "no apparmor_parser here")
class AppArmorTest(harness.Case):
    def setUp(self):
        super().setUp()
        with open(harness.STSMAPD, "rb") as file:
            if re.search(b"__[at]san_init|__llvm_profile", file.read()):
                self.skipTest("a sanitizer, or what counts lines, opens files of its own")
        self.profile = Profile(flattened())

    def shown(self, path):
        """The path that a file of this test has on an installed system, with links resolved, as AppArmor sees it."""
        path = os.path.join(self.world.folder, path)
        path = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        path = os.path.realpath(path) if not path.startswith(self.world.folder) else path
        path += "/" if os.path.isdir(path) else ""  # the rules write folders like this
        for here, there in (
            ("state", "/var/lib/stsmapd"),
            ("socketmap", "/run/stsmapd/socketmap"),
            ("stsmapd.0.control", "/run/stsmapd/control"),
            ("notify", "/run/systemd/notify"),
            ("redis", "/run/redis"),
            ("", "/etc/stsmapd"),
        ):
            start = os.path.join(os.path.realpath(self.world.folder), here)
            if path.startswith(start):
                rest = path[len(start) :]
                return there if there.endswith("notify") else there + ("/" + rest if not here else rest)
        return "/usr/sbin/stsmapd" if path == os.path.realpath(harness.STSMAPD) else path

    def refused(self, trace):
        """What the profile does not allow, in a trace that begins with strace starting the daemon."""
        found = set()
        for call, arguments, status, error in CALL.findall(trace):
            if error == "ENOENT" or "O_PATH" in arguments:
                continue  # the kernel looks for the file before it asks AppArmor
            if call == "socket":
                family = re.match(r"(?:AF|PF)_(\w+)", arguments)[1].lower()
                family = {"local": "unix"}.get(family, family)
                if family not in self.profile.families:
                    found.add("network " + family)
                continue
            paths = re.findall(r'"((?:[^"\\]|\\.)*)"', arguments)
            if call in ("connect", "bind"):
                paths = paths if "AF_UNIX" in arguments and 'sun_path="' in arguments else []
            permissions = "w"
            if call in ("openat", "open"):
                permissions = "w" if WRITES.search(arguments) else ""
                permissions += "" if "O_WRONLY" in arguments else "r"
            # Reached through a descriptor that the daemon opened by name before.
            paths = [path for path in paths if not path.startswith("/proc/self/fd/")]
            # A link to the folder of the process, which a rule names by its number.
            paths = [re.sub("^/proc/self/", "/proc/1/", path) for path in paths]
            for path in paths:
                if not self.profile.admits(self.shown(path), permissions):
                    found.add("%s %s (%s)" % (self.shown(path), permissions, call))
        return found

    def live(self, **options):
        """A start, lookups of every kind, a reload and a stop; the trace."""
        trace = self.world.path("trace")
        self.world.policy("good.test")
        self.world.policy("bad.test", status="404 Not Found")
        daemon = self.start(wrapper=("strace", "-f", "-qq", "-e", CALLS, "-o", trace), **options)
        for domain in ("good.test", "bad.test", "absent.test"):
            daemon.ask(domain)
        for target in ("/metrics", "/healthy", "/ready", "/status.json", "/"):
            control_octets.ask(daemon.control_path, "GET", target)
        with open(trace) as file:
            pid = int(file.read().split()[0])  # the daemon's, not that of strace
        os.kill(pid, signal.SIGHUP)
        daemon.wait_ready(2)
        os.kill(pid, signal.SIGTERM)
        self.assertEqual(daemon.wait_exit(), 0)
        with open(trace) as file:
            return file.read()

    def test_everything_is_admitted(self):
        trace = self.live(listen=["unix:" + self.world.path("socketmap"), "tcp:127.0.0.1:0", "tcp:[::1]:0"])
        for wanted in ("stsmapd.sqlite", "AF_INET", "notify", "socketmap", os.path.basename(self.daemons[0].config_file)):
            self.assertIn(wanted, trace)
        self.assertEqual(self.refused(trace), set())

    def test_certificates_of_the_system_and_its_resolver(self):
        trace = self.live(fetch={"ca_file": None, "timeout": "2s"}, dns={"servers": None}, deadline="2s")
        self.assertIn("/etc/resolv.conf", trace)
        self.assertRegex(trace, r"ssl/cert|certs")
        self.assertEqual(self.refused(trace), set())

    def test_a_shared_cache(self):
        """Its key file, the socket of its engine, and the host of a replica; the engine never says anything."""
        os.mkdir(self.world.path("redis"))
        engine = socket.socket(socket.AF_UNIX)
        self.addCleanup(engine.close)
        engine.bind(self.world.path("redis/redis-server.sock"))
        engine.listen()
        with open(os.open(self.world.path("fleet.keys"), os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write("k1 " + "01" * 32 + "\n")
        trace = self.live(
            shared={
                "engine": "unix:" + self.world.path("redis/redis-server.sock"),
                "replica": "tcp:localhost:1",
                "key_file": self.world.path("fleet.keys"),
            }
        )
        for wanted in ("redis-server.sock", "fleet.keys", "/etc/hosts"):
            self.assertIn(wanted, trace)
        self.assertEqual(self.refused(trace), set())

    def test_finds_what_is_not_admitted(self):
        text = flattened()
        trace = self.live()
        for rule in ("owner /var/lib/stsmapd/", "/etc/stsmapd/", "@{run}/systemd/notify", "network inet"):
            without = "\n".join(line for line in text.splitlines() if not line.strip().startswith(rule))
            self.profile = Profile(without)
            self.assertNotEqual(self.refused(trace), set(), rule)


if __name__ == "__main__":
    unittest.main()
