"""The system has no descriptors left for the daemon. Disks are in test_disk, memory in test_resources."""

import time
import unittest

from blackbox import harness
from blackbox.harness import NOTFOUND, SECURE
from pylib.process import cpu_seconds
from pylib.socketmap import frame


class DescriptorTest(harness.Case):
    def test_a_crowd_leaves_descriptors_to_lookups(self):
        self.world.policy("good.test")
        self.world.policy("later.test")
        daemon = self.start(files=64)
        with daemon.client() as known:
            self.assertEqual(known.ask("good.test"), SECURE)
            crowd = [daemon.client() for _ in range(100)]
            for client in crowd:
                self.addCleanup(client.close)
            daemon.wait_log("connections-full")
            before = cpu_seconds(daemon.process.pid)
            end = time.monotonic() + 1
            while time.monotonic() < end:
                self.assertEqual(known.ask("good.test"), SECURE, "who is connected is served")
                time.sleep(0.05)
            self.assertLess(cpu_seconds(daemon.process.pid) - before, 0.5, "it does not spin")
            self.assertEqual(known.ask("later.test"), SECURE, "DNS and HTTPS still find descriptors")
            self.assertEqual(known.ask(".x"), NOTFOUND)
            self.assertLessEqual(len(daemon.log_lines("connections-full")), 1)
            # Waiting clients are not turned away: they are served when others leave.
            crowd[-1].send(frame("sts good.test"))
            for client in crowd[:-1]:
                client.close()
            self.assertEqual(crowd[-1].reply(), SECURE)
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main()
