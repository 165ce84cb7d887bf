"""Known domains are answered whatever the rest of the world does, and unknown healthy ones are found (promise 4)."""

import time

import harness
from harness import SECURE

HANGING = 200
SAMPLES = 2000


def percentiles(times):
    times.sort()
    return tuple(1e6 * times[int(len(times) * part)] for part in (0.5, 0.99, 0.999))


class IsolationTest(harness.Case):
    def latency(self, daemon):
        """How long a cached answer takes, one question at a time, as (p50, p99, p99.9) in microseconds."""
        times = []
        with daemon.client() as client:
            for _ in range(SAMPLES):
                begun = time.perf_counter()
                client.send(harness.frame("sts good.test"))
                self.assertEqual(client.reply(), SECURE)
                times.append(time.perf_counter() - begun)
        return percentiles(times)

    def test_hanging_policy_hosts(self):
        if harness.raise_file_limit(8192) < 4096:
            self.skipTest("too few open files allowed")
        self.world.policy("good.test")
        self.world.policy("healthy.test")
        context = self.world.hosts.context("mta-sts.h.test")
        hanging = ["h%d.test" % number for number in range(HANGING)]
        for domain in hanging:
            self.world.record(domain, "1")
            self.world.hosts.add(domain, "", context, behaviour="hang-tls")
        daemon = self.start(deadline="9s")
        self.assertEqual(daemon.ask("good.test"), SECURE)
        before = self.latency(daemon)

        clients = []
        for domain in hanging:
            clients.append(daemon.client())
            self.addCleanup(clients[-1].close)
            clients[-1].send(harness.frame("sts " + domain))
        harness.wait_for(lambda: sum(self.world.hosts.connects[domain] for domain in hanging) >= 64)
        during = self.latency(daemon)
        self.assertEqual(daemon.ask("healthy.test"), SECURE, "a healthy domain is found while %d hang" % HANGING)
        for client in clients:
            self.assertEqual(client.reply(), harness.NOTFOUND, "at the deadline; the search goes on")
        print("\ncached answers, p50 / p99 / p99.9 in microseconds: before %.0f / %.0f / %.0f, while %d policy hosts "
              "hang %.0f / %.0f / %.0f" % (*before, HANGING, *during))


if __name__ == "__main__":
    harness.unittest.main()
