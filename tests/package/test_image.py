"""The root file system of the container image, made without an engine, and the service in it: as user 8461,
without capabilities, the root read-only, as process 1 of its own process namespace."""
import json
import os
import re
import signal
import subprocess
import unittest

from support import ANSWER, BARE, ENFORCED, Shared, deb, new_machine, start_world
from world.daemon import socketmap
from world.process import Process, WorldError, tail, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
CONTAINER = os.path.join(os.path.dirname(os.path.dirname(HERE)), "packaging/container")
USER = "8461"


def setUpModule():
    start_world()


def words_of(instruction):
    """The exec form of an instruction of the Containerfile."""
    with open(f"{CONTAINER}/Containerfile", encoding="utf-8") as file:
        return json.loads(re.search(rf"^ *{instruction} (\[.*\])$", file.read(), re.M).group(1))


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        base = new_machine(boot=False, root=BARE)
        cls.addClassCleanup(base.close)
        cls.folder = os.path.dirname(base.scratch)
        cls.root = base.scratch + "/rootfs"
        made = subprocess.run(
            [f"{CONTAINER}/make-rootfs", "--base", base.root, "--deb", deb(), cls.root],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=300,
            check=False,
        )
        if made.returncode != 0:
            raise WorldError(f"make-rootfs: {made.returncode}\n{made.stdout}{made.stderr}")
        cls.state = base.scratch + "/state"
        os.makedirs(cls.state)
        os.chown(cls.state, int(USER), int(USER))
        with open(Shared.world.ca.root, "rb") as here, open(cls.state + "/ca.pem", "wb") as there:
            there.write(here.read())
        with open(cls.root + "/etc/resolv.conf", "w", encoding="ascii") as file:
            file.write("nameserver 127.0.0.1\n")
        cls.log = os.path.join(cls.folder, "image.log")

    def setUp(self):
        # What `--read-only --cap-drop=all --security-opt=no-new-privileges --tmpfs ... -v ...` means.
        script = f"""set -e
            mount --bind {self.root} {self.root}
            mount -o remount,bind,ro {self.root}
            mount -t tmpfs -o mode=755,uid={USER},gid={USER} tmpfs {self.root}/run/stsmapd
            mount --bind {self.state} {self.root}/var/lib/stsmapd
            mount -t proc proc {self.root}/proc
            exec chroot {self.root} setpriv --reuid={USER} --regid={USER} --clear-groups --no-new-privs \\
                --bounding-set=-all --inh-caps=-all -- env -i STSMAPD_FETCH_ALLOW_PRIVATE_ADDRESSES=true \\
                STSMAPD_FETCH_CA_FILE=/var/lib/stsmapd/ca.pem "$@" """
        self.outer = Process(
            "the container",
            ["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "sh", "-c", script, "sh"]
            + words_of("ENTRYPOINT"),
            self.log,
        )
        self.addCleanup(self.end)
        self.outer.wait_until(lambda: os.path.basename(self.program()) == "stsmapd", "its start")
        self.outer.wait_until(lambda: self.healthy().returncode == 0, "health")

    def end(self):
        if self.outer.running:
            os.kill(self.pid, signal.SIGKILL)
        self.outer.child.wait(20)

    def program(self):
        with open(
            f"/proc/{self.outer.child.pid}/task/{self.outer.child.pid}/children", encoding="ascii"
        ) as file:
            children = file.read().split()
        if not children:
            return ""
        self.pid = int(children[0])
        return os.readlink(f"/proc/{self.pid}/exe")

    def healthy(self):
        return subprocess.run(
            [
                "nsenter",
                f"--target={self.pid}",
                "--mount",
                "--pid",
                "--root",
                f"--setuid={USER}",
                f"--setgid={USER}",
            ]
            + ["--", *words_of("CMD")],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            env={},
            check=False,
        )

    def test_is_confined(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
        self.assertEqual(set(status["Uid"].split()) | set(status["Gid"].split()), {USER})
        self.assertEqual({int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd")}, {0})
        with open(f"/proc/{self.pid}/mountinfo", encoding="ascii") as file:
            options = {line.split()[4]: line.split()[5] for line in file}
        self.assertIn("ro", options["/"].split(","))

    def test_answers_over_tcp_and_unix(self):
        for address in ("tcp:127.0.0.1:8461", f"unix:/proc/{self.pid}/root/run/stsmapd/socketmap"):
            with self.subTest(address):
                self.assertEqual(socketmap(address, "sts", ENFORCED), "OK " + ANSWER)

    def test_health(self):
        self.assertRegex(self.healthy().stdout, "^OK ")
        os.kill(self.pid, signal.SIGSTOP)
        self.assertNotEqual(self.healthy().returncode, 0)
        os.kill(self.pid, signal.SIGCONT)
        self.assertEqual(self.healthy().returncode, 0)

    def test_signals(self):
        before = tail(self.log, 1000).count(" reload: ")
        os.kill(self.pid, signal.SIGHUP)
        wait_for(lambda: tail(self.log, 1000).count(" reload: ") > before, "a reload")
        os.kill(self.pid, signal.SIGTERM)
        self.assertEqual(self.outer.child.wait(5), 0)

    def test_keeps_its_state_in_the_volume(self):
        self.assertEqual(socketmap("tcp:127.0.0.1:8461", "sts", ENFORCED), "OK " + ANSWER)
        self.assertTrue(os.path.exists(self.state + "/stsmapd.sqlite"))

    def test_is_small(self):
        """Neither systemd nor lists and archives of apt are in it."""
        for path in ("/usr/lib/systemd/systemd", "/usr/sbin/policy-rc.d"):
            self.assertFalse(os.path.exists(self.root + path), path)
        for folder in ("/var/lib/apt/lists", "/var/cache/apt/archives"):
            left = [name for name in os.listdir(self.root + folder) if name not in ("lock", "partial")]
            self.assertEqual(left, [], folder)


if __name__ == "__main__":
    unittest.main()
