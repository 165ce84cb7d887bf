"""The metrics of the daemon: they count what happens, once each, and add up, whatever happens at the same time."""

import collections
import random
import threading
import unittest

from blackbox import harness
from blackbox.harness import NOTFOUND, SECURE
from pylib.control import Control
from pylib.metrics import scrape
from pylib.socketmap import frame
from pylib.waiting import wait_for

REQUESTS = "stsmapd_requests_total"
QUERIES = "stsmapd_queries_total"
BECAME = (  # what a request becomes; the last one is no end
    QUERIES,
    "stsmapd_status_queries_total",
    "stsmapd_malformed_requests_total",
    "stsmapd_unanswered_requests_total",
    "stsmapd_queries_waiting",
)


def became(metrics):
    return sum(metrics.sum(name) for name in BECAME)


class MetricsCase(harness.Case):
    def begin(self, **options):
        path = self.world.path("control")
        daemon = self.start(control={"socket": path, "mode": "0600"}, **options)
        return daemon, Control(path)

    def at_rest(self, control):
        """A scrape when nothing is at work. The time of an answer is noted a moment after it is sent."""

        def settled():
            metrics = scrape(control)
            noted = metrics.sum("stsmapd_query_duration_seconds_count")
            return metrics if noted == metrics.sum(QUERIES) and not metrics.sum("stsmapd_queries_waiting") else None

        return wait_for(settled, "each answer is counted with its time")


class Asker(threading.Thread):
    """Asks at random, and counts what it gets."""

    # Weighted by being named more often.
    KINDS = ["good.test"] * 20 + [
        "absent%d.test", ".test", "[192.0.2.1]", "hang%d.test", "no space", "no netstring", "gone", "status"
    ]

    def __init__(self, daemon, seed):
        super().__init__()
        self.daemon = daemon
        self.chance = random.Random(seed)
        self.got = collections.Counter()
        self.failure = None

    def run(self):
        try:
            client = self.daemon.client()
            for _ in range(150):
                client = self.ask(client, self.chance.choice(self.KINDS))
            client.close()
        except Exception as problem:  # pylint: disable=broad-except
            self.failure = problem

    def ask(self, client, what):
        """The client for the next question."""
        number = self.chance.randrange(20)
        if what in ("no space", "no netstring", "gone"):
            if what == "gone":  # before its answer
                client.send(frame("sts hang%d.test" % number))
            else:
                client.send(frame("good.test") if what == "no space" else b"nonsense,")
                assert b"PERM" in client.until_closed()
            client.close()
            client = self.daemon.client()
            self.got[what] += 1
        elif what == "status":
            assert client.ask("version", name="stsmapd.status").startswith("OK ")
            self.got[what] += 1
        else:
            reply = client.ask(what % number if "%" in what else what)
            self.got["secure" if reply == SECURE else "notfound" if reply == NOTFOUND else reply] += 1
        return client


class AddUpTest(MetricsCase):
    def watch(self, daemon, control, askers):
        """Reads the metrics while they ask, and reloads now and then; the number of reloads."""
        reloads = 0
        before = scrape(control)
        while any(asker.is_alive() for asker in askers):
            daemon.reload()
            reloads += 1
            for _ in range(20):
                now = scrape(control)
                self.assertGreaterEqual(now.value(REQUESTS), became(now), "rather too many than too few")
                for series, number in now.samples.items():
                    if series[0].endswith(("_total", "_count", "_bucket")):
                        self.assertGreaterEqual(number, before.samples[series], series)
                before = now
        return reloads

    def test_each_request_becomes_one_thing_under_load(self):
        """Two threads, clients that break the protocol or leave, searches that end at the deadline, reloads, and somebody
        who reads the metrics all the while."""
        self.world.policy("good.test")
        for number in range(20):
            self.world.policy("hang%d.test" % number, behaviour="hang")
        daemon, control = self.begin(threads=2, deadline="1s", log={"level": "warning"})
        self.assertEqual(daemon.ask("good.test"), SECURE)
        askers = [Asker(daemon, seed) for seed in range(6)]
        for asker in askers:
            asker.start()
        reloads = self.watch(daemon, control, askers)
        got = collections.Counter(secure=1)
        for asker in askers:
            self.assertIsNone(asker.failure)
            got.update(asker.got)
        metrics = self.at_rest(control)
        self.assertEqual(metrics.value(REQUESTS), became(metrics))
        self.assertEqual(metrics.value(REQUESTS), sum(got.values()))
        self.assertEqual(metrics.sum(QUERIES, answer="secure"), got["secure"])
        self.assertEqual(metrics.sum(QUERIES, answer="notfound"), got["notfound"] + got["gone"])
        self.assertEqual(metrics.value("stsmapd_status_queries_total"), got["status"])
        violations = got["no space"] + got["no netstring"]
        self.assertEqual(metrics.value("stsmapd_malformed_requests_total"), violations)
        self.assertEqual(metrics.value("stsmapd_connections_closed_total", reason="violation"), violations)
        self.assertGreater(metrics.value("stsmapd_deadlines_exceeded_total"), 0)
        for source in ("memory", "network", "key"):
            counted = metrics.value("stsmapd_query_duration_seconds_count", source=source)
            self.assertEqual(counted, metrics.sum(QUERIES, source=source), source)
            self.assertGreater(counted, 0, source)
        self.assertEqual(metrics.sum("stsmapd_keys_rejected_total"), metrics.sum(QUERIES, source="key"))
        self.assertEqual(metrics.value("stsmapd_config_reloads_total", result="ok"), reloads)


