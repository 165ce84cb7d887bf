"""A short pass of tests/crash-run: kill -9 at random moments under load loses no policy that was answered."""

import os
import unittest

from blackbox import crash_run


class CrashTest(unittest.TestCase):
    def test_twenty_rounds(self):
        seed = int.from_bytes(os.urandom(4), "big")
        print("seed %d" % seed, flush=True)
        checked, lost = crash_run.run(20, seed)
        self.assertEqual(lost, [])
        self.assertGreater(checked, 50)


if __name__ == "__main__":
    unittest.main()
