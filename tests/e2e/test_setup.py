#!/usr/bin/env python3
"""`stsmap postfix-setup` on a real Postfix: what it changes in main.cf, what that does to mail, and the undo."""
import os

from e2e.setup_case import SetupCase
from e2e.support import main
from pylib.process import run


class SetupTest(SetupCase):
    def test_show_apply_deliver_and_back(self):
        before = self.files()
        status, output, errors = self.setup()
        self.assertEqual((status, errors), (0, ""), output)
        self.assertIn(f"postconf -c {self.sender.config} -e 'smtp_tls_policy_maps = {self.map}'", output)
        self.assertEqual(self.files(), before)

        status, output, errors = self.setup("--apply", "--reload")
        self.assertEqual((status, errors), (0, ""), output)
        self.assertEqual(self.sender.value("smtp_tls_policy_maps"), self.map)
        self.assertEqual(self.sender.value("smtp_tls_security_level"), "may")
        self.assertEqual(self.sender.value("smtp_dns_support_level"), "dnssec", "the world's resolver validates")
        answer = run(
            *self.sender.prefix, "postmap", "-c", self.sender.config, "-q", "good.example",
            self.map.replace("stsmapd/socketmap", self.sender.socket),
        )  # fmt: skip
        self.assertTrue(answer.startswith("secure match=mx.good.example "), answer)
        delivery = self.sender.deliver("user@good.example")
        self.assertEqual(delivery.status, "sent", str(delivery))
        self.assertIn("Verified TLS connection established", str(delivery))
        delivery = self.sender.deliver("user@wrongname.example")
        self.assertEqual(delivery.status, "deferred", str(delivery))

        settled = self.files()
        self.sender.age()
        stamp = os.stat(self.main_cf).st_mtime_ns
        status, output, errors = self.setup("--apply")
        self.assertEqual((status, errors), (0, ""))
        self.assertIn("Nothing to change.", output)
        self.assertEqual(self.files(), settled)
        self.assertEqual(os.stat(self.main_cf).st_mtime_ns, stamp, "not even written")

        status, output, errors = self.setup("--undo", "--reload")
        self.assertEqual((status, errors), (0, ""), output)
        self.assertEqual(self.files(), before, "every octet")

    def test_comments_and_continued_lines_come_back(self):
        table = os.path.join(self.world.new_folder("tables"), "exceptions")
        with open(table, "w", encoding="ascii") as file:
            file.write("c.example may\n")
        with open(self.main_cf, "ab") as file:
            file.write(
                b"# exceptions\nsmtp_tls_policy_maps =\n  inline:{ a.example=encrypt, b.example=may }\n"
                b"  # one more\n  texthash:" + table.encode() + b"\n\n# the end\n"
            )
        before = self.files()
        status, output, errors = self.setup("--apply")
        self.assertEqual((status, errors), (0, ""), output)
        self.assertEqual(
            self.sender.value("smtp_tls_policy_maps"),
            f"inline:{{ a.example=encrypt, b.example=may }}, texthash:{table}, {self.map}",
        )
        self.assertEqual(self.sender.value("smtp_tls_policy_maps"), self.sender.postconf("-hx", "smtp_tls_policy_maps").strip())
        self.assertEqual(self.setup("--undo")[0], 0)
        self.assertEqual(self.files(), before)

    def test_later_edits_are_kept(self):
        values = self.settings()
        self.assertEqual(self.setup("--apply")[0], 0)
        self.sender.set(relayhost="[relay.example]")
        status, output, _ = self.setup("--undo")
        self.assertEqual(status, 0, output)
        self.assertEqual(self.sender.value("relayhost"), "[relay.example]")
        self.sender.postconf("-X", "relayhost")
        self.assertEqual(self.settings(), values)

    def test_an_entry_in_another_spelling_is_known(self):
        for entry in (
            f"socketmap:unix:./stsmapd//socketmap:{self.sender.map_name}",
            f"socketmap:inet:127.0.0.1:8461:{self.sender.map_name}",
            f"proxy:socketmap:inet:localhost:8461:{self.sender.map_name}",
        ):
            with self.subTest(entry):
                self.sender.set(smtp_tls_policy_maps=entry)
                self.assertEqual(self.setup("--apply")[0], 0)
                self.assertEqual(self.sender.value("smtp_tls_policy_maps"), entry)
                self.assertEqual(self.setup("--undo")[0], 0)

    def test_the_dialect_of_another_version_is_corrected(self):
        wrong = "sts" if self.sender.map_name == "sts-tlsrpt" else "sts-tlsrpt"
        self.sender.set(smtp_tls_policy_maps=f"socketmap:unix:stsmapd/socketmap:{wrong}")
        self.assertEqual(self.setup("--apply")[0], 0)
        self.assertEqual(self.sender.value("smtp_tls_policy_maps"), self.map)

    def test_refuses_what_would_weaken(self):
        table = (
            ({"smtp_tls_security_level": "secure"}, "authenticates every mail host"),
            ({"smtp_tls_security_level": "verify"}, "authenticates every mail host"),
            ({"smtp_tls_security_level": "fingerprint"}, "authenticates every mail host"),
            ({"smtp_tls_wrappermode": "yes", "smtp_tls_security_level": "encrypt"}, "from the first byte"),
            ({"smtp_tls_per_site": "texthash:/etc/hosts"}, "ignores it as soon as"),
            ({"smtp_tls_CAfile": "/no/such/file.pem"}, "cannot be read"),
            ({"smtp_tls_policy_maps": "socketmap:inet:127.0.0.1:8642:QUERY"}, "postfix-tlspol"),
        )
        for settings, words in table:
            with self.subTest(settings=settings):
                self.sender.set(**settings)
                self.expect_refused(words)
                self.put_back()

    def test_replaces_another_daemon_when_told_to(self):
        self.sender.set(smtp_tls_policy_maps="inline:{ a.example=encrypt } socketmap:inet:127.0.0.1:8642:QUERY")
        self.assertEqual(self.setup("--apply", "--replace")[0], 0)
        self.assertEqual(self.sender.value("smtp_tls_policy_maps"), f"inline:{{ a.example=encrypt }}, {self.map}")

    def test_refuses_while_no_daemon_answers(self):
        self.world.daemon.stop()
        self.addCleanup(self.world.daemon.start)
        self.expect_refused("Postfix would defer all mail")
        self.assertEqual(self.setup("--apply", "--without-daemon")[0], 0)
        self.assertEqual(self.sender.value("smtp_tls_policy_maps"), self.map)

    def test_main_cf_behind_a_link(self):
        real = self.main_cf + ".real"
        os.rename(self.main_cf, real)
        os.symlink("main.cf.real", self.main_cf)
        try:
            self.expect_refused("symbolic link")
            self.assertTrue(os.path.islink(self.main_cf))
        finally:
            os.rename(real, self.main_cf)

    def test_warns_of_overrides_in_master_cf(self):
        self.sender.postconf("-P", "relay/unix/smtp_tls_policy_maps=inline:{a.example=may}")
        self.addCleanup(self.sender.postconf, "-P", "-X", "relay/unix/smtp_tls_policy_maps")
        status, output, _ = self.setup()
        self.assertEqual(status, 0)
        self.assertIn("warning: service relay/unix has its own smtp_tls_policy_maps", output)
        self.assertNotIn("warning: service smtptcp", output, "that one asks stsmapd over TCP")

    def test_says_that_there_is_no_postfix(self):
        status, output, errors = self.setup(postfix="/no/such/folder")
        self.assertEqual((status, output), (3, ""))
        self.assertIn("Postfix cannot be asked for its settings", errors)
        self.assertIn("/no/such/folder/main.cf", errors)


if __name__ == "__main__":
    main()
