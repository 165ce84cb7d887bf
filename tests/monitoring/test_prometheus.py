"""The metrics of the real daemon, as Prometheus reads them: the text by promtool and against the table, then a real
Prometheus that scrapes the daemon while it answers, with an alert that fires when policy hosts break and ends when they
are mended."""

import itertools
import os
import re
import threading
import unittest
import urllib.request

from blackbox import harness
from monitoring import files
from monitoring.prometheus import Prometheus
from pylib.control import Control
from pylib.waiting import wait_for

DOMAINS = ["d%d.test" % number for number in range(6)]
POLITE = 60  # seconds between two fetches from one policy host, and between two counts of all policies


def samples(text):
    """({(name, labels): number}, {name: (type, help)}) of an exposition; labels as sorted pairs."""
    numbers, families = {}, {}
    for line in text.splitlines():
        if line.startswith("# "):
            _, kind, name, words = line.split(" ", 3)
            families.setdefault(name, {})[kind] = words
            continue
        name, labels, number = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line).groups()
        pairs = tuple(sorted(re.findall(r'(\w+)="((?:\\.|[^"\\])*)"', labels or "")))
        assert (name, pairs) not in numbers, line
        numbers[name, pairs] = float(number)
    return numbers, families


class MonitoringCase(harness.Case):
    def begin(self, **options):
        """A daemon with a web listener, and its address."""
        daemon = self.start(web={"listen": ["tcp:127.0.0.1:0"]}, **options)
        daemon.wait_log("web-listening")
        return daemon, re.search(r"web-listening: address=tcp:(127\.0\.0\.1:\d+)", daemon.log())[1]

    def metrics(self, address):
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=60) as reply:
            self.assertEqual(reply.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
            return reply.read().decode()


class ExpositionTest(MonitoringCase):
    @unittest.skipIf(files.WHY_NOT, files.WHY_NOT)
    def test_promtool_finds_nothing_to_say(self):
        self.world.policy("good.test")
        daemon, address = self.begin()
        daemon.ask("good.test")
        text = self.metrics(address)
        self.assertEqual(files.promtool("check", "metrics", stdin=text), (0, ""))
        status, said = files.promtool("check", "metrics", stdin=text.replace("stsmapd_flights ", "stsmapd_flights_ms "))
        self.assertNotEqual((status, said), (0, ""))

    def test_it_is_the_table(self):
        daemon, address = self.begin()
        numbers, families = samples(self.metrics(address))
        table = files.table()
        self.assertEqual(list(families), list(table), "all of them, in the table's order, before anything is asked")
        for name, family in table.items():
            self.assertEqual(families[name], {"TYPE": family["type"], "HELP": family["help"]}, name)
            labels = [
                [(label["name"], value) for value in label["values"] or [self.version(daemon)]]
                for label in family["labels"]
            ]
            wanted = {tuple(sorted(each)) for each in itertools.product(*labels)}
            if family["type"] != "histogram":
                self.assertEqual({pairs for one, pairs in numbers if one == name}, wanted, name)
                continue
            for suffix in ("_sum", "_count"):
                self.assertEqual({pairs for one, pairs in numbers if one == name + suffix}, wanted, name)
            bounds = {}
            for one, pairs in numbers:
                if one == name + "_bucket":
                    le = dict(pairs)["le"]
                    bounds.setdefault(tuple(each for each in pairs if each[0] != "le"), set()).add(float(le))
            self.assertEqual(bounds, {each: {*family["buckets"], float("inf")} for each in wanted}, name)

    def version(self, daemon):
        return re.search(r"\bready: version=(\S+)", daemon.log())[1]


@unittest.skipIf(files.WHY_NOT, files.WHY_NOT)
class PrometheusTest(MonitoringCase):
    def ask_on(self, daemon):
        """Asks one question after the other, of all domains, until the test ends; returns how many so far."""
        count, stop = itertools.count(), threading.Event()
        client = daemon.client()

        def run():
            with client:
                while not stop.is_set():
                    client.ask(DOMAINS[next(count) % len(DOMAINS)])
                    stop.wait(0.005)

        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(stop.set)
        return stop, thread

    def rules(self):
        """The shipped ones; what they wait for is a second, for a test. Only StsmapdDown waits longer: on a busy machine
        a scrape may take more than the second that it has."""
        document = files.rules()
        for rule in document["groups"][0]["rules"]:
            if "for" in rule:
                rule["for"] = "10s" if rule.get("alert") == "StsmapdDown" else "1s"
        return document

    def refresh_all(self, control, works):
        """Asks for each policy again, as soon as politeness allows."""
        for domain in DOMAINS:
            wait_for(
                lambda: control.post("domains", domain, "refresh") and control.status != 429,
                "another fetch of " + domain,
                2 * POLITE,
                every=0.5,
            )
            self.assertEqual(control.get("domains", domain)["get"]["failures"] == 0, works, domain)

    def check_dashboard(self, prometheus):
        """Each panel shows something, but those that show only what is not zero."""
        values = {"$job": ".*", "$instance": ".*", "$__rate_interval": "10s"}
        for where, expression in files.dashboard_expressions():
            for name, value in values.items():
                expression = expression.replace(name, value)
            with self.subTest(where, expression=expression):
                shown = prometheus.ask(expression)
                self.assertTrue(shown or "> 0" in expression or "ALERTS" in expression)

    def test_rates_come_and_an_alert_fires_and_ends(self):
        for domain in DOMAINS:
            self.world.policy(domain, max_age=604800)
        daemon, address = self.begin(dane="off")  # the name server of this world does not validate
        control = Control(daemon.control_path)
        for domain in DOMAINS:
            self.assertEqual(daemon.ask(domain), harness.SECURE)
        prometheus = Prometheus(os.path.join(self.world.folder, "prometheus"), address, self.rules())
        self.addCleanup(prometheus.stop)
        stop, thread = self.ask_on(daemon)

        self.assertEqual(prometheus.wait_number('up{job="stsmapd"}', lambda up: up == 1), 1)
        prometheus.wait_number('sum(rate(stsmapd_queries_total{answer="secure",source="memory"}[10s]))', lambda x: x > 1)
        prometheus.wait_number("sum(rate(stsmapd_requests_total[10s]))", lambda rate: rate > 1)
        p99 = 'histogram_quantile(0.99, sum by (le) (rate(stsmapd_query_duration_seconds_bucket{source="memory"}[10s])))'
        self.assertLess(prometheus.wait_number(p99, lambda seconds: seconds > 0), 1)
        self.assertEqual(prometheus.number('sum(stsmapd_fetches_total{result="ok"})'), len(DOMAINS))
        self.assertEqual(prometheus.number('stsmapd_policy_changes_total{change="learnt"}'), len(DOMAINS))
        prometheus.wait_number('stsmapd_policies{mode="enforce"}', lambda n: n == len(DOMAINS), 2 * POLITE)
        self.assertEqual(prometheus.firing(), [])
        self.check_dashboard(prometheus)

        self.world.hosts.unplugged = True
        self.refresh_all(control, works=False)
        prometheus.wait_alert("StsmapdRefreshFailing", "firing", 2 * POLITE)
        self.assertEqual(prometheus.number("sum(stsmapd_policies_failing)"), len(DOMAINS))
        self.assertEqual(daemon.ask(DOMAINS[0]), harness.SECURE, "they stay in use")
        self.world.hosts.unplugged = False
        for domain in DOMAINS:
            self.world.record(domain, "2")  # without a new id the next try would be in five minutes
        self.refresh_all(control, works=True)
        prometheus.wait_alert("StsmapdRefreshFailing", None, 2 * POLITE)
        self.assertEqual(prometheus.firing(), [])

        stop.set()
        thread.join()
        daemon.stop()
        prometheus.wait_alert("StsmapdDown", "firing")
        self.assertEqual(prometheus.number('up{job="stsmapd"}'), 0)


if __name__ == "__main__":
    unittest.main()
