"""What the tests of `stsmap postfix-setup` and of what doctor says of it share: a sending Postfix without any setting
of ours, put back after each test.
"""
import json
import os
import subprocess

from support import WorldTest
from world.daemon import program


class SetupCase(WorldTest):
    MAIL = True
    MAIN_CF = {"smtp_tls_policy_maps": "", "smtp_tls_security_level": ""}

    def setUp(self):
        self.sender = self.world.sender
        self.main_cf = os.path.join(self.sender.config, "main.cf")
        self.before = self.read(self.main_cf)
        self.master_cf = os.path.join(self.sender.config, "master.cf")
        self.services = self.read(self.master_cf)
        self.addCleanup(self.put_back)
        self.trust = self.world.trust_bundle()
        self.map = f"socketmap:unix:stsmapd/socketmap:{self.sender.map_name}"

    def put_back(self):
        for path, content in ((self.main_cf, self.before), (self.master_cf, self.services)):
            os.unlink(path)  # with its owner, mode and access list
            with open(path, "wb") as file:
                file.write(content)
            os.chmod(path, 0o644)
        for suffix in (".stsmap-before", ".stsmap-undo"):
            if os.path.exists(self.main_cf + suffix):
                os.unlink(self.main_cf + suffix)

    @staticmethod
    def read(path):
        with open(path, "rb") as file:
            return file.read()

    def files(self):
        return {name: self.read(os.path.join(self.sender.config, name)) for name in os.listdir(self.sender.config)}

    def postconf(self, *words):
        return self.sender.command("postconf", "-c", self.sender.config, *words)

    def value(self, name):
        return self.postconf("-h", name).strip()

    def settings(self):
        """What postconf -n prints; that of 3.10 names the folder given by -c now and then."""
        return [line for line in self.postconf("-n").splitlines() if not line.startswith("config_directory = ")]

    def set(self, **settings):
        self.postconf("-e", *(f"{name} = {value}" for name, value in settings.items()))

    def setup(self, *words, config=None):
        """(exit status, output, errors) of postfix-setup."""
        done = subprocess.run(
            [
                program("stsmap"),
                "--config",
                self.world.daemon.config,
                "postfix-setup",
                "-c",
                config or self.sender.config,
                *words,
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=self.tool_environment(),
        )
        return done.returncode, done.stdout, done.stderr

    def expect_refused(self, words, *arguments):
        before = self.files()
        status, output, errors = self.setup("--apply", *arguments)
        self.assertEqual((status, errors), (1, ""), output)
        self.assertIn("refused: ", output)
        self.assertIn(words, output)
        self.assertEqual(self.files(), before)

    def doctor(self, *words, config=None):
        """The findings of doctor about Postfix and the socket that are not ok: [(check, verdict, words, fix)]."""
        done = subprocess.run(
            [
                program("stsmap"),
                "--config",
                self.world.daemon.config,
                "doctor",
                "--json",
                "--domain",
                "good.example",
                "-c",
                config or self.sender.config,
                *words,
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=self.tool_environment(),
        )
        self.assertEqual(done.stderr, "")
        return [
            (each["check"], each["verdict"], each["words"], each["fix"])
            for each in json.loads(done.stdout)["checks"]
            if each["check"] in ("postfix", "socket") and each["verdict"] != "ok"
        ]

    def expect_finding(self, findings, check, verdict, words, fix=""):
        found = [each for each in findings if each[:2] == (check, verdict) and words in each[2] and fix in each[3]]
        self.assertTrue(found, findings)

    def expect_delivered(self, recipient="user@good.example", via="unix"):
        """Over verified TLS, as the policy says."""
        delivery = self.sender.deliver(recipient, via)
        self.assertEqual(delivery.status, "sent", str(delivery))
        self.assertIn("Verified TLS connection established", str(delivery))
