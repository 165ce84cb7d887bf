#!/usr/bin/env python3
"""How many instructions a cached answer takes in the whole daemon, by callgrind: the difference of two runs.

    instructions.py [--build FOLDER] [--requests N] STSMAPD...

One connection, one request at a time, always for the same domain. Valgrind has no vDSO, so each look at the clock is a
system call, of which it counts only the way there. --build: where bench_fill_store is. Prints a line for each program
and level of the log.
"""
import argparse
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from pylib.programs import ROOT  # noqa: E402
from pylib.socketmap import frame  # noqa: E402
from pylib.waiting import wait_for  # noqa: E402

CONFIGURATION = """listen = ["unix:{0}/socketmap"]
state_dir = "{0}"
dane = "off"
socket = {{ group = "" }}
control = {{ socket = "{0}/control" }}
log = {{ level = "{1}" }}
dns = {{ servers = ["127.0.0.1:9"] }}
"""
FEW = 2000


def counted(program, tools, requests, level):
    """The instructions of a whole run with so many requests."""
    with tempfile.TemporaryDirectory(prefix="stsmapd-instructions-") as folder:
        store = os.path.join(folder, "stsmapd.sqlite")
        subprocess.run([os.path.join(tools, "tests/bench/bench_fill_store"), store, "100", "10"], check=True)
        with sqlite3.connect(store) as rows:
            domain = rows.execute("SELECT domain FROM policies LIMIT 1").fetchone()[0]
        rows.close()
        configuration = os.path.join(folder, "stsmapd.toml")
        with open(configuration, "w", encoding="ascii") as file:
            file.write(CONFIGURATION.format(folder, level))
        log = os.path.join(folder, "log")
        with open(log, "wb") as output:
            daemon = subprocess.Popen(["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", program,
                                       "--config", configuration], stdout=output, stderr=output)

        try:
            wait_for(lambda: os.path.exists(os.path.join(folder, "socketmap")), "the daemon listens", seconds=60)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(os.path.join(folder, "socketmap"))
                for _ in range(requests):  # the first one waits until all is read
                    client.sendall(frame("sts " + domain))
                    if b"OK secure" not in client.recv(4096):
                        sys.exit(f"instructions.py: {domain} is not cached")
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait()
        with open(log, encoding="utf-8") as lines:
            return next(int(line.split(":")[-1]) for line in lines if "Collected" in line)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="+", metavar="STSMAPD")
    parser.add_argument("--build", default=os.path.join(ROOT, "build-bench"))
    parser.add_argument("--requests", type=int, default=20_000)
    arguments = parser.parse_args()
    for level in ("warning", "info"):
        for program in arguments.programs:
            few = counted(program, arguments.build, FEW, level)
            many = counted(program, arguments.build, FEW + arguments.requests, level)
            print(f"{program}, log.level {level}: {(many - few) / arguments.requests:.0f} a request", flush=True)


if __name__ == "__main__":
    main()
