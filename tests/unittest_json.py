#!/usr/bin/env python3
"""unittest_json.py OUT FOLDER NAME: runs a test module (or module.Class.test) of a folder in tests/ and writes the
results to OUT as JSON: {"passed": [...], "failed": [...], "skipped": {test: reason}}. For tests/run, which counts test
cases."""
import json
import os
import sys
import unittest


class Counting(unittest.TextTestResult):
    """Remembers one result for every test, even if several of its subtests failed."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.run_ids, self.failed_ids, self.skipped_ids = [], {}, {}

    def startTest(self, test):
        super().startTest(test)
        self.run_ids.append(test.id())

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.failed_ids[test.id()] = 1

    def addError(self, test, err):
        super().addError(test, err)
        self.failed_ids[test.id()] = 1

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.failed_ids[test.id()] = 1

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.failed_ids[test.id()] = 1

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.skipped_ids[test.id()] = reason


def fates(out, name):
    """What was written to OUT; if nothing was written, NAME counts as failed."""
    try:
        with open(out, encoding="utf-8") as file:
            return json.load(file)
    except OSError:
        return {"passed": [], "failed": [name], "skipped": {}}


def main():
    out, folder, name = sys.argv[1], os.path.abspath(sys.argv[2]), sys.argv[3]
    os.chdir(folder)
    result = unittest.TextTestRunner(verbosity=2, resultclass=Counting).run(
        unittest.defaultTestLoader.loadTestsFromName(f"{os.path.basename(folder)}.{name}")
    )
    told = {
        "failed": list(result.failed_ids),
        "skipped": result.skipped_ids,
        "passed": [
            each
            for each in result.run_ids
            if each not in result.failed_ids and each not in result.skipped_ids
        ],
    }
    with open(out, "w", encoding="utf-8") as file:
        json.dump(told, file)
    sys.exit(1 if told["failed"] else 0)


if __name__ == "__main__":
    main()
