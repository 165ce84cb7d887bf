#!/usr/bin/env python3
"""DNSSEC for smtp(8): when postfix-setup sets smtp_dns_support_level, when it refuses, and what doctor says about the
name servers that smtp(8) asks, in its chroot too. Real mail is the judge."""
import os
import shutil
import socket
import time

from e2e.support import PostfixTest, main
from pylib.dns_message import FORMERR, NOTIMP, REFUSED, SERVFAIL
from pylib.nameservers import RESOLVER, SignedZone, Unbound
from pylib.net import Datagrams
from pylib.waiting import wait_for

PLAIN = "127.0.0.2"  # a resolver that does not validate
BROKEN = "127.0.0.3"  # one that has trouble with EDNS
OPTIONS = "options timeout:1 attempts:1\n"


class NoEdns:
    """A name server in front of the world's resolver that cannot handle EDNS: it then says nothing, or answers with an
    error code."""

    CODES = {"formerr": FORMERR, "servfail": SERVFAIL, "notimp": NOTIMP, "refused": REFUSED}

    def __init__(self, way):
        self.way = way
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        bound.bind((BROKEN, 53))
        self.server = Datagrams(bound, self.answer)

    def answer(self, query, peer):
        if query[11] == 0:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ask:
                ask.settimeout(5)
                ask.sendto(query, (RESOLVER, 53))
                try:
                    self.server.socket.sendto(ask.recv(4096), peer)
                except socket.timeout:
                    pass
        elif self.way in self.CODES:
            reply = bytearray(query)
            reply[2], reply[3] = 0x81, 0x80 | self.CODES[self.way]
            self.server.socket.sendto(bytes(reply), peer)

    def stop(self):
        self.server.close()


class ResolversTest(PostfixTest):
    MAIN_CF = {"minimal_backoff_time": "1h"}

    def setUp(self):
        super().setUp()
        self.chroot_file = os.path.join(self.sender.folder, "queue", "etc", "resolv.conf")
        self.addCleanup(self.write, "/etc/resolv.conf", self.read("/etc/resolv.conf"))  # in place: a mount
        self.addCleanup(shutil.rmtree, os.path.dirname(self.chroot_file), ignore_errors=True)
        self.sender.reload()  # ends the smtp(8) of the previous test

    @staticmethod
    def remove(*paths):
        for path in paths:
            if os.path.lexists(path):
                os.unlink(path)

    def chroot(self, text):
        os.makedirs(os.path.dirname(self.chroot_file), exist_ok=True)
        self.remove(self.chroot_file)
        self.write(self.chroot_file, text)

    def set_level(self, level):
        self.sender.set(smtp_dns_support_level=level)
        self.sender.reload()

    def restart_daemon(self, **changes):
        self.restart(forget=True, **changes)
        self.daemon_knows()

    def daemon_knows(self):
        wait_for(
            lambda: "not known yet" not in self.world.daemon.ask("dane", "stsmapd.status"), "the daemon's finding of DANE"
        )

    def setup(self, *words):
        done = self.postfix_setup(*words)
        return done.returncode, done.stdout + done.stderr

    def doctor(self):
        """{id: finding} of all that is not ok."""
        found = {}
        for each in self.doctor_report()[1]["checks"]:
            if each["verdict"] != "ok":
                found.setdefault(each["id"], each)
        return found

    def expect_failure(self, identity, *words):
        found = self.doctor()
        self.assertIn(identity, found)
        self.assertEqual(found[identity]["verdict"], "fail")
        for word in words:
            self.assertIn(word, found[identity]["words"] + found[identity]["fix"])

    def expect_no_failure(self):
        self.assertEqual([each for each in self.doctor().values() if each["verdict"] == "fail"], [])

    def expect_refused(self, *words):
        before = self.read(self.main_cf)
        status, output = self.setup("--apply")
        self.assertEqual(status, 1, output)
        for word in ("refused: ", *words):
            self.assertIn(word, output)
        self.assertEqual(self.read(self.main_cf), before)

    def deliver(self, recipient):
        """Returns (status, log line); the status is sent or deferred."""
        delivery = self.sender.deliver(f"user@{recipient}")
        return delivery.status, str(delivery)

    def expect_sent(self, recipient):
        status, text = self.deliver(recipient)
        self.assertEqual(status, "sent", text)

    def expect_deferred(self, recipient, words):
        status, text = self.deliver(recipient)
        self.assertEqual(status, "deferred", text)
        self.assertIn(words, text)


