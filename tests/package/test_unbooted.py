"""The package in a system that was not booted: in a chroot without systemd. The daemon is started by hand, with as many
of its unit's settings as possible."""
import os
import re
import signal
import unittest

from package.support import (
    ANSWER,
    BARE,
    CLEAN,
    MAIL,
    ENFORCED,
    SOCKET,
    Shared,
    change_config,
    deb,
    left_files,
    listing,
    new_machine,
    start_world,
)
from pylib.process import Process

POLICY = "/usr/sbin/policy-rc.d"


def setUpModule():
    start_world()


def unit_settings(machine, unit):
    """Name -> value of a unit file's lines."""
    path = next(
        each
        for each in (f"/usr/lib/systemd/system/{unit}", f"/lib/systemd/system/{unit}")
        if os.path.exists(machine.path(each))
    )
    return dict(re.findall(r"^(\w+)=(.*)$", machine.read(path), re.M))


class Chroot(unittest.TestCase):
    def new_machine(self, root=CLEAN):
        machine = new_machine(boot=False, root=root)
        self.addCleanup(machine.close)
        machine.mount()
        return machine

    def listing_with_certificates(self, machine):
        """The paths before the installation, with ca-certificates: we need it, others recommend it, so it stays after
        our purge."""
        machine.install("ca-certificates")
        return listing(machine)

    def purge_and_compare(self, machine, before):
        machine.must("apt-get", "-q", "-y", "purge", "--autoremove", "stsmapd")
        self.assertEqual(left_files(machine, before), [])

    def test_install_check_purge(self):
        machine = self.new_machine()
        before = self.listing_with_certificates(machine)
        said = machine.install(deb())
        self.assertIn("stsmap postfix-setup --apply --reload && stsmap doctor", said)
        # The unit makes its folders, and it never ran.
        self.assertFalse(os.path.exists(machine.path("/var/lib/stsmapd")))
        machine.must("stsmapd", "--check-config")
        machine.must("stsmapd", "--version")
        self.purge_and_compare(machine, before)

    def test_without_systemd_at_all(self):
        """Like a container image."""
        machine = self.new_machine(BARE)
        machine.install("systemd-standalone-sysusers", deb())
        before_purge = machine.must("id", "-u", "_stsmapd")
        machine.must("stsmapd", "--check-config")
        machine.must("apt-get", "-q", "-y", "purge", "stsmapd")
        self.assertEqual(machine.must("id", "-u", "_stsmapd"), before_purge)
        self.assertFalse(os.path.exists(machine.path("/etc/stsmapd")))

    def test_policy_that_nothing_may_start(self):
        machine = self.new_machine()
        machine.write(POLICY, "#!/bin/sh\nexit 101\n")
        os.chmod(machine.path(POLICY), 0o755)
        before = self.listing_with_certificates(machine)
        said = machine.install(deb())
        self.assertNotRegex(said, r"(?i)\b(failed|error)\b")
        self.purge_and_compare(machine, before)

    def test_daemon_with_its_units_settings(self):
        machine = self.new_machine(MAIL)
        machine.write(POLICY, "#!/bin/sh\nexit 101\n")
        os.chmod(machine.path(POLICY), 0o755)
        machine.install(deb())
        machine.write(
            "/usr/local/share/ca-certificates/world.crt", open(Shared.world.ca.root, encoding="ascii").read()
        )
        machine.must("update-ca-certificates")
        change_config(machine, "#allow_private_addresses = false", "allow_private_addresses = true")
        service = unit_settings(machine, "stsmapd.service")
        listener = unit_settings(machine, "stsmapd.socket")
        # Postfix is installed, so our systemd generator would add its group.
        self.assertEqual(listener["SocketGroup"], "root")
        machine.must("mkdir", "/run/generated")
        machine.must("/usr/lib/systemd/system-generators/stsmapd-generator", "/run/generated")
        drop_in = machine.read("/run/generated/stsmapd.socket.d/10-postfix-group.conf")
        listener.update(re.findall(r"^(\w+)=(.*)$", drop_in, re.M))
        self.assertEqual(listener["SocketGroup"], "postfix")
        user, group = service["User"], service["Group"]
        machine.must(
            "install",
            "-d",
            "-o",
            user,
            "-g",
            group,
            "-m",
            service["StateDirectoryMode"],
            "/var/lib/" + service["StateDirectory"],
        )
        self.assertEqual(listener["ListenStream"], SOCKET)
        log = os.path.join(os.path.dirname(machine.scratch), "daemon.log")
        daemon = Process(
            "stsmapd",
            machine.command(
                "systemd-socket-activate",
                f"--listen={SOCKET}",
                "setpriv",
                f"--reuid={user}",
                f"--regid={group}",
                "--init-groups",
                "--no-new-privs",
                "--bounding-set=-all",
                "--inh-caps=-all",
                "--",
                *service["ExecStart"].split(),
            ),
            log,
        )
        self.addCleanup(daemon.stop, signal.SIGKILL)
        daemon.wait_until(lambda: os.path.exists(machine.path(SOCKET)), "listening")
        machine.must("chown", f"{listener['SocketUser']}:{listener['SocketGroup']}", SOCKET)
        machine.must("chmod", listener["SocketMode"], SOCKET)
        done = machine.run("postmap", "-q", ENFORCED, f"socketmap:unix:{SOCKET}:sts", user="postfix")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, ANSWER + "\n", ""))
        with open(f"/proc/{daemon.pid}/status", encoding="ascii") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
        self.assertEqual(
            (status["Name"], int(status["CapEff"], 16), status["NoNewPrivs"]), ("stsmapd", 0, "1")
        )
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main()
