"""`stsmap check` against name servers, policy hosts and mail servers on loopback. What Postfix itself does with the same
mail servers is in tests/e2e."""

import json
import os
import shutil
import signal
import subprocess
import unittest

from blackbox import harness
from pylib import schemas
from pylib.ca import certify, key_digest
from pylib.dns_message import encode_name
from pylib.mail_server import MailServers
from pylib.programs import without_options
from pylib.waiting import wait_for

MASTER = "smtp unix - - n - - smtp\nrelay unix - - n - - smtp\n"


@unittest.skipUnless(shutil.which("postconf"), "needs postconf(1)")
class CheckTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.mail = MailServers()
        self.addCleanup(self.mail.close)
        self.config = self.world.daemon().config_file
        self.folder = self.world.path("postfix")
        os.mkdir(self.folder)

    def mx(self, domain, *hosts):
        """MX records of a domain: pairs of name and address; the first is preferred."""
        self.world.dns.add_rdata(
            domain, "MX", [bytes([0, 10 + i]) + encode_name(name) for i, (name, _) in enumerate(hosts)]
        )
        for name, address in hosts:
            self.world.dns.add(name, "A", address)

    def server(self, address, *names, behaviour="serve"):
        self.mail.add(address, *self.world.hosts.authority.leaf(names or ["mx1.good.test"]), behaviour)

    def good(self, domain="good.test", address="127.0.0.1"):
        self.world.policy(domain, mx=("mx1." + domain,))
        self.mx(domain, ("mx1." + domain, address))
        self.server(address, "mx1." + domain)

    def postfix(self, **settings):
        settings = {
            "compatibility_level": "3.6",
            "mail_owner": "postfix",
            "myhostname": "me.example",
            "inet_protocols": "ipv4",
            "smtp_tcp_port": self.mail.port or 25,
            "smtp_tls_CAfile": self.world.hosts.authority.root,
            **settings,
        }
        with open(os.path.join(self.folder, "main.cf"), "w", encoding="ascii") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())
        with open(os.path.join(self.folder, "master.cf"), "w", encoding="ascii") as file:
            file.write(MASTER)

    def command(self, *arguments):
        if not os.path.exists(os.path.join(self.folder, "main.cf")):
            self.postfix()
        return [harness.STSMAP, "--config", self.config, "check", "-c", self.folder, *arguments]

    def environment(self):
        return {**without_options(), "TZ": "UTC"}

    def check(self, *arguments, status=None, stdin=""):
        """(what it prints, what it says on standard error)"""
        done = subprocess.run(
            self.command(*arguments),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=self.environment(),
        )
        if status is not None:
            self.assertEqual(done.returncode, status, done)
        return done.stdout, done.stderr

    def documents(self, *arguments, **how):
        """What it prints as JSON, by domain; each as the schema says."""
        text, errors = self.check("--json", *arguments, **how)
        self.errors = errors
        made = {}
        for line in text.splitlines():
            document = json.loads(line)
            self.assertEqual(schemas.mistakes("check", document), [])
            self.assertEqual(document["postfix"].get("trouble"), None)
            made[document["domain"]] = document
        return made

    def document(self, domain, *arguments, **how):
        return self.documents(domain, *arguments, **how)[domain]

    def test_all_that_is_seen_of_a_domain(self):
        self.good()
        self.world.dns.add("_smtp._tls.good.test", "TXT", "v=TLSRPTv1; rua=mailto:tls@good.test")
        document = self.documents("Good.test.", status=0)["good.test"]
        self.assertEqual(document["asked"], "Good.test.")
        self.assertEqual(document["txt"]["records"], ["v=STSv1; id=1;"])
        self.assertEqual(document["tlsrpt"]["records"], ["v=TLSRPTv1; rua=mailto:tls@good.test"])
        [one] = document["policy_host"]["tries"]
        self.assertNotIn("reason", one)
        self.assertEqual((one["status"], one["types"], one["tls"]["version"]), (200, ["text/plain"], "TLSv1.3"))
        self.assertTrue(one["tls"]["trusted"] and one["name_matches"])
        self.assertEqual(one["tls"]["chain"][0]["dns_names"], ["mta-sts.good.test"])
        self.assertEqual(one["size"], len(document["policy_host"]["body"]))
        self.assertTrue(document["policy_host"]["body"].startswith("version: STSv1\r\n"))
        [host] = document["mx"]
        [address] = host["addresses"]
        seen = address["sighting"]
        self.assertEqual((host["host"], host["preference"], address["address"]), ("mx1.good.test", 10, "127.0.0.1"))
        self.assertEqual((seen["stage"], seen["banner"]), ("done", "220 127.0.0.1 ESMTP"))
        self.assertTrue(seen["tls"]["trusted"])
        self.assertEqual(seen["tls"]["chain"][0]["dns_names"], ["mx1.good.test"])
        self.assertEqual(document["settings"]["helo_name"], "me.example")
        self.assertTrue(document["postfix"]["version"])
        # What the mail server saw.
        self.assertEqual([verb for _, verb in self.mail.commands], ["EHLO", "STARTTLS", "QUIT"])
        self.assertEqual(self.mail.helo, {"me.example"})
        self.assertEqual(self.mail.names, [("127.0.0.1", "mx1.good.test")])

    def test_dnssec_and_dane_with_a_resolver_that_validates(self):
        self.world.dns.authentic = lambda name: True
        self.good()
        digest = key_digest(self.world.hosts.authority.leaf("mx1.good.test")[0])
        self.world.dns.add_rdata("_25._tcp.mx1.good.test", "TLSA", [bytes([3, 1, 1]) + bytes.fromhex(digest)])
        document = self.document("good.test")
        self.assertEqual(document["dane"]["advice"], "dane-only")
        self.assertEqual(document["txt"]["worth"], "secure")
        [host] = document["mx"]
        self.assertEqual(host["tlsa_records"], [{"usage": 3, "selector": 1, "matching": 1, "data": digest}])
        self.assertEqual(self.world.dns.count("mx1.good.test", "A"), 1, "asked once, for DANE too")

    def test_a_mail_server_is_connected_to_once_a_run(self):
        self.server("127.0.0.1", "mx.shared.test")
        domains = [f"d{i}.test" for i in range(12)]
        for domain in domains:
            self.mx(domain, ("mx.shared.test", "127.0.0.1"))
        documents = self.documents("-", stdin="# a list\n" + "\n".join(domains) + "\nd0.test\n")
        self.assertEqual(sorted(documents), sorted(domains))
        self.assertEqual(self.mail.total(), 1)
        by = [one["mx"][0]["addresses"][0].get("see_domain") for one in documents.values()]
        self.assertEqual(by.count(None), 1)
        self.assertEqual(len(set(by)), 2)
        self.assertEqual(self.world.dns.count("mx.shared.test", "A"), 1)

    def test_one_connection_at_a_time_to_an_operator(self):
        for i in range(1, 5):
            self.server(f"127.0.0.{i}", f"mx{i}.big.test")
            self.mx(f"d{i}.test", (f"mx{i}.big.test", f"127.0.0.{i}"))
        self.documents(*(f"d{i}.test" for i in range(1, 5)))
        self.assertEqual(self.mail.total(), 4)
        # All servers of one operator: never two connections at once, wherever.
        order = [verb for _, verb in self.mail.commands]
        self.assertEqual(order, ["EHLO", "STARTTLS", "QUIT"] * 4)

    def test_only_one_address_of_a_host_unless_all_are_wanted(self):
        self.server("127.0.0.1", "mx.a.test")
        self.server("127.0.1.1", "mx.a.test")
        self.mx("a.test", ("mx.a.test", "127.0.0.1"))
        self.world.dns.add("mx.a.test", "A", "127.0.0.1", "127.0.1.1")
        [host] = self.document("a.test")["mx"]
        self.assertEqual([one.get("skipped") for one in host["addresses"]], [None, "another-address-tried"])
        self.assertEqual(self.mail.total(), 1)
        [host] = self.document("a.test", "--every-address")["mx"]
        self.assertEqual([one.get("skipped") for one in host["addresses"]], [None, None])
        for address in ("127.0.0.1", "127.0.1.1"):
            self.mail.behave(address, "starttls-502")
        [host] = self.document("a.test", "--every-address")["mx"]
        self.assertEqual([one.get("skipped") for one in host["addresses"]], [None, "another-address-tried"],
                         "no second try after a refusal")

    def test_the_next_address_when_there_is_no_connection(self):
        self.server("127.0.1.1", "mx.a.test")
        self.mx("a.test", ("mx.a.test", "127.0.0.1"))
        self.world.dns.add("mx.a.test", "A", "127.0.0.1", "127.0.1.1")
        [host] = self.document("a.test")["mx"]
        first, second = (one["sighting"] for one in host["addresses"])
        self.assertEqual((first["stage"], first["trouble"], second["stage"]), ("connect", "refused", "done"), second)

    def test_who_refuses_is_left_alone(self):
        for number, banner in ((0, "554 5.7.1 go away"), (1, "421 4.7.0 too busy")):
            with self.subTest(banner):
                before = self.mail.total()
                for i in (1, 2, 3):
                    address = f"127.0.{number}.{i}"
                    self.server(address, behaviour=banner)
                    self.mx(f"d{number}{i}.test", (f"mx{i}.o{number}.test", address))
                documents = self.documents(*(f"d{number}{i}.test" for i in (1, 2, 3)))
                self.assertEqual(self.mail.total() - before, 1, "no second try")
                skipped = [one["mx"][0]["addresses"][0].get("skipped") for one in documents.values()]
                self.assertEqual(sorted(map(str, skipped)), ["None", "operator-refused", "operator-refused"])
        self.assertEqual({verb for _, verb in self.mail.commands}, {"QUIT"})

    def test_no_smtp(self):
        self.good()
        document = self.document("good.test", "--no-smtp")
        self.assertEqual(document["mx"][0]["addresses"], [{"address": "127.0.0.1", "skipped": "no-smtp"}])
        self.assertFalse(document["smtp"])
        self.assertEqual(self.mail.total(), 0)

    def test_port_25_that_is_closed_here_is_said_once(self):
        self.server("127.0.0.1", "mx.unused.test")  # so that there is a port
        domains = [f"d{i}.test" for i in range(80)]
        for i, domain in enumerate(domains):
            self.mx(domain, (f"mx.o{i}.test", f"127.1.{i}.1"))  # nobody listens there
        documents = self.documents("-", stdin="\n".join(domains))
        self.assertEqual(self.errors.count("port 25"), 1, self.errors)
        self.assertTrue(all(one["port_25_closed"] for one in documents.values()), documents)
        skipped = [one["mx"][0]["addresses"][0].get("skipped") for one in documents.values()]
        self.assertGreaterEqual(skipped.count("port-25-closed-here"), 1)
        self.assertEqual(len(documents), len(domains), "the rest goes on")

    def test_a_policy_host_is_judged_as_by_the_daemon_and_looked_at_all_the_same(self):
        authority, other = self.world.hosts.authority, self.world.path("other")
        certify(other, "/CN=Other Root", ("basicConstraints=critical,CA:TRUE",))
        for domain, leaf, reason in (
            ("good.test", authority.leaf("mta-sts.good.test"), None),
            ("name.test", authority.leaf("www.name.test"), "cert-name-mismatch"),
            ("old.test", authority.leaf("mta-sts.old.test", expired=True), "cert-expired"),
        ):
            with self.subTest(domain):
                self.world.policy(domain)
                context = self.world.hosts.context("mta-sts." + domain)
                context.load_cert_chain(*leaf)
                self.world.policy(domain, context=context)
                host = self.document(domain, "--no-smtp")["policy_host"]
                [one] = host["tries"]
                self.assertEqual(one.get("reason"), reason)
                self.assertEqual(one["status"], 200, "what it serves is seen nevertheless")
                self.assertEqual("body" in host, reason is None, "but not taken for a policy")
                self.assertEqual(one["name_matches"], reason != "cert-name-mismatch")
                self.assertEqual(one["tls"]["trusted"], reason != "cert-expired")

    def test_responses_that_are_no_policy(self):
        for domain, options, reason, response in (
            ("r.test", {"status": "301 Moved"}, None, "http-redirect"),
            ("n.test", {"status": "404 Not Found"}, None, "http-status"),
            ("h.test", {"content_type": "text/html"}, None, "http-media-type"),
            ("c.test", {"behaviour": "cut"}, "http-truncated", None),
            ("p.test", {"behaviour": "refuse"}, "proxy-failed", None),
        ):
            with self.subTest(domain):
                self.world.policy(domain, **options)
                host = self.document(domain, "--no-smtp")["policy_host"]
                [one] = host["tries"]
                self.assertEqual((one.get("reason"), one.get("response_reason")), (reason, response))
                self.assertNotIn("body", host)

    def test_a_policy_of_strangers_octets_is_kept(self):
        body = b"version: STSv1\nmode: caf\xe9\n\0\xff"
        self.world.policy("odd.test", body=body)
        kept = self.document("odd.test", "--no-smtp")["policy_host"]["body"]
        self.assertEqual(kept["octets"].encode("latin-1"), body)

    def test_what_is_saved_is_judged_the_same(self):
        self.good()
        kept = self.world.path("kept")
        first, _ = self.check("--json", "--save", kept, "good.test", status=0)
        self.assertEqual(os.listdir(kept), ["good.test.json"])
        self.mail.close()
        self.world.unplug()
        self.assertEqual(self.check("--json", "--from", kept, status=0)[0], first)
        self.assertEqual(self.check("--json", "--from", os.path.join(kept, "good.test.json"), status=0)[0], first)
        self.assertEqual(self.check("--json", "--from", "-", stdin=first * 2, status=0)[0], first * 2)

    def test_dns_that_does_not_answer_is_status_3(self):
        self.good()
        self.world.dns.behave("servfail", "good.test")
        document = self.document("good.test", status=3)
        self.assertEqual(document["mx_lookup"]["reason"], "dns-servfail")

    def test_overrides_are_checked_as_if_they_were_not_there(self):
        self.good()
        self.server("127.0.1.1", "other.test")
        self.world.policy("bad.test", mx=("mx1.bad.test",))
        self.mx("bad.test", ("mx1.bad.test", "127.0.1.1"))
        socket = self.world.path("control")
        self.start(control={"socket": socket})
        for domain in ("good.test", "bad.test", ".below.test"):
            words = ("override", "add", domain, "off", "--until", "1d", "--reason", "a test", "--yes")
            self.assertEqual(self.run_tool("--control", socket, *words).returncode, 0)
        self.postfix(smtp_tls_policy_maps=f"socketmap:unix:{self.world.path('socketmap')}:sts")
        done = subprocess.run(
            [harness.STSMAP, "--control", socket, "--config", self.config, "override", "list", "--check", "--json"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**self.environment(), "MAIL_CONFIG": self.folder},
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        document = json.loads(done.stdout)
        self.assertEqual(schemas.mistakes("overrides", document), [])
        without = {one["domain"]: one.get("without", {}).get("outcome") for one in document["overrides"]}
        self.assertEqual(without, {"good.test": "verified", "bad.test": "waits", ".below.test": None})

    def test_interrupted_after_some_domains(self):
        for i in range(1, 6):
            self.server(f"127.{i}.0.1", f"mx.o{i}.test")
            self.mx(f"d{i}.test", (f"mx.o{i}.test", f"127.{i}.0.1"))
        domains = [f"d{i}.test" for i in range(1, 6)]
        process = subprocess.Popen(
            self.command("--json", "--rate", "2", *domains),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment(),
        )
        self.addCleanup(process.kill)
        lines = [process.stdout.readline() for _ in range(2)]
        self.assertEqual(self.mail.total(), 2, "two a minute")
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3, errors)
        self.assertIn("stopped", errors)
        lines += rest.splitlines()
        documents = [json.loads(line) for line in lines]  # whole lines
        self.assertLessEqual({one["domain"] for one in documents}, set(domains))
        for one in documents[2:]:
            self.assertEqual(one["mx"][0]["addresses"][0]["skipped"], "stopped")
        self.assertEqual(self.mail.total(), 2)

    def test_an_interrupt_does_not_wait_for_a_server_that_hangs(self):
        self.server("127.0.0.1", "mx.a.test", behaviour="hang")
        self.mx("a.test", ("mx.a.test", "127.0.0.1"))
        process = subprocess.Popen(self.command("--json", "a.test"), stdout=subprocess.PIPE, env=self.environment())
        self.addCleanup(process.kill)
        wait_for(lambda: self.mail.total() == 1, "the connection")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3)
        [document] = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(document["mx"][0]["addresses"][0]["skipped"], "stopped")

    def test_a_bad_line_of_a_list_does_not_end_the_run(self):
        self.good()
        documents = self.documents("--no-smtp", "-", stdin="good.test\nbad!name\n-x-\n192.0.2.1\n", status=3)
        self.assertEqual(list(documents), ["good.test"])
        for words in ("bad!name", "-x-", "192.0.2.1"):
            self.assertIn(words, self.errors)

    def test_usage(self):
        kept = self.world.path("broken.json")
        with open(kept, "w", encoding="ascii") as file:
            file.write("{")
        for words, said in (
            ((), "needs a domain"),
            (("not a domain",), "not a domain"),
            (("192.0.2.1",), "an address"),
            (("[a.test]",), "not a domain"),
            (("-",), "no domain in the list"),
            (("--from", kept), "broken.json"),
            (("--from", self.world.path("none")), "cannot read"),
            (("--from", kept, "a.test"), "xcludes"),
            (("--no-smtp", "--rate", "3", "a.test"), "xcludes"),
            (("--rate", "0", "a.test"), "--rate"),
            (("--service", "nosuch", "a.test"), "nosuch"),
            (("--postfix", "old", "a.test"), "no version"),
            (("--save", "/dev/null/x", "a.test"), "cannot make"),
        ):
            with self.subTest(words):
                self.assertIn(said, self.check(*words, status=2)[1])


if __name__ == "__main__":
    unittest.main()