class Level(ResolversTest):
    """The setting smtp_dns_support_level."""

    def test_is_set_where_dane_is_active(self):
        self.daemon_knows()
        self.expect_failure("set-smtp-dns-support-level", "dnssec", "without this Postfix defers")
        self.expect_deferred("right.dane.example", "dnssec lookups disabled")
        status, output = self.setup("--apply", "--reload")
        self.assertEqual(status, 0, output)
        self.assertIn(b"smtp_dns_support_level = dnssec", self.read(self.main_cf))
        self.expect_no_failure()
        self.expect_sent("right.dane.example")
        self.expect_sent("good.example")

    def test_is_set_before_a_resolver_validates(self):
        plain = Unbound(self.world.new_folder("plain"), address=PLAIN)
        plain.start()
        self.addCleanup(plain.stop)
        self.write("/etc/resolv.conf", f"nameserver {PLAIN}\n{OPTIONS}")
        self.chroot(self.read("/etc/resolv.conf"))
        self.restart_daemon(dns={"servers": [PLAIN], "trust_ad": "yes"})
        self.expect_failure("set-smtp-dns-support-level", "as soon as a resolver validates")
        status, output = self.setup("--apply", "--reload")
        self.assertEqual(status, 0, output)
        self.assertIn("DNSSEC validation may be unavailable", output)
        self.assertIn("'dnssec_probe ='", output)
        self.expect_no_failure()
        for name in ("good.example", "norecord.example", "right.dane.example"):
            with self.subTest(name):
                delivery = self.sender.deliver(f"user@{name}")
                expected = "deferred" if name == "right.dane.example" else "sent"
                self.assertEqual(delivery.status, expected, "its certificate is right for DANE alone")
        warnings = [line for line in self.sender.log() if "DNSSEC validation may be unavailable" in line]
        self.assertTrue(warnings)
        self.assertTrue([line for line in self.sender.log() if "reason: dnssec_probe 'ns:.'" in line])
        self.sender.set(dnssec_probe="")
        self.sender.reload()
        self.expect_sent("good.example")
        again = [line for line in self.sender.log() if "DNSSEC validation may be unavailable" in line]
        self.assertEqual(again, warnings, "as the note says")
        # Later somebody installs a validating resolver, for another reason.
        plain.stop()
        anchors = [zone.anchor for zone in self.world.nsd.zones.values() if isinstance(zone, SignedZone)]
        unbound = Unbound(self.world.new_folder("validating"), anchors, PLAIN)
        unbound.start()
        self.addCleanup(unbound.stop)
        self.expect_failure("dane-not-noticed", "looks for no DANE until it is reloaded", "kill -HUP")
        self.world.daemon.reload()
        wait_for(lambda: self.world.daemon.ask("dane", "stsmapd.status") == "OK active", "DANE")
        self.expect_no_failure()
        self.expect_sent("right.dane.example")

    def test_is_left_alone_where_dane_is_off(self):
        self.restart_daemon(dane="off")
        status, output = self.setup()
        self.assertEqual(status, 0, output)
        self.assertNotIn("smtp_dns_support_level = dnssec", output)
        self.expect_no_failure()
        self.expect_sent("good.example")

    def test_is_not_set_for_servers_that_do_not_answer_so(self):
        for way in ("silent", *NoEdns.CODES):
            with self.subTest(way):
                broken = NoEdns(way)
                try:
                    self.write("/etc/resolv.conf", f"nameserver {BROKEN}\n{OPTIONS}")
                    self.chroot(self.read("/etc/resolv.conf"))
                    self.set_level("enabled")
                    self.expect_sent("good.example")
                    self.expect_refused(f"{BROKEN}:53 (", 'dane = "off"')
                    self.expect_failure("resolver-fails-dnssec", f"{BROKEN}:53")
                    self.set_level("dnssec")
                    status, text = self.deliver("good.example")
                    words = {"bounced": "returns all mail to its senders", "deferred": "defers all mail"}
                    self.expect_failure("resolver-fails-dnssec", words[status])
                finally:
                    broken.stop()

    def test_the_next_server_is_asked_or_not(self):
        """The prediction of `stsmap explain` is the judge (support.WorldTest.foresee)."""
        outcomes = {}
        self.set_level("dnssec")
        for way in ("silent", *NoEdns.CODES):
            with self.subTest(way):
                broken = NoEdns(way)
                try:
                    self.write("/etc/resolv.conf", f"nameserver {BROKEN}\nnameserver {RESOLVER}\n{OPTIONS}")
                    self.chroot(self.read("/etc/resolv.conf"))
                    self.sender.reload()
                    outcomes[way] = self.deliver("good.example")[0]
                finally:
                    broken.stop()
        self.assertEqual(outcomes["servfail"], "sent", outcomes)

    def test_is_not_set_when_one_of_two_servers_does_not_answer_so(self):
        broken = NoEdns("servfail")
        self.addCleanup(broken.stop)
        self.write("/etc/resolv.conf", f"nameserver {RESOLVER}\nnameserver {BROKEN}\n{OPTIONS}")
        self.chroot(self.read("/etc/resolv.conf"))
        self.expect_refused(f"{BROKEN}:53 (it answers SERVFAIL)")

    def test_lookups_that_are_off_stay_off(self):
        self.set_level("disabled")
        self.expect_refused("smtp_dns_support_level = disabled", "looks up neither MX hosts nor DANE")

    def test_a_service_of_its_own_mind(self):
        self.set_level("dnssec")
        self.sender.postconf("-P", "smtp/unix/smtp_dns_support_level=enabled")
        self.addCleanup(
            self.sender.command, "postconf", "-c", self.sender.config, "-P", "-X", "smtp/unix/smtp_dns_support_level"
        )
        self.sender.reload()
        self.expect_deferred("right.dane.example", "dnssec lookups disabled")
        self.expect_failure(
            "dnssec-overridden",
            f"postconf -c {self.sender.config} -P 'smtp/unix/smtp_dns_support_level=dnssec'",
        )


