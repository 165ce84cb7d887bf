#!/usr/bin/env python3
"""What a real `postmap -q` gets from a real stsmapd, for every state a domain can be in."""

from e2e.support import WorldTest, main
from world.domains import GOOGLE, MICROSOFT


class InTheWild(WorldTest):
    """Policies like those that real domains publish."""

    def test_google_workspace(self):
        self.expect_secure("workspace.example", GOOGLE)

    def test_microsoft_365(self):
        self.expect_secure("m365.example", MICROSOFT)

    def test_github_pages_testing(self):
        self.expect_nothing("pages.example")
        self.assertEqual(self.world.policy_hosts.gets("mta-sts.pages.example"), 1)

    def test_apache_with_crlf(self):
        self.expect_secure("apache.example", ["mail.apache.example"])

    def test_delegated_by_cname(self):
        self.expect_secure("delegated.example", ["mx.provider.example"])

    def test_mode_none(self):
        self.expect_nothing("none.example")

    def test_mode_test_is_refused_and_says_why(self):
        self.expect_nothing("modetest.example")
        self.assertTrue(self.world.daemon.wait_log("modetest.example", "policy-mode"))


class Keys(WorldTest):
    """Every form of key that Postfix sends."""

    def test_plain(self):
        self.expect_secure("good.example", ["mx.good.example"])

    def test_upper_case(self):
        self.expect_secure("GOOD.Example", ["mx.good.example"], "good.example")

    def test_wildcard(self):
        self.expect_secure("wildcard.example", ["*.wildcard.example"])

    def test_relayhost_forms(self):
        for key in ("[good.example]", "[good.example]:25", "good.example:25", "good.example:smtp"):
            with self.subTest(key):
                self.expect_secure(key, ["mx.good.example"], "good.example")

    def test_internationalised_name(self):
        domain = "xn--bcher-kva.example"
        for key in (domain, "bücher.example", "BÜCHER.example"):
            with self.subTest(key):
                self.expect_secure(key, ["mx.xn--bcher-kva.example"], domain)

    def test_parents_are_never_asked_for(self):
        self.expect_nothing(".good.example")
        self.expect_nothing(".example")

    def test_a_subdomain_has_no_policy(self):
        self.expect_nothing("sub.good.example")

    def test_no_domain(self):
        for key in (
            "localhost",
            "[192.0.2.25]",
            "[192.0.2.25]:25",
            "[IPv6:2001:db8::25]",
            "[2001:db8::25]:25",
            "192.0.2.25",
            "[localhost]:10025",
            "a..example",
            "-",
        ):
            with self.subTest(key):
                self.expect_nothing(key)

    def test_over_tcp(self):
        status, output, _ = self.world.sender.postmap("good.example", tcp=True)
        self.assertEqual((status, output), (0, self.secure(["mx.good.example"], "good.example")))

    def test_map_name_chooses_the_dialect(self):
        plain = "secure match=mx.good.example servername=hostname"
        for name in ("sts", "postfix", "QUERY"):
            self.assertEqual(self.world.daemon.ask("good.example", name), "OK " + plain)
        for name in ("sts-tlsrpt", "QUERYwithTLSRPT"):
            self.assertEqual(
                self.world.daemon.ask("good.example", name),
                f"OK {plain} policy_type=sts policy_domain=good.example mx_host_pattern=mx.good.example"
                " { policy_string = version: STSv1 } { policy_string = mode: enforce }"
                " { policy_string = mx: mx.good.example } { policy_string = max_age: 604800 }",
            )


class Trouble(WorldTest):
    """Whatever is wrong with a domain's DNS or policy host: no policy, and never an error."""

    def expect_nothing_because(self, domain, reason):
        self.expect_nothing(domain)
        self.assertTrue(self.world.daemon.wait_log(domain, reason), f"{reason} in the log for {domain}")

    def test_no_record(self):
        self.expect_nothing("norecord.example")

    def test_no_such_domain(self):
        self.expect_nothing("nothing.example")

    def test_two_records(self):
        self.expect_nothing_because("tworecords.example", "record-multiple")
        self.assertEqual(self.world.policy_hosts.gets("mta-sts.tworecords.example"), 0)

    def test_servfail(self):
        self.expect_nothing_because("servfail.example", "dns-servfail")

    def test_bogus_signature(self):
        self.expect_nothing_because("bogus.example", "dns-servfail")

    def test_signed_zone(self):
        self.expect_secure("signed.example", ["mx.signed.example"])

    def test_policy_host_without_address(self):
        self.expect_nothing_because("nohost.example", "host-unresolvable")

    def test_no_policy_file(self):
        self.expect_nothing_because("nofile.example", "http-status")

    def test_not_a_policy(self):
        self.expect_nothing_because("html.example", "policy-")

    def test_redirect_is_not_followed(self):
        self.expect_nothing_because("redirect.example", "http-redirect")

    def test_wrong_certificate(self):
        self.expect_nothing_because("badcert.example", "cert-name-mismatch")


class HangingPolicyHosts(WorldTest):
    """Policy hosts that take the connection and say nothing."""

    SETTINGS = {"deadline": "2s"}

    def test_unknown_domain_waits_for_the_deadline_and_known_ones_do_not(self):
        self.expect_secure("good.example", ["mx.good.example"])
        self.world.policy_hosts.freeze()
        self.addCleanup(self.world.policy_hosts.thaw)
        self.expect_nothing("late.example")
        self.expect_secure("good.example", ["mx.good.example"])
        # The flight continues after the answer and protects the next delivery.
        self.world.policy_hosts.thaw()
        self.world.daemon.process.wait_until(
            lambda: self.world.daemon.ask("late.example")
            == "OK secure match=mx.late.example servername=hostname",
            "the policy of late.example",
            30,
        )


if __name__ == "__main__":
    main()
