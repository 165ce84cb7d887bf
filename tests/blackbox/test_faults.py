"""What the machine can do to the daemon: no descriptors left, no room on the disk."""

import os
import shutil
import subprocess
import time

import harness
from harness import NOTFOUND, SECURE


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as file:
        values = file.read().rpartition(")")[2].split()
    return (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")


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
            # Those who wait are not turned away: their turn comes when others leave.
            crowd[-1].send(harness.frame("sts good.test"))
            for client in crowd[:-1]:
                client.close()
            self.assertEqual(crowd[-1].reply(), SECURE)
        self.assertEqual(daemon.stop(), 0)


class DiskTest(harness.Case):
    """The state folder is a small file system in a mount namespace of the daemon's own."""

    SCRIPT = 'mount -t tmpfs -o size=600k,mode=0700 tmpfs "$1" && shift && exec "$@"'

    def setUp(self):
        super().setUp()
        probe = subprocess.run(self.wrapper("/mnt") + ["true"], capture_output=True, text=True, timeout=30)
        if probe.returncode != 0:
            self.skipTest("no mount namespace here: " + probe.stderr.strip())

    def wrapper(self, folder):
        flags = ["-m"] if os.getuid() == 0 else ["-r", "-m"]
        return ["unshare", *flags, "sh", "-c", self.SCRIPT, "sh", folder]

    def test_disk_full(self):
        domains = ["d%d.test" % number for number in range(10)]
        context = self.world.hosts.context(*["mta-sts." + domain for domain in domains])
        for domain in domains:
            self.world.policy(domain, context=context)
        daemon = self.start(wrapper=self.wrapper(self.world.path("state")))
        self.assertEqual(daemon.ask(domains[0]), SECURE)
        inside = "/proc/%d/root%s" % (daemon.process.pid, self.world.path("state"))
        try:
            self.assertIn("stsmapd.sqlite", os.listdir(inside))
        except PermissionError:
            self.skipTest("cannot look into the daemon's mount namespace")
        filler = os.path.join(inside, "filler")
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 4096)
            except OSError:
                pass
        self.assertLess(shutil.disk_usage(inside).free, 4096)
        # The write-ahead log may hold a few more; in the end a commit must fail. The answer comes all the same.
        for domain in domains[1:9]:
            self.assertEqual(daemon.ask(domain), SECURE, "answers go on from memory")
        complaints = daemon.wait_log("<3>")
        self.assertLessEqual(len(complaints), 3, "said once, not once a policy: %s" % complaints)
        os.unlink(filler)
        self.assertEqual(daemon.ask(domains[9]), SECURE)
        self.assertEqual(daemon.ask(domains[0]), SECURE)
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    harness.unittest.main()
