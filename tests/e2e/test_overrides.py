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

        end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=25)
        add = ["override", "add", self.PARTNER, "encrypt", "--until", end.strftime("%Y-%m-%dT%H:%M:%SZ")]
        add += ["--reason", "their certificate has expired"]
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

        self.world.daemon.wait_log("override-expired", "domain=" + self.PARTNER)
        again = self.sender.deliver(f"user@{self.PARTNER}")
        self.assertEqual((again.status, again.dsn), ("deferred", "4.7.5"), str(again))
        self.assertEqual(control.get("overrides")["overrides"], [])

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
