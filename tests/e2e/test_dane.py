#!/usr/bin/env python3
"""MTA-STS never overrides DANE (RFC 8461 section 2), and one bad name server never breaks DANE: what a real Postfix
that validates TLSA records gets and does."""

from e2e.support import WorldTest, main
from pylib.nameservers import Unbound
from pylib.waiting import wait_for
from world.domains import WRONGLY_SIGNED

DANE_ONLY = (0, "dane-only", "")


class DaneTest(WorldTest):
    MAIN_CF = {"smtp_dns_support_level": "dnssec", "smtp_tls_security_level": "may"}
    DANE_ACTIVE = True

    def expect_dane_only(self, domain):
        self.assertEqual(self.world.sender.postmap(domain), DANE_ONLY)

    def expect_policy(self, domain):
        """The domain's MTA-STS policy is answered, with or without DANE."""
        self.expect_secure(domain, [f"*.{domain}"])


class Delivered(DaneTest):
    """The answers, and what happens to the mail."""

    MAIL = True

    def deliver(self, domain, host):
        """The message is sent to the host, which Postfix has verified."""
        delivery = self.world.sender.deliver(f"user@{domain}")
        self.assertEqual(delivery.status, "sent", str(delivery))
        self.assertIn(f"relay={host}.{domain}[", delivery.line)
        self.assertIn(f"Verified TLS connection established to {host}.{domain}[", str(delivery))
        return delivery

    def test_right_tlsa_and_a_private_ca(self):
        self.expect_dane_only("right.dane.example")
        self.deliver("right.dane.example", "mx")

    def test_wrong_tlsa_is_not_overridden_by_a_good_certificate(self):
        self.expect_dane_only("wrong.dane.example")
        delivery = self.world.sender.deliver("user@wrong.dane.example")
        self.assertEqual((delivery.status, delivery.dsn), ("deferred", "4.7.5"), str(delivery))
        self.assertIn("Server certificate not ", delivery.line)
        received = [line for line in self.world.receiver.log() if "to=<user@wrong.dane.example>" in line]
        self.assertEqual(received, [])

    def test_some_hosts_without_tlsa(self):
        self.expect_policy("partial.dane.example")
        # The first host satisfies DANE, but not the policy.
        delivery = self.deliver("partial.dane.example", "mx2")
        self.assertNotIn("Verified TLS connection established to mx1.", str(delivery))

    def test_servfail_for_the_tlsa_of_one_host(self):
        self.expect_dane_only("servfail.dane.example")
        self.deliver("servfail.dane.example", "mx2")

    def test_bogus_tlsa_of_one_host(self):
        self.expect_dane_only("bogus.dane.example")
        self.deliver("bogus.dane.example", "mx2")

    def test_signed_without_tlsa(self):
        self.expect_secure("signed.example", ["mx.signed.example"])
        self.deliver("signed.example", "mx")


class Answers(DaneTest):
    """Where DANE does not protect a domain, its policy does."""

    def test_mx_record_not_signed(self):
        self.expect_secure("unsignedmx.example", ["mx.right.dane.example"])

    def test_nothing_signed(self):
        self.expect_secure("good.example", ["mx.good.example"])

    def test_usage_that_is_not_for_smtp(self):
        self.expect_policy("pkix.dane.example")

    def test_digest_of_wrong_length(self):
        self.expect_policy("length.dane.example")

    def test_no_mta_sts(self):
        self.expect_nothing("nosts.dane.example")

    def test_no_mx_host_fits_the_policy(self):
        self.expect_secure("mismatch.example", ["mx.allowed.example"])
        self.assertTrue(
            self.world.daemon.wait_log("policy-admits-no-mx", "mismatch.example", "mx.mismatch.example")
        )

    def test_stsmap_query(self):
        said = self.world.daemon.query("right.dane.example")
        self.assertEqual((said["dane"], said["level"], said["match"]), ("active", "dane-only", []))


class Refreshed(DaneTest):
    def test_a_refresh_looks_for_dane_again(self):
        domain = "right.dane.example"
        self.expect_dane_only(domain)
        zone = self.world.nsd.zones["dane.example."]
        before = zone.records
        self.addCleanup(self.world.nsd.update, zone.origin)
        self.addCleanup(setattr, zone, "records", before)
        zone.records = [record for record in before if not record.startswith("_25._tcp.mx.right ")]
        self.assertEqual(len(zone.records), len(before) - 1)
        self.world.nsd.update(zone.origin)
        wait_for(lambda: self.world.unbound.ask(f"_25._tcp.mx.{domain}", "TLSA")[1] == [], "no TLSA record")
        self.expect_dane_only(domain)
        # One look a minute, counted from the first one.
        wait_for(lambda: self.stsmap("refresh", domain).returncode == 0, "a refresh", 90, every=2)
        self.expect_policy(domain)


