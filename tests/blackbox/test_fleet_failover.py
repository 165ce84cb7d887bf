"""The engine's primary is killed under load, behind a Sentinel: answers go on, and after the failover policies are shared
again."""

import threading
import time
import unittest

from blackbox.fleet import COMES_BACK, FleetCase
from blackbox.harness import SECURE
from pylib.engine import SENTINEL_USER, Engine, Replica, Sentinel
from pylib.net import free_port
from pylib.waiting import wait_for


class Load(threading.Thread):
    """Asks for known domains on some connections until stopped, and keeps how long each answer took."""

    def __init__(self, daemon, domains, connections=4):
        super().__init__()
        self._clients = [daemon.client() for _ in range(connections)]
        self._domains = domains
        self.over = threading.Event()
        self.took, self.wrong = [], []  # (when, seconds); answers

    def run(self):
        number = 0
        while not self.over.is_set():
            client = self._clients[number % len(self._clients)]
            domain = self._domains[number % len(self._domains)]
            began = time.monotonic()
            answer = client.ask(domain)
            self.took.append((began, time.monotonic() - began))
            if answer != SECURE:
                self.wrong.append((domain, answer))
            number += 1
            self.over.wait(0.001)
        for client in self._clients:
            client.close()

    def percentile(self, share, begin, end):
        chosen = sorted(seconds for at, seconds in self.took if begin <= at < end)
        return chosen[min(len(chosen) - 1, int(len(chosen) * share))] if chosen else 0.0


class Failover(FleetCase):
    START_ENGINE = False
    SENTINEL = True

    def setUp(self):
        super().setUp()
        self.primary = Engine(self.world.path("first"), tcp=True).start()
        self.addCleanup(self.primary.clean_up)
        self.second = Replica(self.world.path("second"), self.primary, tcp=True).start()
        self.addCleanup(self.second.clean_up)
        self.second.wait_in_step()
        self.sentinel = Sentinel(self.world.path("sentinel"), self.primary).start()
        self.addCleanup(self.sentinel.clean_up)
        wait_for(self.sentinel.knows_replicas, "the Sentinel knows the replica", 60)

    def through_sentinel(self, name, **how):
        return self.member(
            name,
            engine="",
            sentinels=["tcp:127.0.0.1:%d" % free_port(), self.sentinel.address],  # nobody is at the first one
            primary=Sentinel.NAME,
            sentinel_user=SENTINEL_USER,
            sentinel_password_file=self.world.path("sentinel-password"),
            **how,
        )

    def wait_moved(self, *daemons):
        for daemon in daemons:
            status = self.wait_up(daemon, COMES_BACK)
            self.assertIn(":%d" % self.second.port, status["engine"])

    def test_the_primary_is_killed_under_load(self):
        known = self.policies(*["k%d.test" % number for number in range(20)])
        fresh = iter(self.policies(*["f%d.test" % number for number in range(400)]))
        a, b = self.through_sentinel("a"), self.through_sentinel("b")
        for domain in known:
            self.assertEqual(a.ask(domain), SECURE)
        wait_for(lambda: set(known) <= self.second.keys(), "the replica has all")
        load = Load(a, known)
        load.start()
        try:
            began = time.monotonic()
            self.assertEqual({a.ask(next(fresh)) for _ in range(40)}, {SECURE})
            killed = time.monotonic()
            self.primary.kill()
            slowest = 0.0
            while self.sentinel.primary() != self.second.port:
                asked = time.monotonic()
                self.assertEqual(a.ask(next(fresh, known[0])), SECURE, "a domain nobody knows, and no primary is there")
                slowest = max(slowest, time.monotonic() - asked)
                self.expect_ready(a)
                self.assertLess(time.monotonic() - killed, 60, self.sentinel.log())
                load.over.wait(0.02)
            failed_over = time.monotonic()
            self.wait_moved(a, b)
            up = time.monotonic()
        finally:
            load.over.set()
            load.join()
        self.assertEqual(load.wrong, [])
        before, after = ([load.percentile(share, *span) * 1e3 for share in (0.5, 0.99)] for span in
                         ((began, killed), (killed, up)))
        print(f"cached answers, p50 and p99 in ms: {before[0]:.2f} {before[1]:.2f} before, {after[0]:.2f} {after[1]:.2f}"
              f" without a primary; failover {failed_over - killed:.1f} s, up {up - killed:.1f} s after the kill;"
              f" slowest new domain {slowest * 1e3:.0f} ms")
        self.assertLess(after[0], 200, "a wait for the engine would show in each")
        domain = self.policies("last.test")[0]
        self.assertEqual(a.ask(domain), SECURE)
        wait_for(lambda: domain in self.second.keys(), "the new primary has it")
        self.assertEqual(b.ask(domain), SECURE)
        self.assertEqual(self.world.hosts.count(domain), 1)
        wait_for(lambda: self.names(b) == {"a", "b"}, "both are there", 60)

    def test_a_switch_by_an_administrator(self):
        """The old primary lives on as a replica: READONLY."""
        self.policies("a.test", "b.test")
        a, b = self.through_sentinel("a"), self.through_sentinel("b", read_replicas=True)
        self.assertEqual(a.ask("a.test"), SECURE)
        wait_for(lambda: "a.test" in self.second.keys(), "the replica has it")
        self.sentinel.fail_over()
        wait_for(lambda: self.sentinel.primary() == self.second.port, "another primary", 60)
        wait_for(lambda: self.primary.do("ROLE")[0] == b"slave", "the old one is a replica", 60)
        self.assertEqual(a.ask("b.test"), SECURE)
        self.wait_moved(a, b)
        wait_for(lambda: "b.test" in self.second.keys(), "pushed")
        self.assertEqual(b.ask("b.test"), SECURE)
        self.assertEqual(self.world.hosts.count("b.test"), 1)

    def test_no_sentinel_knows_the_primary(self):
        self.policies("a.test")
        daemon = self.member("a", wait=False, engine="", sentinels=[self.sentinel.address], primary="other",
                             sentinel_user=SENTINEL_USER, sentinel_password_file=self.world.path("sentinel-password"))
        self.assertEqual(daemon.ask("a.test"), SECURE)
        self.wait_down(daemon, "down", "refused")
        self.expect_ready(daemon)

    def test_wrong_password_of_the_sentinel(self):
        self.policies("a.test")
        self.secrets.add("hemlock-9")
        daemon = self.member("a", wait=False, engine="", sentinels=[self.sentinel.address], primary=Sentinel.NAME,
                             sentinel_user=SENTINEL_USER, sentinel_password_file=self.secret("wrong", "hemlock-9"))
        self.assertEqual(daemon.ask("a.test"), SECURE)
        self.wait_down(daemon, "auth", "down")
        self.expect_ready(daemon)


if __name__ == "__main__":
    unittest.main()
