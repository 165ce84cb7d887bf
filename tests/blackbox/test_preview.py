"""`stsmap preview`: what it counts in real mail logs, compared with a count of the test's own; the journal; looking at
domains on loopback, stopping and going on. What Postfix itself then does is in tests/e2e."""

import calendar
import collections
import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import time
import unittest

from blackbox import harness
from pylib import schemas
from pylib.ca import Authority
from pylib.dns_message import encode_name
from pylib.mail_server import MailServers
from pylib.programs import ROOT, without_options
from pylib.waiting import wait_for

LOGS = [os.path.join(ROOT, "tests", "logs", name) for name in ("postfix-3.7.11.log", "postfix-3.10.13.log")]
JOURNAL_REMOTE = shutil.which("systemd-journal-remote", path="/usr/lib/systemd:/lib/systemd:" + os.environ["PATH"])

FRONT = re.compile(r"(\w+ +\d+ [\d:]+) (\S+) ([^\s\[]+)\[(\d+)\]: (.*)$")
DELIVERY = re.compile(
    r'(\w+): to=<(?:"(?:[^"\\]|\\.)*"|[^">]*)@([^>]*)>, relay=([^,]*), .*?status=(?:sent|deferred|bounced) \((.*)\)$'
)


def counted(path):
    """Messages by domain, and those left out by reason, of a log in which no queue id is used twice."""
    messages, left = collections.Counter(), collections.Counter()
    seen = set()
    with open(path, encoding="utf-8") as file:
        for line in file:
            front = FRONT.match(line)
            found = front and DELIVERY.match(front[5])
            if not found:
                continue
            tag, (queue_id, domain, relay, words) = front[3], found.groups()
            kind = ""
            if tag.endswith("/pipe"):
                kind = "local"
            elif "/relay/" in tag:
                kind = "relayed"
            elif "127.0.0.1" in (words if relay == "none" else relay):
                kind = "internal"
            elif domain.startswith("["):
                kind = "literal"
            key = (tag.split("/")[0], queue_id, kind or domain.lower())
            if key not in seen:
                seen.add(key)
                (left if kind else messages)[key[2]] += 1
    return messages, left


class PreviewCase(harness.Case):
    def setUp(self):
        super().setUp()
        self.cache = self.world.path("cache")

    def environment(self):
        return {**without_options(), "TZ": "UTC", "XDG_CACHE_HOME": self.cache}

    def preview(self, *arguments, status=None, stdin=b"", before=()):
        """(its lines by domain, the last one, what it says on standard error)"""
        done = subprocess.run(
            [harness.STSMAP, *before, "preview", "--json", *arguments],
            input=stdin, capture_output=True, timeout=120, check=False, env=self.environment(),
        )
        if status is not None:
            self.assertEqual(done.returncode, status, done)
        *lines, end = [json.loads(line) for line in done.stdout.splitlines()]
        for line in lines:
            self.assertEqual(schemas.mistakes("preview-line", line), [], line)
        self.assertEqual(schemas.mistakes("preview-end", end), [], end)
        return {line["domain"]: line for line in lines}, end, done.stderr.decode()


