"""The package's own tests, packaging/debian/tests, run by autopkgtest in a booted machine."""
import os
import shutil
import unittest

from package.support import MachineTest, deb

SOURCE = "/var/local/source"
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


class Autopkgtest(MachineTest):
    # dnsmasq-base is installed by autopkgtest itself, like everything that the test depends on.
    PACKAGES = ("autopkgtest",)

    def test_passes(self):
        shutil.copytree(f"{ROOT}/packaging/debian", self.machine.path(f"{SOURCE}/debian"))
        shutil.copy(deb(), self.machine.path("/var/local/stsmapd.deb"))
        done = self.machine.run(
            "autopkgtest",
            "--no-built-binaries",
            # This machine is a container, but autopkgtest's null server does not know that.
            "--ignore-restrictions=isolation-container",
            "/var/local/stsmapd.deb",
            SOURCE + "/",
            "--",
            "null",
            seconds=600,
        )
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, 0, said[-6000:])
        self.assertRegex(said, r"(?m)^postfix +PASS")


if __name__ == "__main__":
    unittest.main()
