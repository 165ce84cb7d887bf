"""The root file system of the container image, made without a container engine. The service runs in it as user 8461,
without capabilities, with a read-only root, as process 1 of its own process namespace."""
import http.client
import json
import os
import re
import signal
import subprocess
import unittest

from package.support import ANSWER, BARE, ENFORCED, Shared, deb, new_machine, start_world
from pylib.nameservers import SignedZone, Unbound
from pylib.process import Process, children, run, tail
from pylib.socketmap import ask
from pylib.waiting import Failed, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGING = os.path.join(os.path.dirname(os.path.dirname(HERE)), "packaging")
CONTAINER = os.path.join(PACKAGING, "container")
USER = "8461"


def setUpModule():
    start_world()


def words_of(instruction):
    """The words of an instruction in exec form, or of the health check's CMD, from the Containerfile's last stage."""
    with open(f"{CONTAINER}/Containerfile", encoding="utf-8") as file:
        return json.loads(re.findall(rf"^(?: *|HEALTHCHECK .* ){instruction} (\[.*\])$", file.read(), re.M)[-1])


def variables_of(compose):
    """stsmapd's variables in the text of a compose file."""
    return dict(re.findall(r'^ +(STSMAPD_\w+): "?([^"\n]*)"?$', compose, re.M))


def composed():
    """Two things from compose.yaml: stsmapd's variables, and the resolver's address."""
    with open(f"{CONTAINER}/compose.yaml", encoding="utf-8") as file:
        text = file.read()
    return variables_of(text), re.search(r"ipv4_address: (\S+)", text).group(1)


def monitored():
    """stsmapd's variables of the compose file with Prometheus."""
    with open(f"{PACKAGING}/monitoring/compose.yaml", encoding="utf-8") as file:
        return variables_of(file.read())


class Container(unittest.TestCase):
    """A container of the image; one root for all classes."""

    ENVIRONMENT = ""
    made = None

    @classmethod
    def setUpClass(cls):
        if Container.made is None:
            Container.make()

    @classmethod
    def make(cls):
        base = new_machine(boot=False, root=BARE)
        unittest.addModuleCleanup(base.close)
        cls.made = base
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
            raise Failed(f"make-rootfs: {made.returncode}\n{made.stdout}{made.stderr}")
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
                STSMAPD_FETCH_CA_FILE=/var/lib/stsmapd/ca.pem {self.ENVIRONMENT} "$@" """
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
        if self.outer.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
        self.outer.wait_exit()

    def program(self):
        started = children(self.outer.pid)
        if not started:
            return ""
        self.pid = started[0]
        return os.readlink(f"/proc/{self.pid}/exe")

    def inside(self, *command):
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
            + ["--", *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            env={},
            check=False,
        )

    def query(self, *words):
        return self.inside("/usr/bin/stsmap", "query", *words)

    def healthy(self):
        return self.inside(*words_of("CMD"))


class Image(Container):
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
                self.assertEqual(ask(address, ENFORCED), "OK " + ANSWER)

    def test_health(self):
        self.assertRegex(self.healthy().stdout, "^ready\n")
        os.kill(self.pid, signal.SIGSTOP)
        self.assertNotEqual(self.healthy().returncode, 0)
        os.kill(self.pid, signal.SIGCONT)
        self.assertEqual(self.healthy().returncode, 0)

    def test_signals(self):
        before = tail(self.log, 1000).count(" reload: ")
        os.kill(self.pid, signal.SIGHUP)
        wait_for(lambda: tail(self.log, 1000).count(" reload: ") > before, "a reload")
        os.kill(self.pid, signal.SIGTERM)
        self.assertEqual(self.outer.wait_exit(10), 0)

    def test_is_administered_from_inside(self):
        """By the daemon's own user, who may also change."""
        self.assertEqual(ask("tcp:127.0.0.1:8461", ENFORCED), "OK " + ANSWER)
        control = f"/proc/{self.pid}/root/run/stsmapd/control"
        self.assertEqual(os.stat(control).st_mode & 0o7777, 0o660)
        self.addCleanup(self.inside, "/usr/bin/stsmap", "override", "remove", "partner.example")
        for words, shown in (
            (["list"], ENFORCED),
            (["explain", "--offline", ENFORCED], "enforce"),
            (["override", "add", "partner.example", "off", "--until", "1d", "--reason", "a test"], ""),
            (["override", "list"], "partner.example"),
            (["override", "remove", "partner.example"], ""),
        ):
            with self.subTest(words):
                done = self.inside("/usr/bin/stsmap", *words)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertIn(shown, done.stdout)

    def test_keeps_its_state_in_the_volume(self):
        self.assertEqual(ask("tcp:127.0.0.1:8461", ENFORCED), "OK " + ANSWER)
        self.assertTrue(os.path.exists(self.state + "/stsmapd.sqlite"))

    def test_is_small(self):
        """The image has neither systemd nor apt's lists and archives."""
        for path in ("/usr/lib/systemd/systemd", "/usr/sbin/policy-rc.d"):
            self.assertFalse(os.path.exists(self.root + path), path)
        for folder in ("/var/lib/apt/lists", "/var/cache/apt/archives"):
            left = [name for name in os.listdir(self.root + folder) if name not in ("lock", "partial")]
            self.assertEqual(left, [], folder)


