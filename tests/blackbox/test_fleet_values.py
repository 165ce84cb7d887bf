"""What stands in the engine is a claim: forged, moved, replayed, cut and damaged values are refused with a word, nobody
gets an answer from one, and what may be good for others stays. The values are made by pylib/sealing.py, which shares
nothing with the daemon."""

import os
import time
import unittest

from blackbox.fleet import OTHER_POLICY, OTHER_SECURE, POLICY, FleetCase
from blackbox.harness import NOTFOUND, SECURE
from pylib import sealing
from pylib.waiting import wait_for

DAY = 86400


class ValueCase(FleetCase):
    """The policy hosts serve OTHER_POLICY; what is put into the engine says POLICY. So an answer tells where it is
    from."""

    HIDE = False

    def name(self, domain, key=None):
        return (key or self.keys[0]).hidden_name(domain) if self.HIDE else domain

    def made(self, domain, text=POLICY, ident="1", **how):
        return self.value(domain, text, ident, hide=self.HIDE, **how)

    def host(self, name="a", **how):
        return self.member(name, hide_domains=self.HIDE, **how)

    def served(self, *domains):
        return self.policies(*domains, mx=("mx2.good.test", "*.mail.test"))

    def expect_refused(self, daemon, domain, octets, reason, left_alone=False, note=""):
        """Found in the engine by a search: refused, counted, and fetched instead. Then it is written over, or never."""
        self.put(self.name(domain), octets)
        before = self.refused(daemon).get(reason, 0)
        self.assertEqual(daemon.ask(domain), OTHER_SECURE, note)
        self.assertEqual(self.world.hosts.count(domain), 1, note)
        self.assertGreaterEqual(self.refused(daemon).get(reason, 0), before + 1, f"{note} {self.refused(daemon)}")
        self.wait_offered(daemon)
        if left_alone:
            self.assertEqual(self.get(self.name(domain)), octets, note)
        else:
            value = self.get(self.name(domain))
            self.assertIn(b"mx: mx2.good.test", self.keys[0].opened(self.name(domain), value), note)

    def wait_offered(self, daemon):
        """Until nothing waits for the engine, and what was fetched is stored or not."""

        def done():
            metrics = self.metrics(daemon)
            offered = metrics.value("stsmapd_shared_offers_total", result="stored")
            offered += metrics.value("stsmapd_shared_offers_total", result="not-stored")
            return metrics.value("stsmapd_shared_waiting_writes") == 0 and offered >= sum(self.world.hosts.gets.values())

        wait_for(done, "what was fetched is offered")


