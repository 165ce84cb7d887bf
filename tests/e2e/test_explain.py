#!/usr/bin/env python3
"""`stsmap explain` with a real daemon and a real Postfix. Its predictions are compared in every other file, too: see
support.WorldTest.foresee()."""
import json
import os

from e2e.prediction import contradiction
from e2e.support import WorldTest, main
from pylib.schemas import mistakes


class ExplainTest(WorldTest):
    MAIL = True

    def verdict(self, domain, *words):
        return self.explained(domain, *words)[1]["verdict"]

    def test_a_policy_that_is_met(self):
        done, document = self.explained("good.example")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(document["daemon"]["policy"]["mode"], "enforce", "looked up, as Postfix would")
        self.assertEqual([each["admitted_by"] for each in document["live"]["mx"]], ["mx.good.example"])
        self.assertEqual(document["postfix"]["version"], self.sender.version)
        self.assertEqual(self.sender.deliver("user@good.example").status, "sent")

    def test_another_postfix(self):
        self.assertEqual(self.verdict("mismatch.example", "--postfix", "3.10.13")["mail"], "waits")
        self.assertEqual(self.verdict("mismatch.example", "--postfix", "3.10.13/sts")["mail"], "flows-if")
        self.assertEqual(self.verdict("mismatch.example", "--postfix", "3.7.11/sts-tlsrpt")["level"], "")

    def test_with_smtp_there_is_no_condition(self):
        """What the mail hosts show takes its place, and Postfix does it. 3.7 compares no names of MX hosts."""
        outcomes = {"good": "flows", "wildcard": "flows", "second": "flows", "testing": "flows", "wrongname": "waits",
                    "untrusted": "waits", "expired": "waits", "nostarttls": "waits",
                    "mismatch": "flows" if self.sender.version.startswith("3.7.") else "waits"}
        for label, outcome in outcomes.items():
            with self.subTest(label):
                done, document = self.explained(f"{label}.example", "--smtp")
                self.assertEqual(mistakes("explain", document), [])
                self.assertEqual(document["verdict"]["mail"], outcome, done.stdout)
                self.assertEqual(done.returncode, 0 if outcome == "flows" else 1)
                delivery = self.sender.deliver(f"user@{label}.example")
                self.assertEqual(contradiction(document, delivery), "", f"{done.stdout}\n{delivery}")

    def test_what_is_saved_is_judged_the_same_elsewhere(self):
        done, _ = self.explained("good.example")
        file = os.path.join(self.world.new_folder("saved"), "evidence.json")
        with open(file, "w", encoding="utf-8") as out:
            out.write(done.stdout)
        again = self.stsmap("explain", "--json", "--from", file)
        self.assertEqual((again.returncode, again.stdout), (0, done.stdout))

    def test_offline_asks_nobody(self):
        document = self.explained("wildcard.example", "--offline")[1]
        self.assertNotIn("live", document)
        self.assertEqual(document["daemon"]["known"], "nothing")
        self.assertEqual(document["verdict"]["mail"], "flows-if")

    def test_a_change_that_is_not_fetched_yet(self):
        self.explained("change.example")
        self.world.set_txt("change.example", "v=STSv1; id=2;")
        document = self.explained("change.example")[1]
        self.assertEqual((document["daemon"]["txt"]["id"], document["live"]["txt"]["id"]), ("1", "2"))
        self.assertIn("has changed its policy", document["verdict"]["do"][0])

    def test_without_permission_or_daemon_the_live_part(self):
        done = self.stsmap("explain", "--json", "-c", self.sender.config, "good.example", user="nobody")
        self.assertEqual(done.returncode, 3, done.stderr)
        document = json.loads(done.stdout)
        self.assertIn("no permission", document["daemon"]["error"])
        self.assertEqual(document["live"]["txt"]["id"], "1")
        self.assertNotIn("mail", document["verdict"])

    def test_query_says_the_reason(self):
        self.assertEqual(self.stsmap("query", "norecord.example").stdout, "NOTFOUND (no-record)\n")
        self.assertEqual(self.stsmap("query", "testing.example").stdout, "NOTFOUND (mode testing)\n")
        said = json.loads(self.stsmap("query", "--json", "good.example").stdout)
        self.assertEqual((said["rule"], said["mode"], said["id"]), ("policy", "enforce", "1"))

    def test_an_exception_lets_mail_out_until_it_ends(self):
        self.assertEqual(self.sender.deliver("user@wrongname.example").status, "deferred")
        words = ("--until", "1h", "--yes", "--reason", "their certificate has another name")
        done = self.stsmap("override", "add", "wrongname.example", "may", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.verdict("wrongname.example")["mail"], "flows")
        self.assertEqual(self.sender.deliver("user@wrongname.example").status, "sent")
        self.assertEqual(self.stsmap("override", "remove", "wrongname.example").returncode, 0)
        self.assertEqual(self.verdict("wrongname.example")["mail"], "flows-if")
        self.assertEqual(self.sender.deliver("user@wrongname.example").status, "deferred")


if __name__ == "__main__":
    main()
