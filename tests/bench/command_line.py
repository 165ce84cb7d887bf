"""The command line of the scripts that compare a daemon with itself, and their output."""

import argparse
import json
import os

from pylib.programs import ROOT


def main(words, make, quick, whole, add=None):
    """Runs make(arguments), which has run() and close(), and prints what run() returns as JSON.

    words: for --help. quick, whole: how many domains, rounds and seconds there are with and without --quick. add: gets
    the parser, for further options.
    """
    parser = argparse.ArgumentParser(description=words, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build-bench"))
    parser.add_argument("--tools")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--domains", type=int)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--json", default="")
    if add:
        add(parser)
    arguments = parser.parse_args()
    arguments.tools = arguments.tools or arguments.build
    domains, rounds, seconds = quick if arguments.quick else whole
    arguments.domains = arguments.domains or domains
    arguments.rounds = arguments.rounds or rounds
    arguments.seconds = arguments.seconds or seconds
    os.environ["STSMAPD_BUILD_DIR"] = os.path.abspath(arguments.build)
    bench = make(arguments)
    try:
        text = json.dumps(bench.run(), indent=1)
    finally:
        bench.close()
    if arguments.json:
        with open(arguments.json, "w", encoding="ascii") as file:
            file.write(text + "\n")
    print(text)
