#!/usr/bin/env python3
"""`stsmap doctor --mx DOMAIN`: Postfix's own posttls-finger with the settings of the service that delivers. Its result
must be what happens to real mail."""
import os
import subprocess

from e2e.support import WorldTest, main


class MxTest(WorldTest):
    MAIL = True
    MAIN_CF = {"smtp_dns_support_level": "dnssec"}
    DANE_ACTIVE = True

    def mx(self, domain):
        found = [each for each in self.doctor_report("--mx", domain)[1]["checks"] if each["check"] == "mx"]
        self.assertEqual(len(found), 1, found)
        return found[0]

    def connections(self):
        return len([line for line in self.world.receiver.log() if ": connect from " in line])

    def test_says_what_becomes_of_mail(self):
        patterns = self.world.postfix_at_least(3, 10)  # Debian 13's is 3.10.5 or newer
        table = {
            "good.example": "mx-verified",
            "wildcard.example": "mx-verified",
            "wrongname.example": "mx-not-verified",
            "untrusted.example": "mx-not-verified",
            "nostarttls.example": "mx-no-tls",
            "mismatch.example": "mx-foreign-host" if patterns else "mx-verified",
            "norecord.example": "mx-encrypted",
            "right.dane.example": "mx-verified",
            "wrong.dane.example": "mx-not-verified",
        }
        for domain, identity in table.items():
            with self.subTest(domain):
                found = self.mx(domain)
                self.assertEqual(found["id"], identity, found)
                delivery = self.sender.deliver(f"user@{domain}")
                self.assertEqual(found["verdict"] == "fail", delivery.status != "sent", f"{found}\n{delivery}")
                self.assertIn("smtp/unix", found["words"])

    def test_takes_the_settings_of_the_service(self):
        name = "smtp/unix/smtp_tls_CAfile"
        other = os.path.join(self.world.folder, "other-ca", "root.pem")
        self.assertTrue(os.path.exists(other))
        self.sender.postconf("-P", f"{name}={other}")
        try:
            found = self.mx("good.example")
            self.assertEqual(found["id"], "mx-not-verified", found)
            self.assertIn(f"-F {other} ", found["fix"])
        finally:
            self.sender.postconf("-P", "-X", name)
        self.assertEqual(self.mx("good.example")["id"], "mx-verified")

    def test_a_map_before_ours_decides(self):
        maps = f"inline:{{ wrongname.example=encrypt }}, socketmap:unix:stsmapd/socketmap:{self.sender.map_name}"
        self.addCleanup(self.sender.set, smtp_tls_policy_maps=self.sender.value("smtp_tls_policy_maps"))
        self.sender.set(smtp_tls_policy_maps=maps)
        self.assertEqual(self.mx("wrongname.example")["id"], "mx-encrypted")

    def test_the_command_can_be_pasted(self):
        fix = self.mx("wrongname.example")["fix"]
        command = fix[fix.index("env 'MAIL_CONFIG="):]
        done = subprocess.run(
            ["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False, env=self.tool_environment()
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("TLS connection established to mx.wrongname.example", done.stdout)

    def test_a_domain_without_mail_host_and_one_that_nobody_can_connect(self):
        self.assertEqual(self.mx("nohosts.example")["id"], "mx-not-found")
        self.world.receiver.stop()
        self.addCleanup(self.world.receiver.start)
        self.assertEqual(self.mx("good.example")["id"], "mx-not-connected")

    def test_nothing_connects_otherwise(self):
        before = self.connections()
        checks = self.doctor_report()[1]["checks"]
        self.assertNotIn("mx", [each["check"] for each in checks])
        self.assertEqual(self.connections(), before)
        self.mx("good.example")
        self.assertEqual(self.connections(), before + 1, "one connection")


if __name__ == "__main__":
    main()
