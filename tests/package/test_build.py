"""What was built: lintian, hardening, contents, the same again."""
import glob
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import unittest

from support import BUILDER, DEBS, deb
from world import debian

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAMS = ("/usr/sbin/stsmapd", "/usr/bin/stsmap")
FILES = [
    "/etc/stsmapd/stsmapd.toml",
    "/usr/share/man/man8/stsmapd.8.gz",
    "/usr/share/man/man5/stsmapd.toml.5.gz",
    "/usr/share/man/man1/stsmap.1.gz",
    "/usr/lib/sysusers.d/stsmapd.conf",
    "/etc/apparmor.d/usr.sbin.stsmapd",
    "/usr/share/bash-completion/completions/stsmap",
    "/usr/share/doc/stsmapd/copyright",
    "/usr/share/doc/stsmapd/changelog.Debian.gz",
    *PROGRAMS,
]


class Built(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.scratch = os.path.join(folder.name, "scratch")
        cls.tree = os.path.join(folder.name, "tree")
        os.makedirs(cls.scratch)
        subprocess.run(["dpkg-deb", "-x", deb(), cls.tree], check=True)

    def in_builder(self, *command):
        done = debian.enter(BUILDER, *command, bind=[(f"{DEBS}/first", "/media")], scratch=self.scratch)
        return done.returncode, done.stdout

    def test_lintian(self):
        changes = os.path.basename(glob.glob(f"{DEBS}/first/*.changes")[0])
        status, said = self.in_builder(
            "lintian", "-EviL", "+pedantic", "--allow-root", "--fail-on", "error,warning", f"/media/{changes}"
        )
        tags = [line for line in said.splitlines() if re.match(r"[EWIPX]: ", line)]
        print("lintian: " + ("; ".join(tags) or "no tag"), flush=True)
        self.assertEqual(status, 0, said)
        self.assertEqual([tag for tag in tags if tag[0] in "EW"], [])

    def test_files(self):
        units = [
            path for path in glob.glob(f"{self.tree}/**/stsmapd.s*", recursive=True) if "/systemd/" in path
        ]
        self.assertEqual(
            {os.path.basename(path) for path in units} - {"stsmapd.service.d"},
            {"stsmapd.service", "stsmapd.socket"},
        )
        missing = [path for path in FILES if not os.path.exists(self.tree + path)]
        self.assertEqual(missing, [])
        control = subprocess.run(
            ["dpkg-deb", "--info", deb(), "conffiles"], capture_output=True, text=True, check=True
        ).stdout
        self.assertIn("/etc/stsmapd/stsmapd.toml", control)

    def test_hardening_of_the_programs(self):
        done = subprocess.run(
            [
                sys.executable,
                f"{ROOT}/tests/lint/hardening.py",
                *(self.tree + program for program in PROGRAMS),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_same_again(self):
        if not os.path.isdir(f"{DEBS}/again"):
            self.skipTest("built once more on the other release")
        digests = {}
        for build in ("first", "again"):
            for path in glob.glob(f"{DEBS}/{build}/*.deb"):
                with open(path, "rb") as file:
                    digests.setdefault(os.path.basename(path), set()).add(
                        hashlib.sha256(file.read()).hexdigest()
                    )
        self.assertGreaterEqual(len(digests), 2, "the package and its debug symbols")
        self.assertEqual([name for name, each in digests.items() if len(each) != 1], [])


if __name__ == "__main__":
    unittest.main()
