#!/usr/bin/env python3
"""Cached answers while somebody reads the list of all domains over the control socket, and what that takes of memory.

    listing.py [--quick] [--build FOLDER] [--tools FOLDER] [--domains N] [--rounds N] [--readers N] [--json FILE]

In each round cached answers are measured on 16 connections: alone; beside --readers busy processes that do not talk to
the daemon; while as many processes read the list again and again, in no order; and in the order of expiry. All have the
same nice level. The ratio is that of the 99th percentiles of reading and of busy, the median of the rounds. --tools:
where bench_load is (default: --build). --quick: few domains, one round, to see that it works.
"""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from bench import command_line  # noqa: E402
from pylib.daemon import Daemon  # noqa: E402

BUSY = [sys.executable, "-c", "while True: pass"]


def memory(pid, field):
    """VmRSS or VmHWM in KiB."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(field + ":"))


def forget_peak(pid):
    with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        self.folder = tempfile.mkdtemp(prefix="stsmapd-listing-")
        self.socket = os.path.join(self.folder, "control")
        self.keys = os.path.join(self.folder, "keys")
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
                "control": {"socket": self.socket},
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

    def beside(self, command):
        """Measures while --readers of these run, each begun again when it ends."""
        loop = ["sh", "-c", 'while :; do "$@" || exit 1; done', "loop", *command]
        others = [subprocess.Popen(loop, stdout=subprocess.DEVNULL, start_new_session=True)
                  for _ in range(self.arguments.readers)]
        try:
            time.sleep(0.5)
            figures = self.measure()
            if any(other.poll() is not None for other in others):
                sys.exit("listing.py: a process beside the answers has ended")
            return figures
        finally:
            for other in others:
                os.killpg(other.pid, 9)
                other.wait()

    def read(self, query=""):
        return ["curl", "-sSf", "-o", "/dev/null", "--unix-socket", self.socket, "http://stsmapd/v1/domains" + query]

    def one_reading(self, query):
        """Seconds, lines, and the KiB that the daemon needed more meanwhile."""
        pid = self.daemon.process.pid
        forget_peak(pid)
        before, begun = memory(pid, "VmRSS"), time.monotonic()
        command = self.read(query)
        command[command.index("-o"): command.index("-o") + 2] = []
        curl = subprocess.Popen(command, stdout=subprocess.PIPE)
        lines = sum(1 for _ in curl.stdout)
        if curl.wait() != 0:
            sys.exit("listing.py: curl failed")
        return {"seconds": round(time.monotonic() - begun, 2), "lines": lines,
                "more_memory_kib": memory(pid, "VmHWM") - before}

    def run(self):
        self.daemon.start()
        figures = {query or "no order": self.one_reading(query) for query in ("", "?sort=expires", "?sort=domain")}
        for name, one in figures.items():
            print(f"{name}: {one}", flush=True)
        rounds = {"alone": [], "busy": [], "reading": [], "reading sorted": []}
        for _ in range(self.arguments.rounds):
            rounds["alone"].append(self.measure())
            rounds["busy"].append(self.beside(BUSY))
            rounds["reading"].append(self.beside(self.read()))
            rounds["reading sorted"].append(self.beside(self.read("?sort=expires")))
        for name, results in rounds.items():
            figures[name] = {
                "p99_us": statistics.median(r["p99"] for r in results),
                "per_second": statistics.median(r["per_second"] for r in results),
                "p99_ratio_to_busy": round(
                    statistics.median(r["p99"] / b["p99"] for r, b in zip(results, rounds["busy"])), 2),
            }
            print(f"{name}: {figures[name]}", flush=True)
        return figures

    def close(self):
        self.daemon.clean_up()
        shutil.rmtree(self.folder, ignore_errors=True)


if __name__ == "__main__":
    command_line.main(__doc__, Bench, (20_000, 1, 0.5), (1_000_000, 5, 3),
                      add=lambda parser: parser.add_argument("--readers", type=int, default=1))
