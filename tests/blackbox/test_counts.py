"""Counts that are the same in every run, and must not grow: the system calls of a cached answer, and the DNS questions
for an unknown name."""

import collections
import os
import re
import shutil
import signal
import unittest

from blackbox import harness
from blackbox.harness import NOTFOUND, SECURE
from pylib.programs import is_sanitized
from pylib.socketmap import frame

# A finished call: in one line, or resumed in a second one, when its first line ends in "<unfinished ...>".
CALL = re.compile(r"^(\d+) +(?:<\.\.\. )?(\w+)(?:\(| resumed>)(?!.*<unfinished \.\.\.>$)(.*)")
ASKED = 300


@unittest.skipUnless(shutil.which("strace"), "no strace here")
class SystemCallsTest(harness.Case):
    def setUp(self):
        super().setUp()
        if is_sanitized():
            self.skipTest("a sanitizer makes calls of its own, and looks for leaks by ptrace itself")

    def calls(self, between):
        """System calls of the thread that answers, from the question for begin.test to that for end.test."""
        trace = self.world.path("trace")
        for domain in ("begin.test", "end.test", "good.test"):
            self.world.policy(domain)
        # Without log lines for lookups: another thread writes them.
        daemon = self.start(wrapper=("strace", "-f", "-qq", "-s", "64", "-o", trace), log={"level": "warning"})
        for domain in ("begin.test", "end.test", "good.test"):
            self.assertEqual(daemon.ask(domain), SECURE)
        with daemon.client() as client:
            client.ask("begin.test")
            between(client)
            client.ask("end.test")
        with open(trace) as file:
            pid = int(file.read().split()[0])  # the daemon's, not that of strace
        os.kill(pid, signal.SIGTERM)
        self.assertEqual(daemon.wait_exit(), 0)
        with open(trace, errors="replace") as file:
            rows = [found.groups() for found in map(CALL.match, file) if found]
        begin, end = (
            max(at for at, row in enumerate(rows) if "recv" in row[1] and name in row[2])
            for name in ("sts begin.test", "sts end.test")
        )
        return collections.Counter(call for thread, call, _ in rows[begin + 1 : end] if thread == rows[begin][0])

    def test_one_question_at_a_time(self):
        """A wait, a read and a write."""

        def between(client):
            for _ in range(ASKED):
                self.assertEqual(client.ask("good.test"), SECURE)

        counts = self.calls(between)
        self.assertEqual(counts["recvfrom"], ASKED, counts)
        self.assertEqual(counts["sendto"], ASKED + 1, counts)  # and the answer for begin.test
        # Sometimes a timer is due, or a question is there before the wait.
        self.assertLessEqual(sum(counts.values()), 3 * ASKED + 10, counts)

    def test_many_questions_in_one_piece(self):
        """One read takes them all."""

        def between(client):
            client.send(frame("sts good.test") * 20)
            self.assertEqual([client.reply() for _ in range(20)], [SECURE] * 20)

        counts = self.calls(between)
        self.assertEqual(counts["recvfrom"], 1, counts)
        self.assertLessEqual(sum(counts.values()), 20 + 2 + 10, counts)


class QuestionsTest(harness.Case):
    def questions(self, domain):
        return {asked: count for asked, count in self.world.dns.questions.items() if asked[0].endswith(domain)}

    def test_a_name_that_nobody_knows(self):
        """One DNS question, however often it is asked for, and no connection."""
        daemon = self.start()
        with daemon.client() as client:
            for name in ["sts", "sts-tlsrpt"] * 10:
                self.assertEqual(client.ask("unknown.test", name), NOTFOUND)
        self.assertEqual(self.questions("unknown.test"), {("_mta-sts.unknown.test", "TXT"): 1})
        self.assertEqual(sum(self.world.hosts.connects.values()), 0)

    def test_a_name_with_a_policy(self):
        """One question for its record, as the proxy finds the policy host, and one GET."""
        self.world.policy("good.test")
        daemon = self.start(dane="off")
        with daemon.client() as client:
            for _ in range(20):
                self.assertEqual(client.ask("good.test"), SECURE)
        self.assertEqual(self.questions("good.test"), {("_mta-sts.good.test", "TXT"): 1})
        self.assertEqual(self.world.hosts.count("good.test"), 1)


if __name__ == "__main__":
    unittest.main()
