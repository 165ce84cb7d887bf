"""stsmap publish without a network: what it writes and refuses to write, and its JSON. See e2e/test_publish, too."""

import json
import os
import stat
import unittest

from blackbox import harness
from pylib import schemas

FILES = {
    "Caddyfile", "apache.conf", "lighttpd.conf", "nginx.conf", "records.txt", "records.zone", "traefik/compose.yaml",
    "github-pages/.nojekyll", "github-pages/CNAME",
    *(place + "/.well-known/mta-sts.txt" for place in ("web", "traefik/web", "github-pages")),
}


class PublishTest(harness.Case):
    def publish(self, *words, status=0):
        result = self.run_tool("publish", "--json", *words)
        self.assertEqual((result.returncode, result.stderr), (status, ""))
        document = json.loads(result.stdout)
        self.assertEqual(schemas.mistakes("publish", document), [], document)
        return document

    def refused(self, *words):
        """What is said of a call that is refused as a wrong command line."""
        result = self.run_tool("publish", *words)
        self.assertEqual((result.returncode, result.stdout), (2, ""), words)
        return result.stderr

    def test_writes_what_a_web_server_and_dns_need(self):
        out = self.world.path("out")
        document = self.publish("--mx", "MX.Example.com", "--rua", "mailto:a@example.com", "--out", out, "Example.COM.")
        self.assertEqual(document["domain"], "example.com")
        self.assertEqual(document["policy"]["mx"], ["mx.example.com"])
        self.assertEqual(set(document["files"]), FILES)
        there = {os.path.relpath(os.path.join(at, name), out) for at, _, names in os.walk(out) for name in names}
        self.assertEqual(there, FILES, "and nothing else: nothing was served yet")
        policy = os.path.join(out, "web/.well-known/mta-sts.txt")
        self.assertEqual(self.run_tool("lint", policy).returncode, 0)
        with open(os.path.join(out, "records.zone")) as file:
            lines = [line for line in file.read().splitlines() if not line.startswith(";")]
        self.assertEqual(len(lines), 2)
        self.assertEqual(self.run_tool("lint", "--txt", lines[0], "--tlsrpt", lines[1]).returncode, 0, lines)

    def test_forms_of_a_policy(self):
        document = self.publish("--mx", "a.example.com", "--mx", "b.example.com", "--wildcard", "--max-age", "86400", "example.com")
        self.assertEqual(document["policy"]["mx"], ["*.example.com"])
        self.assertEqual(document["policy"]["max_age_s"], 86400)
        document = self.publish("--mx", "foo.co.uk", "--wildcard", "foo.co.uk")
        self.assertEqual(document["policy"]["mx"], ["foo.co.uk"], "*.co.uk would admit strangers")
        self.assertNotIn("publish-tlsrpt", [step["do"] for step in document["steps"]])
        document = self.publish("--mx", "a_b.example.com", "example.com", status=1)
        self.assertEqual((document["step"], [one["id"] for one in document["findings"]]), ("refused", ["publish-mx-name"]))
        idn = self.publish("--mx", "mx.example.com", "b\u00fccher.example")
        self.assertEqual(idn["domain"], "xn--bcher-kva.example")

    def test_wrong_command_lines(self):
        good = ["--mx", "mx.example.com", "example.com"]
        self.assertIn("is no URI of the form", self.refused("--rua", "a@example.com", *good))
        self.assertIn("%21", self.refused("--rua", "mailto:a@example.com!10m", *good))
        for path in ("/var/www; }", "/var/www\n", "/a\"b", "/a{b"):
            self.assertIn("configuration files", self.refused("--root", path, *good))
        for words in ([], ["--withdraw", *good], ["--next", *good], ["--verify", *good], ["--mode", "none", "example.com"],
                      ["--certificate", "/a", *good], ["--max-age", "31557601", *good], ["--max-age", "-1", *good],
                      ["--mx", "mx.example.com", "no domain"], ["--mx", "mx.example.com", "[192.0.2.1]"]):
            with self.subTest(words):
                self.assertNotEqual(self.refused(*words), "")

    def test_a_folder_of_another_domain_or_damaged(self):
        out = self.world.path("out")
        os.mkdir(out)
        history = os.path.join(out, "served.json")
        for text, words in (
            ('{"schema": 1, "domain": "other.example", "served": []}', "is about other.example"),
            ("{", "no JSON object"),
            ('{"schema": 1, "domain": "example.com", "served": [{}]}', "lacks text"),
        ):
            with open(history, "w") as file:
                file.write(text)
            self.assertIn(words, self.refused("--mx", "mx.example.com", "--out", out, "example.com"))
            self.assertEqual(os.listdir(out), ["served.json"])
        os.unlink(history)
        os.mkdir(history)
        self.assertIn("served.json", self.refused("--mx", "mx.example.com", "--out", out, "example.com"))

    def test_a_folder_that_cannot_be_written(self):
        place = self.world.path("file")
        with open(place, "w"):
            pass
        result = self.run_tool("publish", "--mx", "mx.example.com", "--out", place, "example.com")
        self.assertEqual(result.returncode, 1)
        self.assertIn("cannot write", result.stderr)
        out = self.world.path("full")
        os.makedirs(os.path.join(out, "nginx.conf"))
        result = self.run_tool("publish", "--mx", "mx.example.com", "--out", out, "example.com")
        self.assertEqual(result.returncode, 1)
        self.assertIn("nginx.conf", result.stderr)
        self.assertFalse([name for _, _, names in os.walk(out) for name in names if name.endswith(".new")])

    def test_files_are_as_others_may_read_them(self):
        out = self.world.path("out")
        self.publish("--mx", "mx.example.com", "--out", out, "example.com")
        self.publish("--mx", "mx2.example.com", "--out", out, "example.com")
        path = os.path.join(out, "web/.well-known/mta-sts.txt")
        with open(path) as file:
            self.assertIn("mx: mx2.example.com\n", file.read())
        umask = os.umask(0)
        os.umask(umask)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o666 & ~umask)
        self.assertFalse([name for _, _, names in os.walk(out) for name in names if name.endswith(".new")])


if __name__ == "__main__":
    unittest.main()
