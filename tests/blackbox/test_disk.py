"""The disk fails under the running daemon. Known and new domains are still answered, from memory, and one error line
for each file says so. After the trouble everything is on the disk, where possible without a restart."""

import collections
import os
import re
import shutil
import subprocess
import unittest

from blackbox import harness
from blackbox.harness import SECURE


class Disk(harness.Case):
    def setUp(self):
        super().setUp()
        self.domains = ["d%d.test" % number for number in range(10)]
        context = self.world.hosts.context(*["mta-sts." + domain for domain in self.domains])
        for domain in self.domains:
            self.world.policy(domain, context=context)
        self.state = self.world.path("state")
        self.file = os.path.join(self.state, "stsmapd.sqlite")

    def expect_secure(self, daemon, domains):
        for domain in domains:
            self.assertEqual(daemon.ask(domain), SECURE, domain)

    def expect_one_error(self, daemon, most_of_store=1, least_of_store=1):
        """An error line about the store, and none or one about state.db, which may not have been written to."""
        lines = daemon.log_lines("<3>")
        of = collections.Counter(os.path.basename(re.search(r" file=(\S+)", line).group(1)) for line in lines)
        self.assertLessEqual(least_of_store, of["stsmapd.sqlite"], daemon.log())
        self.assertLessEqual(of["stsmapd.sqlite"], most_of_store, daemon.log())
        self.assertLessEqual(of["state.db"], 1, daemon.log())
        self.assertEqual(len(lines), of["stsmapd.sqlite"] + of["state.db"], daemon.log())

    def expect_stored(self, daemon, domains, **options):
        """The domains are stored, even after kill -9."""
        daemon.kill()
        self.world.unplug()
        again = self.start(**options)
        self.expect_secure(again, domains)
        self.assertEqual(again.log_lines("<3>"), [], "the file was left in good order")
        self.assertEqual(again.stop(), 0)
        self.world.plug()


class StateTest(Disk):
    """Somebody removes or damages the files."""

    def under_the_running_daemon(self, spoil, *said):
        daemon = self.start()
        self.expect_secure(daemon, self.domains[:3])
        spoil()
        self.expect_secure(daemon, self.domains[:6])
        daemon.wait_log("store-refilled")
        self.expect_secure(daemon, self.domains[:8])
        self.assertEqual(len(daemon.wait_log(*said, "stsmapd.sqlite")), 1)
        self.expect_one_error(daemon, least_of_store=0)
        self.expect_stored(daemon, self.domains[:8])

    def overwrite(self, path, octets, cut=False):
        with open(path, "wb" if cut else "r+b") as file:
            file.write(octets)

    def test_directory_removed(self):
        daemon = self.start()
        self.expect_secure(daemon, self.domains[:3])
        shutil.rmtree(self.state)
        self.expect_secure(daemon, self.domains[:6])
        self.assertEqual(len(daemon.wait_log("store-failed", "stsmapd.sqlite", "is gone")), 1)
        os.mkdir(self.state)
        daemon.wait_log("store-recovered", "stsmapd.sqlite")
        daemon.wait_log("store-refilled")
        self.expect_secure(daemon, self.domains[:8])
        self.expect_one_error(daemon)
        second = self.start(wait=False, listen=["unix:" + self.world.path("second")])
        self.assertEqual(second.wait_exit(), 1, "the new directory is locked, too")
        self.expect_stored(daemon, self.domains[:8])

    def test_directory_removed_for_good(self):
        daemon = self.start()
        self.expect_secure(daemon, self.domains[:3])
        shutil.rmtree(self.state)
        self.expect_secure(daemon, self.domains[:6])
        self.assertEqual(daemon.stop(), 0)
        self.expect_one_error(daemon)
        self.assertEqual(len(daemon.log_lines("<4>store-incomplete")), 1)
        os.mkdir(self.state)
        again = self.start()
        self.expect_secure(again, self.domains[:6])
        self.expect_stored(again, self.domains[:6])

    def test_file_removed(self):
        self.under_the_running_daemon(lambda: os.unlink(self.file), "<3>store-moved")

    def test_all_files_removed(self):
        def remove():
            for name in os.listdir(self.state):
                os.unlink(os.path.join(self.state, name))

        self.under_the_running_daemon(remove, "<3>store-moved")

    def test_log_removed(self):
        self.under_the_running_daemon(lambda: os.unlink(self.file + "-wal"), "<4>store-changed")

    def test_file_replaced_by_garbage(self):
        def replace():
            self.overwrite(self.world.path("garbage"), b"\xa5" * 50_000, cut=True)
            os.rename(self.world.path("garbage"), self.file)

        self.under_the_running_daemon(replace, "<3>store-damaged", "replaced while in use")

    def test_file_overwritten(self):
        size = 8192
        for name, octets, cut in (
            ("as long as it was", b"\xa5" * size, False),
            ("longer", b"\xa5" * 1_000_000, True),
            ("shorter", b"no database\n", True),
        ):
            with self.subTest(name):
                shutil.rmtree(self.state, ignore_errors=True)
                self.under_the_running_daemon(
                    lambda o=octets, c=cut: self.overwrite(self.file, o, c), "<3>store-damaged"
                )

    def test_overwritten_and_nothing_to_write(self):
        """The damage is noticed at the stop at the latest."""
        daemon = self.start()
        self.expect_secure(daemon, self.domains[:3])
        self.overwrite(self.file, b"\xa5" * os.path.getsize(self.file))
        self.assertEqual(daemon.stop(), 0)
        self.expect_one_error(daemon)
        self.assertEqual(len(daemon.log_lines("store-refilled")), 1)
        self.expect_stored(self.start(), self.domains[:3])