class Outages(DaneTest):
    """A domain that DANE secured stays so while DNS is down."""

    def unplug(self):
        for server in (self.world.unbound, self.world.nsd, self.world.policy_hosts):
            server.stop()
            self.addCleanup(server.start)

    def test_orderly_restart_without_network(self):
        self.expect_dane_only("right.dane.example")
        self.unplug()
        self.world.daemon.stop()
        self.world.daemon.start()
        self.expect_dane_only("right.dane.example")

    def test_kill_directly_after_an_answer(self):
        self.world.daemon.kill()
        self.world.daemon.forget_everything()
        self.world.daemon.start()
        answer = self.world.daemon.ask("right.dane.example")
        self.world.daemon.kill()
        self.assertEqual(answer, "OK dane-only")
        self.unplug()
        self.world.daemon.start()
        self.expect_dane_only("right.dane.example")


class NotActive(DaneTest):
    """DANE is switched off, or the resolver cannot prove it: the policy is answered, and the log says why."""

    def configure(self, **settings):
        """Restarts the daemon with an empty store and other settings, for the rest of the test."""
        self.world.daemon.stop()  # it may not have written all its lines yet
        self.lines_before = len(self.world.daemon.log_lines(" dane: "))
        self.restart(forget=True, **settings)

    def expect_line(self, *words):
        """Since configure() the daemon logged exactly one line on what it found out about its resolver."""
        daemon = self.world.daemon
        daemon.process.wait_until(lambda: self.lines(), "a line about DANE")
        for word in words:
            self.assertIn(word, self.lines()[0])
        self.assertEqual(len(self.lines()), 1, self.lines())

    def lines(self):
        return self.world.daemon.log_lines(" dane: ")[self.lines_before :]

    def wait_for_status(self, wanted):
        """Waits, because the daemon logs the change a moment before it makes it."""
        daemon = self.world.daemon
        daemon.process.wait_until(lambda: daemon.query("wrong.dane.example")["dane"] == wanted, wanted)

    def expect_active(self):
        self.wait_for_status("active")
        self.expect_dane_only("wrong.dane.example")

    def expect_inactive(self, why):
        self.wait_for_status("inactive: " + why)
        self.assertEqual(self.world.daemon.query("wrong.dane.example")["level"], "secure")
        self.expect_policy("wrong.dane.example")

    def test_off(self):
        self.configure(dane="off")
        self.expect_inactive('dane = "off"')
        self.assertEqual(self.lines(), [])

    def test_off_and_on_again_by_reload(self):
        self.expect_active()
        daemon = self.world.daemon
        before = daemon.settings
        daemon.settings = {**before, "dane": "off"}
        try:
            daemon.write_config()
            daemon.reload()
            self.expect_inactive('dane = "off"')
        finally:
            daemon.settings = before
            daemon.write_config()
            daemon.reload()
        self.expect_active()

    def test_ad_bit_not_trusted(self):
        self.configure(dns={"trust_ad": "no"})
        why = "127.0.0.1:53: its word is not believed (dns.trust_ad)"
        self.expect_line("info", "active=no ", why)
        self.expect_inactive(why)

    def test_resolver_that_does_not_validate(self):
        resolver = Unbound(self.world.new_folder("not-validating"), address="127.0.0.2")
        resolver.start()
        self.addCleanup(resolver.stop)
        self.configure(dns={"servers": ["127.0.0.2"]})
        why = "127.0.0.2:53: the root, which is signed, is answered without AD"
        self.expect_line("info", "active=no ", why)
        self.expect_inactive(why)

    def test_resolver_that_lets_bogus_answers_through(self):
        self.configure(dns={"broken_name": "dane.example"})  # this zone is correct
        why = "127.0.0.1:53: dane.example, whose signature is broken, is answered"
        self.expect_line("info", "active=no ", why)
        self.expect_inactive(why)

    def test_names_to_find_it_out(self):
        self.configure(dns={"signed_name": "signed.example", "broken_name": WRONGLY_SIGNED})
        self.expect_line("info", "active=yes ", "signed.example", "wrongly-signed.example", "is not")
        self.expect_active()


if __name__ == "__main__":
    main()
