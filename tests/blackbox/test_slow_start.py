"""A start that takes longer than the service manager waits: it is asked for more time until all is read."""

import os
import signal
import sqlite3
import time
import unittest

from blackbox import harness
from blackbox.stored_rows import row
from pylib.process import is_stopped
from pylib.waiting import wait_for

DOMAINS = 20000
EXTEND = "EXTEND_TIMEOUT_USEC="


class SlowStartTest(harness.Case):
    def fill(self):
        """A store of this version with many policies, as a daemon leaves it."""
        daemon = self.start()
        self.assertEqual(daemon.stop(), 0)
        now = int(time.time())
        text = b"version: STSv1\nmode: enforce\nmx: mx.good.test\nmax_age: 604800\n"
        with sqlite3.connect(self.world.path("state/stsmapd.sqlite")) as database:
            rows = (row("d%d.test" % number, text, "1", now, now) for number in range(DOMAINS))
            database.executemany("INSERT INTO policies VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        database.close()

    def test_the_manager_is_told_that_it_takes_longer(self):
        self.fill()
        # The daemon stops before its first step and waits for us, so that no message is missed.
        daemon = self.start(wait=False, wrapper=["sh", "-c", 'kill -STOP $$; exec "$@"', "sh"])
        pid, heard = daemon.process.pid, []

        def hear(line):
            heard.append(line)
            if line.startswith(EXTEND) and len([each for each in heard if each.startswith(EXTEND)]) == 1:
                os.kill(pid, signal.SIGSTOP)  # the disk is slow from here on

        daemon.notifications.on_line = hear
        wait_for(lambda: is_stopped(pid))
        os.kill(pid, signal.SIGCONT)
        wait_for(lambda: heard and is_stopped(pid))
        self.assertNotIn("READY=1", heard)
        # It asks for more time as long as it reads.
        for _ in range(3):
            asked = len([each for each in heard if each.startswith(EXTEND)])
            time.sleep(1.1)
            self.assertNotIn("READY=1", heard, "%d rows are read too fast for this test" % DOMAINS)
            os.kill(pid, signal.SIGCONT)
            wait_for(lambda: len([each for each in heard if each.startswith(EXTEND)]) > asked or "READY=1" in heard)
            os.kill(pid, signal.SIGSTOP)
            if "READY=1" in heard:
                break
        os.kill(pid, signal.SIGCONT)
        daemon.wait_ready()
        before = heard[: heard.index("READY=1")]
        extended = [int(line.removeprefix(EXTEND)) for line in before if line.startswith(EXTEND)]
        self.assertGreaterEqual(len(extended), 2, heard)
        self.assertGreaterEqual(min(extended), 10_000_000, "microseconds: far more than until the next message")
        self.assertTrue([line for line in before if line.startswith("STATUS=reading the stored policies: ")], before)
        self.assertEqual(daemon.ask("d%d.test" % (DOMAINS - 1)), "OK secure match=mx.good.test servername=hostname")


if __name__ == "__main__":
    unittest.main()