class MountTest(Disk):
    """The state folder is a separate file system, in a mount namespace that outlives the daemon."""

    def mount(self, command):
        """Runs `mount ...` with the state folder as "$1" in a new mount namespace, or skips the test."""
        os.makedirs(self.state)
        flags = ["-m"] if os.getuid() == 0 else ["-r", "-m"]
        self.holder = subprocess.Popen(
            ["unshare", *flags, "sh", "-c", command + " && echo mounted && exec cat", "sh", self.state],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(self.end_namespace)
        if self.holder.stdout.readline() != "mounted\n":
            self.skipTest("no such mount here: " + self.holder.stderr.read().strip())
        self.within = ["nsenter", "--target", str(self.holder.pid), "--mount", "--root"]
        if os.getuid() != 0:
            self.within += ["--user", "--preserve-credentials"]
        tried = subprocess.run([*self.within, "test", "-d", self.state], capture_output=True, text=True)
        if tried.returncode != 0:
            self.skipTest("cannot enter a mount namespace here: " + tried.stderr.strip())
        self.inside = "/proc/%d/root%s" % (self.holder.pid, self.state)

    def end_namespace(self):
        self.holder.communicate("")

    def run_inside(self, *command):
        done = subprocess.run([*self.within, *command], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)

    def start_inside(self):
        return self.start(wrapper=self.within)

    def fill_up(self):
        filler = os.path.join(self.inside, "filler")
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 4096)
            except OSError:
                pass
        self.assertLess(shutil.disk_usage(self.inside).free, 4096)
        return filler

    def test_disk_full(self):
        self.mount('mount -t tmpfs -o size=600k,mode=0700 tmpfs "$1"')
        daemon = self.start_inside()
        self.expect_secure(daemon, self.domains[:1])
        filler = self.fill_up()
        # The write-ahead log may have room for a few more, then a commit must fail. The answers come all the same.
        self.expect_secure(daemon, self.domains[:9])
        self.assertEqual(len(daemon.wait_log("<3>store-failed", "stsmapd.sqlite")), 1)
        self.expect_secure(daemon, self.domains[:9])
        os.unlink(filler)
        daemon.wait_log("store-recovered", "stsmapd.sqlite")
        self.expect_secure(daemon, self.domains)
        self.expect_one_error(daemon)
        self.expect_stored(daemon, self.domains, wrapper=self.within)

    def test_started_on_a_read_only_disk(self):
        """The system makes a disk read-only while the store is open on it only after an error."""
        self.mount('mount -t tmpfs -o size=4m,mode=0700 tmpfs "$1"')
        daemon = self.start_inside()
        self.expect_secure(daemon, self.domains[:3])
        self.assertEqual(daemon.stop(), 0)
        self.run_inside("mount", "-o", "remount,ro", self.state)
        self.world.unplug()
        daemon = self.start_inside()
        self.expect_secure(daemon, self.domains[:3])
        self.world.plug()
        self.expect_secure(daemon, self.domains[3:6])
        self.assertEqual(len(daemon.wait_log("<3>store-failed", "stsmapd.sqlite")), 1)
        self.run_inside("mount", "-o", "remount,rw", self.state)
        daemon.wait_log("store-recovered", "stsmapd.sqlite")
        self.expect_secure(daemon, self.domains)
        self.expect_one_error(daemon)
        self.expect_stored(daemon, self.domains, wrapper=self.within)

    def test_disk_gone_bad(self):
        """The kernel shuts the file system down, as after a disk error. Only a new mount helps."""
        if os.getuid() != 0:
            self.skipTest("needs root (a loop device)")
        if not shutil.which("mkfs.ext4"):
            self.skipTest("needs mkfs.ext4")
        image = self.world.path("image")
        with open(image, "wb") as file:
            file.truncate(8 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True, timeout=60)
        self.mount('mount -o loop,errors=remount-ro "${1%/*}/image" "$1"')
        daemon = self.start_inside()
        self.expect_secure(daemon, self.domains[:3])
        self.run_inside("mount", "-o", "remount,abort", self.state)
        self.expect_secure(daemon, self.domains[:6])
        self.assertEqual(len(daemon.wait_log("<3>store-failed", "stsmapd.sqlite")), 1)
        self.expect_secure(daemon, self.domains[:9])
        self.assertEqual(daemon.stop(), 0)
        self.expect_one_error(daemon)
        self.assertEqual(len(daemon.log_lines("<4>store-incomplete")), 1)
        self.run_inside("umount", self.state)
        self.run_inside("mount", "-o", "loop", image, self.state)
        self.world.unplug()
        daemon = self.start_inside()
        self.expect_secure(daemon, self.domains[:3])
        self.world.plug()
        self.expect_secure(daemon, self.domains)
        self.expect_stored(daemon, self.domains, wrapper=self.within)


if __name__ == "__main__":
    unittest.main()
