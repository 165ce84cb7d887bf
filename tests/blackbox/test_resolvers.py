"""How far an answer is trusted depends on the server it comes from: DANE with name servers of which one, some or none
validates."""

import struct
import unittest

from blackbox import harness
from blackbox.dns_server import DnsServer
from blackbox.harness import SECURE
from pylib.dns_message import encode_name
from pylib.waiting import wait_for

DANE = "OK dane-only"
WAITS = "OK inactive: validates now; reload after stsmap postfix-setup"


def mail_host(server, domain, tlsa=True):
    """The domain's only MX host, with an address and perhaps TLSA."""
    host = "mx." + domain
    server.add_rdata(domain, "MX", [struct.pack("!H", 10) + encode_name(host)])
    server.add(host, "A", "127.0.0.1")
    if tlsa:
        server.add_rdata("_25._tcp." + host, "TLSA", [b"\3\1\1" + b"x" * 32])


class ResolverTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.first = self.world.dns
        self.first.authentic = lambda name: True
        self.second = DnsServer()
        self.addCleanup(self.second.close)

    def domain(self, name, tlsa=True):
        """Adds a domain with a policy, known to both servers."""
        self.world.policy(name)
        for server in (self.first, self.second):
            mail_host(server, name, tlsa)
            server.add("_mta-sts." + name, "TXT", "v=STSv1; id=1;")
            server.add("mta-sts." + name, "A", "127.0.0.1")

    def start_with(self, *servers, **options):
        return self.start(deadline="20s", dns={"servers": ["127.0.0.1:%d" % each.port for each in servers]}, **options)

    def wait_status(self, daemon, wanted, limit=30):
        wait_for(lambda: daemon.ask("dane", "stsmapd.status").startswith(wanted), limit)

    def judged(self, daemon, server, state):
        daemon.wait_log("dns-server-judged", "server=127.0.0.1:%d" % server.port, "validates=" + state)

    def test_a_second_server_that_does_not_validate_turns_nothing_off(self):
        for name in ("known.test", "new.test", "newer.test"):
            self.domain(name)
        daemon = self.start_with(self.second, self.first)  # the one that validates is the last
        self.wait_status(daemon, "OK active")
        self.judged(daemon, self.second, "no")
        self.assertEqual(daemon.ask("known.test"), DANE)
        self.assertEqual(daemon.ask("new.test"), DANE)
        self.assertEqual(self.second.count("known.test", "MX"), 0, "DANE is asked of who validates")
        # The validating server fails: what it found stays, and the other one's answers do not count for DANE.
        self.first.behave("silent")
        self.assertEqual(daemon.ask("known.test"), DANE)
        self.assertEqual(daemon.ask("newer.test"), SECURE, "nothing is known of it")
        self.judged(daemon, self.first, "unknown")
        self.assertEqual(daemon.stop(), 0)
        daemon = self.start_with(self.second, self.first)
        self.judged(daemon, self.first, "unknown")
        self.assertEqual(daemon.ask("known.test"), DANE, "after a restart too")
        self.wait_status(daemon, "OK inactive: whether the resolver validates is not known yet")
        # It works again.
        self.first.behave(None)
        self.wait_status(daemon, "OK active", limit=90)
        self.assertEqual(daemon.ask("new.test"), DANE)

    def test_a_server_that_stops_validating_is_found_out_by_its_answers(self):
        self.domain("known.test")
        daemon = self.start_with(self.first)
        self.wait_status(daemon, "OK active")
        self.assertEqual(daemon.ask("known.test"), DANE)
        # Both domains share the MX host, whose answers had AD a moment ago.
        self.domain("other.test")
        self.first.add_rdata("other.test", "MX", [struct.pack("!H", 10) + encode_name("mx.known.test")])
        self.first.authentic = lambda name: name == "other.test"
        self.assertEqual(daemon.ask("other.test"), SECURE)
        self.judged(daemon, self.first, "no")
        self.wait_status(daemon, "OK inactive: 127.0.0.1")
        self.first.authentic = lambda name: True  # DANE was on at the start, so it comes back by itself
        wait_for(lambda: self.ask_new(daemon).startswith("OK active"), seconds=30, every=0.5)

    def ask_new(self, daemon):
        """Makes the daemon look up a new domain, with or without AD in the answers; returns what it says about DANE."""
        self.news = getattr(self, "news", 0) + 1
        self.domain("n%d.test" % self.news)
        daemon.ask("n%d.test" % self.news)
        return daemon.ask("dane", "stsmapd.status")

    def test_dane_that_was_off_at_the_start_waits_for_a_reload(self):
        self.domain("good.test")
        self.first.authentic = lambda name: False
        daemon = self.start_with(self.first)
        self.wait_status(daemon, "OK inactive: 127.0.0.1")
        self.judged(daemon, self.first, "no")
        self.first.authentic = lambda name: True

        # An answer with AD contradicts the finding. The server is judged again, but only some seconds after the
        # finding.
        wait_for(lambda: self.ask_new(daemon) == WAITS, seconds=30, every=0.5)
        daemon.wait_log(">dane: ", "active=no", "reload after stsmap postfix-setup")
        self.assertEqual(daemon.ask("good.test"), SECURE)
        daemon.reload()
        self.wait_status(daemon, "OK active")
        self.assertEqual(daemon.ask("good.test"), DANE)

    def test_an_answer_without_its_soa_proves_nothing(self):
        self.first.remove("", "SOA")
        daemon = self.start_with(self.first)
        self.judged(daemon, self.first, "unknown")
        daemon.wait_log(">dane: ", "proves nothing")
        self.first.add_rdata("", "SOA", [b"\0\0" + struct.pack("!5I", 1, 3600, 600, 86400, 60)])
        self.wait_status(daemon, "OK active")


if __name__ == "__main__":
    unittest.main()
