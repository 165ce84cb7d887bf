"""Upgrade to a newer version of the package, removal, new installation and purge, in that order."""
import os
import re
import unittest

from package.support import (
    ANSWER,
    CONFIG,
    ENFORCED,
    SOCKET,
    UNIT,
    MachineTest,
    MAIL,
    Questions,
    Shared,
    add_auditor,
    deb,
    left_files,
    listing,
    prop,
    start_world,
    trust_world,
)


def setUpModule():
    start_world()


class Upgrade(MachineTest):
    ROOT = MAIL
    PACKAGES = ("first",)

    @classmethod
    def prepare(cls):
        super().prepare()
        trust_world(cls.machine)
        add_auditor(cls.machine)

    def test_questions_wait_instead_of_failing(self):
        self.expect_answer()
        old = prop(self.machine, "MainPID")
        # From now on the answers come from what was learnt before.
        Shared.world.policy_hosts.stop()
        self.addCleanup(Shared.world.policy_hosts.start)
        with Questions(self.machine) as questions:
            said = self.machine.install(deb("second"))
        self.assertIn("Unpacking stsmapd", said)
        self.assertNotEqual(prop(self.machine, "MainPID"), old, "the new daemon runs")
        print(
            f"{questions.count} questions during the upgrade, {len(questions.failed)} failed, "
            f"{questions.again} asked once more, the longest took {1000 * questions.longest:.0f} ms",
            flush=True,
        )
        self.assertEqual(questions.failed, [])
        self.assertGreater(questions.count, 100)
        self.assertLess(questions.longest, 10)
        self.expect_answer()
        self.expect_control()
        self.assertIn("allow_private_addresses = true", self.machine.read(CONFIG))

    def test_restarts_are_as_invisible(self):
        self.expect_answer()
        self.machine.must("systemctl", "reset-failed", UNIT)  # resets systemd's count of starts
        with Questions(self.machine) as questions:
            for _ in range(3):
                self.machine.must("systemctl", "restart", UNIT)
        self.assertEqual(questions.failed, [])


class RemoveAndPurge(MachineTest):
    ROOT = MAIL

    def test_what_stays_and_what_goes(self):
        before = listing(self.machine)
        self.machine.install(deb())
        trust_world(self.machine)
        self.machine.must("rm", "/usr/local/share/ca-certificates/world.crt")
        self.machine.must("update-ca-certificates", "--fresh")
        self.expect_answer()
        with self.subTest("removed"):
            self.machine.must("apt-get", "-q", "-y", "remove", "stsmapd")
            for path in (CONFIG, "/var/lib/stsmapd/stsmapd.sqlite"):
                self.assertTrue(os.path.exists(self.machine.path(path)), path)
            for path in ("/usr/sbin/stsmapd", SOCKET):
                self.assertFalse(os.path.exists(self.machine.path(path)), path)
            self.assertEqual(self.machine.must("systemctl", "--failed", "--plain", "--no-legend"), "")
            self.assertNotIn(
                "stsmapd", self.machine.must("systemctl", "list-units", "--plain", "--no-legend")
            )
            check = self.machine.run("postfix", "check")
            self.assertEqual((check.returncode, check.stdout, check.stderr), (0, "", ""))
        with self.subTest("installed again"):
            # The policy host is no longer trusted: the daemon only knows what it had stored.
            self.machine.install(deb())
            self.assertEqual(prop(self.machine, "ActiveState"), "active")
            self.assertEqual(self.machine.must("stsmap", "query", ENFORCED), f"OK {ANSWER}\n")
        with self.subTest("purged"):
            self.machine.must("apt-get", "-q", "-y", "purge", "--autoremove", "stsmapd")
            left = left_files(self.machine, before)
            print(f"left after purge: {left}", flush=True)
            self.assertEqual(left, [])
            self.assertEqual(sorted(before - listing(self.machine)), [])
            # The user stays, as usual for system users in Debian.
            self.machine.must("id", "_stsmapd")
            self.assertEqual(self.machine.must("systemctl", "--failed", "--plain", "--no-legend"), "")
            self.assertEqual(self.machine.must("dpkg", "--verify"), "")
        with self.subTest("installed after a purge"):
            self.machine.install(deb())
            self.assertEqual(prop(self.machine, "ActiveState"), "active")


