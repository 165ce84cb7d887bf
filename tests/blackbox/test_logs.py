"""The log: one line per lookup, always with the same fields, and no unescaped text of a stranger."""

import json
import os
import re
import subprocess
import unittest

from blackbox import harness
from blackbox.harness import NOTFOUND, SECURE
from pylib.logs import fields
from pylib.waiting import LATE

FIELDS = {"domain", "answer", "source", "age", "took_ms", "reason"}


class LogTest(harness.Case):
    def test_one_line_a_lookup(self):
        self.world.policy("good.test")
        self.world.policy("bad.test", status="404 Not Found")
        daemon = self.start()
        with daemon.client() as client:
            for key in ("good.test", "good.test", "absent.test", "bad.test"):
                client.ask(key)
        first, second = daemon.lookups("good.test", count=2)
        (absent,) = daemon.lookups("absent.test")
        (bad,) = daemon.lookups("bad.test")
        for line in (first, second, absent, bad):
            self.assertLessEqual(FIELDS, set(line))
            self.assertGreaterEqual(float(line["took_ms"]), 0)
        self.assertNotEqual(first["source"], second["source"], "from the network, then from memory")
        self.assertEqual(second["source"], "memory")
        self.assertLess(float(second["took_ms"]), LATE * 1e3)
        self.assertTrue(first["answer"] == second["answer"] != absent["answer"])
        self.assertEqual(absent["answer"], bad["answer"])
        self.assertEqual(absent["reason"], "no-record")
        self.assertEqual(bad["reason"], "http-status")
        self.assertEqual(len(daemon.log_lines("lookup", "domain=")), 4, daemon.log())

    def test_policy_lines(self):
        self.world.policy("good.test")
        self.world.policy("bad.test", body="version: STSv1\nmode: test\nmx: a.test\nmax_age: 86400\n")
        daemon = self.start()
        daemon.ask("good.test")
        daemon.ask("bad.test")
        learnt = [line for line in daemon.wait_log("good.test") if "lookup" not in line]
        self.assertEqual(len(learnt), 1, "one line for a policy learnt: %s" % learnt)
        self.assertIn("enforce", learnt[0])
        self.assertTrue(
            [line for line in daemon.wait_log("bad.test", "policy-mode", count=2) if "lookup" not in line],
            "a failed fetch has a line of its own that says why",
        )

    def test_priorities_for_the_journal(self):
        daemon = self.start()
        daemon.ask("a.test")
        self.assertRegex(daemon.wait_log("lookup", "a.test")[0], r"^<6>")
        for line in daemon.log().splitlines():
            self.assertRegex(line, r"^<[0-7]>", "every line has one")

    def test_json(self):
        self.world.policy("good.test")
        daemon = self.start(log={"format": "json"})
        daemon.ask("good.test")
        daemon.ask(b'b\xfc\x1b\n"\\.test')
        daemon.wait_log("lookup", "good.test")
        self.assertEqual(daemon.stop(), 0)
        objects = [json.loads(re.sub(r"^<\d>", "", line)) for line in daemon.log().splitlines()]
        lookups = [one for one in objects if one.get("domain") == "good.test" and "answer" in one]
        self.assertEqual(len(lookups), 1)
        self.assertLessEqual(FIELDS, set(lookups[0]))

    def test_strangers_write_no_lines(self):
        evil = "x\n<3>lookup: domain=forged.test answer=OK\r\n\x1b[31m\x00\x7f"
        daemon = self.start(log={"level": "debug"})
        with daemon.client() as client:
            client.ask(evil)
            client.ask(evil.encode() + b".test\xff\xc3")
            client.ask("good.test", name=evil.replace(" ", ""))
        with daemon.client() as client:
            client.send(evil.encode())
            client.until_closed()
        # In a TXT record, in a policy, in an HTTP status line and in a header.
        self.world.policy("txt.test")
        self.world.dns.add("_mta-sts.txt.test", "TXT", "v=STSv1; id=" + evil)
        self.world.policy(
            "text.test", body="version: STSv1\nmode: enforce\nmx: " + evil + "\nmax_age: 86400\n"
        )
        self.world.policy("line.test", body=evil)
        self.world.policy("status.test", status="404 \x1b[31mdomain=forged.test")
        self.world.policy("header.test", content_type="text/\x1b[31mhtml domain=forged.test")
        for domain in ("txt.test", "text.test", "line.test", "status.test", "header.test"):
            self.assertEqual(daemon.ask(domain), NOTFOUND)
            daemon.lookups(domain)
        self.assertEqual(daemon.stop(), 0)
        with open(daemon.log_file, "rb") as file:
            raw = file.read()
        self.assertIsNone(re.search(rb"[^\n -~]", raw), "printable ASCII only")
        for line in raw.decode().splitlines():
            self.assertRegex(line, r"^<[0-7]>")
            self.assertNotEqual(fields(line).get("domain"), "forged.test", line)

    def test_long_keys_make_no_long_lines(self):
        daemon = self.start()
        self.assertEqual(daemon.ask("x" * 9000 + ".test"), NOTFOUND)
        self.assertEqual(daemon.ask("good.test"), NOTFOUND)
        daemon.lookups("good.test")
        for line in daemon.log().splitlines():
            self.assertLess(len(line), 2000)

    def test_a_good_day_has_no_warnings(self):
        self.world.policy("good.test")
        daemon = self.start()
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(daemon.complaints(), [])

    def test_root_is_warned(self):
        daemon = self.start()
        self.assertEqual(daemon.stop(), 0)
        said = daemon.log_lines("<4>running-as-root")
        self.assertEqual(len(said), 1 if os.geteuid() == 0 else 0, "once, and nobody else")
        for user, times in (("0", 1), ("8461", 0)):
            wrapper = ["unshare", "--user", "--map-user=" + user]
            tried = subprocess.run([*wrapper, "true"], capture_output=True, text=True)
            if tried.returncode != 0:
                self.skipTest("no user namespaces here: " + tried.stderr.strip())
            daemon = self.start(wrapper=wrapper)
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(len(daemon.log_lines("<4>running-as-root")), times)


if __name__ == "__main__":
    unittest.main()
