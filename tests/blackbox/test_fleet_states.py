"""Troubles of a shared cache, row by row as in stsmapd(8), SHARED CACHE: the engine is there, and cannot or must not do
what is asked, or answers something else; clocks are wrong; somebody else writes to it. In none of them does a host answer
other than one without a shared cache, but for learning later, nor is it not ready."""

import time
import unittest

from blackbox.fleet import TroubleCase
from blackbox.harness import SECURE
from pylib import sealing
from pylib.engine import PASSWORD, USER, Engine, Replica
from pylib.programs import libfaketime
from pylib.resp import FakeEngine
from pylib.waiting import LATE, wait_for


class States(TroubleCase):
    """The engine is there, and cannot or must not do what is asked."""

    def test_becomes_a_replica(self):
        a = self.learnt()
        self.engine.do("REPLICAOF", "127.0.0.1", "1")
        self.as_alone(a)
        self.wait_down(a, "readonly", "masterdown")
        self.as_alone(a)
        self.engine.do("REPLICAOF", "NO", "ONE")
        self.wait_up(a)
        self.wait_stored(self.known, "f0.test", "f1.test")

    def test_loading(self):
        self.engine.clean_up()
        self.engine = Engine(
            self.world.path("slow"), "loading-process-events-interval-bytes 1024\nkey-load-delay 20000\n"
        ).start()
        with self.engine.admin() as admin:
            for number in range(400):
                admin.ask("SET", f"stsmapd:1:x:{number}", "x" * 300)
            admin.ask("SAVE")
        a = self.learnt()
        self.wait_stored(self.known)
        self.engine.kill()
        self.engine.start()
        self.wait_down(a, "loading")
        self.as_alone(a)
        self.wait_up(a)
        self.wait_stored(self.known, "f0.test")

    def test_a_reader_whose_replica_has_lost_its_primary(self):
        primary = Engine(self.world.path("primary"), tcp=True).start()
        self.addCleanup(primary.clean_up)
        replica = Replica(self.world.path("replica"), primary, "replica-serve-stale-data no").start()
        self.addCleanup(replica.clean_up)
        replica.wait_in_step()
        a = self.learnt("a", engine=primary.address)
        wait_for(lambda: self.known in replica.keys(), "the replica has it")
        reader = self.member("r", engine=replica.address, read_only=True)
        self.assertEqual(reader.ask(self.known), SECURE)
        self.assertEqual(self.world.hosts.count(self.known), 1)
        primary.kill()
        wait_for(lambda: b"master_link_status:down" in replica.do("INFO", "replication"), "no primary")
        self.as_alone(reader)
        said = self.trouble(self.status(reader))
        self.assertTrue(said == "masterdown" or self.commands(reader, "masterdown"), self.status(reader))
        self.as_alone(a)
        primary.start()
        wait_for(lambda: b"master_link_status:up" in replica.do("INFO", "replication"), "a primary", 60)
        self.wait_up(reader)

    def test_wrong_password(self):
        daemon = self.member("a", wait=False, password_file=self.secret("wrong", "hemlock-9"))
        self.secrets.add("hemlock-9")
        self.assertEqual(daemon.ask(self.known), SECURE)
        self.wait_down(daemon, "auth")
        daemon.wait_log("fleet-down", "trouble=auth")
        self.as_alone(daemon)

    def test_no_password(self):
        daemon = self.member("a", wait=False, user=None, password_file=None)
        self.assertEqual(daemon.ask(self.known), SECURE)
        self.wait_down(daemon, "auth")
        self.as_alone(daemon)

    def test_without_rights(self):
        """Without any, and with one less than the manual says: the daemon works with what is left."""
        rights = {
            "nothing": ("-@all +auth", "noperm"),
            "writes": ("~stsmapd:* &stsmapd:* -@all +auth +role +ping +get +mget +subscribe", "noperm"),
            "other keys": ("~others:* &stsmapd:* -@all +@all", "noperm"),
        }
        for number, (name, (words, word)) in enumerate(rights.items()):
            with self.subTest(name):
                user = "poor%d" % number
                self.engine.do("ACL", "SETUSER", user, "on", ">" + PASSWORD, *words.split())
                daemon = self.member(user, wait=False, user=user)
                self.assertEqual(daemon.ask(self.known), SECURE)
                self.wait_down(daemon, word)
                daemon.wait_log("fleet-down", "trouble=" + word)
                self.as_alone(daemon)

    def test_without_the_right_to_subscribe(self):
        """No notifications come, and the status says so; what is asked for is found all the same."""
        self.engine.do("ACL", "SETUSER", USER, "-subscribe")
        a, b = self.member("a", wait=False), self.member("b", wait=False)
        for daemon in (a, b):
            self.wait_status(daemon, lambda status: status["up"], "a host that is up")
        self.assertEqual(a.ask(self.known), SECURE)
        self.wait_stored(self.known)
        self.assertEqual(b.ask(self.known), SECURE)
        self.assertEqual(self.world.hosts.count(self.known), 1)
        self.assertIs(self.status(b)["subscribed"], False)
        self.as_alone(a)

    def test_a_right_is_withdrawn_later(self):
        a = self.learnt()
        self.wait_stored(self.known)
        self.engine.do("ACL", "SETUSER", USER, "-set", "-publish")
        self.as_alone(a)
        self.wait_commands(a, "noperm")
        self.engine.do("ACL", "SETUSER", USER, "-get", "-mget")
        self.as_alone(a)
        self.engine.do("ACL", "SETUSER", USER, "+get", "+mget", "+set", "+publish")
        b = self.member("b")
        self.expect_shared(a, b)

    def test_full(self):
        a, b = self.learnt("a"), self.member("b")
        self.wait_stored(self.known)
        self.engine.do("CONFIG", "SET", "maxmemory-policy", "noeviction")
        self.engine.do("CONFIG", "SET", "maxmemory", "1")
        self.as_alone(a)
        self.wait_commands(a, "oom")
        wait_for(lambda: self.metrics(a).value("stsmapd_shared_offers_total", result="not-stored"), "not stored")
        self.assertEqual(b.ask(self.known), SECURE, "reading goes on")
        self.assertEqual(self.world.hosts.count(self.known), 1)
        self.as_alone(b)
        for daemon in (a, b):
            self.assertEqual(daemon.log_lines("fleet-down"), [])
        self.engine.do("CONFIG", "SET", "maxmemory", "0")
        self.expect_shared(a, b)

    def test_evicts(self):
        a, b = self.learnt("a"), self.member("b")
        self.wait_stored(self.known)
        self.assertEqual(b.ask(self.known), SECURE)
        self.engine.do("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        self.engine.do("CONFIG", "SET", "maxmemory", "1")
        self.as_alone(a)
        self.as_alone(b)
        self.engine.do("CONFIG", "SET", "maxmemory", "0")
        self.expect_shared(a, b)

    def test_is_emptied(self):
        a, b = self.learnt("a"), self.member("b")
        self.wait_stored(self.known)
        self.engine.do("FLUSHALL")
        self.as_alone(a)
        self.assertTrue(self.status(a)["up"])
        self.assertEqual(b.ask(self.known), SECURE)
        self.assertEqual(self.world.hosts.count(self.known), 2, "each learns what it is asked for")
        self.expect_shared(a, b)
        self.engine.do("FLUSHALL")
        self.assertEqual(self.run_tool("--config", a.config_file, "fleet", "sync").returncode, 0)
        self.wait_stored(self.known, "f0.test", "f1.test")

    def test_keys_of_another_type(self):
        """Somebody else uses our names."""
        a = self.learnt()
        domain = next(self.fresh)
        for kind in "plr":
            self.engine.do("RPUSH", "stsmapd:1:%s:{%s}" % (kind, domain), "x")
        self.engine.do("DEL", "stsmapd:1:hosts")
        self.engine.do("SET", "stsmapd:1:hosts", "x")
        self.assertEqual(a.ask(domain), SECURE)
        self.assertEqual(self.world.hosts.count(domain), 1)
        self.as_alone(a)
        self.status(a, hosts=True)
        self.assertTrue(self.status(a)["up"])


class FakeEngines(TroubleCase):
    START_ENGINE = False

    def fake(self, answer=None):
        engine = FakeEngine(answer)
        self.addCleanup(engine.close)
        return engine

    def test_without_pxat(self):
        """Redis before 6.2."""

        def old(words):
            return b"-ERR syntax error\r\n" if "PXAT" in words else FakeEngine.usual(words)

        fake = self.fake(old)
        daemon = self.member("a", wait=False, engine=fake.address)
        self.assertEqual(daemon.ask(self.known), SECURE)
        self.wait_down(daemon, "refused")
        daemon.wait_log("fleet-down", "PXAT")
        self.as_alone(daemon)
        self.assertEqual([words for words in fake.seen if words[0] in ("GET", "MGET")], [], "it is not asked")

    def test_loading_and_other_errors(self):
        rows = {
            b"-LOADING Redis is loading the dataset in memory": "loading",
            b"-ERR max number of clients reached": "overloaded",
            b"-MISCONF Redis is configured to save RDB snapshots": "refused",
            b"-CLUSTERDOWN Hash slot not served": "refused",
            b"-DENIED Redis is running in protected mode": "refused",
            b":7": "protocol",
        }
        for number, (line, word) in enumerate(rows.items()):
            with self.subTest(word=word, line=line):

                def answer(words, line=line):
                    return b"+OK\r\n" if words[0] == "AUTH" else line + b"\r\n"

                fake = self.fake(answer)
                daemon = self.member("e%d" % number, wait=False, engine=fake.address)
                self.assertEqual(daemon.ask(self.known), SECURE)
                self.wait_down(daemon, word)
                self.as_alone(daemon)

    def test_replies_that_are_too_large_or_something_else(self):
        """To what is asked, once it is up."""
        rows = [
            b"$104857600\r\n" + b"x" * 1000,
            b"*1000000\r\n",
            b"$-1\r\n$-1\r\n$-1\r\n",
            b"*1\r\n" * 100,
            b":1\r\n",
            b"$5\r\nhello\r\n",
            b"+OK\r\n",
        ]
        for number, octets in enumerate(rows):
            with self.subTest(octets=octets[:20]):

                def answer(words, octets=octets):
                    asked = words[0] in ("GET", "MGET") or (words[0] == "SET" and "NX" in words)
                    return octets if asked else FakeEngine.usual(words)

                fake = self.fake(answer)
                daemon = self.member("r%d" % number, wait=False, engine=fake.address)
                self.wait_status(daemon, lambda status: status["up"] or self.trouble(status), "something")
                domain = "f%d.test" % number
                self.assertEqual(daemon.ask(domain), SECURE)
                self.assertEqual(daemon.ask(domain), SECURE)
                self.expect_ready(daemon)


class Clocks(TroubleCase):
    """One of the clocks is wrong (libfaketime)."""

    def setUp(self):
        super().setUp()
        self.library = libfaketime(self)

    def clock(self, offset):
        """The environment of a host whose clock is so many seconds ahead."""
        path = self.world.path("offset%d" % offset)
        with open(path, "w", encoding="ascii") as file:
            file.write("%+d\n" % offset)
        return {
            "LD_PRELOAD": self.library,
            "FAKETIME_TIMESTAMP_FILE": path,
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def test_hours_behind(self):
        """The clock of one host: what the others have is from the future to it, and is not taken; it writes over it, and
        what it has fetched is older and good for the others. (Theirs are ahead of the true time here, because the
        certificates of the policy hosts are new.)"""
        right = self.clock(7200)
        a, late, c = self.learnt("a", environment=right), self.member("late"), self.member("c", environment=right)
        self.wait_stored(self.known)
        self.assertEqual(late.ask(self.known), SECURE)
        self.assertEqual(self.world.hosts.count(self.known), 2)
        self.wait_refused(late, "from-future")
        wait_for(lambda: b"host: late\n" in self.get(self.known), "the late one's value")
        self.assertEqual(c.ask(self.known), SECURE)
        self.assertEqual(self.world.hosts.count(self.known), 2)
        self.as_alone(late)
        self.expect_shared(late, c)
        for daemon, seen in ((c, {"a": "here", "c": "here", "late": "silent"}),
                             (late, {"a": "other-clock", "c": "other-clock", "late": "here"})):
            hosts = self.status(daemon, hosts=True)["hosts"]
            self.assertEqual({host["name"]: host["presence"] for host in hosts}, seen)
        self.assertEqual(a.ask(self.known), SECURE)
        self.expect_ready(a)

    def test_hours_ahead(self):
        """What it has is from the future for others: they fetch, and write over it."""
        early = self.learnt("early", environment=self.clock(7200))
        self.wait_stored(self.known)
        a = self.member("a")
        self.assertEqual(a.ask(self.known), SECURE)
        self.assertEqual(self.world.hosts.count(self.known), 2)
        self.wait_refused(a, "from-future")
        wait_for(lambda: b"host: a\n" in self.get(self.known), "the value of the host with the right clock")
        self.as_alone(a)
        self.assertEqual(early.ask(self.known), SECURE)
        self.expect_ready(early)

    def test_minutes_ahead_are_nothing(self):
        a, b = self.learnt("a", environment=self.clock(200)), self.member("b")
        self.wait_stored(self.known)
        self.assertEqual(b.ask(self.known), SECURE)
        self.assertEqual(self.world.hosts.count(self.known), 1)
        self.expect_shared(b, a)


class Squatters(TroubleCase):
    """Somebody who can write to the engine, and has no key."""

    def test_leases_that_are_taken(self):
        """Cost a search 1.5 s, and no answer."""
        a = self.learnt()
        domain = next(self.fresh)
        for kind in "lr":
            self.engine.do("SET", "stsmapd:1:%s:{%s}" % (kind, domain), "me")
        began = time.monotonic()
        self.assertEqual(a.ask(domain), SECURE)
        self.assertGreaterEqual(time.monotonic() - began, 1.4)
        self.assertLess(time.monotonic() - began, 1.5 + LATE)
        self.assertEqual(self.metrics(a).value("stsmapd_shared_waits_in_vain_total"), 1)

    def test_messages_on_the_channel(self):
        a = self.learnt()
        value = self.value(self.known)
        junk = [b"", b" ", b"x", b"x" * 100_000, b"stsmapd:1:p:{known.test}", b"stsmapd:1:p:{known.test} " + b"x" * 50,
                sealing.notification("known.test", value[:-1]), sealing.notification("other.test", value),
                b"stsmapd:1:l:{known.test}", b"stsmapd:1:p:{a b} x", b"\0\xff" * 40, b"stsmapd:1:p:{" + b"a" * 300 + b"}"]
        with self.engine.admin() as admin:
            for _ in range(20):
                for payload in junk:
                    admin.ask("PUBLISH", "stsmapd:1:n", payload)
        self.as_alone(a)
        self.assertTrue(self.status(a)["up"])
        self.assertEqual(self.world.hosts.count(self.known), 1)

    def test_heartbeats_that_are_none(self):
        a = self.learnt()
        for name, record in (("x" * 300, "{}"), ("y\n\x1b[31m", '{"schema":1}'), ("z", "[" * 5000), ("w", "x" * 100_000)):
            self.engine.do("HSET", "stsmapd:1:hosts", name, record)
        for number in range(300):
            self.engine.do("HSET", "stsmapd:1:hosts", "h%d" % number, '{"schema":1,"version":"1","at":1,"entries":1}')
        done = self.run_tool("--config", a.config_file, "fleet", "status")
        self.assertNotIn("\x1b", done.stdout)
        self.assertRegex(done.stdout, r"(?m)^a .*this host", "it is still among them")
        self.as_alone(a)


if __name__ == "__main__":
    unittest.main()
