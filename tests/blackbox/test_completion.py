"""Completion for bash offers what the programs' --help says, for every command, and nothing else."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

from blackbox import harness
from blackbox.control_peer import ControlPeer
from pylib.programs import ROOT

SCRIPT = os.path.join(ROOT, "packaging", "bash-completion", "stsmap")
PROGRAMS = {"stsmap": harness.STSMAP, "stsmapd": harness.STSMAPD}


def words_of_help(text):
    """(options, commands) that a help text names."""
    options = set(re.findall(r"(?<![\w-])--[a-z-]+", "\n".join(re.findall(r"^ +-.*$", text, re.M))))
    commands = re.search(r"^subcommands:\n((?:  .*\n?)+)", text, re.M | re.I)
    return options, set(re.findall(r"^  ([a-z-]+)", commands[1], re.M)) if commands else set()


class CompletionTest(unittest.TestCase):
    def setUp(self):
        if not shutil.which("bash"):
            self.skipTest("no bash here")

    def complete(self, program, *words):
        """What bash offers for the last of the words."""
        line = [PROGRAMS[program], *words]
        script = (
            'compopt() { :; }; . "$1"; shift; spec=$(complete -p "$1"); shift; '
            'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
            'function="${spec#*-F }"; ${function%% *} "$1"; printf "%s\\n" "${COMPREPLY[@]}"'
        )
        done = subprocess.run(
            ["bash", "-c", script, "bash", SCRIPT, program, *line],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=os.path.dirname(SCRIPT),
        )
        self.assertEqual(done.stderr, "")
        return set(done.stdout.split("\n")) - {""}

    def help(self, program, *words):
        done = subprocess.run([PROGRAMS[program], *words, "--help"], capture_output=True, text=True, timeout=60)
        return words_of_help(done.stdout)

    def test_options_and_commands_are_those_of_the_help(self):
        for program in PROGRAMS:
            options, commands = self.help(program)
            self.assertIn("--help", options)
            self.assertIn("--config", options)
            self.assertEqual(self.complete(program, "--"), options)
            self.assertEqual(self.complete(program, ""), commands or options)
            for command in commands:
                own, _ = self.help(program, command)
                self.assertIn("--help", own)
                self.assertEqual(self.complete(program, command, "--"), own, command)
                for below in self.help(program, command)[1]:
                    own, _ = self.help(program, command, below)
                    self.assertEqual(self.complete(program, command, below, "--"), own, below)
        self.assertIn("query", self.help("stsmap")[1])
        self.assertIn("--check-config", self.help("stsmapd")[0])

    def test_narrows_down(self):
        self.assertEqual(self.complete("stsmap", "que"), {"query"})
        self.assertEqual(self.complete("stsmap", "query", "--tl"), {"--tlsrpt"})
        self.assertEqual(self.complete("stsmap", "--config", "x", "query", "--js"), {"--json"})
        self.assertEqual(self.complete("stsmapd", "--check"), {"--check-config"})
        self.assertEqual(self.complete("stsmap", "query", "example."), set())
        self.assertEqual(self.complete("stsmap", "override", ""), {"add", "list", "remove"})
        self.assertEqual(self.complete("stsmap", "override", "a"), {"add"})
        self.assertEqual(self.complete("stsmap", "override", "add", "--un"), {"--until"})

    def test_overrides_that_can_be_removed(self):
        with tempfile.TemporaryDirectory() as folder:
            peer = ControlPeer(folder)
            self.addCleanup(peer.close)
            common = {"action": "off", "reason": "}", "weakens": False}
            overrides = [
                {"domain": ".a.test", **common, "source": "run-time"},
                {"domain": "b.test", **common, "source": "configuration"},
                {"domain": "c.test", **common, "source": "run-time"},
            ]
            peer.answer("GET", "/v1/overrides", ControlPeer.json({"overrides": overrides}))
            offered = self.complete("stsmap", "--control", peer.path, "override", "remove", "")
            self.assertEqual(offered, {".a.test", "c.test"})
            self.assertEqual(self.complete("stsmap", "--control", peer.path, "override", "remove", "c"), {"c.test"})
            self.assertEqual(self.complete("stsmap", "--control", peer.path + "x", "override", "remove", ""), set())

    def test_values(self):
        self.assertEqual(self.complete("stsmapd", "--config", "stsm"), {"stsmap"})  # the file in this folder
        self.assertEqual(self.complete("stsmap", "lint", "stsm"), {"stsmap"})
        self.assertEqual(self.complete("stsmap", "publish", "--out", "../bash-c"), {"../bash-completion"})
        self.assertEqual(self.complete("stsmap", "--socket", ""), {"unix:", "tcp:"})
        self.assertEqual(self.complete("stsmap", "query", "--map", ""), set())


if __name__ == "__main__":
    unittest.main()
