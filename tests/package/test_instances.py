"""A second instance of Postfix on a booted system: it works after the steps that postfix-setup prints."""
import re
import unittest

from package.support import MAIL, MachineTest, deb, journal, set_up_postfix, start_world, trust_world
from pylib.waiting import wait_for

SECOND = "/etc/postfix-out"
QUEUE = "/var/spool/postfix-out"


def setUpModule():
    start_world()


class SecondInstance(MachineTest):
    ROOT = MAIL

    @classmethod
    def prepare(cls):
        cls.machine.install(deb())
        trust_world(cls.machine)
        set_up_postfix(cls.machine)
        cls.machine.must("postmulti", "-e", "init")
        cls.machine.must("postmulti", "-I", "postfix-out", "-e", "create")
        cls.machine.must(
            "postconf", "-c", SECOND, "-e", "master_service_disable =", "authorized_submit_users = root",
            "inet_interfaces = 127.0.0.1", "smtp_tls_loglevel = 1", "syslog_name = postfix-out",
        )  # fmt: skip
        cls.machine.must("postconf", "-c", SECOND, "-M#", "smtp/inet")

    def deliver(self, recipient):
        self.machine.must("sendmail", "-C", SECOND, "-f", "a@sender.example", recipient, stdin=None,
                          input="Subject: test\n\ntest\n")  # fmt: skip

        def outcome():
            log = journal(self.machine, "-t", "postfix-out/smtp")
            return log if f"to=<{recipient}>" in log else ""

        return wait_for(outcome, f"an outcome for {recipient}", 60, 0.2)

    def test_the_printed_command_makes_it_work(self):
        before = self.machine.read(f"{SECOND}/main.cf")
        done = self.machine.run("stsmap", "postfix-setup", "-c", SECOND, "--apply", "--reload")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertEqual(self.machine.read(f"{SECOND}/main.cf"), before)
        command = re.search(r"fix: (install -d .*stsmapd\.socket)$", done.stdout, re.MULTILINE)
        self.assertTrue(command, done.stdout)
        self.machine.must("sh", "-c", command.group(1))
        self.assertEqual(
            self.machine.must("stat", "-c", "%F %U:%G %a", f"{QUEUE}/stsmapd/socketmap").strip(),
            "socket root:postfix 660",
        )
        done = self.machine.run("stsmap", "postfix-setup", "-c", SECOND, "--apply", "--reload")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("Postfix is not running", done.stdout)
        self.machine.must("postmulti", "-i", "postfix-out", "-e", "enable")
        self.machine.must("postmulti", "-i", "postfix-out", "-p", "start")
        log = self.deliver("user@good.example")
        self.assertIn("status=sent", log)
        self.assertIn("Verified TLS connection established", log)
        doctor = self.machine.run("stsmap", "doctor", "-c", SECOND, "--domain", "good.example")
        sockets = [line for line in doctor.stdout.splitlines() if re.match(r"\w+ +socket ", line)]
        self.assertTrue(sockets and all(line.startswith("ok") for line in sockets), doctor.stdout)
        with self.subTest("the first one goes on"):
            self.assertEqual(
                self.machine.run("stsmap", "postfix-setup").returncode, 0, "both are asked at their own sockets"
            )


if __name__ == "__main__":
    unittest.main()
