"""Every form of key Postfix sends (smtp_tls_policy.c, smtp_connect.c, resolve.c), in both dialects."""

import unittest

from blackbox import harness
from blackbox.harness import NOTFOUND, SECURE

TLSRPT = (
    " policy_type=sts policy_domain=%s mx_host_pattern=mx1.good.test mx_host_pattern=*.mail.test"
    " { policy_string = version: STSv1 } { policy_string = mode: enforce }"
    " { policy_string = mx: mx1.good.test }"
    " { policy_string = mx: *.mail.test } { policy_string = max_age: 86400 }"
)


class KeyTest(harness.Case):
    def test_keys_with_a_policy_domain(self):
        for domain in ("good.test", "relay.good.test", "xn--bcher-kva.test", "a_b.good.test"):
            self.world.policy(domain)
        daemon = self.start()
        table = [  # key, policy domain
            ("good.test", "good.test"),
            ("GOOD.Test", "good.test"),
            ("good.test.", "good.test"),
            ("good.test:25", "good.test"),
            ("good.test:smtp", "good.test"),
            ("[relay.good.test]", "relay.good.test"),
            ("[relay.good.test]:587", "relay.good.test"),
            ("[Relay.Good.Test]:submission", "relay.good.test"),
            ("a_b.good.test", "a_b.good.test"),
            ("b\u00fccher.test", "xn--bcher-kva.test"),
            ("B\u00dcCHER.test", "xn--bcher-kva.test"),
            ("bu\u0308cher.test", "xn--bcher-kva.test"),  # decomposed
            ("xn--bcher-kva.test", "xn--bcher-kva.test"),
            ("XN--BCHER-KVA.TEST", "xn--bcher-kva.test"),
        ]
        with daemon.client() as client:
            for key, domain in table:
                with self.subTest(key=key):
                    self.assertEqual(client.ask(key), SECURE)
                    self.assertEqual(client.ask(key, "sts-tlsrpt"), SECURE + TLSRPT % domain)
        for domain in sorted({domain for _, domain in table}):
            self.assertEqual(self.world.txt_questions(domain), 1, domain)
            self.assertEqual(self.world.hosts.count(domain), 1, domain)

    def test_keys_without_a_policy_domain(self):
        self.world.policy("good.test")
        daemon = self.start()
        self.assertEqual(daemon.ask("good.test"), SECURE)
        before = self.world.dns.total()
        label = "a" * 63
        table = [
            ".good.test",
            ".test",
            ".",
            "[127.0.1.11]",
            "[IPv6:fd00::2]",
            "[192.0.2.1]:25",
            "[fd00::2]:25",
            "[fd00::2]",
            "192.0.2.1",
            "192.0.2.1:25",
            "fd00::2",
            "[ipv6:FD00::2]",
            "[::ffff:192.0.2.1]",
            "localhost",
            "test",
            "mx",
            "[mx]",
            "[mx]:25",
            "mx:25",
            "good..test",
            "..",
            "good.test..",
            label + "a.test",
            ".".join([label] * 4) + ".test",
            "-.test",
            "good test",
            "good.test ",
            " good.test",
            "good.test\n",
            "good\ttest",
            "good.test/x",
            "good.test@x",
            "a*.test",
            "[good.test",
            "good.test]",
            "[]",
            "[]:25",
            "[good.test]x",
            "good.test:25:25",
            "good.test:70000",
            "user@good.test",
            "{good.test}",
            "good.test,x",
            "good.test;x",
            "good=x.test",
            "",
            " ",
            "x" * 9980,
            b"\xff\xfe.test",
            b"good.test\0",
            b"\0",
            b"b\xfccher.test",
            "\u202egood.test",
        ]
        with daemon.client() as client:
            for key in table:
                for name in ("sts", "sts-tlsrpt"):
                    with self.subTest(key=key, name=name):
                        self.assertEqual(client.ask(key, name), NOTFOUND)
            self.assertEqual(client.ask("good.test"), SECURE, "the connection lives on")
        self.assertEqual(self.world.dns.total(), before, "no question for any of them")

    def test_the_policy_of_a_parent_is_not_the_childs(self):
        self.world.policy("good.test")
        daemon = self.start()
        self.assertEqual(daemon.ask("sub.good.test"), NOTFOUND)
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.assertEqual(daemon.ask("sub.good.test"), NOTFOUND)
        self.assertEqual(self.world.hosts.count("sub.good.test"), 0)

    def test_map_names_pick_the_dialect(self):
        self.world.policy("good.test")
        daemon = self.start()
        with daemon.client() as client:
            for name in ("sts", "postfix", "QUERY", "x", ""):
                self.assertEqual(client.ask("good.test", name), SECURE, name)
            for name in ("sts-tlsrpt", "QUERYwithTLSRPT", "tlsrpt", "TlsRpt"):
                self.assertEqual(client.ask("good.test", name), SECURE + TLSRPT % "good.test", name)


if __name__ == "__main__":
    unittest.main()
