"""Troubles of a shared cache, row by row as in stsmapd(8), SHARED CACHE: the engine is away, or the network to it fails.
In none of them does a host answer other than one without a shared cache, but for learning later, nor is it not ready; and
it says what the trouble is. The rows in which the engine is there: test_fleet_states.py."""

import time
import unittest

from blackbox.fleet import OTHER_SECURE, TroubleCase
from blackbox.harness import SECURE
from pylib.faulty_proxy import FaultyProxy
from pylib.net import free_port
from pylib.waiting import wait_for


class Away(TroubleCase):
    """Nobody is there, or nobody answers."""

    def test_down_at_start(self):
        self.engine.kill()
        daemon = self.member("a", wait=False)
        self.assertEqual(daemon.ask(self.known), SECURE)
        self.wait_down(daemon, "down")
        daemon.wait_log("fleet-down", "trouble=down")
        self.as_alone(daemon)
        self.engine.start()
        self.wait_up(daemon)
        daemon.wait_log("fleet-up")
        self.wait_stored(self.known, "f0.test")  # what it has learnt meanwhile

    def test_goes_away_and_comes_back_empty(self):
        a, b = self.learnt("a"), self.member("b")
        self.wait_stored(self.known)
        self.engine.kill()
        self.wait_down(a, "down")
        self.as_alone(a)
        self.engine.start()
        for daemon in (a, b):
            self.wait_up(daemon)
        self.wait_stored(self.known, "f0.test")
        self.expect_shared(b, a)

    def test_refused(self):
        daemon = self.member("a", wait=False, engine="tcp:127.0.0.1:%d" % free_port())
        self.assertEqual(daemon.ask(self.known), SECURE)
        self.wait_down(daemon, "down")
        daemon.wait_log("fleet-down", "refused")
        self.as_alone(daemon)

    def test_a_name_that_does_not_exist(self):
        daemon = self.member("a", wait=False, engine="tcp:engine.invalid:6379")
        self.assertEqual(daemon.ask(self.known), SECURE)
        self.wait_down(daemon, "down", "timeout")
        self.as_alone(daemon)

    def test_stopped_midway(self):
        a = self.learnt(timeout="50ms")
        self.engine.freeze()
        self.addCleanup(self.engine.thaw)
        self.as_alone(a, 3)
        self.wait_down(a, "timeout", "down")
        self.assertGreaterEqual(self.metrics(a).value("stsmapd_shared_breaker_opened_total"), 1)
        self.as_alone(a)
        self.engine.thaw()
        self.wait_up(a)
        self.wait_stored(self.known, "f0.test", "f1.test", "f2.test", "f3.test")

    def test_a_cached_answer_does_not_wait_for_a_stopped_engine(self):
        """With a time limit that would be seen."""
        a = self.learnt(timeout="1s")
        self.engine.freeze()
        self.addCleanup(self.engine.thaw)
        with a.client() as waiting, a.client() as client:
            waiting.send(b"13:sts cold.test,")
            took = []
            for _ in range(200):
                began = time.monotonic()
                self.assertEqual(client.ask(self.known), SECURE)
                took.append(time.monotonic() - began)
            waiting.reply()
        self.assertLess(sorted(took)[100], 0.2, "half of them, on a busy machine")


class Network(TroubleCase):
    """A proxy between host and engine fails."""

    def setUp(self):
        super().setUp()
        self.proxy = FaultyProxy(self.engine.address)
        self.addCleanup(self.proxy.close)

    def through(self, name="a", **how):
        return self.learnt(name, engine=self.proxy.address, **how)

    def heal(self, daemon):
        self.proxy.mode = "pass"
        self.proxy.reset()
        self.wait_up(daemon)

    def test_reset(self):
        a = self.through()
        self.proxy.mode = "reset"
        self.wait_down(a, "down")
        self.as_alone(a)
        before = self.proxy.connections
        wait_for(lambda: self.proxy.connections >= before + 2, "further attempts", 60)
        self.as_alone(a)
        self.heal(a)
        self.wait_stored(self.known, "f0.test", "f1.test")

    def test_reset_in_the_middle_of_questions(self):
        """Each may be the one that is lost; none is a wrong answer."""
        a = self.through(settings={"log": {"level": "debug"}})
        for _ in range(6):
            domain = next(self.fresh)
            with a.client() as client:
                client.send(b"%d:sts %s," % (len(domain) + 4, domain.encode()))
                self.proxy.reset()
                self.assertEqual(client.reply(), SECURE)
        self.wait_up(a)
        self.expect_ready(a)

    def test_garbage(self):
        a = self.through()
        self.proxy.mode = "garbage"
        self.as_alone(a)
        self.wait_down(a, "protocol")
        a.wait_log("fleet-down", "trouble=protocol")
        self.as_alone(a)
        self.heal(a)

    def test_one_octet_a_second(self):
        a = self.through(timeout="50ms")
        self.proxy.mode = "drip"
        self.as_alone(a, 3)
        self.wait_down(a, "timeout", "down")
        self.as_alone(a)
        self.heal(a)

    def test_later_than_the_limit(self):
        a = self.through(timeout="50ms")
        self.proxy.seconds, self.proxy.mode = 1.0, "delay"
        self.as_alone(a, 3)
        self.wait_commands(a, "timeout")
        self.heal(a)

    def test_half_open(self):
        """What was sent is lost, and nobody says so."""
        a = self.through(timeout="50ms")
        self.proxy.mode = "drop"
        self.as_alone(a, 3)
        self.proxy.mode = "pass"  # the connection is open, and the next PING is answered
        self.wait_up(a)
        self.wait_stored(self.known)

    def test_silent_from_the_beginning(self):
        self.proxy.mode = "drop"
        daemon = self.member("a", wait=False, engine=self.proxy.address)
        self.assertEqual(daemon.ask(self.known), SECURE)
        self.wait_down(daemon, "timeout", "down")
        self.as_alone(daemon)
        self.heal(daemon)

    def test_partition_and_healing(self):
        """After it, newer ones are taken and missing ones pushed."""
        changed, mine, theirs = next(self.fresh), next(self.fresh), next(self.fresh)
        a, b = self.through("a"), self.member("b")
        self.assertEqual(a.ask(changed), SECURE)
        self.wait_stored(changed)
        self.proxy.mode = "hold"
        self.assertEqual(a.ask(mine), SECURE)
        self.pass_second()
        self.world.policy(changed, mx=("mx2.good.test", "*.mail.test"), ident="2")
        self.assertEqual(b.ask(changed), OTHER_SECURE)
        self.assertEqual(b.ask(theirs), SECURE)
        self.assertEqual(a.ask(changed), SECURE, "A cannot know yet")
        self.assertEqual(a.ask(self.known), SECURE)
        self.expect_ready(a)
        self.wait_down(a, "timeout", "down")
        self.heal(a)
        wait_for(lambda: a.ask(changed) == OTHER_SECURE, "A takes the newer one")
        self.wait_stored(mine)
        for daemon, domain in ((a, theirs), (b, mine)):
            self.assertEqual(daemon.ask(domain), SECURE)
            self.assertEqual(self.world.hosts.count(domain), 1)
        self.assertEqual(self.world.hosts.count(changed), 2)


if __name__ == "__main__":
    unittest.main()
