"""What the tests of `stsmap postfix-setup` share with those of doctor's checks of it: a sending Postfix without any
setting of ours, restored after each test.
"""
import os

from e2e.support import PostfixTest


class SetupCase(PostfixTest):
    MAIN_CF = {"smtp_tls_policy_maps": "", "smtp_tls_security_level": ""}

    def setUp(self):
        super().setUp()
        self.trust = self.world.trust_bundle()
        self.map = f"socketmap:unix:stsmapd/socketmap:{self.sender.map_name}"

    def files(self):
        return {name: self.read(os.path.join(self.sender.config, name)) for name in os.listdir(self.sender.config)}

    def settings(self):
        """What postconf -n prints; postconf 3.10 sometimes prints the folder given by -c, too."""
        lines = self.sender.postconf("-n").splitlines()
        return [line for line in lines if not line.startswith("config_directory = ")]

    def setup(self, *words, **how):
        """(exit status, output, errors) of postfix-setup."""
        done = self.postfix_setup(*words, **how)
        return done.returncode, done.stdout, done.stderr

    def expect_refused(self, words, *arguments):
        before = self.files()
        status, output, errors = self.setup("--apply", *arguments)
        self.assertEqual((status, errors), (1, ""), output)
        self.assertIn("refused: ", output)
        self.assertIn(words, output)
        self.assertEqual(self.files(), before)

    def doctor(self, *words, **how):
        """The findings of doctor about Postfix and the socket that are not ok: [(check, verdict, words, fix)]."""
        return [
            (each["check"], each["verdict"], each["words"], each["fix"])
            for each in self.doctor_report(*words, domain="norecord.example", **how)[1]["checks"]
            if each["check"] in ("postfix", "socket") and each["verdict"] != "ok"
        ]

    def expect_finding(self, findings, check, verdict, words, fix=""):
        found = [each for each in findings if each[:2] == (check, verdict) and words in each[2] and fix in each[3]]
        self.assertTrue(found, findings)

    def expect_delivered(self, recipient="user@good.example", via="unix"):
        """The message is sent over verified TLS, as the policy says."""
        delivery = self.sender.deliver(recipient, via)
        self.assertEqual(delivery.status, "sent", str(delivery))
        self.assertIn("Verified TLS connection established", str(delivery))