class RemovedWhilePostfixAsks(MachineTest):
    """If Postfix would defer all mail, the removal of the package says so, and which command to run."""

    ROOT = MAIL
    SET_UP = ("stsmap", "postfix-setup", "--apply", "--reload")

    def apt(self, *what):
        return self.machine.must("apt-get", "-q", "-y", *what, "stsmapd")

    def asks(self):
        return "stsmapd" in self.machine.must("postconf", "-h", "smtp_tls_policy_maps")

    def test_removal_says_what_to_run(self):
        before = listing(self.machine)
        self.machine.install(deb())
        trust_world(self.machine)
        self.machine.must(*self.SET_UP)
        self.assertTrue(self.asks())
        with self.subTest("removed"):
            said = self.apt("remove")
            self.assertRegex(said, r"/etc/postfix/main\.cf has socketmap:unix:stsmapd/socketmap:sts")
            self.assertIn("Run this first:  stsmap postfix-setup --undo --reload\n", said)
            self.assertTrue(self.asks(), "nothing of Postfix's is changed")
        with self.subTest("purged afterwards"):
            said = self.apt("purge")
            self.assertIn("DEFERS ALL MAIL", said)
            command = re.search(r"Without stsmap: +(postconf .*)", said).group(1)
            self.machine.must("sh", "-c", command)
            self.assertFalse(self.asks())
        with self.subTest("an upgrade and a Postfix that does not ask say nothing"):
            self.machine.install(deb())
            said = self.machine.install("--reinstall", deb())
            self.assertNotRegex(said, "(?i)defer")
            said = self.apt("purge")
            self.assertNotRegex(said, "(?i)defer")
        with self.subTest("other spellings and places"):
            self.machine.install(deb())
            for spelt in (
                "texthash:/etc/postfix/x, proxy:socketmap:unix:/var/spool/postfix/stsmapd/socketmap:postfix",
                "socketmap:inet:127.0.0.1:8461:sts",
                "socketmap:inet:localhost:8461:sts hash:/etc/y",
            ):
                self.machine.must("postconf", f"smtp_tls_policy_maps={spelt}")
                self.assertIn("WILL DEFER ALL MAIL", self.apt("remove"), spelt)
                self.machine.install(deb())
            self.machine.must("postconf", "smtp_tls_policy_maps=socketmap:inet:127.0.0.1:8460:sts")
            self.machine.must(
                "postconf", "-P", "smtp/unix/smtp_tls_policy_maps=socketmap:unix:stsmapd/socketmap:sts"
            )
            said = self.apt("remove")
            self.assertIn("/etc/postfix/master.cf has socketmap:unix:stsmapd/socketmap:sts", said)
            self.machine.must("postconf", "-P", "-X", "smtp/unix/smtp_tls_policy_maps")
            self.machine.install(deb())
            self.assertNotRegex(self.apt("remove"), "(?i)defer")
            self.machine.must("postconf", "-X", "smtp_tls_policy_maps")
        with self.subTest("taken back first"):
            self.machine.install(deb())
            self.machine.must(*self.SET_UP)
            self.machine.must("stsmap", "postfix-setup", "--undo", "--reload")
            self.assertNotRegex(self.apt("purge", "--autoremove"), "(?i)defer")
            self.machine.must("rm", "-f", "/usr/local/share/ca-certificates/world.crt")
            self.machine.must("update-ca-certificates", "--fresh")
            left = left_files(self.machine, before)
            postfixs_own = ("/etc/postfix/", "/var/lib/postfix/")
            self.assertEqual([path for path in left if not path.startswith(postfixs_own)], [])


if __name__ == "__main__":
    unittest.main()
