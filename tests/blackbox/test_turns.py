"""A client that asks much waits for one that asks little: a client's turn is limited in octets and in time.

One process asks without pause, another asks for a known small domain 200 times a second. tests/hostile-run sets
longer times in the environment.
"""

import os
import unittest

from blackbox import harness
from blackbox.greedy import Greedy
from blackbox.probe import Probe
from pylib.programs import is_sanitized

SAMPLES = int(os.environ.get("STSMAPD_SAMPLES", 200))  # questions in each phase, 200 a second
# How long 99 of 100 questions may wait for others, in milliseconds of the daemon's work. A debug build takes a
# millisecond for a long answer, one with sanitizers ten. Waiting for a processor is not counted.
WORK = 15 if not is_sanitized() else 150

# name, connections, how, key
FLOODS = (
    ("one client, 63 KB answers", 1, "pipeline", "large.test"),
    ("eight clients, 63 KB answers", 8, "pipeline", "large.test"),
    ("64 clients, 63 KB answers", 64, "pipeline", "large.test"),
    ("64 clients, one 63 KB answer at a time", 64, "turns", "large.test"),
    ("eight clients, small answers", 8, "pipeline", "good.test"),
    ("64 clients, keys that name no domain", 64, "pipeline", ".x"),
    ("64 clients, 32 KiB of requests, then anew", 64, "reconnect", "good.test"),
    ("64 clients, names nobody knows", 64, "pipeline", "j%d.junk.test"),
)


def large(domain):
    """A policy of nearly 64 KiB, which makes an answer of 63 KB."""
    lines = "".join("mx: %s\n" % ("mx%d.%s" % (number, domain)).ljust(64, "x") for number in range(900))
    return "version: STSv1\nmode: enforce\n%smax_age: 86400\n" % lines


class TurnTest(harness.Case):
    def test_who_asks_much_waits_for_who_asks_little(self):
        self.world.policy("good.test")
        body = large("large.test")
        self.assertLess(len(body), 65536)
        self.world.policy("large.test", body=body)
        daemon = self.start(limits={"max_connections": 1000})
        self.assertEqual(daemon.ask("good.test"), harness.SECURE)
        answer = daemon.ask("large.test")
        self.assertGreater(len(answer), 58_000)
        probe = Probe(self, daemon, "good.test")
        self.addCleanup(probe.close)
        memory = daemon.memory()
        rates = {}
        for name, connections, kind, key in FLOODS:
            probe.phase(name)
            greedy = Greedy(self, "unix:" + daemon.socket_path, connections, kind, key)
            probe.wait(SAMPLES)
            if kind != "reconnect":
                greedy.wait_served()
            rates[name] = greedy.close() / (SAMPLES * 0.005) / 1e6
        probe.phase("after")
        probe.wait()
        probe.close()
        probe.report("clients that ask without end")
        print("    octets of answers to them, MB/s: " + ", ".join("%.1f" % rate for rate in rates.values()))
        for name, _, kind, _ in FLOODS:
            if kind != "reconnect":
                self.assertGreater(rates[name], 0, name + ": they are served, too")
            self.assertLess(probe.work_p99(name), WORK / 1e3, name)
        if not is_sanitized():
            self.assertLess(daemon.memory() - memory, 20_000, "kilobytes")
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main()
