"""A short piece of tests/soak-run: nothing is left behind."""

import unittest

from blackbox import soak


class SoakTest(unittest.TestCase):
    def test_a_short_one(self):
        lines = []
        before, after, day = soak.run(12, 500, lines.append)
        self.assertEqual(day.wrong, [])
        self.assertGreater(day.answers, 12 * 500 / 10, lines)
        self.assertGreaterEqual(day.reloads, 2)
        self.assertEqual((before.files, before.threads), (after.files, after.threads), lines)


if __name__ == "__main__":
    unittest.main()
