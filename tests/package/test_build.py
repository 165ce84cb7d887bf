"""The built package: lintian, hardening, contents, reproducible build."""
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from package.support import BARE, BUILDER, DEBS, deb
from world import debian

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAMS = ("/usr/sbin/stsmapd", "/usr/bin/stsmap")
FILES = [
    "/etc/stsmapd/stsmapd.toml",
    "/usr/share/man/man8/stsmapd.8.gz",
    "/usr/share/man/man7/stsmap-findings.7.gz",
    "/usr/share/man/man7/stsmapd-metrics.7.gz",
    "/usr/share/man/man7/stsmapd-postfix.7.gz",
    "/usr/share/man/man5/stsmapd.toml.5.gz",
    "/usr/share/man/man1/stsmap.1.gz",
    "/usr/lib/sysusers.d/stsmapd.conf",
    "/usr/lib/systemd/system-generators/stsmapd-generator",
    "/usr/libexec/stsmapd/follow-postfix",
    "/etc/apparmor.d/usr.sbin.stsmapd",
    "/usr/share/bash-completion/completions/stsmap",
    "/usr/share/doc/stsmapd/copyright",
    "/usr/share/doc/stsmapd/NEWS.Debian.gz",
    "/usr/share/doc/stsmapd/changelog.Debian.gz",
    "/usr/share/doc/stsmapd/changelog.gz",
    "/usr/share/doc/stsmapd/README.Debian",
    "/usr/share/doc/stsmapd/README.md",
    "/usr/share/doc/stsmapd/SECURITY.md",
    "/usr/share/doc/stsmapd/monitoring/README.md",
    "/usr/share/stsmapd/monitoring/stsmapd.rules.yml",
    "/usr/share/stsmapd/monitoring/stsmapd.rules.test.yml",
    "/usr/share/stsmapd/monitoring/stsmapd-dashboard.json",
    "/usr/share/stsmapd/monitoring/prometheus.yml",
    "/usr/share/stsmapd/monitoring/metrics.json",
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
            "lintian", "-EIviL", "+pedantic", "--allow-root", "--fail-on", "error,warning", f"/media/{changes}"
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

    def test_depends_on_certificates(self):
        done = subprocess.run(["dpkg-deb", "-f", deb(), "Depends"], capture_output=True, text=True, check=True)
        self.assertIn("ca-certificates", re.split(r",\s*", done.stdout))

    def test_links_in_documents_lead_to_files_of_the_package(self):
        folder = f"{self.tree}/usr/share/doc/stsmapd"
        documents = glob.glob(f"{folder}/**/*.md", recursive=True)
        self.assertGreaterEqual(len(documents), 3)
        links = 0
        for document in documents:
            with open(document, encoding="utf-8") as file:
                for target in re.findall(r"\]\(([^)#\s]+)", file.read()):
                    if ":" not in target:
                        links += 1
                        self.assertTrue(
                            os.path.exists(os.path.join(os.path.dirname(document), target)), (document, target)
                        )
        self.assertGreaterEqual(links, 2)

    def test_older_packages_are_gone_and_the_way_to_install_is_told(self):
        self.assertEqual(len(glob.glob(f"{DEBS}/first/stsmapd_*.deb")), 1, "run.py put an older one there before")
        self.assertEqual(glob.glob(f"{DEBS}/first/stsmapd_0.0.1-1*"), [])
        with open(f"{DEBS}/first.log", encoding="utf-8") as file:
            self.assertIn(f"apt install /media/{os.path.basename(deb())}\n", file.read())

    def test_lintian_is_heard_also_when_it_finds_nothing(self):
        if not os.path.exists(f"{DEBS}/again.log"):
            self.skipTest("built once more on the other release")
        with open(f"{DEBS}/again.log", encoding="utf-8") as file:
            said = file.read()
        self.assertIn("what lintian says", said)
        self.assertIn("N: ", said)

    def test_build_dependencies_are_what_apt_build_dep_takes(self):
        """After install-dependencies apt has nothing to add; in a bare system it can install everything."""
        for root, command in (
            (BUILDER, "apt-get -s -q --no-install-recommends build-dep /media | grep ^Inst; true"),
            (BARE, "apt-get -s -q --no-install-recommends build-dep /media > /tmp/plan 2>&1 || cat /tmp/plan; "
                   "grep -c '^Inst lib.*boost.*-dev' /tmp/plan"),
        ):
            with tempfile.TemporaryDirectory() as folder:
                scratch, source = os.path.join(folder, "scratch"), os.path.join(folder, "source")
                os.makedirs(scratch)
                shutil.copytree(f"{ROOT}/packaging/debian", source + "/debian")
                done = debian.enter(root, "sh", "-c", command, bind=[(source, "/media")], scratch=scratch)
                if root == BUILDER:
                    self.assertEqual(done.stdout, "")
                else:
                    self.assertRegex(done.stdout.strip(), r"^[1-9]\d*$")

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
