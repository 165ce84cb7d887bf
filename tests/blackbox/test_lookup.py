"""What Postfix gets for a domain, and what that costs the domain's DNS and policy host."""

import threading
import time
import unittest

from blackbox import harness
from blackbox.harness import NOTFOUND, SECURE
from pylib.ca import Authority
from pylib.programs import raise_file_limit
from pylib.socketmap import frame
from pylib.waiting import LATE, wait_for


class LookupTest(harness.Case):
    def test_modes(self):
        self.world.policy("enforce.test")
        self.world.policy("testing.test", mode="testing")
        self.world.policy("none.test", mode="none", mx=())
        daemon = self.start()
        for name in ("sts", "sts-tlsrpt"):
            self.assertTrue(daemon.ask("enforce.test", name).startswith(SECURE))
            self.assertEqual(daemon.ask("testing.test", name), NOTFOUND)
            self.assertEqual(daemon.ask("none.test", name), NOTFOUND)
        for domain in ("enforce.test", "testing.test", "none.test"):
            self.assertEqual(self.world.txt_questions(domain), 1, domain)
            self.assertEqual(self.world.hosts.count(domain), 1, domain)
        self.assertEqual(
            set(self.world.hosts.paths),
            {
                (domain, "GET /.well-known/mta-sts.txt HTTP/1.1")
                for domain in ("enforce.test", "testing.test", "none.test")
            },
        )

    def test_testing_can_be_treated_as_enforce(self):
        self.world.policy("testing.test", mode="testing")
        daemon = self.start(strict_testing=True)
        self.assertEqual(daemon.ask("testing.test"), SECURE)

    def test_absent(self):
        self.world.dns.add("mx.nodata.test", "A", "127.0.0.1")
        daemon = self.start()
        for domain in ("nxdomain.test", "nodata.test"):
            for _ in range(3):
                self.assertEqual(daemon.ask(domain), NOTFOUND)
            self.assertEqual(self.world.txt_questions(domain), 1, "the absence is remembered")
            self.assertEqual(self.world.hosts.connects[domain], 0, "no record, no fetch")

    def test_records(self):
        table = [  # TXT records, whether there is a policy
            (["v=STSv1; id=1;"], True),
            (["v=STSv1;id=1"], True),
            (["v=spf1 -all", "v=STSv1; id=1;", "other"], True),
            (["v=STSv1; id=1;", "v=STSv1; id=2;"], False),
            (["v=STSv1;"], False),
            (["v=STSv2; id=1;"], False),
            (["id=1; v=STSv1;"], False),
        ]
        domains = ["r%d.test" % number for number in range(len(table))]
        context = self.world.hosts.context(*["mta-sts." + domain for domain in domains])
        daemon = self.start()
        for domain, (records, found) in zip(domains, table):
            with self.subTest(records=records):
                self.world.policy(domain, context=context)
                self.world.dns.add("_mta-sts." + domain, "TXT", *records)
                self.assertEqual(daemon.ask(domain), SECURE if found else NOTFOUND)

    def test_record_through_an_alias_and_over_tcp(self):
        self.world.policy("alias.test")
        self.world.dns.remove("_mta-sts.alias.test", "TXT")
        self.world.dns.add("_mta-sts.alias.test", "CNAME", "_mta-sts.provider.test")
        self.world.dns.add("_mta-sts.provider.test", "TXT", "v=STSv1; id=1;")
        self.world.policy("big.test")
        self.world.dns.add("_mta-sts.big.test", "TXT", "v=STSv1; id=1;", *["x" * 250] * 10)
        daemon = self.start()
        self.assertEqual(daemon.ask("alias.test"), SECURE)
        self.assertEqual(daemon.ask("big.test"), SECURE)

    def test_failing_fetches_are_not_found_and_not_repeated(self):
        wrong = self.world.hosts.context("mta-sts.other.test")
        untrusted = self.world.hosts.context(
            "mta-sts.untrusted.test",
            authority=Authority(self.world.path("stranger"), "Stranger", intermediate=False),
        )
        table = [  # domain, how it fails
            ("status.test", {"status": "503 Service Unavailable"}),
            ("missing.test", {"status": "404 Not Found"}),
            (
                "redirect.test",
                {"status": "302 Found\r\nLocation: https://mta-sts.good.test/.well-known/mta-sts.txt"},
            ),
            ("html.test", {"content_type": "text/html"}),
            ("cut.test", {"behaviour": "cut"}),
            ("refused.test", {"behaviour": "refuse"}),
            ("wrong.test", {"context": wrong}),
            ("untrusted.test", {"context": untrusted}),
            ("syntax.test", {"body": "no policy"}),
            ("mode.test", {"body": "version: STSv1\nmode: test\nmx: mx1.good.test\nmax_age: 86400\n"}),
            ("nomx.test", {"mx": ()}),
            (
                "large.test",
                {
                    "body": "version: STSv1\nmode: enforce\nmx: mx1.good.test\nmax_age: 86400\n"
                    + "x: y\n" * 20000
                },
            ),
        ]
        daemon = self.start()
        for domain, failure in table:
            with self.subTest(domain):
                self.world.policy(domain, **failure)
                for _ in range(5):
                    self.assertEqual(daemon.ask(domain), NOTFOUND)
                self.assertEqual(self.world.hosts.connects[domain], 1, "one try in five minutes")
                self.assertNotIn(daemon.lookups(domain)[0]["reason"], ("", "none"))

    def test_dns_trouble_is_not_found(self):
        daemon = self.start(deadline="5s")
        for domain, behaviour in (
            ("servfail.test", "servfail"),
            ("refused.test", "refused"),
            ("silent.test", "silent"),
        ):
            with self.subTest(behaviour):
                self.world.policy(domain)
                self.world.dns.behave(behaviour, "_mta-sts." + domain)
                began = time.monotonic()
                self.assertEqual(daemon.ask(domain), NOTFOUND)
                self.assertLess(time.monotonic() - began, 5 + LATE, "the deadline holds")
                self.assertRegex(daemon.lookups(domain)[0]["reason"], "^(dns-|deadline)")

    def test_known_policy_stays_in_trouble(self):
        self.world.policy("good.test")
        daemon = self.start(deadline="60s", dns={"timeout": "60s", "try_timeout": "30s"})
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.world.unplug()
        for _ in range(3):
            began = time.monotonic()
            self.assertEqual(daemon.ask("good.test"), SECURE)
            self.assertLess(time.monotonic() - began, LATE, "without a question")

    def test_known_domains_answer_while_others_hang(self):
        domains = ["hang%d.test" % number for number in range(100)]
        context = self.world.hosts.context(*["mta-sts." + domain for domain in domains])
        for domain in domains:
            self.world.policy(domain, context=context, behaviour="hang-tls")
        self.world.policy("good.test")
        daemon = self.start(deadline="30s")
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.crowd(daemon, domains)
        wait_for(lambda: sum(self.world.hosts.connects.values()) > 20)
        with daemon.client() as client:
            for _ in range(100):
                began = time.monotonic()
                self.assertEqual(client.ask("good.test"), SECURE)
                self.assertLess(time.monotonic() - began, LATE)

    def test_deadline_and_the_flight_that_goes_on(self):
        self.world.policy("slow.test")
        gate = self.world.hosts.hold("slow.test")
        daemon = self.start(deadline="1s")
        began = time.monotonic()
        self.assertEqual(daemon.ask("slow.test"), NOTFOUND)
        took = time.monotonic() - began
        self.assertGreater(took, 0.9)
        self.assertLess(took, 1 + LATE)
        gate.set()
        wait_for(lambda: daemon.ask("slow.test") == SECURE)
        self.assertEqual(self.world.hosts.count("slow.test"), 1)

    def test_dribbling_policy_host(self):
        self.world.policy("dribble.test", behaviour="dribble")
        daemon = self.start(deadline="1s", fetch={"timeout": "3s"})
        self.assertEqual(daemon.ask("dribble.test"), NOTFOUND)
        daemon.wait_log("dribble.test", "fetch-timeout")

    def test_one_question_and_one_get_for_many_clients(self):
        if raise_file_limit(8192) < 4096:
            self.skipTest("too few open files allowed")
        self.world.policy("good.test")
        gate = self.world.hosts.hold("good.test")
        daemon = self.start(deadline="30s")
        clients = [daemon.client() for _ in range(1000)]
        for number, client in enumerate(clients):
            self.addCleanup(client.close)
            client.send(frame("sts " + ("good.test", "GOOD.test", "[good.test]:25")[number % 3]))
        wait_for(lambda: self.world.hosts.count("good.test") == 1)
        gate.set()
        for client in clients:
            self.assertEqual(client.reply(), SECURE)
        self.assertEqual(self.world.hosts.count("good.test"), 1)
        self.assertEqual(self.world.hosts.connects["good.test"], 1)
        self.assertEqual(self.world.txt_questions("good.test"), 1)

    def test_a_client_that_leaves_does_not_end_the_flight(self):
        self.world.policy("good.test")
        gate = self.world.hosts.hold("good.test")
        daemon = self.start(deadline="30s")
        first = daemon.client()
        first.send(frame("sts good.test"))
        wait_for(lambda: self.world.hosts.count("good.test") == 1)
        got = []
        second = threading.Thread(target=lambda: got.append(daemon.ask("good.test")))
        second.start()
        first.close()
        gate.set()
        second.join(30)
        self.assertEqual(got, [SECURE])
        self.assertEqual(self.world.hosts.count("good.test"), 1)

    def test_new_id_is_noticed_when_the_ttl_is_over(self):
        # A TTL under a minute counts as a minute. That is also the least time between two GETs.
        self.world.policy("good.test", mx=["old.good.test"], ttl=1)
        daemon = self.start()
        self.assertIn("match=old.good.test ", daemon.ask("good.test"))
        self.world.policy("good.test", ident="2", ttl=1)
        began = time.monotonic()
        self.assertIn("match=old.good.test ", daemon.ask("good.test"))
        wait_for(lambda: daemon.ask("good.test") == SECURE, seconds=150, every=0.5)
        self.assertGreater(time.monotonic() - began, 50)
        self.assertEqual(self.world.hosts.count("good.test"), 2)
        self.assertLessEqual(self.world.txt_questions("good.test"), 4)
        daemon.kill()
        self.world.unplug()
        self.assertEqual(self.start().ask("good.test"), SECURE, "the new one outlives the process")

    def test_policies_in_the_wild(self):
        google = (
            "version: STSv1\nmode: enforce\n"
            + "".join(
                "mx: %s\n" % mx
                for mx in (
                    "aspmx.l.google.com",
                    "alt1.aspmx.l.google.com",
                    "alt2.aspmx.l.google.com",
                    "alt3.aspmx.l.google.com",
                    "alt4.aspmx.l.google.com",
                )
            )
            + "max_age: 86400\n"
        )
        microsoft = (
            "version: STSv1\r\nmode: enforce\r\nmx: *.mail.protection.outlook.com\r\n"
            "mx: *.j-v1.mx.microsoft\r\nmax_age: 604800\r\n"
        )
        table = [
            (
                "google.test",
                google,
                "OK secure match=aspmx.l.google.com:alt1.aspmx.l.google.com:alt2.aspmx.l.google.com:"
                "alt3.aspmx.l.google.com:alt4.aspmx.l.google.com servername=hostname",
            ),
            (
                "microsoft.test",
                microsoft,
                "OK secure match=.mail.protection.outlook.com:.j-v1.mx.microsoft servername=hostname",
            ),
            ("github.test", "version: STSv1\nmode: testing\nmx: mx.github.test\nmax_age: 86400", NOTFOUND),
            (
                "hostile.test",
                "version: STSv1\nmode: enforce\nmx: mx.hostile.test ciphers=low\nmax_age: 86400\n",
                NOTFOUND,
            ),
        ]
        daemon = self.start()
        for domain, body, expected in table:
            with self.subTest(domain):
                self.world.policy(domain, body=body)
                self.assertEqual(daemon.ask(domain), expected)


if __name__ == "__main__":
    unittest.main()