class LogTest(PreviewCase):
    def expect(self, path, *arguments, **how):
        messages, left = counted(path)
        self.assertGreater(len(messages), 15)
        found, end, errors = self.preview("--no-check", *arguments, status=0, **how)
        self.assertEqual({name: line["messages"] for name, line in found.items()}, dict(messages))
        self.assertEqual({kind: count for kind, count in end["left_out"].items() if count}, dict(left))
        self.assertEqual(end["all"], {"domains": len(messages), "messages": sum(messages.values())})
        self.assertEqual((end["lines"]["broken"], end["lines"]["undated"]), (0, 0))
        self.assertEqual(errors, "")
        return found, end

    def test_counts_as_another_program_does(self):
        for path in LOGS:
            with self.subTest(path):
                found, _ = self.expect(path, path)
                self.assertEqual(self.expect(path, "-", stdin=open(path, "rb").read())[0], found)

    def test_rotated_and_packed_files_in_any_order(self):
        for path in LOGS:
            with self.subTest(path):
                folder = self.world.path("rotated-" + os.path.basename(path))
                os.mkdir(folder)
                with open(path, "rb") as file:
                    lines = file.readlines()
                names = []
                for number, name in enumerate(("mail.log", "mail.log.1", "mail.log.2.gz", "mail.log.3.gz")):
                    part = lines[(3 - number) * len(lines) // 4 : (4 - number) * len(lines) // 4]
                    names.append(os.path.join(folder, name))
                    with (gzip.open if name.endswith(".gz") else open)(names[-1], "wb") as file:
                        file.writelines(part)
                    os.utime(names[-1], (os.stat(path).st_mtime,) * 2)
                found, end = self.expect(path, *names)
                self.assertEqual([os.path.basename(name) for name in end["source"].split(", ")],
                                 ["mail.log.3.gz", "mail.log.2.gz", "mail.log.1", "mail.log"])
                self.assertEqual(found, self.expect(path, path)[0], "TLS lines too are linked over the files' ends")

    @unittest.skipUnless(JOURNAL_REMOTE, "needs systemd-journal-remote")
    def test_the_journal(self):
        for path in LOGS:
            with self.subTest(path):
                folder = self.world.path("journal-" + os.path.basename(path))
                os.mkdir(folder)
                export, began = [], int(time.time()) - 3600
                with open(path, encoding="utf-8") as file:
                    fronts = [front for front in map(FRONT.match, file) if front]
                first = fronts[0][1]
                for front in fronts:
                    at = began + self.seconds(front[1]) - self.seconds(first)
                    export.append(
                        f"__REALTIME_TIMESTAMP={at}000000\n_BOOT_ID={'1' * 32}\n_HOSTNAME={front[2]}\nPRIORITY=6\n"
                        f"SYSLOG_IDENTIFIER={front[3]}\nSYSLOG_PID={front[4]}\nMESSAGE={front[5]}\n\n"
                        f"__REALTIME_TIMESTAMP={at}000000\n_BOOT_ID={'1' * 32}\n_HOSTNAME={front[2]}\nPRIORITY=6\n"
                        f"SYSLOG_IDENTIFIER=dovecot\n_PID=1\nMESSAGE={front[5]}\n\n"
                    )
                subprocess.run(
                    [JOURNAL_REMOTE, "-o", os.path.join(folder, "test.journal"), "--split-mode=none", "-"],
                    input="".join(export).encode(), capture_output=True, timeout=60, check=True,
                )
                found, end = self.expect(path, "--journal", "-D", folder)
                of_file, _ = self.expect(path, path)
                self.assertEqual({name: line.get("tls") for name, line in found.items()},
                                 {name: line.get("tls") for name, line in of_file.items()})
                self.assertEqual(end["lines"]["other"], 0, "only what Postfix wrote is read")
                self.assertEqual(self.preview("--no-check", "--journal", "-D", folder, "--since", "30m")[1]["all"]["messages"], 0)

    @staticmethod
    def seconds(text):
        return calendar.timegm(time.strptime("2026 " + text, "%Y %b %d %H:%M:%S"))

    def test_what_cannot_be_read(self):
        empty = self.world.path("empty")
        os.mkdir(empty)
        for words, said in ((["/nowhere/mail.log"], "cannot read"), ([empty], "directory"), (["--journal", "-D", empty], "journal")):
            done = subprocess.run([harness.STSMAP, "preview", *words], capture_output=True, text=True, timeout=60,
                                  check=False, env=self.environment())
            self.assertEqual((done.returncode, done.stdout), (3, ""), done)
            self.assertIn(said, done.stderr.lower() if said == "directory" else done.stderr)
        broken = self.world.path("cut.gz")
        with open(LOGS[0], "rb") as file:
            packed = gzip.compress(file.read())
        with open(broken, "wb") as file:
            file.write(packed[: len(packed) // 2])
        found, _, errors = self.preview("--no-check", broken, status=0)
        self.assertGreater(len(found), 3, "what came before the damage counts")
        self.assertIn("ends too early", errors)


@unittest.skipUnless(shutil.which("postconf"), "needs postconf(1)")
class LookTest(PreviewCase):
    """Five domains enforce, each with a mail server of its own; the certificate of the first is for another name."""

    def setUp(self):
        super().setUp()
        self.mail = MailServers()
        self.addCleanup(self.mail.close)
        self.daemon = self.world.daemon()
        for i in range(1, 6):
            domain, host = f"d{i}.test", f"mx.o{i}.test"
            self.world.policy(domain, mx=(host,))
            self.world.dns.add_rdata(domain, "MX", [bytes([0, 10]) + encode_name(host)])
            self.world.dns.add(host, "A", f"127.{i}.0.1")
            self.mail.add(f"127.{i}.0.1", *self.world.hosts.authority.leaf(["other.test" if i == 1 else host]))
        self.world.dns.add_rdata("none.test", "MX", [bytes([0, 10]) + encode_name("mx.o1.test")])
        self.folder = self.world.path("postfix")
        os.mkdir(self.folder)
        self.main_cf = (
            "compatibility_level = 3.6\nmail_owner = postfix\nmyhostname = me.example\ninet_protocols = ipv4\n"
            f"smtp_tcp_port = {self.mail.port}\nsmtp_tls_CAfile = {self.world.hosts.authority.root}\n"
        )
        self.set_main_cf()
        with open(os.path.join(self.folder, "master.cf"), "w", encoding="ascii") as file:
            file.write("smtp unix - - n - - smtp\nrelay unix - - n - - smtp\n")
        os.utime(os.path.join(self.folder, "master.cf"), (0, 0))
        self.log = self.world.path("mail.log")
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with open(self.log, "w", encoding="ascii") as file:
            for number, (domain, host) in enumerate([(f"d{i}.test", f"mx.o{i}.test") for i in range(1, 6)] * 3 +
                                                    [("none.test", "mx.o1.test")] * 10):
                file.write(f"{stamp} h postfix/smtp[7]: ID{10000 + number}: to=<x@{domain}>, relay={host}[192.0.2.1]:25, "
                           "delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (ok)\n")

    def words(self, *more):
        return ["-c", self.folder, self.log, *more]

    def before(self):
        return ("--config", self.daemon.config_file)

    def test_says_what_would_wait(self):
        found, end, errors = self.preview(*self.words(), before=self.before(), status=1)
        self.assertEqual(errors, "")
        self.assertEqual({name: line["verdict"] for name, line in found.items()},
                         {"d1.test": "waits", **{f"d{i}.test": "fine" for i in range(2, 6)}, "none.test": "none"}, found)
        self.assertEqual(found["d1.test"]["said"], "Server certificate not verified")
        self.assertEqual(end["verdicts"]["waits"], {"domains": 1, "messages": 3})
        self.assertEqual(end["all"], {"domains": 6, "messages": 25})
        self.assertTrue(end["whole"])
        self.assertEqual(self.mail.total(), 5, "one connection to each; none to those without a policy")
        self.assertEqual(self.mail.verbs(), {"EHLO", "STARTTLS", "QUIT"})
        again, _, _ = self.preview(*self.words(), before=self.before(), status=1)
        self.assertEqual(again, found)
        self.assertEqual(self.mail.total(), 5, "kept from the first run")
        self.preview(*self.words("--fresh"), before=self.before(), status=1)
        self.assertEqual(self.mail.total(), 10)
        # A person reads it in 80 columns.
        done = subprocess.run([harness.STSMAP, *self.before(), "preview", *self.words()], capture_output=True, text=True,
                              timeout=60, check=False, env=self.environment())
        self.assertIn("Under enforcement mail to 1 of 6 domains would wait, 3 of 25 messages.", done.stdout)
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 80, done.stdout)

    def test_a_mail_host_that_refuses_starttls_for_good_is_a_failure(self):
        for i, mode in ((1, "testing"), (2, "enforce")):
            self.world.policy(f"d{i}.test", mode=mode, mx=(f"mx.o{i}.test",))
            self.mail.behave(f"127.{i}.0.1", "starttls-502")
        found, _, _ = self.preview(*self.words(), before=self.before(), status=1)
        self.assertEqual(found["d2.test"]["verdict"], "waits", found)
        self.assertEqual(found["d2.test"]["said"], "refused to start TLS")
        self.assertIn("mail from here would be returned: mx.o2.test: it refuses STARTTLS", found["d2.test"]["words"])
        self.assertEqual((found["d1.test"]["verdict"], found["d1.test"]["enforced"]), ("testing", "waits"))

    def test_says_what_mode_enforce_would_do(self):
        for i in (1, 2):
            self.world.policy(f"d{i}.test", mode="testing", mx=(f"mx.o{i}.test",))
        found, end, _ = self.preview(*self.words(), before=self.before(), status=0)
        self.assertEqual((found["d1.test"]["verdict"], found["d1.test"]["enforced"]), ("testing", "waits"))
        self.assertIn("with mode enforce it would wait: mx.o1.test: ", found["d1.test"]["words"])
        self.assertEqual((found["d2.test"]["verdict"], found["d2.test"]["enforced"]), ("testing", "fine"))
        self.assertEqual(end["verdicts"]["testing"]["domains"], 2)
        self.assertEqual(self.mail.total(), 5)
        self.assertEqual(self.preview(*self.words(), before=self.before(), status=0)[0], found)
        self.assertEqual(self.mail.total(), 5, "kept from the first run")
        done = subprocess.run([harness.STSMAP, *self.before(), "preview", *self.words()], capture_output=True, text=True,
                              timeout=60, check=False, env=self.environment())
        self.assertIn("Testing, and would wait with mode enforce:\n  d1.test", done.stdout)

    def test_other_settings_are_other_eyes(self):
        first, _, _ = self.preview(*self.words(), before=self.before(), status=1)
        self.assertEqual(first["d2.test"]["verdict"], "fine")
        other = self.world.path("other.pem")
        shutil.copy(Authority(self.world.path("other"), "Other").root, other)
        self.set_main_cf(f"smtp_tls_CAfile = {other}")
        found, _, _ = self.preview(*self.words(), before=self.before(), status=1)
        self.assertEqual({found[f"d{i}.test"]["verdict"] for i in range(1, 6)}, {"waits"}, "nobody trusts them now")
        self.assertEqual(self.mail.total(), 10)

    def set_main_cf(self, *lines):
        path = os.path.join(self.folder, "main.cf")
        with open(path, "w", encoding="ascii") as file:
            file.write(self.main_cf + "".join(line + "\n" for line in lines))
        os.utime(path, (0, 0))  # else postconf waits for two seconds, and longer

    def test_what_main_cf_asks_of_all_is_not_about_policies(self):
        self.world.dns.authentic = lambda name: True
        self.world.policy("d2.test", mode="testing", mx=("mx.o2.test",))
        expected = {"d1.test": "waits", "d2.test": "testing", **{f"d{i}.test": "fine" for i in range(3, 6)}, "none.test": "none"}
        for level in ("dane", "encrypt"):
            with self.subTest(level):
                self.set_main_cf(f"smtp_tls_security_level = {level}", "smtp_dns_support_level = dnssec")
                found, _, errors = self.preview(*self.words("--fresh"), before=self.before(), status=1)
                self.assertEqual({name: line["verdict"] for name, line in found.items()}, expected, errors)

    def test_goes_on_where_it_was_stopped(self):
        self.world.policy("d5.test", mode="testing", mx=("mx.o5.test",))
        # Mail hosts of domains in mode testing come last. Sixteen domains are under way at a time, though: so that this one
        # does not overtake the others, its policy comes at once only when asked for without mail hosts.
        policies = self.world.hosts
        at_once = policies.hold("d5.test")
        process = subprocess.Popen([harness.STSMAP, *self.before(), "preview", "--json", *self.words("--rate", "2")],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment())
        self.addCleanup(process.kill)
        kept = os.path.join(self.cache, "stsmap", "preview.jsonl")

        def known():
            with open(kept, encoding="ascii") as file:
                return [json.loads(line)["domain"] for line in file if line.endswith("\n")]

        wait_for(lambda: policies.count("d5.test") == 1, "the first look at the domain in mode testing", 60)
        at_last = policies.hold("d5.test")
        at_once.set()
        wait_for(lambda: os.path.exists(kept) and len(known()) == 3, "two enforcing domains and one without a policy", 60)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=60)
        at_last.set()
        *lines, end = [json.loads(line) for line in out.splitlines()]
        self.assertFalse(end["whole"], errors)
        self.assertIn(process.returncode, (1, 3))
        self.assertNotIn("d5.test", known())
        # That a domain is in mode testing is known, and what enforcing would do is not.
        self.assertEqual(sorted(line["domain"] for line in lines if line["verdict"] != "unknown"), sorted([*known(), "d5.test"]))
        self.assertNotIn("enforced", next(line for line in lines if line["domain"] == "d5.test"))
        self.assertEqual(self.mail.total(), 2)
        found, end, _ = self.preview(*self.words(), before=self.before(), status=1)
        self.assertEqual(end["verdicts"]["fine"]["domains"], 3)
        self.assertEqual(found["d5.test"]["enforced"], "fine")
        self.assertEqual(self.mail.total(), 5, "those of the first run are not looked at again")


if __name__ == "__main__":
    unittest.main()
