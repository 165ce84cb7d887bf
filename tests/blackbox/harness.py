"""The base of every black-box test: a small world on loopback with the real daemon in it.

    class MyTest(harness.Case):
        def test_something(self):
            self.world.policy("good.test")              # TXT record, policy, certificate
            daemon = self.start()                       # the real binary, ready to answer
            self.assertEqual(daemon.ask("good.test"), harness.SECURE)

Everything is on 127.0.0.1, with ports that the system chooses, and in one temporary folder per test. So tests run in
parallel, as any user, and leave nothing behind. Nothing sleeps for correctness: waits are for events, with a limit. The
binaries are STSMAPD_BIN and STSMAP_BIN (default: build/stsmapd and build/stsmap of this tree).
"""

import os
import shutil
import signal
import subprocess
import tempfile
import unittest

from blackbox.dns_server import DnsServer
from blackbox.policy_host import PolicyHosts
from pylib import daemon, logs
from pylib.programs import program, without_options
from pylib.socketmap import frame

STSMAPD = program("stsmapd")
STSMAP = program("stsmap")
SECURE = (
    "OK secure match=mx1.good.test:.mail.test servername=hostname"  # the answer for a policy of world.policy()
)
NOTFOUND = "NOTFOUND "


class World:
    """DNS and policy hosts, in a temporary folder."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="stsmapd-bb-")
        self.dns = DnsServer()
        self.hosts = PolicyHosts(self.folder)
        self._daemons = 0

    def close(self):
        self.dns.close()
        self.hosts.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def daemon(self, **options):
        """A daemon, not started yet. The options are those of the configuration, e.g. deadline="2s" or dns={...}."""
        state = self.path("state")
        made = daemon.Daemon(
            self.folder,
            {
                "listen": ["unix:" + self.path("socketmap")],
                "state_dir": state,
                "socket": {"mode": "0600", "owner": "", "group": ""},
                "dns": {"servers": ["127.0.0.1:%d" % self.dns.port], "try_timeout": "1s", "timeout": "3s"},
                "fetch": {
                    "ca_file": self.hosts.authority.root,
                    "proxy": "http://127.0.0.1:%d" % self.hosts.port,
                },
            },
            "stsmapd.%d" % self._daemons,
        )
        self._daemons += 1
        made.configure(**options)
        if "state_dir" not in options:
            os.makedirs(state, exist_ok=True)
        return made

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
        """Adds a domain with an MTA-STS policy. Called again, it changes what is served."""
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
        """Ends unplug()."""
        self.dns.behave(None)
        self.hosts.unplugged = False


class Case(unittest.TestCase):
    """A test with a world and any number of daemons."""

    maxDiff = None
    # What start() takes besides the configuration's options: see Daemon.start().
    HOW = ("wait", "binary", "wrapper", "arguments", "inherited", "fd_names", "files", "environment")

    def setUp(self):
        self.assertTrue(os.access(STSMAPD, os.X_OK), "no binary at %r" % STSMAPD)
        self.world = World()
        self.addCleanup(self.world.close)
        self.daemons = []
        self.addCleanup(self._check_daemons)

    def start(self, **options):
        """Starts a daemon, see World.daemon() and HOW."""
        how = {name: options.pop(name) for name in self.HOW if name in options}
        started = self.world.daemon(**options)
        self.daemons.append(started)
        self.addCleanup(started.clean_up)
        started.start(journal=True, **how)
        return started

    def crowd(self, daemon, domains):
        """One client for each domain, which has asked and waits for the answer."""
        clients = []
        for domain in domains:
            clients.append(daemon.client())
            self.addCleanup(clients[-1].close)
            clients[-1].send(frame("sts " + domain))
        return clients

    def _check_daemons(self):
        for each in self.daemons:
            log = each.log()
            self.assertIsNone(logs.CRASHES.search(log), log)
            self.assertEqual(logs.mistakes(log), [], "rules for logcheck and log lines do not agree")
            status = each.process.returncode
            self.assertNotIn(
                status,
                (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGILL, -signal.SIGPIPE),
                "died of signal %s:\n%s" % (status, log),
            )

    def run_tool(self, *arguments, binary=None, stdin="", environment=None):
        return subprocess.run(
            [binary or STSMAP, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            env={**without_options(), **(environment or {})},
        )
