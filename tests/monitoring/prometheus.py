"""A real Prometheus: its configuration, its life, and questions to it."""

import json
import os
import re
import urllib.parse
import urllib.request

import yaml

from pylib.process import Process, tail
from pylib.waiting import LIMIT, wait_for


class Prometheus:
    """Scrapes one address as job stsmapd, and evaluates these rules, each second. Its files are in a folder of its own;
    it listens on a port of the system's choice."""

    def __init__(self, folder, target, rules):
        self.folder = folder
        self.log = os.path.join(folder, "prometheus.log")
        os.makedirs(folder)
        self._write("rules.yml", rules)
        self._write(
            "prometheus.yml",
            {
                "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
                "rule_files": ["rules.yml"],
                "scrape_configs": [{"job_name": "stsmapd", "static_configs": [{"targets": [target]}]}],
            },
        )
        self.process = Process(
            "prometheus",
            [
                "prometheus",
                "--config.file=prometheus.yml",
                "--storage.tsdb.path=data",
                "--web.listen-address=127.0.0.1:0",
            ],
            self.log,
            cwd=folder,
        )
        found = self.process.wait_until(self._address, "listening")
        self.address = "http://" + found[1]
        self.process.wait_until(lambda: "Server is ready to receive" in tail(self.log, 1000), "ready")

    def _write(self, name, document):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            yaml.safe_dump(document, file)

    def _address(self):
        return re.search(r'msg="Listening on" address=(\S+)', tail(self.log, 1000))

    def stop(self):
        return self.process.stop()

    def get(self, path, **parameters):
        """The member data of its reply."""
        address = f"{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(address, timeout=LIMIT) as reply:
            document = json.load(reply)
        assert document["status"] == "success", document
        return document["data"]

    def ask(self, expression):
        """[(labels, number)] of an expression, now."""
        found = self.get("query", query=expression)["result"]
        return [(each["metric"], float(each["value"][1])) for each in found]

    def number(self, expression):
        """The one number of an expression; None while there is none."""
        found = self.ask(expression)
        assert len(found) < 2, found
        return found[0][1] if found else None

    def wait_number(self, expression, is_so, seconds=LIMIT):
        """The number of an expression, once is_so(number)."""
        last = [None]

        def so():
            last[0] = self.number(expression)
            return last[0] is not None and is_so(last[0])

        self.process.wait_until(so, expression, seconds)
        return last[0]

    def alerts(self):
        """{name: state} of what is pending or firing."""
        return {each["labels"]["alertname"]: each["state"] for each in self.get("alerts")["alerts"]}

    def firing(self):
        """The names of those that fire."""
        return sorted(name for name, state in self.alerts().items() if state == "firing")

    def wait_alert(self, name, state, seconds=LIMIT):
        """Until the alert is "firing", or None: gone."""
        wait_for(lambda: self.alerts().get(name) == state, f"{name} is {state}", seconds, every=0.2)