class Values(ValueCase):
    def test_good_ones_are_taken(self):
        """Made by another program than the daemon's, of another host, also days ago."""
        self.served("a.test", "b.test", "c.test")
        self.put(self.name("a.test"), self.made("a.test"))
        self.put(self.name("b.test"), self.made("b.test", fetched=time.time() - DAY / 2))
        daemon = self.host()
        for domain in ("a.test", "b.test"):
            self.assertEqual(daemon.ask(domain), SECURE)
            self.assertEqual(self.world.hosts.count(domain), 0)
        with self.engine.admin() as admin:
            admin.ask("PUBLISH", "stsmapd:1:n", sealing.notification(self.name("c.test"), self.made("c.test")))
            self.put(self.name("c.test"), self.made("c.test"))
        self.assertEqual(daemon.ask("c.test"), SECURE)
        self.assertEqual(self.refused(daemon), {})

    def test_what_the_daemon_writes_can_be_read_by_the_book(self):
        self.served("a.test")
        daemon = self.host()
        before = int(time.time() * 1000)
        self.assertEqual(daemon.ask("a.test"), OTHER_SECURE)
        name = self.name("a.test")
        octets = wait_for(lambda: self.get(name), "the value")
        head, _, text = self.keys[0].opened(name, octets).partition(b"\n\n")
        lines = head.decode().split("\n")
        self.assertEqual(text.decode(), OTHER_POLICY)
        self.assertEqual([lines[0], lines[1], lines[3]], ["domain: a.test", "id: 1", "host: a"])
        fetched = int(lines[2].removeprefix("fetched: "))
        self.assertTrue(before - 1000 <= fetched <= time.time() * 1000, lines)
        end = int(self.engine.do("PEXPIRETIME", sealing.policy_key(name)))
        self.assertAlmostEqual(end, fetched + DAY * 1000, delta=1000)
        wait_for(lambda: self.engine.do("HGET", "stsmapd:1:hosts", "a"), "a heartbeat")

    def test_rows(self):
        key, other, now = self.keys[0], sealing.Key("k9"), time.time()
        self.secrets.add(other.material.hex())

        def plain(domain, **change):
            """Content with a part changed, under a right seal."""
            octets = sealing.content(domain, POLICY)
            for old, new in change.get("swap", ()):
                octets = octets.replace(old, new)
            return key.sealed(domain, octets + change.get("more", b""))

        rows = [
            ("bad-seal", lambda d: sealing.Key("k1").value(d, POLICY), False, "forged with another key"),
            ("bad-seal", lambda d: self.made("x.test"), False, "moved from another domain"),
            ("bad-seal", lambda d: self.made(d).replace(b"mx1.good", b"mx3.good"), False, "changed"),
            ("bad-seal", lambda d: self.made(d) + b"\n", False, "longer"),
            ("bad-seal", lambda d: self.made(d)[:-1], False, "cut by an octet"),
            ("bad-seal", lambda d: self.made(d).partition(b"\n")[0] + b"\n", False, "cut after the seal"),
            ("garbage", lambda d: b"", False, "nothing"),
            ("garbage", lambda d: b"hello", False, "something else"),
            ("garbage", lambda d: self.made(d)[:20], False, "cut within the seal"),
            ("garbage", lambda d: os.urandom(300), False, "noise"),
            ("garbage", lambda d: plain(d, swap=[(b"fetched: ", b"fetched: +")]), False, "a number with a sign"),
            ("garbage", lambda d: plain(d, swap=[(b"host: other.example", b"host: a b")]), False, "no host name"),
            ("garbage", lambda d: key.sealed(d, b"id: 1\n"), False, "a line too few"),
            ("other-domain", lambda d: self.made("x.test", name=d), False, "sealed here, of another domain"),
            ("unknown-key", lambda d: other.value(d, POLICY), True, "of a key that this host lacks"),
            ("unknown-version", lambda d: key.sealed(d, b"what may come", version=2), True, "of a newer program"),
            ("unknown-version", lambda d: b"stsmapd7 k1 x\ny", True, "of a much newer one"),
            ("too-large", lambda d: key.sealed(d, sealing.content(d, POLICY + " " * 80_000)), False, "large"),
            ("from-future", lambda d: self.made(d, fetched=now + 3600), False, "fetched in an hour"),
            ("expired", lambda d: self.made(d, fetched=now - 2 * DAY), False, "over since yesterday"),
            ("no-policy", lambda d: self.made(d, "hello\n"), False, "no policy"),
            ("no-policy", lambda d: self.made(d, POLICY.replace("enforce", "always")), False, "no mode"),
        ]
        domains = self.served(*["v%02d.test" % number for number in range(len(rows))])
        daemon = self.host()
        for domain, (reason, make, left_alone, note) in zip(domains, rows):
            with self.subTest(note):
                self.expect_refused(daemon, domain, make(domain), reason, left_alone, note)
        for reason in ("bad-seal", "unknown-key", "unknown-version", "from-future", "garbage", "too-large"):
            self.assertTrue(daemon.wait_log("fleet-value-refused", reason), reason)
        self.expect_ready(daemon)

    def test_damaged_anywhere(self):
        """One bit of some octets changed, and cut at some lengths: never taken."""
        value = self.made("x.test")
        cuts = [1, 9, 12, 13, 40, 55, 56, 57, 70, len(value) // 2, len(value) - 1]
        flips = [0, 8, 9, 11, 12, 30, 54, 55, 56, 60, 80, 100, len(value) - 1]
        domains = self.served(*["d%02d.test" % number for number in range(len(cuts) + len(flips))])
        daemon = self.host()
        for number, domain in enumerate(domains):
            octets = self.made(domain)
            if number < len(cuts):
                octets = octets[: cuts[number]]
            else:
                at = flips[number - len(cuts)]
                octets = octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]
            self.put(domain, octets)
            self.assertEqual(daemon.ask(domain), OTHER_SECURE, octets)
        self.assertEqual(sum(self.refused(daemon).get(reason, 0) for reason in
                             ("garbage", "bad-seal", "unknown-key", "unknown-version")) >= len(domains), True)
        self.wait_offered(daemon)

    def test_of_a_value_without_the_id_that_dns_shows_nothing_is_used(self):
        self.served("a.test")
        self.put("a.test", self.made("a.test", ident="0"))
        daemon = self.host()
        self.assertEqual(daemon.ask("a.test"), OTHER_SECURE)
        self.assertEqual(self.world.hosts.count("a.test"), 1)
        self.assertEqual(self.metrics(daemon).value("stsmapd_shared_values_total", result="other-id"), 1)

    def test_replayed_older_ones(self):
        """Who knows a newer one keeps it: found, notified and compared."""
        old = self.made("a.test", fetched=time.time() - DAY / 2)
        self.served("a.test")
        a = self.host("a")
        self.assertEqual(a.ask("a.test"), OTHER_SECURE)
        self.wait_stored("a.test")
        newer = self.get("a.test")
        self.put("a.test", old)
        self.engine.do("PUBLISH", "stsmapd:1:n", sealing.notification("a.test", old))
        self.world.unplug()
        self.assertEqual(self.run_tool("--config", a.config_file, "fleet", "sync").returncode, 0)
        self.assertEqual(a.ask("a.test"), OTHER_SECURE)
        wait_for(lambda: self.get("a.test") == newer or b"mx2.good" in self.get("a.test"), "the newer one is back")
        self.world.plug()
        b = self.host("b")
        self.put("a.test", old)
        self.assertEqual(b.ask("a.test"), SECURE, "authentic, not over, and the id is the same: what replay can do")

    def test_an_older_one_where_dns_is_suppressed(self):
        """What SECURITY.md says of replay: where nobody holds a newer one, until the record is seen."""
        old = self.made("a.test", ident="0", fetched=time.time() - DAY / 2)
        self.put("a.test", old)
        daemon = self.host()
        self.world.unplug()
        self.assertEqual(daemon.ask("a.test"), SECURE)
        self.world.plug()
        self.served("a.test")
        self.control(daemon).post("domains", "a.test", "refresh")
        wait_for(lambda: daemon.ask("a.test") == OTHER_SECURE, "the record is seen")

    def test_a_value_cannot_be_made_for_a_domain_without_a_policy(self):
        daemon = self.host()
        for octets in (sealing.Key("k1").value("absent.test", POLICY), b"stsmapd1 k1 x\n" + sealing.content("absent.test", POLICY)):
            self.put("absent.test", octets)
            self.engine.do("PUBLISH", "stsmapd:1:n", sealing.notification("absent.test", octets))
        self.assertEqual(daemon.ask("absent.test"), NOTFOUND)

    def test_notifications_of_what_is_refused(self):
        """The domain is known: what comes is looked at, and refused."""
        self.served("a.test")
        daemon = self.host()
        self.assertEqual(daemon.ask("a.test"), OTHER_SECURE)
        self.wait_stored("a.test")
        for reason, octets in (
            ("bad-seal", sealing.Key("k1").value("a.test", POLICY, "2", time.time() + 2)),
            ("from-future", self.made("a.test", ident="2", fetched=time.time() + 3600)),
            ("no-policy", self.made("a.test", "x", "2")),
        ):
            self.engine.do("PUBLISH", "stsmapd:1:n", sealing.notification("a.test", octets))
            self.wait_refused(daemon, reason)
        self.assertEqual(daemon.ask("a.test"), OTHER_SECURE)
        self.assertEqual(self.world.hosts.count("a.test"), 1)

    def test_a_policy_that_is_too_large_for_a_notification(self):
        long = POLICY + "".join("mx: m%04d.mail.test\r\n" % number for number in range(600))
        self.policies("a.test", body=long)
        a, b, c = self.host("a"), self.host("b"), self.host("c")
        for daemon in (b, c):
            self.assertEqual(daemon.ask("a.test").split(" ")[:2], ["OK", "secure"])
            self.wait_stored("a.test")
        self.assertEqual(self.world.hosts.count("a.test"), 1)
        self.assertGreater(len(self.get("a.test")), 8192)
        self.pass_second()
        self.policies("a.test", body=long.replace("m0599", "m9999"), ident="2")
        self.assertIn("m9999", a.ask("a.test"))
        for daemon in (b, c):
            wait_for(lambda: "m9999" in daemon.ask("a.test"), "the others have looked it up")
        self.assertEqual(self.world.hosts.count("a.test"), 2)


