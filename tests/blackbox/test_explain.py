"""`stsmap explain` with a real daemon, and no Postfix: --postfix says which one is meant. Its predictions are compared with
a real Postfix in every file of tests/e2e."""

import json
import os
import subprocess
import unittest

from blackbox import harness
from pylib import schemas
from pylib.dns_message import encode_name
from pylib.programs import without_options

OTHER = 12345  # the uid of somebody else
NEW = ("--postfix", "3.10.13/sts-tlsrpt")


class ExplainTest(harness.Case):
    def begin(self, mode="0666", **options):
        self.control = self.world.path("control")
        self.no_postfix = self.world.path("no-postfix")  # else the name servers of the host's own would be asked
        daemon = self.start(control={"socket": self.control, "mode": mode}, **options)
        os.chmod(self.world.folder, 0o755)
        self.config = daemon.config_file
        os.chmod(self.config, 0o644)
        return daemon

    def explain(self, *arguments, status, user=None, stdin="", postfix=NEW):
        """(what it prints, what it says on standard error)"""
        done = subprocess.run(
            [harness.STSMAP, "--control", self.control, "--config", self.config, "explain", "-c", self.no_postfix, *postfix, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            env={
                **without_options(),
                "TZ": "UTC",
                "STSMAPD_DNS_SERVERS": f"127.0.0.1:{self.world.dns.port}",
            },
        )
        self.assertEqual(done.returncode, status, done)
        return done.stdout, done.stderr

    def document(self, *arguments, **how):
        """What it prints as JSON, as the schema says."""
        text, errors = self.explain("--json", *arguments, **how)
        self.assertEqual(errors, "")
        document = json.loads(text)
        self.assertEqual(schemas.mistakes("explain", document), [], document)
        return document

    def test_mail_flows_or_waits(self):
        self.world.policy("good.test")
        self.world.policy("test.test", mode="testing")
        daemon = self.begin()
        for domain, mail, level in (("good.test", "flows-if", "secure"), ("test.test", "flows", "may")):
            with self.subTest(domain):
                verdict = self.document("--offline", domain, status=0)["verdict"]
                self.assertEqual((verdict["mail"], verdict["level"]), ("flows-if", "may"), "nothing is known yet")
                self.assertTrue(verdict["deferred"])
                daemon.ask(domain)
                verdict = self.document("--offline", domain, status=0)["verdict"]
                self.assertEqual((verdict["mail"], verdict["level"]), (mail, level))
        # An older Postfix does not know the attributes of the form, and defers.
        old = ("--postfix", "3.7.11/sts-tlsrpt")
        verdict = self.document("--offline", "good.test", status=1, postfix=old)["verdict"]
        self.assertEqual((verdict["mail"], verdict["deferred"]), ("waits", ["client TLS configuration problem"]))
        self.assertIn("mail waits", self.explain("--offline", "good.test", status=1, postfix=old)[0])

    def test_offline_asks_nobody(self):
        self.world.policy("good.test")
        self.begin()
        document = self.document("--offline", "good.test", status=0)
        self.assertNotIn("live", document)
        self.assertEqual(document["daemon"]["known"], "nothing")
        self.assertEqual(self.world.txt_questions("good.test"), 0)

    def test_the_mail_hosts_in_dns(self):
        self.world.policy("good.test")
        self.world.dns.add_rdata("good.test", "MX", [b"\0\12" + encode_name("mx1.good.test")])
        self.begin()
        document = self.document("good.test", status=0)
        self.assertEqual(document["daemon"]["known"], "policy", "looked up, as for Postfix")
        self.assertEqual(document["live"]["mx"][0]["admitted_by"], "mx1.good.test")
        self.assertEqual(document["verdict"]["hosts"], ["mx1.good.test"])
        self.world.dns.remove("good.test", "MX")
        self.world.dns.add_rdata("good.test", "MX", [b"\0\12" + encode_name("mx.other.test")])
        verdict = self.document("good.test", status=1)["verdict"]
        self.assertEqual(verdict["mail"], "waits", "a new Postfix goes to no host that the policy does not name")

    def test_what_is_saved_gives_the_same_verdict(self):
        self.world.policy("good.test")
        self.begin()
        self.daemons[0].ask("good.test")
        for words, status in ((NEW, 0), (("--postfix", "3.7.11/sts-tlsrpt"), 1)):
            with self.subTest(words):
                text, _ = self.explain("--json", "--offline", "good.test", status=status, postfix=words)
                file = self.world.path("saved.json")
                with open(file, "w", encoding="utf-8") as out:
                    out.write(text)
                self.assertEqual(self.explain("--json", "--from", file, status=status, postfix=())[0], text)
                again = self.explain("--json", "--from", "-", status=status, postfix=(), stdin=text)[0]
                self.assertEqual(json.loads(again)["verdict"], json.loads(text)["verdict"])

    def test_usage(self):
        self.begin()
        saved = self.world.path("broken.json")
        with open(saved, "w", encoding="ascii") as out:
            out.write("{")
        for words, said in (
            ((), "needs a domain"),
            (("--from", saved), "broken.json"),
            (("--from", self.world.path("missing.json")), "cannot be read"),
            (("--from", saved, "a.test"), "excludes"),
            (("--from", saved, "--offline"), "excludes"),
        ):
            with self.subTest(words):
                text, errors = self.explain(*words, status=2)
                self.assertEqual(text, "")
                self.assertIn(said, errors)
        for words, said in ((("--postfix", "new"), "no version"), (("--postfix", "3.10.13/x"), "none of the forms")):
            with self.subTest(words):
                self.assertIn(said, self.explain("a.test", status=2, postfix=words)[1])

    def test_without_a_daemon_the_live_part(self):
        self.world.policy("good.test")
        daemon = self.begin()
        daemon.stop()
        document = self.document("good.test", status=3)
        self.assertIn("error", document["daemon"])
        self.assertNotIn("mail", document["verdict"])
        self.assertTrue(document["live"]["txt"]["id"])
        text, _ = self.explain("good.test", status=3)
        self.assertIn("stsmapd cannot be asked", text)

    def test_without_permission(self):
        if os.getuid() != 0:
            self.skipTest("needs root, to be somebody else")
        self.begin(mode="0600")
        document = self.document("--offline", "good.test", status=3, user=OTHER)
        self.assertIn("no permission", document["daemon"]["error"])
        self.assertNotIn("no daemon", document["daemon"]["error"])


if __name__ == "__main__":
    unittest.main()