class Injected(Container):
    """With the variables that Kubernetes and Docker links set for a service of this name."""

    ENVIRONMENT = (
        "STSMAPD_SERVICE_HOST=10.0.0.7 STSMAPD_SERVICE_PORT=8461 STSMAPD_PORT=tcp://10.0.0.7:8461 "
        "STSMAPD_PORT_8461_TCP_ADDR=10.0.0.7 STSMAPD_NAME=/a/stsmapd STSMAPD_ENV_STSMAPD_LISTEN=x"
    )

    def test_starts(self):
        self.assertEqual(ask("tcp:127.0.0.1:8461", ENFORCED), "OK " + ANSWER)


class Monitored(Container):
    """With the variables of the compose file with Prometheus: other containers ask for it by its name."""

    ENVIRONMENT = " ".join(f"{name}={value}" for name, value in monitored().items())

    def metrics(self, host):
        """Status and text of /metrics, for a client that knows the listener as `host`."""
        connection = http.client.HTTPConnection("127.0.0.1", 9461, timeout=30)
        self.addCleanup(connection.close)
        connection.request("GET", "/metrics", headers={"Host": host})
        reply = connection.getresponse()
        return reply.status, reply.read().decode()

    def test_serves_prometheus_and_no_strangers(self):
        self.assertEqual(monitored(), {"STSMAPD_WEB_LISTEN": "tcp::9461", "STSMAPD_WEB_HOSTS": "stsmapd"})
        status, text = self.metrics("stsmapd:9461")
        self.assertEqual(status, 200)
        self.assertRegex(text, r"(?m)^stsmapd_build_info\{")
        self.assertEqual(self.metrics("localhost:9461")[0], 200)
        status, text = self.metrics("evil.example")
        self.assertEqual(status, 421)
        self.assertNotIn("stsmapd_build_info", text)


RESOLVER = "192.0.2.1"  # the resolver of this world: not a loopback address


class Composed(Container):
    """With the variables of compose.yaml, but another address for the resolver; and without them."""

    ENVIRONMENT = " ".join(
        f"{name}={RESOLVER if name == 'STSMAPD_DNS_SERVERS' else value}" for name, value in composed()[0].items()
    )

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = os.path.join(cls.folder, "unbound")
        os.makedirs(folder)
        zones = Shared.world.nsd.zones.values()
        resolver = Unbound(folder, [zone.anchor for zone in zones if isinstance(zone, SignedZone)], RESOLVER)
        resolver.start()
        cls.addClassCleanup(resolver.stop)

    def test_dane_is_looked_for(self):
        variables, address = composed()
        self.assertEqual(variables, {"STSMAPD_DNS_SERVERS": address, "STSMAPD_DNS_TRUST_AD": "yes"})
        wait_for(lambda: self.query("--map", "stsmapd.status", "dane").stdout == "OK active\n", "DANE")
        self.assertEqual(self.query("right.dane.example").stdout, "OK dane-only\n")

    def test_resolver_of_the_compose_file(self):
        """unbound accepts its configuration. The trust anchor is a file of Debian, which this machine may not have."""
        with open(f"{CONTAINER}/unbound.conf", encoding="utf-8") as file:
            text = file.read()
        self.assertRegex(text, r'module-config: "validator iterator"')
        self.assertRegex(text, r'trust-anchor-file: "/usr/share/dns/root\.key"')
        anchor = next(zone.anchor for zone in Shared.world.nsd.zones.values() if isinstance(zone, SignedZone))
        path = os.path.join(self.folder, "compose-unbound.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("/usr/share/dns/root.key", anchor))
        run("unbound-checkconf", path)


if __name__ == "__main__":
    unittest.main()
