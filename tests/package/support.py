"""What the tests of the package share: one world per test file, and machines in it.

    python3 tests/package/run.py --release trixie test_service

runs one file; the environment that the files expect is made there.
"""
import glob
import os
import re
import sys
import threading
import time
import unittest

from package.machine import Machine
from pylib.cases import TellingCase
from pylib.socketmap import ask
from pylib.waiting import Failed, wait_for
from world import world as world_module

RELEASE = os.environ["STSMAPD_PACKAGE_RELEASE"]
BARE = os.environ["STSMAPD_PACKAGE_BARE"]
CLEAN = os.environ["STSMAPD_PACKAGE_CLEAN"]
MAIL = os.environ["STSMAPD_PACKAGE_MAIL"]
BUILDER = os.environ["STSMAPD_PACKAGE_BUILDER"]
ARCHIVES = os.environ["STSMAPD_PACKAGE_ARCHIVES"]
DEBS = os.environ["STSMAPD_PACKAGE_DEBS"]
NO_BOOT = os.environ["STSMAPD_PACKAGE_NO_BOOT"]

SOCKET = "/var/spool/postfix/stsmapd/socketmap"
CONTROL = "/run/stsmapd/control"
CONFIG = "/etc/stsmapd/stsmapd.toml"
ENFORCED = "good.example"  # has an enforce policy and a mail host that satisfies it
ANSWER = "secure match=mx.good.example servername=hostname"
UNIT = "stsmapd.service"

# What changes on its own or belongs to apt, dpkg and the tests.
UNTELLING = (
    "/dev",
    "/proc",
    "/run",
    "/sys",
    "/tmp",
    "/var/tmp",
    "/var/cache",
    "/var/lib/apt",
    "/var/local/debs",
    "/var/log",
    "/var/lib/systemd/catalog",
    "/var/lib/systemd/timers",
    "/var/lib/systemd/random-seed",
    "/root",
)
# Backup copies that the tools for users and dpkg make whenever something changes.
BACKUPS = {f"/etc/{name}-" for name in ("passwd", "group", "shadow", "gshadow")} | {
    "/etc/.pwd.lock",
    "/var/lib/dpkg/status-old",
    "/var/lib/dpkg/triggers/Unincorp",
}


def deb(build="first"):
    """The package of a build: "first", "second" (a newer version), "again" (the first once more)."""
    return next(path for path in glob.glob(f"{DEBS}/{build}/stsmapd_*.deb"))


class Shared:
    world = None
    machines = 0


def start_world(more=()):
    """For setUpModule(): makes the world of this file. It has no sender, the machines are the senders. `more`: further
    domains."""
    reason = world_module.why_not()
    if reason:
        raise unittest.SkipTest(reason)
    Shared.world = world_module.World(mail=False, more=more)
    unittest.addModuleCleanup(stop_world)
    for each in (Shared.world.nsd, Shared.world.unbound, Shared.world.policy_hosts, Shared.world.receiver):
        each.start()


def stop_world():
    Shared.world.receiver.stop()
    Shared.world.stop()


def new_machine(boot=True, root=CLEAN, resolver="127.0.0.1"):
    """A system with the packages for it in its apt cache. `root`: CLEAN, a minimal system with systemd; BARE, one
    without systemd; MAIL, one that also has Postfix and ca-certificates. `resolver`: the name server in its
    resolv.conf."""
    if boot and NO_BOOT:
        raise unittest.SkipTest(NO_BOOT)
    Shared.machines += 1
    folder = os.path.join(os.environ["STSMAPD_WORLD"], f"m{Shared.machines}")
    os.makedirs(folder)
    machine = Machine(folder, [ARCHIVES, root])
    try:
        machine.write("/etc/resolv.conf", f"nameserver {resolver}\n")
        if boot:
            machine.boot()
    except Failed:
        machine.close()
        raise
    return machine


