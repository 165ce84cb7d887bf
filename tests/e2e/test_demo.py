#!/usr/bin/env python3
"""The demonstration in packaging/quickstart shows what it promises, and ends by itself."""
import os
import re
import subprocess
import sys
import unittest

from e2e.support import main
from pylib.process import others
from pylib.programs import program
from world import world as world_module


class Demo(unittest.TestCase):
    def test_demo(self):
        reason = world_module.why_not() or ("" if program("stsmapd") else "stsmapd is not built")
        if reason:
            self.skipTest(reason)
        demo = os.path.join(os.path.dirname(os.path.abspath(world_module.__file__)), "demo.py")
        done = subprocess.run(
            [sys.executable, demo],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for words in (
            "\n  OK secure match=aspmx.l.google.com:alt1.aspmx.l.google.com:",
            "\n  OK secure match=.mail.protection.outlook.com:.j-v1.mx.microsoft servername=hostname\n",
            "\nmodetest.example (mode test: there is no such mode)\n  NOTFOUND\n  refused, as its log says: ",
            "reason=policy-mode",
        ):
            self.assertIn(words, done.stdout)
        # The lines can be pasted: main.cf allows no comments after a value.
        lines = re.findall(r"(?m)^smtp_\w+ = .*$", done.stdout)
        self.assertEqual(len(lines), 8)
        self.assertEqual([line for line in lines if "#" in line], [])
        self.assertEqual(others(), {})


if __name__ == "__main__":
    main()
