"""The wall clock of the running daemon jumps, or is wrong at boot, while its steady clock runs on (libfaketime)."""

import os
import sqlite3
import time
import unittest

from blackbox import harness
from blackbox.harness import SECURE
from pylib.process import cpu_seconds
from pylib.programs import libfaketime

DAY = 86400
YEAR = 365 * DAY


class ClockTest(harness.Case):
    def setUp(self):
        super().setUp()
        library = libfaketime(self)
        self.offset_file = self.world.path("offset")
        self.set_clock(0)
        self.environment = {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": self.offset_file,
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
        self.domains = ["d%d.test" % number for number in range(6)]
        context = self.world.hosts.context(*["mta-sts." + domain for domain in self.domains])
        for domain in self.domains:
            self.world.policy(domain, max_age=30 * DAY, ttl=86400, context=context)

    def set_clock(self, offset):
        """Seconds ahead of the true time."""
        with open(self.offset_file + ".new", "w") as file:
            file.write("%+d\n" % offset)
        os.rename(self.offset_file + ".new", self.offset_file)

    def start_faked(self):
        return self.start(environment=self.environment, log={"format": "json"})

    def expect_secure(self, daemon, domains):
        for domain in domains:
            self.assertEqual(daemon.ask(domain), SECURE, domain)

    def expect_quiet(self, daemon, seconds=1.5):
        """It answers, and does not spin."""
        # Work that the jump made due is finished before the measurement.
        before, end = cpu_seconds(daemon.process.pid), time.monotonic() + seconds
        while time.monotonic() < end:
            self.expect_secure(daemon, self.domains[:1])
            time.sleep(0.05)
        self.assertLess(cpu_seconds(daemon.process.pid) - before, seconds / 3)

    def year_told(self, daemon, domain):
        """The year of the daemon's clock, from its next log line about a domain."""
        before = len(daemon.log_lines(domain))
        daemon.ask(domain)
        line = daemon.wait_log(domain, count=before + 1)[-1]
        return int(line.partition('"time":"')[2][:4])

    def rows(self):
        """What is stored: {domain: time of the fetch}."""
        with sqlite3.connect(self.world.path("state/stsmapd.sqlite")) as database:
            found = dict(database.execute("SELECT domain, fetched_at FROM policies"))
        database.close()
        return found

    def test_jumps_of_the_running_daemon(self):
        known = self.domains[:3]
        daemon = self.start_faked()
        self.expect_secure(daemon, known)
        this_year = time.gmtime().tm_year
        for offset in (DAY, 0, -DAY, 0, -10 * YEAR, 0):
            with self.subTest(offset=offset):
                self.world.unplug()
                self.set_clock(offset)
                self.expect_secure(daemon, known)
                if abs(offset) > YEAR:
                    self.assertLess(self.year_told(daemon, known[0]), this_year - 8, "the clock did jump")
                self.expect_quiet(daemon)
                self.world.plug()
        self.expect_secure(daemon, self.domains)
        complaints = [line for line in daemon.complaints() if "dns-server-silent" not in line]
        self.assertEqual(complaints, [], "none about the clock")
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(sorted(self.rows()), self.domains)

    def test_wrong_at_boot(self):
        daemon = self.start_faked()
        self.expect_secure(daemon, self.domains[:3])
        self.assertEqual(daemon.stop(), 0)
        stored = self.rows()
        self.assertEqual(sorted(stored), self.domains[:3])
        self.world.unplug()
        for boot in range(2):
            self.set_clock(60 - int(time.time()))  # a minute past midnight, 1 January 1970
            daemon = self.start_faked()
            self.assertEqual(self.year_told(daemon, self.domains[0]), 1970)
            self.expect_secure(daemon, self.domains[:3])
            self.expect_quiet(daemon)
            if boot == 1:
                self.set_clock(0)
                self.expect_secure(daemon, self.domains[:3])
                self.expect_quiet(daemon)
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(self.rows(), stored)
        daemon = self.start_faked()
        self.expect_secure(daemon, self.domains[:3])
        self.world.plug()
        self.expect_secure(daemon, self.domains)


if __name__ == "__main__":
    unittest.main()
