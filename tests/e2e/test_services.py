#!/usr/bin/env python3
"""Services of master.cf, judged one by one: what postfix-setup and doctor say about each, and what happens to mail."""
import re

from e2e.support import OTHER_ROOT, PostfixTest, main


class ServicesTest(PostfixTest):
    """The map is in main.cf and DANE is active; a test changes main.cf or master.cf."""

    MAIN_CF = {"smtp_dns_support_level": "dnssec"}
    DANE_ACTIVE = True

    def put_back(self):
        super().put_back()
        self.sender.reload()

    def say(self, status, *words):
        """postfix-setup ends with this status and prints all these words; returns its output."""
        done = self.postfix_setup()
        self.assertEqual((done.returncode, done.stderr), (status, ""), done.stdout)
        for each in words:
            self.assertIn(each, done.stdout)
        return done.stdout

    def doctor(self, verdict, words):
        """doctor has a line of this verdict with these words; not asked where another root's Postfix sends."""
        if OTHER_ROOT:
            return
        report = self.doctor_report()[1]
        lines = [each for each in report["checks"] if each["check"] == "postfix"]
        found = [each["verdict"] for each in lines if words in each["words"]]
        self.assertEqual(found, [verdict], lines)
        worst = {"ok": "ok", "warn": "warn", "fail": "fail"}[verdict]
        self.assertEqual(report["verdict"], worst, report)

    def fix(self, output, pattern):
        """Runs the command that is printed as the fix, unchanged."""
        command = re.search(rf"{pattern}(postconf .*?)(;|$)", output, re.MULTILINE).group(1)
        self.assertIn(f"-c {self.sender.config}", command)
        self.sender.command("sh", "-c", command)

    def test_all_is_well(self):
        self.say(0, "Nothing to change.", "sender_dependent_default_transport_maps: mail of some senders goes through 3")

    def test_a_service_without_the_map(self):
        self.sender.postconf("-P", "smtp/unix/smtp_tls_policy_maps=")
        self.sender.reload()
        delivery = self.sender.deliver("user@wrongname.example")
        self.assertEqual(delivery.status, "sent", "no policy is obeyed: " + str(delivery))
        self.doctor("fail", "service smtp/unix has its own smtp_tls_policy_maps = (empty)")
        output = self.say(1, "refused: service smtp/unix has its own smtp_tls_policy_maps")
        self.fix(output, "if that is not meant: ")
        self.say(0, "Nothing to change.")
        self.sender.reload()
        self.assertEqual(self.sender.deliver("user@wrongname.example").status, "deferred")

    def test_a_service_with_a_table_only(self):
        self.sender.postconf("-P", "smtpfree/unix/smtp_tls_policy_maps=inline:{a.example=encrypt}")
        self.say(1, "refused: service smtpfree/unix has its own smtp_tls_policy_maps = inline:{a.example=encrypt}")
        self.doctor("fail", "service smtpfree/unix")

    def test_a_service_that_nothing_names(self):
        self.sender.postconf("-M", "slow/unix=slow unix - - n - 1 smtp -o smtp_tls_policy_maps=")
        self.say(0, "warning: service slow/unix", "no mail for other domains goes through it now")

    def test_a_filter(self):
        self.sender.postconf("-M", "scan/unix=scan unix - - n - 1 smtp -o smtp_tls_policy_maps=")
        self.sender.postconf("-P", "127.0.0.1:25/inet/content_filter=scan:[127.0.0.1]:10024")
        self.say(0, "note: service scan/unix", "hosts that are written out")
        self.doctor("ok", "service scan/unix")

    def test_stricter_levels(self):
        for level in ("dane-only", "fingerprint", "verify", "Secure"):
            with self.subTest(level):
                self.sender.postconf("-P", f"smtp/unix/smtp_tls_security_level={level}")
                words = f"service smtp/unix has its own smtp_tls_security_level = {level}"
                output = self.say(0, "warning: " + words)
                self.doctor("warn", words)
                self.fix(output, "take the map away from it: ")
                self.assertEqual(self.sender.postconf("-Ph", "smtp/unix/smtp_tls_policy_maps"), "\n")
                words = "service smtp/unix does not use MTA-STS, by its own stricter rule"
                self.say(0, "note: " + words)
                self.doctor("ok", words)
                self.put_back()

    def test_what_rules_dane_out(self):
        for name, value in (
            ("smtp_host_lookup", "native"),
            ("ignore_mx_lookup_error", "yes"),
            ("smtp_dns_resolver_options", "res_defnames"),
            ("smtp_dns_resolver_options", "res_dnsrch"),
        ):
            for change in (("-e", f"{name} = {value}"), ("-P", f"smtp/unix/{name}={value}")):
                with self.subTest(change):
                    self.sender.postconf(*change)
                    self.sender.reload()
                    delivery = self.sender.deliver("user@right.dane.example")
                    self.assertEqual(delivery.status, "deferred", str(delivery))
                    words = f"{name} = {value}: " if change[0] == "-e" else f"service smtp/unix has its own {name}"
                    self.say(1, "refused: " + words)
                    self.doctor("fail", words)
                    self.put_back()
        delivery = self.sender.deliver("user@right.dane.example")
        self.assertEqual(delivery.status, "sent", str(delivery))

    def test_trust_anchors(self):
        self.sender.postconf("-e", f"smtp_tls_trust_anchor_file = {self.world.folder}/other-ca/root.pem")
        self.sender.reload()
        delivery = self.sender.deliver("user@good.example")
        self.assertEqual(delivery.status, "deferred", str(delivery))
        self.say(1, "refused: smtp_tls_trust_anchor_file")
        self.doctor("fail", "smtp_tls_trust_anchor_file")
        self.put_back()
        self.sender.postconf("-e", f"smtp_tls_CAfile = {self.world.ca.root}")
        self.say(0, f"warning: smtp_tls_CAfile = {self.world.ca.root} lacks more than a tenth")
        self.doctor("warn", "lacks more than a tenth")

    def test_reuse_of_connections_without_tlsproxy(self):
        self.sender.postconf("-e", "smtp_tls_connection_reuse = yes")
        self.sender.reload()
        delivery = self.sender.deliver("user@good.example")
        self.assertEqual(delivery.status, "deferred", str(delivery))
        self.say(1, "refused: smtp_tls_connection_reuse = yes: master.cf has no service tlsproxy/unix")
        self.sender.postconf("-M", "tlsproxy/unix=tlsproxy unix - - y - 0 tlsproxy")
        self.sender.reload()
        self.say(0, "Nothing to change.")
        delivery = self.sender.deliver("user@good.example")
        self.assertEqual(delivery.status, "sent", str(delivery))

    def test_what_routes_mean(self):
        self.sender.postconf(
            "-e",
            "transport_maps = inline:{ good.example=smtp:[mx.good.example], a.example=relay: }, tcp:127.0.0.1:1",
            "smtp_fallback_relay = [mx.good.example]",
            "sender_dependent_relayhost_maps = inline:{ x@y.example=[relay.example]:587 }",
        )
        self.say(
            0,
            "note: transport_maps: mail for some domains goes to [mx.good.example], and only that name",
            "goes through relay/unix, by the policies of the recipients' domains",
            "tcp:127.0.0.1:1 cannot be read here",
            "note: sender_dependent_relayhost_maps: mail of some senders goes to [relay.example]:587",
            "warning: smtp_fallback_relay = [mx.good.example]: ",
        )
        self.sender.postconf("-X", "transport_maps")
        self.sender.reload()
        delivery = self.sender.deliver("user@wrongname.example")
        self.assertEqual(delivery.status, "sent", "by the fallback relay, without the policy: " + str(delivery))

    def test_nothing_delivers(self):
        self.sender.postconf("-e", "default_transport = smpt")
        self.say(1, "refused: default_transport = smpt: master.cf has no service smpt/unix")
        self.put_back()
        self.sender.postconf("-e", "default_transport = error:not from here")
        self.say(0, "warning: default_transport = error:not from here: mail to other domains is not sent over SMTP")
        self.put_back()
        self.sender.postconf("-MX", "smtp/unix", "relay/unix", "smtpfree/unix", "smtptcp/unix")
        self.say(1, "refused: no service of master.cf delivers mail over SMTP")
        self.doctor_fails()

    def doctor_fails(self):
        if not OTHER_ROOT:
            self.assertEqual(self.doctor_report()[0].returncode, 1)


if __name__ == "__main__":
    main()