class Hidden(ValueCase):
    """The same with hide_domains."""

    HIDE = True

    def test_nothing_tells_the_domain(self):
        self.served("secret-customer.test")
        a, b = self.host("a"), self.host("b")
        with self.engine.admin() as watcher:
            watcher.ask("SUBSCRIBE", "stsmapd:1:n")
            self.assertEqual(a.ask("secret-customer.test"), OTHER_SECURE)
            heard = []
            while not heard or b"p:{" not in heard[-1]:
                heard.append(watcher.hear()[2])
        self.assertEqual(b.ask("secret-customer.test"), OTHER_SECURE)
        self.assertEqual(self.world.hosts.count("secret-customer.test"), 1)
        name = self.keys[0].hidden_name("secret-customer.test")
        self.assertEqual(self.engine.keys(), {name})
        everything = b"".join(heard) + self.get(name)
        for key in self.engine.do("KEYS", "*"):
            everything += key
        for word in (b"secret", b"customer", b"good.test", b"mail.test", b"STSv1"):
            self.assertNotIn(word, everything)

    def test_good_ones_are_taken(self):
        self.served("a.test")
        self.put(self.name("a.test"), self.made("a.test"))
        daemon = self.host()
        self.assertEqual(daemon.ask("a.test"), SECURE)
        self.assertEqual(self.world.hosts.count("a.test"), 0)

    def test_what_the_daemon_writes_can_be_read_by_the_book(self):
        self.served("a.test")
        daemon = self.host()
        self.assertEqual(daemon.ask("a.test"), OTHER_SECURE)
        octets = wait_for(lambda: self.get(self.name("a.test")), "the value")
        self.assertIn(b"domain: a.test\n", self.keys[0].opened(self.name("a.test"), octets))

    def test_rows(self):
        key, now = self.keys[0], time.time()
        rows = [
            ("bad-seal", lambda d: sealing.Key("k1").value(d, POLICY, hide=True), False, "forged with another key"),
            ("bad-seal", lambda d: self.made("x.test"), False, "moved from another domain"),
            ("bad-seal", lambda d: self.made(d)[:-1], False, "cut"),
            ("bad-seal", lambda d: self.made(d)[:-1] + b"\0", False, "damaged"),
            ("garbage", lambda d: key.sealed(self.name(d), sealing.content(d, POLICY)), False, "not encrypted"),
            ("garbage", lambda d: key.sealed(self.name(d), b"short"), False, "no room for a tag"),
            ("other-domain", lambda d: self.made("x.test", name=self.name(d)), False, "sealed here, of another domain"),
            ("unknown-version", lambda d: key.sealed(self.name(d), b"x", version=2), True, "of a newer program"),
            ("from-future", lambda d: self.made(d, fetched=now + 3600), False, "fetched in an hour"),
            ("expired", lambda d: self.made(d, fetched=now - 2 * DAY), False, "over since yesterday"),
            ("no-policy", lambda d: self.made(d, "hello\n"), False, "no policy"),
        ]
        domains = self.served(*["v%02d.test" % number for number in range(len(rows))])
        daemon = self.host()
        for domain, (reason, make, left_alone, note) in zip(domains, rows):
            with self.subTest(note):
                self.expect_refused(daemon, domain, make(domain), reason, left_alone, note)

    def test_changes_are_seen_by_all(self):
        """A notification has a name from which the domain cannot be told: the value is looked up."""
        self.policies("a.test")
        a, b, c = self.host("a"), self.host("b"), self.host("c")
        for daemon in (b, c):
            self.assertEqual(daemon.ask("a.test"), SECURE)
            wait_for(lambda: self.get(self.name("a.test")), "the value")
        self.pass_second()
        self.world.policy("a.test", mx=("mx2.good.test", "*.mail.test"), ident="2")
        self.assertEqual(a.ask("a.test"), OTHER_SECURE, "asked for the first time, and the id is new")
        for daemon in (b, c):
            wait_for(lambda: daemon.ask("a.test") == OTHER_SECURE, "the others have it")
        self.assertEqual(self.world.hosts.count("a.test"), 2)

    def test_hosts_of_different_settings_see_nothing_of_each_other(self):
        self.served("a.test")
        hidden, plain = self.host("a"), self.member("p", hide_domains=False)
        self.assertEqual(hidden.ask("a.test"), OTHER_SECURE)
        self.assertEqual(plain.ask("a.test"), OTHER_SECURE)
        self.assertEqual(self.world.hosts.count("a.test"), 2)
        self.wait_stored("a.test", self.name("a.test"))


if __name__ == "__main__":
    unittest.main()