class FamiliesTest(MetricsCase):
    def test_each_part_counts(self):
        """One policy that is learnt, one that cannot be fetched, one connection."""
        self.world.policy("good.test")
        self.world.policy("broken.test", status="404 Not Found")
        daemon, control = self.begin()
        metrics = scrape(control)
        self.assertEqual(metrics.value(REQUESTS), 0, "all series are there from the start")
        self.assertEqual(metrics.value("stsmapd_policies_limit"), 1000000)
        with daemon.client() as client:
            self.assertEqual(client.ask("good.test"), SECURE)
            self.assertEqual(client.ask("broken.test"), NOTFOUND)
            metrics = self.at_rest(control)
            self.assertEqual(metrics.value("stsmapd_connections"), 1)
        self.assertEqual(metrics.value("stsmapd_connections_accepted_total"), 1)
        self.assertEqual(metrics.value(QUERIES, answer="secure", source="network"), 1)
        self.assertEqual(metrics.value("stsmapd_policies", mode="enforce"), 1)
        self.assertEqual(metrics.value("stsmapd_absences"), 1)
        self.assertEqual(metrics.value("stsmapd_fetches_total", result="ok"), 1)
        self.assertEqual(metrics.value("stsmapd_fetches_total", result="http-status"), 1)
        self.assertEqual(metrics.value("stsmapd_fetch_duration_seconds_count"), 2)
        self.assertEqual(metrics.value("stsmapd_dns_questions_total", type="TXT", result="data"), 2)
        self.assertEqual(
            metrics.value("stsmapd_dns_duration_seconds_count"), metrics.sum("stsmapd_dns_questions_total")
        )
        self.assertEqual(metrics.value("stsmapd_policy_changes_total", change="learnt"), 1)
        self.assertEqual(metrics.value("stsmapd_store_rows_total"), 1)
        self.assertGreater(metrics.value("stsmapd_store_commits_total", result="ok"), 0)
        self.assertGreater(metrics.value("stsmapd_store_commit_duration_seconds_count"), 0)
        self.assertGreater(metrics.value("stsmapd_store_bytes"), 4095)
        self.assertEqual(metrics.value("stsmapd_events_total", event="lookup"), 2)
        self.assertGreater(metrics.value("stsmapd_log_lines_total", level="info"), 2)
        self.assertEqual(metrics.value("stsmapd_log_lines_dropped_total"), 0)
        self.assertEqual(metrics.value("stsmapd_dns_servers", validates="unknown"), 0, "it has been asked")
        self.assertEqual(metrics.value("stsmapd_http_connections", listener="control"), 1)
        self.assertGreater(metrics.value("stsmapd_http_requests_total", listener="control", status="2xx"), 0)
        self.assertGreater(metrics.value("process_resident_memory_bytes"), 1 << 20)
        started = metrics.value("process_start_time_seconds")
        self.assertEqual(scrape(control).value("process_start_time_seconds"), started, "it does not tremble")

    def test_a_policy_that_is_forgotten(self):
        self.world.policy("good.test")
        daemon, control = self.begin()
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.assertTrue(control.delete("domains", "good.test", yes="true")["forgotten"])
        metrics = scrape(control)
        self.assertEqual(metrics.value("stsmapd_policy_changes_total", change="forgotten"), 1)
        self.assertEqual(metrics.value("stsmapd_policies", mode="enforce"), 0)


if __name__ == "__main__":
    unittest.main()
