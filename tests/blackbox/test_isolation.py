"""Known domains are answered whatever the rest of the world does, and new healthy ones are found (promise 4).

tests/hostile-run sets larger numbers in the environment.
"""

import os
import unittest

from blackbox import harness
from blackbox.harness import NOTFOUND, SECURE
from blackbox.probe import Probe
from pylib.programs import raise_file_limit
from pylib.waiting import wait_for

HANGING = int(os.environ.get("STSMAPD_HANGING_HOSTS", 200))
SAMPLES = int(os.environ.get("STSMAPD_SAMPLES", 500))  # questions in each phase, 200 a second


class IsolationTest(harness.Case):
    def test_hanging_policy_hosts_and_a_dead_resolver(self):
        if raise_file_limit(8192) < 4096:
            self.skipTest("too few open files allowed")
        self.world.policy("good.test")
        self.world.policy("healthy.test")
        self.world.policy("later.test")
        context = self.world.hosts.context("mta-sts.h.test")
        hanging = ["h%d.test" % number for number in range(HANGING)]
        for domain in hanging:
            self.world.record(domain, "1")
            self.world.hosts.add(domain, "", context, behaviour="hang-tls")
        daemon = self.start(deadline="9s", fetch={"timeout": "60s"})
        self.assertEqual(daemon.ask("good.test"), SECURE)
        probe = Probe(self, daemon, "good.test")
        self.addCleanup(probe.close)
        probe.phase("hanging", SAMPLES)

        clients = self.crowd(daemon, hanging)
        wait_for(lambda: len(self.world.hosts.connects) >= HANGING)
        self.assertEqual(daemon.ask("healthy.test"), SECURE, "a healthy domain is found while %d hang" % HANGING)
        probe.phase("dead", SAMPLES)

        self.world.dns.behave("silent")
        clients += self.crowd(daemon, ["d%d.test" % number for number in range(HANGING)])
        for client in clients:
            self.assertEqual(client.reply(), NOTFOUND, "at the deadline at the latest; the search goes on")
        probe.phase("after", SAMPLES)

        self.world.dns.behave(None)
        probe.wait(SAMPLES)
        probe.close()
        self.assertEqual(daemon.ask("later.test"), SECURE, "no restart is needed")
        probe.report("%d policy hosts that hang, then a resolver that is silent too" % HANGING)
        for phase in ("hanging", "dead", "after"):
            self.assertLess(probe.median(phase), probe.median("before") + 0.1, phase)


if __name__ == "__main__":
    unittest.main()
