"""On a clean system, follows README.md and README.Debian to the letter: install, set up, check, use.

With a resolver that validates and one that does not, with smtp(8) in its chroot and outside, with one instance of
Postfix and with two: mail to an enforced domain, to a domain with DANE and to a plain one is delivered, and doctor says
so exactly when it is true. Prints how long each step took.
"""
import os
import re
import time
import unittest

from package.support import (
    MAIL,
    RELEASE,
    MachineTest,
    Shared,
    deb,
    journal,
    start_world,
    trust_world,
)
from pylib.nameservers import Unbound
from pylib.waiting import wait_for
from world.domains import RIGHT, Domain, policy

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NOT_VALIDATING = "127.0.0.2"
# The policy that doctor fetches to see whether fetching works at all.
DOCTORS = Domain("gmail.com", policy("enforce", ["mx.gmail.com"]), mx={"mx.gmail.com": RIGHT}, zone="gmail.com.")
# Each has a mail host that satisfies its policy and its TLSA records, if it has them.
RECIPIENTS = {"enforced": "good.example", "DANE": "leaving.dane.example", "plain": "norecord.example"}


def read(name):
    with open(f"{ROOT}/{name}", encoding="utf-8") as file:
        return file.read()


def indented(text):
    """The indented lines of a document's section; continued lines are joined."""
    lines = "\n".join(line.strip() for line in text.splitlines() if line.startswith("    "))
    return lines.replace("\\\n", " ").splitlines()


def install_lines():
    """README.md, "Install": build, install, set up and check."""
    return indented(re.search(r"## Install\n(.*?)\n\nThe service", read("README.md"), re.S).group(1))


def instance_lines():
    """README.Debian: what a further instance needs."""
    text = read("packaging/debian/stsmapd.README.Debian")
    return indented(re.search(r"Several instances of Postfix\n-+\n(.*?)\n\n\S[^\n]*\n---", text, re.S).group(1))


def main_cf_lines():
    """README.md: the main.cf lines to add by hand, for the Postfix of this release; README.md names the word that
    differs on bookworm."""
    text = read("README.md")
    block = re.search(r"((?:    smtp_\w+ =.*\n)+)", text).group(1)
    if RELEASE == "bookworm":
        older, newer = re.search(r"the first line ends in `(\S+)` instead of `(\S+)`", text).groups()
        assert block.splitlines()[0].endswith(newer)
        block = block.replace(newer + "\n", older + "\n", 1)
    return {line.strip() for line in block.splitlines()}


def setUpModule():
    start_world([DOCTORS])
    folder = Shared.world.new_folder("not-validating")
    resolver = Unbound(folder, address=NOT_VALIDATING)
    resolver.start()
    unittest.addModuleCleanup(resolver.stop)


