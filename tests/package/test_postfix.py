"""Postfix before, after or not at all; and what Postfix does to its own folders."""
import unittest

from support import (
    ANSWER,
    ENFORCED,
    SOCKET,
    UNIT,
    MachineTest,
    deb,
    deliver,
    prop,
    set_up_postfix,
    start_world,
    trust_world,
)


def setUpModule():
    start_world()


class OrderTest(MachineTest):
    PACKAGES = ("ca-certificates",)

    def expect_delivery(self):
        set_up_postfix(self.machine)
        log = deliver(self.machine, "user@good.example")
        self.assertIn("status=sent", log.splitlines()[-1])
        self.assertIn("Verified TLS connection established", log)

    def expect_quiet_postfix(self):
        done = self.machine.run("postfix", "check")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def expect_socket(self):
        self.assertEqual(
            self.machine.must("stat", "-c", "%F %U:%G %a", SOCKET).strip(), "socket root:postfix 660"
        )


class PostfixLater(OrderTest):
    def test_it_works_without_postfix_and_when_postfix_comes(self):
        with self.subTest("without Postfix"):
            self.machine.install(deb())
            trust_world(self.machine)
            self.assertEqual(prop(self.machine, "ActiveState"), "active")
            self.assertEqual(self.machine.must("stsmap", "query", ENFORCED), f"OK {ANSWER}\n")
        with self.subTest("Postfix is installed"):
            self.machine.install("postfix")
            self.expect_socket()
            self.expect_answer()
            self.expect_quiet_postfix()
            self.expect_delivery()


class PostfixFirst(OrderTest):
    def test_it_works_and_survives_what_postfix_does(self):
        with self.subTest("Postfix was there"):
            self.machine.install("postfix")
            self.machine.install(deb())
            trust_world(self.machine)
            self.expect_socket()
            self.expect_answer()
            self.expect_quiet_postfix()
            self.expect_delivery()
        with self.subTest("postfix set-permissions"):
            done = self.machine.run("postfix", "set-permissions")
            self.assertNotIn("stsmapd", done.stdout + done.stderr)
            self.expect_socket()
            self.expect_answer()
            self.expect_quiet_postfix()
        with self.subTest("Postfix is installed again"):
            self.machine.install("--reinstall", "postfix")
            self.expect_socket()
            self.expect_answer()
            self.expect_quiet_postfix()
        with self.subTest("Postfix is purged and comes back"):
            self.machine.must("apt-get", "-q", "-y", "purge", "postfix")
            self.assertEqual(prop(self.machine, "ActiveState"), "active")
            # The queue directory is gone, and the socket in it with it; who would ask is gone too.
            self.machine.install("postfix")
            self.expect_socket()
            self.expect_answer()
            self.expect_quiet_postfix()
            self.expect_delivery()


class Both(OrderTest):
    def test_installed_in_one_go(self):
        self.machine.install(deb(), "postfix")
        trust_world(self.machine)
        self.expect_socket()
        self.expect_answer()
        self.assertEqual(prop(self.machine, "NRestarts", UNIT), "0")
        self.expect_delivery()


if __name__ == "__main__":
    unittest.main()
