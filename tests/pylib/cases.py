"""Additions to unittest's classes."""

import sys
import unittest


class TellingCase(unittest.TestCase):
    """Prints evidence() when a test of it has failed."""

    maxDiff = None

    def evidence(self):
        """For a failed test: the ends of logs."""
        raise NotImplementedError

    def run(self, result=None):
        bad = len(result.failures) + len(result.errors) if result is not None else 0
        result = super().run(result)
        if result is not None and len(result.failures) + len(result.errors) > bad:
            sys.stderr.write(self.evidence())
        return result
