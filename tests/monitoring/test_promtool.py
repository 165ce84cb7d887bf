"""Prometheus' own tool reads the rules, their tests, the dashboard's expressions and the scrape configurations."""

import os
import re
import tempfile
import unittest

import yaml

from monitoring import files
from monitoring.files import promtool


@unittest.skipIf(files.WHY_NOT, files.WHY_NOT)
class PromtoolTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_the_rules_are_rules(self):
        status, said = promtool("check", "rules", os.path.join(files.FOLDER, "stsmapd.rules.yml"))
        self.assertEqual(status, 0, said)
        self.assertIn("SUCCESS: %d rules found" % len(files.rules()["groups"][0]["rules"]), said)
        status, said = promtool("check", "rules", self.write("bad.yml", files.read("stsmapd.rules.yml").replace("rate(", "rat(")))
        self.assertNotEqual(status, 0, said)

    def test_every_alert_fires_and_does_not_fire_as_its_tests_say(self):
        status, said = promtool("test", "rules", os.path.join(files.FOLDER, "stsmapd.rules.test.yml"))
        self.assertEqual(status, 0, said)

    def test_the_tests_notice_an_alert_that_never_fires_and_one_that_always_does(self):
        document = yaml.safe_load(files.read("stsmapd.rules.test.yml"))
        for rule in files.rules()["groups"][0]["rules"]:
            name = rule["alert"]
            of_this = [each for each in document["tests"] if each["alert_rule_test"][0]["alertname"] == name]
            tests = self.write("test.yml", yaml.safe_dump({**document, "tests": of_this}))
            always = re.sub(r"(?<=> )[\d.]+|(?<=>= )[\d.]+", "-1", rule["expr"]).replace("== 0", ">= 0")
            for changes, passes in (
                ({}, True),
                ({"expr": "vector(0) > 1"}, False),
                ({"expr": always.replace("< 86400", "< 8640000"), "for": "0s"}, False),
            ):
                with self.subTest(name, changes=changes):
                    group = {"name": "stsmapd", "rules": [{**rule, **changes}]}
                    self.write("stsmapd.rules.yml", yaml.safe_dump({"groups": [group]}))
                    status, said = promtool("test", "rules", tests)
                    self.assertEqual(status == 0, passes, said)
                    self.assertTrue(passes or f"alertname: {name}, " in said, said)

    def test_the_dashboard_has_only_expressions(self):
        found = [expression for _, expression in files.dashboard_expressions()]
        self.assertGreater(len(found), 60)
        rules = [
            {"record": "x%d" % number, "expr": re.sub(r"\$__\w+", "5m", expression)}
            for number, expression in enumerate(found)
        ]
        written = self.write("dashboard.yml", yaml.safe_dump({"groups": [{"name": "x", "rules": rules}]}))
        status, said = promtool("check", "rules", written)
        self.assertEqual(status, 0, said)

    def test_the_scrape_configurations_are_configurations(self):
        rules = os.path.join(files.FOLDER, "stsmapd.rules.yml")
        for name in ("prometheus.yml", "compose/prometheus.yml"):
            text = re.sub(r"/(usr/share/stsmapd/monitoring|etc/prometheus)/stsmapd[.]rules[.]yml", rules, files.read(name))
            self.assertIn(rules, text)
            status, said = promtool("check", "config", self.write("prometheus.yml", text))
            self.assertEqual(status, 0, said)
            self.assertIn("1 rule files found", said)

    def test_readme_shows_configurations(self):
        blocks = re.findall(r"(?:^    .*\n)+", files.read("README.md"), re.M)
        shown = [block for block in blocks if "scrape_configs:" in block]
        self.assertEqual(len(shown), 1)
        text = re.sub(r"^    ", "", shown[0], flags=re.M)
        status, said = promtool("check", "config", "--syntax-only", self.write("prometheus.yml", text))
        self.assertEqual(status, 0, said)


if __name__ == "__main__":
    unittest.main()
