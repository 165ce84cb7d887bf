#!/usr/bin/env python3
"""Cached answers while somebody reads the metrics every second, and what a reading costs with 1,000,000 policies.

    scrape.py [--quick] [--build FOLDER] [--tools FOLDER] [--domains N] [--rounds N] [--seconds S] [--json FILE]

In each round cached answers are measured on 16 connections: without a reader, and with one that asks for /metrics over
the control socket once a second. Ratios are the medians of the rounds' own ratios. Then single readings are measured:
time, octets, memory; and the processor time that counting all policies takes, which happens once a minute at most when
somebody reads. --tools: where bench_load is (default: --build). --quick: few domains, one round, to see that it works.
"""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from bench import command_line  # noqa: E402
from pylib.control import Control  # noqa: E402
from pylib.daemon import Daemon  # noqa: E402
from pylib.metrics import Metrics  # noqa: E402
from pylib.waiting import wait_for  # noqa: E402


def memory(pid, field):
    """VmRSS or VmHWM in KiB."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(field + ":"))


class Reader(threading.Thread):
    """Reads the metrics every second until stopped."""

    def __init__(self, control):
        super().__init__()
        self.control = control
        self.over = threading.Event()
        self.took = []

    def run(self):
        while True:
            begun = time.monotonic()
            self.control.text("/metrics")
            self.took.append(time.monotonic() - begun)
            if self.over.wait(1):
                return


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        self.folder = tempfile.mkdtemp(prefix="stsmapd-scrape-")
        self.keys = os.path.join(self.folder, "keys")
        self.control = Control(os.path.join(self.folder, "control"))
        state = os.path.join(self.folder, "state")
        os.makedirs(state)
        count = str(arguments.domains)
        subprocess.run([self.tool("fill_store"), os.path.join(state, "stsmapd.sqlite"), count, "1000"], check=True)
        with open(self.keys, "wb") as keys:
            subprocess.run([self.tool("keys"), "uniform", "50000", count], stdout=keys, check=True)
        self.daemon = Daemon(
            self.folder,
            {
                "listen": ["unix:" + os.path.join(self.folder, "socketmap")],
                "state_dir": state,
                "control": {"socket": self.control.path},
                "socket": {"mode": "0600", "owner": "", "group": ""},
                "dns": {"servers": ["127.0.0.1:1"]},
                "dane": "off",
                "log": {"level": "warning"},
            },
        )

    def tool(self, name):
        return os.path.join(self.arguments.tools, "tests", "bench", "bench_" + name)

    def measure(self):
        done = subprocess.run(
            [self.tool("load"), "--to", self.daemon.address, "--keys", self.keys, "--connections", "16",
             "--warm-up", "1", "--seconds", str(self.arguments.seconds)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
        )
        return json.loads(done.stdout)

    def scraped(self):
        reader = Reader(self.control)
        reader.start()
        try:
            return self.measure()
        finally:
            reader.over.set()
            reader.join()

    def read(self):
        return Metrics(self.control.text("/metrics"))

    def count_anew(self):
        """Waits until all policies are counted once more; the processor seconds that took, with the readings."""
        last = self.read().value("stsmapd_policies_counted_timestamp_seconds")
        wait_for(lambda: time.time() >= last + 61, "the count is a minute old", seconds=120)
        before = self.read().value("process_cpu_seconds_total")

        def counted():
            now = self.read()
            return now if now.value("stsmapd_policies_counted_timestamp_seconds") > last else None

        after = wait_for(counted, "the policies are counted", seconds=120, every=1)
        return round(after.value("process_cpu_seconds_total") - before, 3)

    def single(self):
        pid = self.daemon.process.pid
        with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
        resident = memory(pid, "VmRSS")
        cpu = self.read().value("process_cpu_seconds_total")
        took = []
        for _ in range(50):
            begun = time.monotonic()
            text = self.control.text("/metrics")
            took.append(time.monotonic() - begun)
        used = Metrics(text).value("process_cpu_seconds_total") - cpu
        return {"ms": round(statistics.median(took) * 1e3, 2), "longest_ms": round(max(took) * 1e3, 2),
                "cpu_ms": round(used / 50 * 1e3, 2), "octets": len(text.encode()),
                "more_memory_kib": memory(pid, "VmHWM") - resident}

    def run(self):
        self.daemon.start()
        wait_for(lambda: self.read().sum("stsmapd_policies") == self.arguments.domains, "all are counted",
                 seconds=120, every=1)
        rounds = {"without": [], "with": []}
        for _ in range(self.arguments.rounds):
            rounds["without"].append(self.measure())
            rounds["with"].append(self.scraped())
        figures = {
            name: {key: statistics.median(one[key] for one in results) for key in ("per_second", "p99")}
            for name, results in rounds.items()
        }
        for key in ("per_second", "p99"):
            pairs = zip(rounds["with"], rounds["without"])
            figures[key + "_ratio"] = round(statistics.median(a[key] / b[key] for a, b in pairs), 3)
        print(figures, flush=True)
        figures["reading"] = self.single()
        print(figures["reading"], flush=True)
        if not self.arguments.quick:
            figures["count_cpu_seconds"] = self.count_anew()
        return figures

    def close(self):
        self.daemon.clean_up()
        shutil.rmtree(self.folder, ignore_errors=True)


if __name__ == "__main__":
    command_line.main(__doc__, Bench, (2_000, 1, 1), (1_000_000, 7, 5))
