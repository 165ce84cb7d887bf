#!/usr/bin/env python3
"""`stsmap preview` of the log that a real Postfix wrote while the daemon only observed: what it says of each domain's
mail is what Postfix then does under enforcement."""

import gzip
import json
import os
import shutil

from e2e.prediction import contradiction
from e2e.support import WorldTest, main
from pylib.process import tail
from world.domains import Domain, policy
from world.mailhosts import MailHost, MailHosts

# A domain whose mail host refuses STARTTLS with 5xx: Postfix returns the mail then, and at once.
REFUSES, REFUSING = "refuses.example", "198.51.100.25"
# What enforcing makes of mail to these: the verdict, and messages sent before.
EXPECTED = {
    "good.example": "fine",
    "wildcard.example": "fine",
    "second.example": "fine",
    "wrongname.example": "waits",
    "untrusted.example": "waits",
    "expired.example": "waits",
    "nostarttls.example": "waits",
    REFUSES: "waits",
    "testing.example": "testing",
    "norecord.example": "none",
    "nofile.example": "none",
    "right.dane.example": "dane",
    "missing.example": "no-mail",
}
# What Postfix does then.
STATUS = {"fine": "sent", "testing": "sent", "none": "sent", "dane": "sent", "waits": "deferred", "no-mail": "bounced"}


class PreviewTest(WorldTest):
    MAIL = True
    DANE_ACTIVE = True
    SETTINGS = {"mode": "observe"}
    MAIN_CF = {"smtp_dns_support_level": "dnssec"}
    MORE_DOMAINS = [Domain(REFUSES, policy("enforce", ["mx." + REFUSES]), mx={"mx." + REFUSES: REFUSING})]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        hosts = MailHosts({REFUSING: MailHost(starttls=b"502 5.5.1 never\r\n")})
        hosts.start()
        cls.addClassCleanup(hosts.stop)

    def preview(self, *words, cache="cache", status=None):
        """Returns (its lines, but the last one, by domain; the last one)."""
        folder = self.world.new_folder(cache)
        done = self.stsmap(
            "preview", "-c", self.sender.config, "--json", *words,
            environment={**self.tool_environment(), "XDG_CACHE_HOME": folder},
        )
        if status is not None:
            self.assertEqual(done.returncode, status, done)
        self.assertEqual(done.stderr, "")
        *lines, end = [json.loads(line) for line in done.stdout.splitlines()]
        return {line["domain"]: line for line in lines}, end

    def test_says_what_enforcing_then_does(self):
        expected = dict(EXPECTED)
        # A mail host that no pattern covers: Postfix before 3.10.5 looks at the certificate alone.
        expected["mismatch.example"] = "waits" if self.world.postfix_at_least(3, 10, 5) else "fine"
        before = {}
        for domain in expected:
            before[domain] = self.sender.deliver(f"user@{domain}").status
            self.assertEqual(before[domain], "bounced" if domain == "missing.example" else "sent", tail(self.sender.maillog))
        self.sender.deliver("again@good.example")
        log = os.path.join(self.world.new_folder("logs"), "mail.log")
        shutil.copy(self.sender.maillog, log)

        self.sender.age()
        found, end = self.preview(log, status=1)
        self.assertEqual({domain: found[domain]["verdict"] for domain in expected}, expected, found)
        self.assertEqual(found["good.example"]["messages"], 2)
        self.assertEqual(found["wrongname.example"]["messages"], 1)
        self.assertEqual(found["good.example"]["hosts"][0]["host"], "mx.good.example")
        waits = [domain for domain, verdict in expected.items() if verdict == "waits"]
        self.assertEqual(end["verdicts"]["waits"], {"domains": len(waits), "messages": len(waits)})
        self.assertEqual(end["left_out"]["local"], 0)

        # Again, from a packed file: nobody is asked, and the figures are the same.
        with open(log, "rb") as plain, gzip.open(log + ".1.gz", "wb") as packed:
            shutil.copyfileobj(plain, packed)
        self.world.unbound.stop()
        try:
            again, end_again = self.preview(log + ".1.gz", status=1)
        finally:
            self.world.unbound.start()
        self.assertEqual({name: line["verdict"] for name, line in again.items()},
                         {name: line["verdict"] for name, line in found.items()})
        self.assertEqual(end_again["verdicts"], end["verdicts"])

        # The domains that the daemon knows.
        known, end_known = self.preview("--daemon", status=1)
        self.assertNotIn("messages", end_known["all"])
        for domain, verdict in expected.items():
            if verdict in ("fine", "waits", "testing"):
                self.assertEqual(known[domain]["verdict"], verdict, known)

        self.restart(mode="enforce")
        self.world.daemon.wait_log(" dane: ", "active=yes")
        for domain, verdict in expected.items():
            with self.subTest(domain):
                # Without a look at the mail hosts explain cannot know that.
                self.sender.foresee = self.foresee if domain != REFUSES else None
                delivery = self.sender.deliver(f"user@{domain}")
                status = "bounced" if domain == REFUSES else STATUS[verdict]
                self.assertEqual(delivery.status, status, str(delivery))
                if verdict == "waits" and "said" in found[domain]:
                    self.assertIn(found[domain]["said"], str(delivery))
                if domain == REFUSES:
                    self.sender.age()
                    _, document = self.explained(domain, "--smtp")
                    self.assertEqual(document["verdict"]["mail"], "bounces", document)
                    self.assertEqual(contradiction(document, delivery), "")
                if verdict in ("fine", "dane"):
                    self.assertIn("Verified TLS connection established", str(delivery))


if __name__ == "__main__":
    main()