class MachineTest(TellingCase):
    """A booted machine for the tests of a class, with PACKAGES installed in this order: names of Debian packages, or
    builds of ours."""

    ROOT = CLEAN
    RESOLVER = "127.0.0.1"
    PACKAGES = ()
    BUILDS = ("first", "second")

    @classmethod
    def setUpClass(cls):
        cls.machine = new_machine(root=cls.ROOT, resolver=cls.RESOLVER)
        unittest.addModuleCleanup(cls.machine.close)
        try:
            cls.prepare()
        except Failed:
            sys.stderr.write("--- the machine's journal\n" + journal(cls.machine)[-6000:])
            raise

    @classmethod
    def prepare(cls):
        """Prepares the machine for the tests; a class may do more."""
        for name in cls.PACKAGES:
            cls.machine.install(deb(name) if name in cls.BUILDS else name)

    def evidence(self):
        return "--- the machine's journal\n" + journal(self.machine)[-6000:]

    def expect_control(self):
        """Owner, group and function of the control socket. The machine has an auditor."""
        unknown = "/v1/overrides/none.example"  # there is no such override
        found = self.machine.must("stat", "-c", "%F %U:%G %a", "/run/stsmapd", CONTROL)
        self.assertEqual(
            found.splitlines(), ["directory _stsmapd:_stsmapd 755", "socket _stsmapd:adm 660"]
        )
        rows = (
            ("", "GET", "/v1/status", "200"),
            ("auditor", "GET", "/v1/status", "200"),
            ("_stsmapd", "GET", "/v1/status", "200"),
            ("nobody", "GET", "/v1/status", "connect: Permission denied"),
            ("", "DELETE", unknown, "404"),
            ("_stsmapd", "DELETE", unknown, "404"),
            ("auditor", "DELETE", unknown, "403"),
        )
        for user, method, target, wanted in rows:
            self.assertEqual(control(self.machine, method, target, user=user), wanted, (user, method, target))

    def ask(self, domain=ENFORCED, where="unix:" + SOCKET, user="postfix"):
        """(exit status, output, errors) of postmap -q."""
        done = self.machine.run("postmap", "-q", domain, f"socketmap:{where}:sts", user=user)
        return done.returncode, done.stdout.rstrip("\n"), done.stderr.strip()

    def expect_answer(self, **options):
        self.assertEqual(self.ask(**options), (0, ANSWER, ""))

    def leads_to_active(self, seconds=20):
        wait_for(lambda: prop(self.machine, "ActiveState") == "active", "the service's start", seconds, 0.1)


# Perl is in every Debian. Prints the status of the reply to a request without a body.
HTTP = (
    "use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die qq(connect: $!\\n);"
    'print $s "$ARGV[1] $ARGV[2] HTTP/1.1\\r\\nConnection: close\\r\\n\\r\\n"; $s->flush;'
    "my ($status) = <$s> =~ /^HTTP.1.1 (\\d+) / or die qq(no reply\\n); print qq($status\\n)"
)


# The same of a request over TCP to a port of this host.
HTTP_TCP = (
    "use IO::Socket::INET; alarm 60; my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $ARGV[0], Timeout => 10) "
    "or die qq(connect: $!\\n);"
    'print $s "GET $ARGV[1] HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n"; $s->flush;'
    "my ($status) = <$s> =~ /^HTTP.1.1 (\\d+) / or die qq(no reply\\n); print qq($status\\n)"
)


def add_auditor(machine):
    """A user who may read over the control socket."""
    machine.must("useradd", "--groups", "adm", "auditor")


def control(machine, method, target, user=""):
    """The status of the reply on the control socket, or the error."""
    done = machine.run("perl", "-e", HTTP, CONTROL, method, target, user=user)
    return (done.stdout or done.stderr).strip()


def journal(machine, *options):
    return machine.run("journalctl", "--no-pager", "-o", "short-precise", "-b", *options).stdout


def prop(machine, name, unit=UNIT):
    """The value of a unit's property."""
    return machine.must("systemctl", "show", "--value", f"--property={name}", unit).strip()


