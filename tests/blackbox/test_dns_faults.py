"""Each step of a DNS exchange fails in turn, over UDP and TCP: what Postfix gets, what the log says, and that the
daemon recovers by itself.

As in test_fetch_faults.py, each row is tried for a domain without a policy and for one with a policy. A failed lookup
is repeated after a minute; all rows wait together.
"""

import unittest

from blackbox import harness, hostile
from blackbox.harness import NOTFOUND, SECURE
from blackbox.hostile import ask_all, changed, over_tcp
from pylib.waiting import LATE, wait_for

HARMLESS = "none"

# What the name server does with the question for the TXT record, and the reason in the log.
TABLE = [
    ("dropped", hostile.drop, "dns-timeout"),
    ("later than the question lives", hostile.late(5), "dns-timeout"),
    ("later than a try, within the question's time", hostile.late(1.5), HARMLESS),
    ("garbage", changed(hostile.garbage), "dns-timeout|dns-malformed"),
    ("empty", changed(lambda reply: b""), "dns-timeout|dns-malformed|dns-network"),
    ("one octet", changed(lambda reply: b"\0"), "dns-timeout|dns-malformed"),
    ("head only", changed(lambda reply: reply[:12]), "dns-timeout|dns-malformed"),
    ("cut short", changed(hostile.cut_short), "dns-malformed"),
    ("wrong id", changed(hostile.wrong_id), "dns-timeout"),
    ("wrong question: name", changed(hostile.wrong_name), "dns-timeout"),
    ("wrong question: type", changed(hostile.wrong_type), "dns-timeout"),
    # Accepted, as by glibc: id and question are ours, and there is an answer (tests/live/dns_forms.py).
    ("the reply bit forgotten", changed(hostile.no_reply_bit), HARMLESS),
    ("more records announced than there are", changed(hostile.too_many_records), "dns-malformed"),
    ("a name that points to itself", changed(hostile.looping_pointer), "dns-malformed"),
    ("from a wrong address", hostile.from_elsewhere, "dns-timeout"),
    ("a flood of wrong ids", lambda e: [e.send(hostile.wrong_id(bytearray(e.reply))) for _ in range(300)],
     "dns-malformed|dns-timeout"),
    ("truncated, then TCP reset", over_tcp(hostile.tcp_reset), "dns-network"),
    ("truncated, then TCP closed", over_tcp(hostile.tcp_close), "dns-network"),
    ("truncated, then TCP closed within the reply", over_tcp(hostile.tcp_close_in_reply), "dns-network"),
    ("truncated, then TCP silent", over_tcp(hostile.tcp_silent), "dns-timeout"),
    ("truncated, then one octet a second over TCP", over_tcp(hostile.tcp_dribble), "dns-timeout"),
    ("truncated, then nothing in a TCP message", over_tcp(hostile.tcp_empty), "dns-malformed"),
    ("truncated, and the whole of it over TCP marked so too", over_tcp(hostile.still_truncated), HARMLESS),
    ("truncated, and cut over TCP too", over_tcp(changed(hostile.truncated_to_nothing)), "dns-malformed"),
    ("octets left behind the last record", changed(lambda reply: bytes(reply) + b"\0" * 20), HARMLESS),
    ("EDNS dropped", hostile.unless_edns(hostile.drop), HARMLESS),
    ("SERVFAIL to EDNS", hostile.unless_edns(changed(hostile.servfail)), HARMLESS),
    ("garbage to EDNS", hostile.unless_edns(changed(hostile.garbage)), HARMLESS),
    ("truncated, then garbage over TCP", over_tcp(changed(hostile.garbage)), "dns-malformed"),
    ("truncated, then a wrong id over TCP", over_tcp(changed(hostile.wrong_id)), "dns-malformed"),
    ("truncated, then a wrong name over TCP", over_tcp(changed(hostile.wrong_name)), "dns-malformed"),
    ("truncated, then cut short over TCP", over_tcp(changed(hostile.cut_short)), "dns-malformed"),
    ("servfail", "servfail", "dns-servfail"),
    ("refused", "refused", "dns-refused"),
]


