#!/usr/bin/env python3
"""The list of maps, asked as smtp(8) asks it: elements of ours that lead nowhere, tables that answer for everything,
closed sockets. postfix-setup and doctor must see each, and mail must be delivered exactly when they say so."""
import os

from e2e.setup_case import SetupCase
from e2e.support import OTHER_ROOT, main
from pylib.waiting import wait_for


class MapsTest(SetupCase):
    # Some maps make smtp(8) die, and master(8) would wait a minute before it starts another one.
    MAIN_CF = {**SetupCase.MAIN_CF, "service_throttle_time": "1s"}

    def maps(self, value):
        self.sender.set(smtp_tls_policy_maps=value)
        self.sender.reload()

    def service(self, setting):
        self.sender.postconf("-P", setting)

    settled = None

    def settle(self):
        """Applies all other changes first, so that every finding is about the map. Made once; later tests reuse the
        main.cf."""
        if MapsTest.settled:
            self.write(self.main_cf, MapsTest.settled)
            self.sender.reload()
            return
        self.assertEqual(self.setup("--apply", "--reload")[0], 0)
        self.assertEqual(self.doctor(), [])
        MapsTest.settled = self.read(self.main_cf)

    def expect_deferred(self, recipient="user@good.example", via="unix"):
        delivery = self.sender.deliver(recipient, via)
        self.assertEqual((delivery.status, delivery.dsn), ("deferred", "4.7.5"), str(delivery))

    # Elements of ours.

    def test_elements_that_lead_nowhere_are_put_right(self):
        name = self.sender.map_name
        self.settle()
        for element in (
            f"socketmap:unix:{self.sender.socket}:{name}",  # right only outside the chroot
            f"socketmap:unix:/stsmapd/socketmap:{name}",  # right only in the chroot
            f"socketmap:unix:stsmapd/socketmap2:{name}",
            f"socketmap:unix:stsmap/socketmap:{name}",
            f"socketmap:unix:socketmap:{name}",
            f"socketmap:inet:127.0.0.1:8462:{name}",
            f"socketmap:inet:localhost:84:{name}",
            f"socketmap:inet:[::1]:8461:{name}",
            f"proxy:socketmap:unix:stsmapd/nothing:{name}",
        ):
            with self.subTest(element):
                self.maps(element)
                findings = self.doctor()
                self.expect_finding(findings, "postfix", "fail", f"stsmapd answers at {self.map.rsplit(':', 1)[0]}",
                                    "postfix-setup")  # fmt: skip
                self.expect_finding(findings, "socket", "fail", "", f"Postfix asks {element}, the daemon listens at ")
                status, output, errors = self.setup("--apply", "--reload")
                self.assertEqual((status, errors), (0, ""), output)
                self.assertIn(f"Postfix asks {element}", output)
                self.assertEqual(self.sender.value("smtp_tls_policy_maps"), self.map)
                self.assertEqual(self.doctor(), [])
        self.expect_delivered()
        self.expect_delivered(via="unchrooted")

    def test_mail_stops_where_they_are_wrong(self):
        """Proves that the previous test matters: these maps do stop mail."""
        self.maps(f"socketmap:unix:{self.sender.socket}:{self.sender.map_name}")
        self.expect_deferred()
        self.maps(f"socketmap:unix:/stsmapd/socketmap:{self.sender.map_name}")
        self.expect_delivered()
        self.expect_deferred(via="unchrooted")

    def test_with_tcp_alone(self):
        """Without a socket in the queue directory TCP answers, so the TCP map is written."""
        self.restart(listen=["tcp:127.0.0.1:8461"])
        status, output, _ = self.setup("--apply", "--reload")
        self.assertEqual(status, 0, output)
        self.assertEqual(self.sender.value("smtp_tls_policy_maps"), f"socketmap:inet:127.0.0.1:8461:{self.sender.map_name}")
        self.expect_delivered()

    def test_a_socket_out_of_reach(self):
        folder = self.world.new_folder("elsewhere")
        self.restart(listen=[f"unix:{folder}/socketmap"])
        self.expect_refused("where smtp(8) of this Postfix does not ask or get")
        status, output, _ = self.setup()
        self.assertEqual(status, 1)
        self.assertIn(f'"unix:{os.path.dirname(self.sender.socket)}/socketmap" to listen in stsmapd.toml', output)
        self.expect_refused("as user postfix, chrooted to")

    def test_a_silent_daemon_in_force(self):
        """All settings are right, but all mail is deferred: never say "nothing to change"."""
        self.settle()
        self.world.daemon.stop()
        self.addCleanup(self.world.daemon.start)
        status, output, _ = self.setup()
        self.assertEqual(status, 1, output)
        self.assertIn("no stsmapd answers", output)

    # The socket's folder.

    def test_closed_folders_are_named(self):
        folder = os.path.dirname(self.sender.socket)
        self.settle()
        for mode in (0o700, 0o750, 0o600):
            with self.subTest(oct(mode)):
                os.chmod(folder, mode)
                self.addCleanup(os.chmod, folder, 0o755)
                self.expect_deferred()
                findings = self.doctor()
                self.expect_finding(findings, "socket", "fail", f"the folder {folder} (root:root {mode:04o}) is closed "
                                    "to user postfix", f"chmod a+x {folder}")  # fmt: skip
                status, output, _ = self.setup()
                self.assertEqual(status, 1, output)
                self.assertIn(f"the folder {folder} (root:root {mode:04o})", output)
                os.chmod(folder, 0o755)
                self.assertEqual(self.doctor(), [])
        os.chmod(folder, 0o700)
        self.sender.set(smtp_tls_policy_maps="")
        self.restart(listen=[f"unix:{self.sender.socket}"])
        os.chmod(folder, 0o700)
        self.expect_refused(f"the folder {folder}")
        os.chmod(folder, 0o755)

    def test_a_socket_for_others(self):
        if OTHER_ROOT:
            self.skipTest("another group postfix")
        self.restart(listen=[f"unix:{self.sender.socket}"], socket={"mode": "0660", "group": "root"})
        self.expect_refused("(it is root:root 0660)")

    # proxymap(8).

    def test_a_proxied_map_that_works(self):
        self.settle()
        for element in (f"proxy:{self.map}", f"proxy:socketmap:inet:127.0.0.1:8461:{self.sender.map_name}"):
            with self.subTest(element):
                self.maps(element)
                self.expect_delivered()
                findings = self.doctor()
                self.assertEqual([each for each in findings if each[1] == "fail"], [])
                self.assertEqual(self.setup("--apply")[0], 0)
                self.assertEqual(self.sender.value("smtp_tls_policy_maps"), element)

    def test_a_proxied_map_within_a_chroot(self):
        """proxymap(8) has a chroot column of its own: for it, an absolute path leads elsewhere."""
        element = f"proxy:socketmap:unix:{self.sender.socket}:{self.sender.map_name}"
        self.settle()
        self.maps(element)
        self.expect_delivered()
        self.assertEqual([each for each in self.doctor() if each[1] == "fail"], [])
        self.sender.postconf("-F", "proxymap/unix/chroot=y")
        self.sender.reload()
        self.expect_finding(self.doctor(), "socket", "fail", "chrooted to", "the daemon listens at")

    def test_a_proxied_map_that_is_not_approved(self):
        self.settle()
        self.maps(f"proxy:{self.map}")
        self.sender.set(proxy_read_maps="proxy:unix:passwd.byname")
        self.sender.reload()
        self.sender.send("user@good.example")  # smtp(8) dies
        wait_for(lambda: any("request for unapproved table" in line for line in self.sender.log()), "a refusal", 60)
        self.expect_finding(self.doctor(), "socket", "fail", "proxy_read_maps does not list")
        status, output, _ = self.setup()
        self.assertEqual(status, 1, output)
        self.assertIn("proxymap(8) does not open it", output)

    # Maps before ours.

    def test_what_answers_for_everything(self):
        self.sender.set(smtp_tls_CAfile=self.trust)
        table = os.path.join(self.sender.config, "everything")
        with open(table, "w", encoding="ascii") as file:
            file.write("/./ may\n")
        self.addCleanup(os.unlink, table)
        for before in (
            "static:may",
            "static:{may}",
            f"regexp:{table}",
            "regexp:{ {/./ may} }",
            "regexp:{ {/\\.(com|org|net)/ encrypt} }",
            "inline:{ a.example=encrypt }, static:encrypt",
            "unionmap:{static:may, inline:{a.example=encrypt}}",
            "randmap:{may}",
        ):
            with self.subTest(before):
                self.sender.set(smtp_tls_policy_maps=before)
                self.expect_refused("answers for domains it cannot know")
                self.maps(f"{before}, {self.map}")
                self.expect_finding(self.doctor(), "postfix", "fail", "answers for domains it cannot know", "postconf -c")
                if "com|" not in before:  # the world only has the zone example.
                    self.assertNotIn("Verified", str(self.sender.deliver("user@good.example")))

    def test_what_answers_for_parents_does_not_hide_policies(self):
        """Postfix asks every map for the domain itself before it asks any for ".parent"."""
        self.settle()
        for before in ("inline:{ .example=may, .good.example=may }", "regexp:{ {/^\\./ may} }"):
            with self.subTest(before):
                self.maps(f"{before}, {self.map}")
                self.assertEqual(self.doctor(), [])
                self.expect_delivered()

    def test_tables_that_cannot_be_asked(self):
        self.settle()
        for element, words in (
            ("texthash:/no/such/table", "No such file"),
            (f"hash:{self.sender.config}/main.cf", "main.cf.db"),
            ("fail:tls_policy", ""),
            ("socketmap:unix:private/nobody:virtual", "private/nobody"),
            ("proxy:texthash:/etc/hosts2", "proxy_read_maps does not list it"),
        ):
            for value in (f"{element}, {self.map}", f"{self.map}, {element}"):
                with self.subTest(value):
                    extra = {"proxy_read_maps": "proxy:unix:passwd.byname"} if element.startswith("proxy:") else {}
                    self.sender.set(smtp_tls_policy_maps=value, **extra)
                    self.sender.reload()
                    findings = self.doctor()
                    self.expect_finding(findings, "postfix", "fail", element)
                    self.expect_finding(findings, "postfix", "fail", words)
                    if not value.endswith(element) and not extra:
                        self.expect_deferred()
                    if extra:
                        self.sender.postconf("-X", "proxy_read_maps")

    def test_lists_of_services(self):
        self.settle()
        self.service(f"smtp/unix/smtp_tls_policy_maps=static:may,{self.map}")
        self.expect_finding(self.doctor(), "postfix", "fail", "service smtp/unix: static:may answers", "postconf -c")
        self.assertEqual(self.setup()[0], 1)
        self.service(f"smtp/unix/smtp_tls_policy_maps=socketmap:unix:stsmapd/nobody:{self.sender.map_name}")
        self.expect_finding(self.doctor(), "socket", "fail", "smtp/unix")
        status, output, _ = self.setup()
        self.assertEqual(status, 1, output)
        self.assertIn("service smtp/unix asks socketmap:unix:stsmapd/nobody:", output)

    # As which user.

    def test_as_an_ordinary_user(self):
        """Nothing fails because of a missing permission: it is reported as not seen."""
        if OTHER_ROOT:
            self.skipTest("an ordinary user cannot run the other root's programs")
        self.settle()

        def run_as_nobody(*words):
            return self.postfix_setup(*words, user="nobody")

        done = run_as_nobody()
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertIn("was not seen", done.stdout)
        self.assertIn("as root", done.stdout)
        self.assertNotIn("no stsmapd answers", done.stdout)
        self.sender.set(smtp_tls_policy_maps="")
        before = self.files()
        done = run_as_nobody()
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertIn("was not seen", done.stdout)
        done = run_as_nobody("--apply")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("Permission denied", done.stderr)
        self.assertEqual(self.files(), before)


if __name__ == "__main__":
    main()
