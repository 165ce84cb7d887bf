#!/usr/bin/env python3
"""A partner's mail host shows a certificate that has expired: mail waits, an override lets the queue go out, and when
the override ends mail waits again."""

import datetime

from e2e.support import WorldTest, main
from pylib.control import Control
from pylib.waiting import wait_for


class Overrides(WorldTest):
    MAIL = True
    PARTNER = "expired.example"

    def status_of(self, queue_id):
        lines = [line for line in self.sender.log() if f" {queue_id}: to=<" in line and " status=" in line]
        return lines[-1] if lines else ""

    def test_lets_the_queue_go_out_and_ends(self):
        control = Control(self.world.daemon.settings["control"]["socket"])
        first = self.sender.deliver(f"user@{self.PARTNER}")
        self.assertEqual((first.status, first.dsn), ("deferred", "4.7.5"), str(first))
        self.assertIn("certificate has expired", str(first))
        waiting = self.sender.send(f"user@{self.PARTNER}")
        self.assertEqual(self.sender.outcome(waiting).status, "deferred")

        add = ["override", "add", self.PARTNER, "encrypt", "--reason", "their certificate has expired", "--until", "1h"]
        refused = self.stsmap(*add)
        self.assertEqual((refused.returncode, refused.stdout), (1, ""), refused)
        self.assertIn("--yes", refused.stderr)
        self.assertEqual(control.get("overrides")["overrides"], [])
        added = self.stsmap(*add, "--yes")
        self.assertEqual((added.returncode, added.stderr), (0, ""), added)
        self.assertIn("hides:  secure", self.stsmap("override", "list").stdout)

        self.sender.command("postqueue", "-c", self.sender.config, "-f")
        wait_for(lambda: "status=sent" in self.status_of(waiting), "the queued message to go out", 20)
        delivery = self.sender.deliver(f"user@{self.PARTNER}")
        self.assertEqual(delivery.status, "sent", str(delivery))
        self.assertNotIn("Verified TLS connection", str(delivery))

        self.end_in_moments(add[:-1])
        self.world.daemon.wait_log("override-expired", "domain=" + self.PARTNER)
        again = self.sender.deliver(f"user@{self.PARTNER}")
        self.assertEqual((again.status, again.dsn), ("deferred", "4.7.5"), str(again))
        self.assertEqual(control.get("overrides")["overrides"], [])

    def end_in_moments(self, add):
        """The override again, with an end a few seconds ahead: `add` lacks it. It must not be past when it arrives."""
        for seconds in (5, 20, 60):
            end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
            done = self.stsmap(*add, end.strftime("%Y-%m-%dT%H:%M:%SZ"), "--yes")
            if done.returncode == 0:
                return
        self.fail(done)

    def test_the_names_of_an_override_are_those_of_a_certificate(self):
        """Its mail host shows a certificate for mail.elsewhere.example. What is foreseen is compared (support.foresee)."""
        domain = "wrongname.example"
        add = ["override", "add", domain, "secure", "--reason", "they have moved", "--until", "1h", "--yes", "--match"]
        self.assertEqual(self.sender.deliver(f"user@{domain}").status, "deferred")
        for name, status in (("mail.elsewhere.example", "sent"), ("mail.other.example", "deferred")):
            with self.subTest(name):
                added = self.stsmap(*add, name)
                self.assertEqual((added.returncode, added.stderr), (0, ""), added)
                _, document = self.explained(domain)
                self.assertIn(f"a certificate for {name}", document["verdict"]["condition"])
                self.assertFalse([one for one in document["verdict"]["do"] if "postmaster" in one], document)
                delivery = self.sender.deliver(f"user@{domain}")
                self.assertEqual(delivery.status, status, str(delivery))
        self.assertIn("Server certificate not verified", str(delivery))
        self.assertEqual(self.stsmap("override", "remove", domain).returncode, 0)

    def test_observing_lets_mail_flow_and_counts_it(self):
        self.restart(mode="observe")
        delivery = self.sender.deliver(f"user@{self.PARTNER}")
        self.assertEqual(delivery.status, "sent", str(delivery))
        control = Control(self.world.daemon.settings["control"]["socket"])

        def counted():
            return [one["would"] for one in control.get("observed")["top"] if one["domain"] == self.PARTNER]

        self.assertEqual(wait_for(counted, "the sums, every ten seconds", 30), ["secure"])


if __name__ == "__main__":
    main()
