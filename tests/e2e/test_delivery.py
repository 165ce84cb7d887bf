#!/usr/bin/env python3
"""Real mail from a real Postfix: what is delivered, what is deferred, and the words in the log."""

from e2e.support import WorldTest, main


class DeliveryTest(WorldTest):
    MAIL = True

    def expect_sent(self, recipient, tls, via="unix"):
        """The message is sent, over a connection that Postfix calls Verified, Trusted, Untrusted... or none
        ("")."""
        delivery = self.world.sender.deliver(recipient, via)
        self.assertEqual(delivery.status, "sent", str(delivery))
        if tls:
            self.assertIn(f"{tls} TLS connection established", str(delivery))
        else:
            self.assertNotIn("TLS connection established", str(delivery))
        return delivery

    def expect_deferred(self, recipient, dsn, words):
        delivery = self.world.sender.deliver(recipient)
        self.assertEqual((delivery.status, delivery.dsn), ("deferred", dsn), str(delivery))
        self.assertIn(words, str(delivery))


class Enforced(DeliveryTest):
    """Domains with an enforce policy."""

    def test_right_certificate(self):
        delivery = self.expect_sent("user@good.example", "Verified")
        self.assertIn("relay=mx.good.example[", delivery.line)
        self.assertTrue(
            [line for line in self.world.receiver.log() if "to=<user@good.example>" in line],
            "the message in the receiver's log",
        )

    def test_not_chrooted(self):
        self.expect_sent("user@good.example", "Verified", "unchrooted")

    def test_over_tcp(self):
        self.expect_sent("user@good.example", "Verified", "tcp")

    def test_upper_case(self):
        self.expect_sent("user@GOOD.Example", "Verified")

    def test_internationalised_name(self):
        self.expect_sent("user@xn--bcher-kva.example", "Verified")
        self.expect_sent("user@bücher.example", "Verified")

    def test_wildcard(self):
        self.expect_sent("user@wildcard.example", "Verified")

    def test_signed_zone(self):
        self.expect_sent("user@signed.example", "Verified")

    def test_second_mail_host_when_the_first_has_no_starttls(self):
        delivery = self.expect_sent("user@second.example", "Verified")
        self.assertIn("relay=mx2.second.example[", delivery.line)

    def test_wrong_name(self):
        self.expect_deferred("user@wrongname.example", "4.7.5", "Server certificate not verified")

    def test_untrusted_issuer(self):
        self.expect_deferred("user@untrusted.example", "4.7.5", "Server certificate not ")

    def test_no_starttls(self):
        self.expect_deferred("user@nostarttls.example", "4.7.4", "TLS is required, but was not offered")

    def test_mail_host_outside_the_patterns(self):
        if self.world.postfix_at_least(3, 10, 5):
            self.expect_deferred("user@mismatch.example", "4.3.0", "does not match STS MX pattern")
        else:  # an older Postfix compares only the certificate
            self.expect_sent("user@mismatch.example", "Verified")


class NotEnforced(DeliveryTest):
    """Without an enforce policy mail flows as it would without the daemon, whatever else is wrong."""

    def test_testing(self):
        self.expect_sent("user@testing.example", "Trusted")

    def test_no_record(self):
        self.expect_sent("user@norecord.example", "Trusted")

    def test_dns_of_the_record_is_broken(self):
        self.expect_sent("user@servfail.example", "Trusted")

    def test_signature_of_the_record_is_bogus(self):
        self.expect_sent("user@bogus.example", "Trusted")

    def test_policy_host_without_the_file(self):
        self.expect_sent("user@nofile.example", "Trusted")

    def test_policy_host_missing(self):
        self.expect_sent("user@nohost.example", "Trusted")


if __name__ == "__main__":
    main()
