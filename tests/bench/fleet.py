#!/usr/bin/env python3
"""Cached answers beside an engine of a shared cache that is idle, and one that hangs.

    fleet.py [--quick] [--build FOLDER] [--tools FOLDER] [--domains N] [--rounds N] [--seconds S] [--json FILE]

Two daemons of the same build with the same policies: one without a shared cache, and one with. Somebody asks both, all
the time, for domains that nobody knows, so that searches go on. In each round cached answers are measured on 16
connections: of the first daemon, of the second one with its engine idle, and with its engine stopped by SIGSTOP in the
middle of it. Ratios are the medians of the rounds' own ratios. --tools: where bench_load is (default: --build).
--quick: few domains, one round, to see that it works.
"""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from bench import command_line  # noqa: E402
from pylib import sealing, socketmap  # noqa: E402
from pylib.control import Control  # noqa: E402
from pylib.daemon import Daemon  # noqa: E402
from pylib.engine import PASSWORD, USER, Engine, why_not  # noqa: E402
from pylib.metrics import scrape  # noqa: E402
from pylib.waiting import wait_for  # noqa: E402


class Searches(threading.Thread):
    """Asks for domains that nobody knows, one after the other, until stopped."""

    def __init__(self, daemon, word):
        super().__init__()
        self.daemon, self.word = daemon, word
        self.over = threading.Event()
        self.count = 0

    def run(self):
        with socketmap.Client(self.daemon.address) as client:
            while not self.over.wait(0.01):
                self.count += 1
                client.ask("%s%d.invalid" % (self.word, self.count))


class Bench:
    def __init__(self, arguments):
        reason = why_not()
        if reason:
            sys.exit(reason)
        self.arguments = arguments
        self.folder = tempfile.mkdtemp(prefix="stsmapd-fleet-")
        self.keys = self.path("keys")
        with open(self.keys, "wb") as keys:
            subprocess.run([self.tool("keys"), "uniform", "50000", str(arguments.domains)], stdout=keys, check=True)
        self.secret("password", PASSWORD)
        self.secret("fleet.keys", sealing.Key().line)
        self.engine = Engine(self.path("engine")).start()
        self.alone = self.daemon("alone")
        self.member = self.daemon("member", shared={
            "engine": self.engine.address,
            "user": USER,
            "password_file": self.path("password"),
            "key_file": self.path("fleet.keys"),
            "host": "member",
        })
        self.rounds_of_searches = 0

    def path(self, name):
        return os.path.join(self.folder, name)

    def secret(self, name, text):
        with open(self.path(name), "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(text)

    def tool(self, name):
        return os.path.join(self.arguments.tools, "tests", "bench", "bench_" + name)

    def daemon(self, name, **more):
        state = self.path(name)
        os.makedirs(state)
        store = os.path.join(state, "stsmapd.sqlite")
        subprocess.run([self.tool("fill_store"), store, str(self.arguments.domains), "1000"], check=True)
        return Daemon(
            self.folder,
            {
                "listen": ["unix:" + self.path(name + ".map")],
                "state_dir": state,
                "socket": {"mode": "0600", "owner": "", "group": ""},
                "dns": {"servers": ["127.0.0.1:1"]},
                "dane": "off",
                "log": {"level": "error"},
                **more,
            },
            name,
        )

    def measure(self, daemon):
        self.rounds_of_searches += 1
        searches = Searches(daemon, "s%d-" % self.rounds_of_searches)
        searches.start()
        try:
            done = subprocess.run(
                [self.tool("load"), "--to", daemon.address, "--keys", self.keys, "--connections", "16",
                 "--warm-up", "1", "--seconds", str(self.arguments.seconds)],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
            )
        finally:
            searches.over.set()
            searches.join()
        return json.loads(done.stdout)

    def frozen(self):
        self.engine.freeze()
        try:
            return self.measure(self.member)
        finally:
            self.engine.thaw()
            self.wait_up()

    def wait_up(self):
        control = Control(self.member.control_path)
        wait_for(lambda: control.get("fleet", hosts=0)["up"], "the engine is up", 150, 0.1)

    def run(self):
        self.alone.start()
        self.member.start()
        self.wait_up()
        rounds = {"alone": [], "idle": [], "frozen": []}
        for _ in range(self.arguments.rounds):
            rounds["alone"].append(self.measure(self.alone))
            rounds["idle"].append(self.measure(self.member))
            rounds["frozen"].append(self.frozen())
        figures = {
            name: {key: statistics.median(one[key] for one in results) for key in ("per_second", "p99")}
            for name, results in rounds.items()
        }
        for name, other in (("frozen", "idle"), ("idle", "alone")):
            for key in ("per_second", "p99"):
                pairs = zip(rounds[name], rounds[other])
                ratio = statistics.median(a[key] / b[key] for a, b in pairs)
                figures[f"{name}_to_{other}_{key}"] = round(ratio, 3)
        metrics = scrape(Control(self.member.control_path))
        figures["commands_without_reply"] = metrics.value("stsmapd_shared_commands_total", result="timeout")
        figures["breaker_opened"] = metrics.value("stsmapd_shared_breaker_opened_total")
        return figures

    def close(self):
        for each in (self.member, self.alone):
            each.clean_up()
        self.engine.clean_up()
        shutil.rmtree(self.folder, ignore_errors=True)


if __name__ == "__main__":
    command_line.main(__doc__, Bench, (2_000, 1, 1), (100_000, 7, 5))