class Chroot(ResolversTest):
    """The resolv.conf in the chroot."""

    MAIN_CF = {**ResolversTest.MAIN_CF, "smtp_dns_support_level": "dnssec"}

    def setUp(self):
        super().setUp()
        self.daemon_knows()

    def test_left_behind(self):
        plain = Unbound(self.world.new_folder("plain"), address=PLAIN)
        plain.start()
        self.addCleanup(plain.stop)
        self.chroot(f"nameserver {PLAIN}\n{OPTIONS}")
        self.sender.reload()
        self.expect_deferred("right.dane.example", "non DNSSEC destination")
        self.expect_failure(
            "resolv-conf-differs",
            self.chroot_file,
            f"it names {PLAIN}, and the system's {RESOLVER}",
            "restart Postfix (a reload does not renew it)",
        )
        self.expect_refused("restart Postfix")
        # Do what the fix says.
        shutil.copyfile("/etc/resolv.conf", self.chroot_file)
        self.sender.reload()
        self.expect_no_failure()
        self.expect_sent("right.dane.example")

    def test_other_options_and_what_does_not_matter(self):
        system = self.read("/etc/resolv.conf").decode()
        for text, same in (
            (system, True),
            ("# a copy\n" + system + "search example\n", True),
            (system + "options use-vc\n", False),
            (f"nameserver {RESOLVER}\n", False),
            (system + f"nameserver {PLAIN}\n", False),
        ):
            with self.subTest(text):
                self.chroot(text)
                os.utime(self.chroot_file, (time.time() - 10**7, time.time() - 10**7))
                if same:
                    self.expect_no_failure()
                else:
                    self.expect_failure("resolv-conf-differs", "restart Postfix")

    def test_not_there(self):
        self.remove(self.chroot_file)
        self.expect_no_failure()
        self.sender.reload()
        self.expect_sent("right.dane.example")
        os.makedirs(os.path.dirname(self.chroot_file), exist_ok=True)
        os.symlink("/etc/hosts", self.chroot_file)  # /etc/hosts is not in the chroot, either
        self.expect_no_failure()

    def test_not_to_be_read_by_smtp(self):
        """The C library treats the file as missing, and asks 127.0.0.1."""
        self.chroot(f"nameserver {PLAIN}\n")
        os.chmod(self.chroot_file, 0o600)
        self.expect_no_failure()
        self.sender.reload()
        self.expect_sent("right.dane.example")

    def test_not_there_and_nobody_at_127_0_0_1(self):
        """The system's resolver is elsewhere, but in the chroot the C library asks 127.0.0.1."""
        self.world.unbound.stop()
        self.addCleanup(self.world.unbound.start)
        anchors = [zone.anchor for zone in self.world.nsd.zones.values() if isinstance(zone, SignedZone)]
        unbound = Unbound(self.world.new_folder("elsewhere"), anchors, PLAIN)
        unbound.start()
        self.addCleanup(unbound.stop)
        self.write("/etc/resolv.conf", f"nameserver {PLAIN}\n{OPTIONS}")
        self.restart_daemon(dns={"servers": [PLAIN], "trust_ad": "yes"})
        self.sender.reload()
        self.expect_failure("resolver-fails-dnssec", f"has no {self.chroot_file} that it may read", "defers all mail")
        status, text = self.deliver("good.example")
        self.assertNotEqual(status, "sent", text)

    def test_a_resolver_of_its_own_that_does_not_validate(self):
        """stsmapd asks a resolver of its own; the system's resolver is another one, and validates."""
        plain = Unbound(self.world.new_folder("plain"), address=PLAIN)
        plain.start()
        self.addCleanup(plain.stop)
        self.write("/etc/resolv.conf", f"nameserver {PLAIN}\n{OPTIONS}")
        self.chroot(self.read("/etc/resolv.conf"))
        self.sender.reload()
        self.expect_deferred("right.dane.example", "non DNSSEC destination")
        self.expect_failure("resolver-not-validating", f"{PLAIN}:53 of {self.chroot_file}")
        self.expect_refused("does not: Postfix defers")


if __name__ == "__main__":
    main()