class Walk:
    """The steps; each subclass is one kind of system."""

    ROOT = MAIL
    CHROOT = "y"

    @classmethod
    def prepare(cls):
        for service in ("smtp/unix", "relay/unix"):
            cls.machine.must("postconf", "-F", f"{service}/chroot={cls.CHROOT}")
        cls.machine.must("postconf", "inet_interfaces=loopback-only", "smtp_tls_loglevel=1")
        cls.machine.must("systemctl", "restart", "postfix")

    def step(self, what, *command):
        """Runs a step and prints how long it took; returns (exit status, output)."""
        started = time.monotonic()
        done = self.machine.run(*command)
        said = done.stdout + done.stderr
        place = f"{RELEASE} {type(self).__name__}"
        print(f"{place}: {what}: {time.monotonic() - started:.1f} s, exit {done.returncode}", flush=True)
        return done.returncode, said

    def delivered(self, tag, *sendmail):
        for what, domain in RECIPIENTS.items():
            started = time.monotonic()
            recipient = f"{what.lower()}{int(time.time() * 1000)}@{domain}"
            self.machine.must(
                *sendmail, "-f", "sender@sender.example", recipient, stdin=None, input="Subject: test\n\ntest\n"
            )

            def outcome(recipient=recipient):
                lines = journal(self.machine, "-t", tag).splitlines()
                return next((line for line in lines if f"to=<{recipient}>" in line and "status=" in line), "")

            line = wait_for(outcome, f"an outcome for {recipient}", 60, 0.2)
            self.assertIn("status=sent", line)
            print(f"{RELEASE} {type(self).__name__}: mail, {what}: {time.monotonic() - started:.1f} s", flush=True)
        verified = journal(self.machine, "-t", tag)
        self.assertIn("Verified TLS connection established to mx.good.example", verified)

    def set_in_main_cf(self, folder="/etc/postfix"):
        return set(self.machine.must("postconf", "-c", folder, "-n").splitlines())

    def test_walk(self):
        build, install, set_up = install_lines()
        self.assertEqual(build, "packaging/build-deb")
        self.assertEqual(install, "apt install ./build/deb/stsmapd_*.deb")
        self.machine.must("mkdir", "-p", "/root/build/deb")
        with open(deb(), "rb") as here, open(
            self.machine.path(f"/root/build/deb/{os.path.basename(deb())}"), "wb"
        ) as there:
            there.write(here.read())
        status, said = self.step("install", "sh", "-c", f"cd /root && {install.replace('apt', 'apt -y', 1)}")
        self.assertEqual(status, 0, said)
        self.assertIn(set_up, said, "the end of the installation says what to do")
        trust_world(self.machine)
        # Postfix copied the certificates into its chroot before the world's authority was among them.
        self.machine.must("systemctl", "restart", "postfix")
        with self.subTest("doctor before Postfix is set up"):
            status, said = self.step("doctor before", "stsmap", "doctor")
            self.assertEqual(status, 1, said)
            self.assertIn("stsmap postfix-setup", said)
        before = self.set_in_main_cf()
        commands = set_up.split(" && ")
        self.assertEqual(len(commands), 2)
        for command in commands:
            status, said = self.step(command, "sh", "-c", command)
            self.assertEqual(status, 0, said)
        self.assertRegex(said, r"(?m)^ok ")
        self.assertNotRegex(said, r"(?m)^fail ")
        with self.subTest("one set of lines"):
            new = self.set_in_main_cf() - before
            self.assertTrue(new)
            self.assertEqual(new - main_cf_lines(), set())
        self.delivered("postfix/smtp", "sendmail")
        with self.subTest("two instances"):
            self.second_instance()
        with self.subTest("taken back"):
            status, said = self.step("undo", "stsmap", "postfix-setup", "--undo", "--reload")
            self.assertEqual(status, 0, said)
            now = {line for line in self.set_in_main_cf() if not line.startswith("multi_instance_")}
            self.assertEqual(now, before)
            self.assertEqual(self.machine.run("stsmap", "doctor").returncode, 1)

    def second_instance(self):
        folder = "/etc/postfix-out"
        for words in ("-e init", "-I postfix-out -e create", "-i postfix-out -e enable"):
            self.machine.must("postmulti", *words.split())
        self.machine.must("postconf", "-c", folder, "-F", f"smtp/unix/chroot={self.CHROOT}")
        self.machine.must(
            *("postconf", "-c", folder, "inet_interfaces=loopback-only", "smtp_tls_loglevel=1"),
            *("smtp_tls_security_level=may", "compatibility_level=3.6", "authorized_submit_users=root"),
        )
        if RELEASE == "bookworm":  # Debian 13's Postfix does it by itself at the start
            self.machine.must("/usr/lib/postfix/configure-instance.sh", "postfix-out")
        self.machine.must("postmulti", "-i", "postfix-out", "-p", "start")
        before = self.set_in_main_cf(folder)
        lines = instance_lines()
        self.assertGreaterEqual(len(lines), 5)
        for line in lines:
            status, said = self.step(line, "sh", "-c", line)
            self.assertEqual(status, 0, said)
        self.assertIn(" /var/spool/postfix-out/stsmapd/socketmap ", " ".join(lines))
        self.assertEqual(self.set_in_main_cf(folder) - before - main_cf_lines(), set())
        self.delivered("postfix-out/smtp", "sendmail", "-C", folder)
        # The first instance works as before.
        self.delivered("postfix/smtp", "sendmail")
        status, said = self.step("doctor of the first instance", "stsmap", "doctor")
        self.assertEqual(status, 0, said)


class ValidatingChrooted(Walk, MachineTest):
    pass


class ValidatingUnchrooted(Walk, MachineTest):
    CHROOT = "n"


class NotValidatingChrooted(Walk, MachineTest):
    RESOLVER = NOT_VALIDATING


class NotValidatingUnchrooted(Walk, MachineTest):
    RESOLVER = NOT_VALIDATING
    CHROOT = "n"


if __name__ == "__main__":
    unittest.main()