def trust_world(machine):
    """Makes the machine's system trust the world's certificate authority, and the daemon accept the world's addresses,
    which are reserved for documentation. Then restarts the service."""
    machine.write(
        "/usr/local/share/ca-certificates/world.crt", open(Shared.world.ca.root, encoding="ascii").read()
    )
    machine.must("update-ca-certificates")
    change_config(machine, "#allow_private_addresses = false", "allow_private_addresses = true")
    machine.must("systemctl", "restart", UNIT)


def change_config(machine, old, new):
    """Changes a line of the installed configuration file."""
    text = machine.read(CONFIG)
    if f"\n{old}\n" not in text:
        raise AssertionError(f"{CONFIG} has no line {old}")
    machine.write(CONFIG, text.replace(f"\n{old}\n", f"\n{new}\n", 1))


def set_up_postfix(machine):
    """Adds the manual's lines to main.cf, and one more transport, which is not chrooted."""
    version = machine.must("postconf", "-h", "mail_version").strip()
    new = tuple(int(part) for part in re.findall(r"\d+", version)[:2]) >= (3, 10)
    machine.must(
        "postconf",
        f"smtp_tls_policy_maps=socketmap:unix:stsmapd/socketmap:{'sts-tlsrpt' if new else 'sts'}",
        "smtp_tls_security_level=may",
        "smtp_tls_CAfile=/etc/ssl/certs/ca-certificates.crt",
        "smtp_tls_session_cache_database=",
        "smtp_tls_loglevel=1",
        "inet_interfaces=loopback-only",
        "sender_dependent_default_transport_maps=inline:{ { unchrooted@sender.example = smtpfree: } }",
    )
    machine.must(
        "postconf", "-M", "smtpfree/unix=smtpfree unix - - n - - smtp -o syslog_name=postfix/unchrooted"
    )
    machine.must("systemctl", "restart", "postfix")


def deliver(machine, recipient, sender="chrooted@sender.example", seconds=60):
    """Gives a message to the machine's Postfix; returns the lines of its log up to the outcome."""
    machine.must("sendmail", "-f", sender, recipient, stdin=None, input="Subject: test\n\ntest\n")

    def outcome():
        lines = journal(machine, "-t", "postfix/smtp", "-t", "postfix/unchrooted/smtp").splitlines()
        at = [
            number for number, line in enumerate(lines) if f"to=<{recipient}>" in line and "status=" in line
        ]
        return "\n".join(lines[: at[0] + 1]) if at else ""

    return wait_for(outcome, f"an outcome for {recipient}", seconds, 0.2)


def listing(machine):
    """Every path of the machine's system except the UNTELLING ones."""
    prune = " -o ".join(f"-path {folder}" for folder in UNTELLING)
    found = machine.must("sh", "-c", f"find / -xdev \\( {prune} \\) -prune -o -print")
    return set(found.splitlines()) - BACKUPS


def left_files(machine, before):
    """The files left after a purge that were not there `before`, except those of dependencies that apt keeps because
    other packages recommend them."""
    lists = machine.must("sh", "-c", "cat /var/lib/dpkg/info/*.list").splitlines()
    owned = {prefix + path for path in lists for prefix in ("", "/usr")}
    others = re.compile("/var/lib/dpkg/info/(?!stsmapd)")
    return sorted(path for path in listing(machine) - before - owned if not others.match(path))


class Questions:
    """Asks all the time, in a thread, each question on its own connection. Like Postfix, it asks once more at once when
    the connection is closed without an answer."""

    def __init__(self, machine, domain=ENFORCED):
        self.address = "unix:" + machine.path(SOCKET)
        self.domain = domain
        self.count, self.longest, self.failed, self.again = 0, 0.0, [], 0
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._ask_all_the_time)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()

    def _ask_all_the_time(self):
        while not self.ending.is_set():
            started = time.monotonic()
            try:
                try:
                    reply = ask(self.address, self.domain)
                except ConnectionError:
                    self.again += 1
                    reply = ask(self.address, self.domain)
                if reply != "OK " + ANSWER:
                    self.failed.append(reply)
            except OSError as error:
                self.failed.append(str(error))
            self.longest = max(self.longest, time.monotonic() - started)
            self.count += 1