class DnsFaultTest(harness.Case):
    def test_every_step(self):
        new = {"new%d.test" % number: row for number, row in enumerate(TABLE)}
        kept = {"kept%d.test" % number: row for number, row in enumerate(TABLE)}
        context = self.world.hosts.context(*["mta-sts." + domain for domain in [*new, *kept]])
        for domain in [*new, *kept]:
            self.world.policy(domain, context=context, ttl=60)
        for domain, (_, behaviour, _) in new.items():
            self.world.dns.behave(behaviour, "_mta-sts." + domain)
        daemon = self.start(deadline="20s")
        self.assertEqual(set(ask_all(self, daemon, kept).values()), {SECURE})
        answers = ask_all(self, daemon, new)
        for domain, (name, _, reason) in new.items():
            with self.subTest(name):
                (lookup,) = daemon.lookups(domain)
                self.assertRegex(lookup["reason"], "^(%s)$" % reason)
                self.assertEqual(answers[domain], SECURE if reason == HARMLESS else NOTFOUND)
                self.assertLess(float(lookup["took_ms"]), (3 + LATE) * 1e3, "within dns.timeout, and before the deadline")
        others = [line for line in daemon.complaints() if "dns-server-silent" not in line]
        self.assertEqual(others, [], "no line besides the lookup's")
        self.assertLessEqual(len(daemon.log_lines("dns-server-silent")), 1)

        for domain, (_, behaviour, _) in kept.items():
            self.world.dns.behave(None, "_mta-sts." + domain.replace("kept", "new"))
            self.world.dns.behave(behaviour, "_mta-sts." + domain)
            self.world.hosts.remove(domain)  # whatever the record's id is, no policy can be fetched

        def mended():
            self.assertEqual(set(ask_all(self, daemon, kept).values()), {SECURE}, "the policies stay")
            return set(ask_all(self, daemon, new).values()) == {SECURE}

        before = {domain: self.world.txt_questions(domain) for domain in kept}
        wait_for(mended, seconds=150, every=5)
        wait_for(lambda: all(self.world.txt_questions(domain) > before[domain] for domain in kept))
        self.assertEqual(set(ask_all(self, daemon, kept).values()), {SECURE}, "the policies stay")
        self.assertEqual(daemon.stop(), 0)

    def test_no_name_server_at_all(self):
        """Nobody listens, neither on UDP nor on TCP: NOTFOUND at once, and the policy when the server is back."""
        self.world.policy("good.test")
        port = self.world.dns.port
        self.world.dns.close()
        daemon = self.start(deadline="30s")
        self.assertEqual(daemon.ask("good.test"), NOTFOUND)
        (lookup,) = daemon.lookups("good.test")
        self.assertEqual(lookup["reason"], "dns-network")
        self.assertLess(float(lookup["took_ms"]), (3 + LATE) * 1e3)
        self.assertEqual(len(daemon.wait_log("dns-server-silent", "127.0.0.1:%d" % port)), 1)


class RecordTest(harness.Case):
    """TXT answers of the largest size that DNS allows."""

    def test_a_million_strings(self):
        """Record sets of 64 KB, of empty strings or of many short records: the daemon reads them without harm."""
        self.world.policy("good.test")
        daemon = self.start()
        self.assertEqual(daemon.ask("good.test"), SECURE)
        # Records of 60,000 empty strings, and 1,200 records of one each.
        self.world.dns.add_rdata("_mta-sts.big.test", "TXT", [b"\0" * 60_000])
        self.world.dns.add_rdata("_mta-sts.many.test", "TXT", [b"\1v"] * 1_200)
        domains = ["big%d.test" % n for n in range(17)] + ["many%d.test" % n for n in range(9)]
        for domain in domains:
            owner = "big.test" if domain.startswith("big") else "many.test"
            self.world.dns.add("_mta-sts." + domain, "CNAME", "_mta-sts." + owner)
        answers = ask_all(self, daemon, domains + ["good.test"])
        self.assertEqual(answers.pop("good.test"), SECURE)
        self.assertEqual(set(answers.values()), {NOTFOUND})
        for domain in domains:
            (lookup,) = daemon.lookups(domain)
            self.assertIn(lookup["reason"], ("no-record", "dns-malformed"))
        # One good record among five hundred others; about as many are read.
        self.world.policy("needle.test")
        self.world.dns.add("_mta-sts.needle.test", "TXT", *["x" * 20] * 500, "v=STSv1; id=1;")
        self.assertEqual(daemon.ask("needle.test"), SECURE, daemon.log_lines("needle"))
        self.assertEqual(daemon.stop(), 0)

    def test_longest_names(self):
        """Labels of 63 octets, and the longest name that still leaves room for "_mta-sts."."""
        label = "a" * 63
        # 253 octets are the most a name may have as text; nine are for "_mta-sts." (and eight for "mta-sts.").
        fits = ".".join([label, label, label, "b" * (244 - 3 * 64)])
        self.assertEqual(len(fits), 244)
        self.world.policy(fits)
        daemon = self.start()
        self.assertEqual(daemon.ask(fits), SECURE)
        for name in (fits + "b", ".".join([label] * 4), "a" * 64 + ".test", ".".join(["a"] * 123) + ".test"):
            self.assertEqual(daemon.ask(name), NOTFOUND)
        self.assertEqual(daemon.ask(".".join(["a"] * 120) + ".test"), NOTFOUND, "a hundred labels")


if __name__ == "__main__":
    unittest.main()
