"""SIGHUP applies the options that can change, a bad configuration changes nothing, the service manager is notified."""

import os
import re
import signal
import time
import unittest

from blackbox import harness
from blackbox.harness import NOTFOUND, SECURE
from pylib.waiting import LATE, wait_for


class ReloadTest(harness.Case):
    def asked_for(self, daemon, key):
        began = time.monotonic()
        self.assertEqual(daemon.ask(key), NOTFOUND)
        return time.monotonic() - began

    def test_deadline_changes_live(self):
        self.world.policy("hang.test", behaviour="hang")
        self.world.policy("hang2.test", behaviour="hang")
        daemon = self.start(deadline="60s")
        daemon.configure(deadline="1s")
        daemon.reload()
        self.assertLess(self.asked_for(daemon, "hang.test"), 1 + LATE)
        daemon.configure(deadline="3s")
        daemon.reload()
        self.assertGreater(self.asked_for(daemon, "hang2.test"), 2.5)

    def test_log_level_changes_live(self):
        daemon = self.start(log={"level": "info"})
        self.assertEqual(daemon.ask("a.test"), NOTFOUND)
        daemon.lookups("a.test")
        daemon.configure(log={"level": "error"})
        daemon.reload()
        self.assertEqual(daemon.ask("b.test"), NOTFOUND)
        daemon.configure(log={"level": "info"})
        daemon.reload()
        self.assertEqual(daemon.ask("c.test"), NOTFOUND)
        daemon.lookups("c.test")
        self.assertEqual(daemon.log_lines("lookup", "domain=b.test"), [])

    def test_name_servers_change_live(self):
        self.world.policy("good.test")
        other = harness.World()
        self.addCleanup(other.close)
        daemon = self.start(dns={"servers": ["127.0.0.1:%d" % other.dns.port]})
        self.assertEqual(daemon.ask("good.test"), NOTFOUND)
        self.world.policy("late.test")
        daemon.configure(dns={"servers": ["127.0.0.1:%d" % self.world.dns.port]})
        daemon.reload()
        self.assertEqual(daemon.ask("late.test"), SECURE)
        self.assertEqual(other.txt_questions("late.test"), 0)

    def test_connections_and_policies_survive(self):
        self.world.policy("good.test")
        daemon = self.start()
        with daemon.client() as client:
            self.assertEqual(client.ask("good.test"), SECURE)
            for _ in range(3):
                daemon.reload()
                self.assertEqual(client.ask("good.test"), SECURE)
        self.assertEqual(self.world.hosts.count("good.test"), 1)

    def test_service_manager_is_told(self):
        daemon = self.start()
        self.assertEqual(daemon.notifications.count("RELOADING=1"), 0)
        daemon.reload()
        lines = daemon.notifications.poll()
        self.assertEqual(lines.count("RELOADING=1"), 1)
        self.assertLess(lines.index("RELOADING=1"), len(lines) - 1 - lines[::-1].index("READY=1"))
        stamps = [line for line in lines if line.startswith("MONOTONIC_USEC=")]
        self.assertTrue(stamps, "Type=notify-reload needs it")
        self.assertLess(
            abs(int(stamps[0].partition("=")[2]) - time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000),
            60_000_000,
        )

    def test_bad_configuration_keeps_the_old_one(self):
        self.world.policy("good.test")
        self.world.policy("hang.test", behaviour="hang")
        daemon = self.start(deadline="1s")
        with open(daemon.config_file) as file:
            good = file.read()
        table = [  # what is put at the top, the place that the message names, its words
            ('deadlin = "2s"\n', r":1:1: .*deadlin\b.*deadline", "unknown option, nearest name"),
            ("threads = 0\n", r":1:\d+: .*threads", "out of range"),
            ('threads = "x"\n', r":1:\d+: .*threads", "wrong type"),
            ("threads = \n", r":1:\d+: ", "syntax"),
        ]
        for number, (line, pattern, why) in enumerate(table):
            with self.subTest(why):
                daemon.write_config(line + good.replace('deadline = "1s"', 'deadline = "60s"'))
                before = daemon.notifications.count("READY=1")
                daemon.process.send_signal(signal.SIGHUP)

                def told():
                    return [
                        text
                        for text in daemon.log().splitlines()
                        if re.search(re.escape(daemon.config_file) + pattern, text)
                    ]

                wait_for(told)
                daemon.wait_ready(before + 1)
                self.assertEqual(daemon.ask("good.test"), SECURE)
                self.world.policy("hang%d.test" % number, behaviour="hang")
                self.assertLess(
                    self.asked_for(daemon, "hang%d.test" % number), 20, "the old deadline is in force"
                )
        daemon.write_config(good)
        daemon.reload()
        self.assertEqual(daemon.ask("good.test"), SECURE)

    def test_missing_configuration_keeps_the_old_one(self):
        daemon = self.start()
        os.unlink(daemon.config_file)
        before = daemon.notifications.count("READY=1")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_log(daemon.config_file)
        daemon.wait_ready(before + 1)
        self.assertEqual(daemon.ask("a.test"), NOTFOUND)

    def test_options_that_need_a_restart_are_named(self):
        daemon = self.start()
        daemon.configure(threads=2, listen=["unix:" + self.world.path("elsewhere")])
        daemon.reload()
        daemon.wait_log("restart", "threads")
        daemon.wait_log("restart", "listen")
        self.assertEqual(daemon.ask("a.test"), NOTFOUND, "still where it was")

    def test_storm_of_signals(self):
        self.world.policy("good.test")
        daemon = self.start()
        for _ in range(50):
            daemon.process.send_signal(signal.SIGHUP)
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main()
