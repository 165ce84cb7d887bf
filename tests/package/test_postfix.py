"""Postfix is installed before, after or not at all; and what Postfix does to its own folders."""
import json
import os
import unittest

from package.support import (
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


ADMINISTRATORS = "/etc/systemd/system/stsmapd.socket.d/override.conf"


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

    def expect_socket(self, group="postfix"):
        self.assertEqual(
            self.machine.must("stat", "-c", "%F %U:%G %a", SOCKET).strip(), f"socket root:{group} 660"
        )
        self.assertEqual(prop(self.machine, "SocketGroup", "stsmapd.socket"), group)
        self.assertEqual(prop(self.machine, "ActiveState", "stsmapd.socket"), "active")


    def expect_socket_before_postfix(self):
        """The socket was opened for Postfix's group before its first start."""
        opened = int(prop(self.machine, "ActiveEnterTimestampMonotonic", "stsmapd.socket"))
        first = self.machine.must("journalctl", "-q", "-o", "json", "-t", "postfix/master").splitlines()[0]
        self.assertLess(opened, int(json.loads(first)["__MONOTONIC_TIMESTAMP"]))


class PostfixLater(OrderTest):
    def test_it_works_without_postfix_and_when_postfix_comes(self):
        with self.subTest("without Postfix"):
            self.machine.install(deb())
            trust_world(self.machine)
            self.assertEqual(prop(self.machine, "ActiveState"), "active")
            self.assertEqual(self.machine.must("stsmap", "query", ENFORCED), f"OK {ANSWER}\n")
            # Postfix's package makes the group; until then only root may ask.
            self.assertNotEqual(self.machine.run("getent", "group", "postfix").returncode, 0)
            self.expect_socket("root")
        with self.subTest("Postfix is installed"):
            self.machine.install("postfix")
            self.expect_socket()
            self.expect_socket_before_postfix()
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
            # Debian 12 removes the group, Debian 13 keeps it. Either way a start, as at boot, succeeds.
            kept = self.machine.run("getent", "group", "postfix").returncode == 0
            self.machine.must("systemctl", "daemon-reload")
            self.machine.must("systemctl", "restart", "stsmapd.socket", UNIT)
            self.expect_socket("postfix" if kept else "root")
            self.machine.must("rm", "-r", "/var/spool/postfix")
            # The queue directory is gone, with the socket in it. Nobody is left to ask, either.
            self.machine.install("postfix")
            self.expect_socket()
            self.expect_answer()
            self.expect_quiet_postfix()
            self.expect_delivery()


class AdministratorsGroup(OrderTest):
    def test_a_drop_in_of_the_administrators_wins(self):
        self.machine.install(deb())
        self.machine.must("groupadd", "--system", "askers")
        self.machine.must("mkdir", "-p", os.path.dirname(ADMINISTRATORS))
        self.machine.write(ADMINISTRATORS, "[Socket]\nSocketGroup=askers\n")
        self.machine.must("systemctl", "daemon-reload")
        self.machine.must("systemctl", "restart", "stsmapd.socket", UNIT)
        self.expect_socket("askers")
        pid = prop(self.machine, "MainPID")
        self.machine.install("postfix")
        self.expect_socket("askers")
        self.assertEqual(prop(self.machine, "MainPID"), pid, "nothing was to be done")
        self.machine.must("apt-get", "-q", "-y", "purge", "stsmapd")
        self.assertTrue(os.path.exists(self.machine.path(ADMINISTRATORS)))


class Both(OrderTest):
    def test_installed_in_one_go(self):
        self.machine.install(deb(), "postfix")
        trust_world(self.machine)
        self.expect_socket()
        self.expect_socket_before_postfix()
        self.expect_answer()
        self.assertEqual(prop(self.machine, "NRestarts", UNIT), "0")
        self.expect_delivery()


if __name__ == "__main__":
    unittest.main()
