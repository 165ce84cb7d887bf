"""stsmap lint: texts from files, standard input and the command line; its JSON is as tests/schemas says."""

import json
import os
import unittest

from blackbox import harness
from pylib import schemas

GOOD = "version: STSv1\nmode: enforce\nmx: mail.example.com\nmax_age: 604800\n"


class LintTest(harness.Case):
    def file(self, text, name="mta-sts.txt"):
        path = self.world.path(name)
        with open(path, "w", newline="") as file:
            file.write(text)
        return path

    def ids(self, *words, **how):
        """The exit status, and the ids of what is not fine."""
        result = self.run_tool("lint", "--json", *words, **how)
        self.assertEqual(result.stderr, "")
        document = json.loads(result.stdout)
        self.assertEqual(schemas.mistakes("lint", document), [], document)
        self.assertEqual(document["usable"], result.returncode == 0)
        found = [one for text in document["texts"] for one in text["findings"]]
        return result.returncode, [one["id"] for one in found if one["severity"] != "fine"]

    def test_says_where_and_what_was_meant(self):
        path = self.file("version: STSv1\r\nmode: test\r\nmx: mail.example.com\r\nmax_age: 604800\r\n")
        result = self.run_tool("lint", path)
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        self.assertIn(path + ":2:7: error: mode is not enforce, testing or none [policy-mode-unknown]\n"
                             "    mode: test\n          ^\n    did you mean \"mode: testing\"?\n", result.stdout)
        self.assertIn("lines end with CR LF: fine [policy-crlf]", result.stdout)

    def test_situations_of_guides(self):
        microsoft = "mx: example-com.mail.protection.outlook.com\n" * 2 + "mx: *.j-v1.mx.microsoft\n"
        table = [
            ("GitHub Pages: no final line end", GOOD[:-1], 0, []),
            ("Windows: CR LF", GOOD.replace("\n", "\r\n"), 0, []),
            ("a template", GOOD.replace("enforce", "test"), 1, ["policy-mode-unknown"]),
            ("Microsoft 365", GOOD.replace("mx: mail.example.com\n", microsoft), 0,
             ["policy-mx-repeated", "policy-mx-wildcard"]),
            ("the start page of a server", "<html>\n<body>Welcome to nginx!\n", 1, ["policy-html"]),
        ]
        for name, text, status, ids in table:
            with self.subTest(name):
                self.assertEqual(self.ids(self.file(text)), (status, ids))
                self.assertEqual(self.ids("-", stdin=text), (status, ids))

    def test_records(self):
        for date in ("20240101", "20240101T000000", "20240101000000Z", "1704067200"):
            self.assertEqual(self.ids("--txt", "v=STSv1; id=%s;" % date), (0, []))
        self.assertEqual(self.ids("--txt", "v=STSv1; id=2024-01-01"), (1, ["txt-id-invalid"]))
        self.assertEqual(self.ids("--txt", '"v=STSv1; " "id=1"'), (0, ["txt-quotes"]))
        self.assertEqual(self.ids("--tlsrpt", "v=TLSRPTv1; rua=mailto:a@example.com"), (0, []))
        self.assertEqual(self.ids("--tlsrpt", "v=TLSRPTv1; rua=a@example.com"), (1, ["tlsrpt-uri-invalid"]))
        both = self.ids("--txt", "v=STSv1", "--tlsrpt", "v=TLSRPTv1", self.file(GOOD))
        self.assertEqual(both, (1, ["txt-version", "tlsrpt-version"]))

    def test_wrong_command_lines(self):
        for words in ([], [self.world.path("none.txt")], [self.world.folder], ["--no-such"]):
            with self.subTest(words):
                result = self.run_tool("lint", *words)
                self.assertEqual((result.returncode, result.stdout), (2, ""))
                self.assertNotEqual(result.stderr, "")
        large = self.world.path("large")
        with open(large, "wb") as file:
            file.truncate(1024 * 1024 + 1)
        self.assertIn("longer than 1 MiB", self.run_tool("lint", large).stderr)
        self.assertEqual(self.ids(self.file(GOOD + "x: " + "y" * 66000 + "\n"))[1], ["policy-key-unknown", "policy-too-large"])

    def test_output_is_harmless_to_a_terminal(self):
        result = self.run_tool("lint", self.file("mode: \x1b[31m\u202eevil\n"))
        self.assertEqual(result.returncode, 1)
        self.assertFalse(set(result.stdout) & {"\x1b", "\u202e"}, result.stdout)

    def test_findings_have_a_manual(self):
        source = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        with open(os.path.join(source, "man/stsmap-findings.7"), encoding="utf-8") as file:
            manual = file.read()
        printed = self.run_tool("--print-man-findings").stdout
        self.assertIn(".It Ic policy-mode-unknown\n", printed)
        self.assertIn(printed, manual)


if __name__ == "__main__":
    unittest.main()
