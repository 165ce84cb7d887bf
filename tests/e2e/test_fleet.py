#!/usr/bin/env python3
"""Real mail through a host that has learnt its policies from another one, by a real engine."""
import os

from e2e.support import WorldTest, main
from pylib import sealing
from pylib.control import Control
from pylib.engine import PASSWORD, USER, Engine, why_not
from pylib.waiting import wait_for
from world.domains import RIGHT, Domain, policy


def enforcing(name):
    return Domain(name, policy("enforce", ["mx." + name]), mx={"mx." + name: RIGHT})


class Fleet(WorldTest):
    MAIL = True
    MORE_DOMAINS = tuple(enforcing(f"d{number}.many.example") for number in range(100))
    KNOWN = ("good.example", "wildcard.example", "nostarttls.example", "wrongname.example", "testing.example")

    def setUp(self):
        reason = why_not()
        if reason:
            self.skipTest(reason)
        self.folder = self.world.new_folder("fleet")
        self.engine = Engine(self.folder)
        self.engine.start()
        self.addCleanup(self.engine.clean_up)
        self.secret("password", PASSWORD)
        self.secret("keys", sealing.Key().line)

    def secret(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(text)
        return path

    def become(self, host, **changes):
        """The daemon is now another host of the fleet, which knows nothing."""
        shared = {
            "engine": self.engine.address,
            "user": USER,
            "password_file": os.path.join(self.folder, "password"),
            "key_file": os.path.join(self.folder, "keys"),
            "timeout": "1s",
            "host": host,
        }
        self.restart(forget=True, shared=shared, **changes)
        control = Control(self.world.daemon.control_path)
        wait_for(lambda: control.get("fleet")["up"], "the engine is up")

    def test_mail_with_dns_and_https_blocked(self):
        """A learns, and is gone; B, which never saw the domains, has no resolver, and no policy host answers."""
        many = [domain.name for domain in self.MORE_DOMAINS]
        learnt = (*self.KNOWN, *many)
        self.become("a")
        for domain in learnt:
            self.world.daemon.ask(domain)
        wait_for(lambda: set(learnt) <= self.engine.keys(), "the engine has all")
        gets = {domain: self.world.policy_hosts.gets("mta-sts." + domain) for domain in learnt}
        self.world.policy_hosts.stop()
        self.addCleanup(self.world.policy_hosts.start)
        self.become("b", dns={"servers": ["127.0.0.1:9"], "try_timeout": "1s", "timeout": "2s"})
        self.sender.foresee = None  # stsmap explain would ask the resolver that is not there
        for domain, status, words in (
            ("good.example", "sent", "Verified TLS connection established"),
            ("wildcard.example", "sent", "Verified TLS connection established"),
            ("nostarttls.example", "deferred", "TLS is required, but was not offered"),
            ("wrongname.example", "deferred", "Server certificate not verified"),
            ("testing.example", "sent", "Trusted TLS connection established"),
        ):
            delivery = self.sender.deliver("user@" + domain)
            self.assertEqual(delivery.status, status, str(delivery))
            self.assertIn(words, str(delivery))
        for queued in [self.sender.send("user@" + domain) for domain in many]:
            delivery = self.sender.outcome(queued)
            self.assertEqual(delivery.status, "sent", str(delivery))
            self.assertIn("Verified TLS connection established", str(delivery))
        # Without the engine, and started again, it still knows them.
        self.engine.kill()
        self.world.daemon.stop()
        self.world.daemon.start()
        delivery = self.sender.deliver("user@good.example")
        self.assertIn("Verified TLS connection established", str(delivery))
        for domain in learnt:
            self.assertEqual(self.world.policy_hosts.gets("mta-sts." + domain), gets[domain])

    def test_mail_while_the_engine_hangs(self):
        """New and known domains: as without a shared cache."""
        self.become("a")
        self.expect_secure("good.example", ["mx.good.example"])
        self.engine.freeze()
        for domain in ("good.example", "wildcard.example", "norecord.example"):
            delivery = self.sender.deliver("user@" + domain)
            self.assertEqual(delivery.status, "sent", str(delivery))


if __name__ == "__main__":
    main()
