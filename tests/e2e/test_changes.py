#!/usr/bin/env python3
"""A domain changes what it publishes: a new id is noticed, an expired policy is no longer answered, and DANE comes and
goes.

Takes more than a minute: the daemon asks for a domain's records again after 60 s at the earliest.
"""
import sys
import time

from e2e.support import WorldTest, main
from world.domains import policy


class Changes(WorldTest):
    def test_new_id_and_expiry_and_tlsa(self):
        started = time.monotonic()
        self.expect_secure("change.example", ["mx.old.example"])
        self.expect_secure("short.example", ["mx.short.example"])
        self.expect_level("leaving.dane.example", "dane-only")
        self.expect_level("coming.dane.example", "secure")
        gets = self.world.policy_hosts.gets("mta-sts.change.example")

        # Another file under the same id is not fetched; the new id makes the daemon fetch it.
        self.world.policy_hosts.change(
            "mta-sts.change.example", policy("enforce", ["mx.change.example"], 86400)
        )
        self.expect_secure_as_before("change.example", ["mx.old.example"])
        self.world.set_txt("change.example", "v=STSv1; id=2;")
        # A policy with a max_age of 50 s, whose domain withdraws everything.
        self.world.policy_hosts.remove("mta-sts.short.example")
        self.world.set_txt("short.example", None)
        self.expect_secure("short.example", ["mx.short.example"])

        # TLSA records move from one domain to another.
        leaving, coming = (self.world.domains[f"{label}.dane.example"] for label in ("leaving", "coming"))
        self.world.set_tlsa(coming.name, {host: list(leaving.tlsa.values())[0] for host in coming.mx})
        self.world.set_tlsa(leaving.name, {})
        self.expect_level("leaving.dane.example", "dane-only")
        self.expect_level("coming.dane.example", "secure")

        seen = {}
        while len(seen) < 4 and time.monotonic() - started < 300:
            if "id" not in seen and "mx.change.example" in self.world.daemon.ask("change.example"):
                seen["id"] = time.monotonic() - started
            if "expiry" not in seen and self.world.daemon.ask("short.example") == "NOTFOUND ":
                seen["expiry"] = time.monotonic() - started
            if "leaving" not in seen and self.level(leaving.name) == "secure":
                seen["leaving"] = time.monotonic() - started
            if "coming" not in seen and self.level(coming.name) == "dane-only":
                seen["coming"] = time.monotonic() - started
            if int(time.monotonic() - started) % 20 == 0:
                print(f"waited {time.monotonic() - started:.0f} s", file=sys.stderr)
            time.sleep(1)
        self.assertIn("id", seen, "the new id was not noticed")
        self.assertIn("expiry", seen, "an expired policy is still told")
        self.assertIn("leaving", seen, "the end of TLSA was not noticed")
        self.assertIn("coming", seen, "new TLSA were not noticed")
        self.world.daemon.wait_log("warning", "dane-changed", leaving.name, "has no TLSA")
        self.assertGreater(seen["expiry"], 45, "the policy was dropped before its max_age")
        self.assertEqual(self.world.policy_hosts.gets("mta-sts.change.example"), gets + 1)

    def level(self, domain):
        """The first word of a policy."""
        return self.world.daemon.ask(domain).removeprefix("OK ").split(" ")[0]

    def expect_level(self, domain, level):
        self.assertEqual(self.level(domain), level)

    def expect_secure_as_before(self, domain, patterns):
        match = ":".join(patterns)
        self.assertTrue(self.world.daemon.ask(domain).startswith(f"OK secure match={match} "))


if __name__ == "__main__":
    main()
