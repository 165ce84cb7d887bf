#!/usr/bin/env python3
"""`stsmap doctor` in a healthy world, and with one thing of it broken at a time."""
import copy
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

from support import WorldTest, main
from world.daemon import Daemon, program, without_options


class FakeDaemon:
    """A daemon of another version: answers questions about its status as told, and nothing else."""

    def __init__(self, path, answers):
        self.answers = answers
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen(8)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                stream, _ = self.listener.accept()
            except OSError:
                return
            with stream:
                while request := stream.recv(4096):
                    key = request.decode().rstrip(",").rsplit(" ", 1)[1]
                    reply = self.answers.get(key, "NOTFOUND ").encode()
                    stream.sendall(b"%d:%s," % (len(reply), reply))

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)


class DoctorTest(WorldTest):
    MAIN_CF = {"smtp_dns_support_level": "dnssec"}

    def setUp(self):
        if os.environ.get("STSMAPD_E2E_ROOT"):
            self.skipTest("looks at this system's own Postfix")

    def doctor(self, *words, config=None, expect=None):
        """{check: [finding...]} of doctor --json, and its exit status compared with its verdict."""
        done = subprocess.run(
            [
                program("stsmap"),
                "--config",
                config or self.world.daemon.config,
                "doctor",
                "--json",
                "--domain",
                "good.example",
                "-c",
                self.world.sender.config,
                *words,
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=without_options(),
        )
        self.assertEqual(done.stderr, "")
        report = json.loads(done.stdout)
        self.assertEqual(done.returncode, 1 if report["verdict"] == "fail" else 0)
        if expect:
            self.assertEqual(report["verdict"], expect, done.stdout)
        findings = {}
        for finding in report["checks"]:
            self.assertEqual(finding["verdict"] == "ok", finding["fix"] == "", finding)
            findings.setdefault(finding["check"], []).append(finding)
        return findings

    def expect(self, findings, check, verdict, words, fix):
        """The check has this finding, and every other check is ok."""
        bad = [each for parts in findings.values() for each in parts if each["verdict"] != "ok"]
        found = [each for each in bad if each["check"] == check and words in each["words"]]
        self.assertTrue(found, bad)
        self.assertEqual(found[0]["verdict"], verdict)
        self.assertIn(fix, found[0]["fix"])
        self.assertEqual({each["check"] for each in bad}, {check}, bad)

    def config(self, **changes):
        """A configuration like the daemon's, with changes: a path."""
        settings = copy.deepcopy(self.world.daemon.settings)
        for key, value in changes.items():
            if isinstance(value, dict):
                settings[key] = {**settings.get(key, {}), **value}
            else:
                settings[key] = value
        other = Daemon(self.world.new_folder("doctor"), settings)
        other.write_config()
        return other.config

    def restart(self, **changes):
        """Restarts the daemon with changes, and without them after the test."""
        before = self.world.daemon.settings

        def go(settings):
            self.world.daemon.stop()
            self.world.daemon.settings = settings
            self.world.daemon.start()

        self.addCleanup(go, before)
        go({**before, **changes})

    def test_a_healthy_world(self):
        findings = self.doctor(expect="ok")
        self.assertIn("as user postfix, chrooted to " + self.world.sender.folder, findings["socket"][0]["words"])
        self.assertEqual(len(findings["socket"]), 3, "smtp(8) in the chroot and out of it, and the service with TCP")
        self.assertIn("validates DNSSEC", findings["resolver"][0]["words"])
        self.assertIn("as a policy host's clock", findings["clock"][0]["words"])
        self.assertIn("https://mta-sts.good.example can be fetched", findings["egress"][0]["words"])
        self.assertIn("DANE: active", findings["daemon"][0]["words"])

    def test_text_for_people(self):
        done = subprocess.run(
            [program("stsmap"), "--config", self.world.daemon.config, "doctor", "-c", self.world.sender.config]
            + ["--domain", "good.example"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=without_options(),
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        for line in done.stdout.splitlines():
            self.assertRegex(line, r"^ok    [a-z]+ +\S")

    def test_as_another_user(self):
        folder = self.world.new_folder("public")
        tool = shutil.copy(program("stsmap"), folder)
        done = subprocess.run(
            [tool, "--config", self.world.daemon.config, "doctor", "--json", "--domain", "good.example"]
            + ["-c", self.world.sender.config],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=without_options(),
            user="nobody",
            group="nogroup",
            extra_groups=[],
        )
        self.assertEqual(done.stderr, "")
        findings = json.loads(done.stdout)["checks"]
        sockets = [each for each in findings if each["check"] == "socket"]
        self.assertEqual([each["verdict"] for each in sockets], ["warn", "ok"], sockets)
        self.assertIn("smtptcp/unix asks socketmap:inet:", sockets[1]["words"])
        self.assertIn("as root", sockets[0]["fix"])

    def test_configuration(self):
        path = os.path.join(self.world.new_folder("doctor"), "bad.toml")
        with open(path, "w", encoding="ascii") as file:
            file.write("deadlin = 1\n")
        found = self.doctor(config=path, expect="fail")["config"]
        self.assertEqual(found[0]["verdict"], "fail")
        self.assertIn(path + ":1:1", found[0]["words"])

    def test_main_cf_without_the_map(self):
        self.world.sender.command("postconf", "-c", self.world.sender.config, "-e", "smtp_tls_policy_maps =")
        restore = f"smtp_tls_policy_maps = socketmap:unix:stsmapd/socketmap:{self.world.sender.map_name}"
        self.addCleanup(self.world.sender.command, "postconf", "-c", self.world.sender.config, "-e", restore)
        self.expect(self.doctor(), "postfix", "fail", "smtp_tls_policy_maps is empty", "postfix-setup --apply")

    def test_a_port_that_stsmapd_cannot_see(self):
        change = ("postconf", "-c", self.world.sender.config)
        for set_it, unset, words in (
            ((*change, "-e", "smtp_tcp_port = 587"), (*change, "-X", "smtp_tcp_port"), "smtp_tcp_port = 587: "),
            (
                (*change, "-P", "relay/unix/smtp_tcp_port=2525"),
                (*change, "-P", "-X", "relay/unix/smtp_tcp_port"),
                "service relay/unix has its own smtp_tcp_port = 2525: ",
            ),
        ):
            with self.subTest(words):
                self.world.sender.command(*set_it)
                try:
                    self.expect(self.doctor(), "postfix", "fail", words, "[relay.example]:587")
                    config = self.config(dane="off")
                    self.expect(self.doctor(config=config), "postfix", "warn", words, "[relay.example]:587")
                finally:
                    self.world.sender.command(*unset)

    def test_socket_gone(self):
        self.addCleanup(self.restart)
        os.unlink(self.world.sender.socket)
        self.expect(self.doctor(), "socket", "fail", "there is no such socket", "systemctl enable --now")

    def test_wrong_group(self):
        self.restart(socket={"mode": "0660", "group": "root"})
        self.expect(self.doctor(), "socket", "fail", "root:root 0660", "SocketGroup=postfix")

    def test_daemon_down(self):
        self.world.daemon.stop()
        self.addCleanup(self.world.daemon.start)
        findings = self.doctor(expect="fail")
        self.assertEqual(findings["daemon"][0]["verdict"], "fail")
        self.assertIn("systemctl", findings["daemon"][0]["fix"])
        self.assertEqual(findings["resolver"][0]["verdict"], "ok")

    def test_resolver_dead(self):
        self.world.unbound.stop()
        self.addCleanup(self.world.unbound.start)
        findings = self.doctor(expect="fail")
        self.assertEqual(findings["resolver"][0]["verdict"], "fail")
        self.assertIn("127.0.0.1:53", findings["resolver"][0]["words"])
        self.assertIn("unbound", findings["resolver"][0]["fix"])

    def test_resolver_not_validating(self):
        config = self.config(dns={"signed_name": "example"})  # which is not signed
        self.expect(self.doctor(config=config), "resolver", "warn", "does not validate", "unbound")

    def test_resolver_not_trusted(self):
        config = self.config(dns={"trust_ad": "no"})
        self.expect(self.doctor(config=config), "resolver", "warn", "is not believed", "trust-ad")

    def test_offline(self):
        self.world.policy_hosts.stop()
        self.addCleanup(self.world.policy_hosts.start)
        self.expect(self.doctor(), "egress", "fail", "connect-failed", "port 443")

    def test_policy_host_of_an_unknown_authority(self):
        config = self.config(fetch={"ca_file": "/etc/ssl/certs/ca-certificates.crt"})
        self.expect(self.doctor(config=config), "egress", "fail", "cert-untrusted", "ca_file")

    def test_ca_file_missing(self):
        findings = self.doctor(config=self.config(fetch={"ca_file": "/no/such/ca.pem"}), expect="fail")
        self.assertEqual(findings["ca"][0]["verdict"], "fail")
        self.assertIn("/no/such/ca.pem", findings["ca"][0]["words"])
        self.assertIn("ca-certificates", findings["ca"][0]["fix"])

    def test_state_of_a_foreign_owner(self):
        folder = self.world.daemon.settings["state_dir"]
        shutil.chown(folder, "nobody")
        self.addCleanup(shutil.chown, folder, "root")
        self.expect(self.doctor(), "state", "fail", "belongs to nobody, its stsmapd.sqlite to root", "chown -R root:")

    def test_state_on_a_full_disk(self):
        folder = self.world.new_folder("full")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
        self.addCleanup(subprocess.run, ["umount", folder], check=True)
        config = self.config(state_dir=folder)
        self.expect(self.doctor(config=config), "state", "fail", "is full", "make room")

    def test_state_missing_and_damaged(self):
        config = self.config(state_dir=self.world.folder + "/none")
        self.expect(self.doctor(config=config), "state", "fail", "does not exist", "install -d")
        folder = self.world.new_folder("damaged")
        with open(folder + "/stsmapd.sqlite", "wb") as file:
            file.write(b"x" * 8192)
        config = self.config(state_dir=folder)
        self.expect(self.doctor(config=config), "state", "fail", "is damaged", "restart")

    def test_daemon_of_another_version(self):
        path = os.path.join(os.path.dirname(self.world.sender.socket), "fake")
        config = self.config(listen=[f"unix:{path}"])
        change = ("postconf", "-c", self.world.sender.config, "-e")
        name = self.world.sender.map_name
        self.world.sender.command(*change, f"smtp_tls_policy_maps = socketmap:unix:stsmapd/fake:{name}")
        restore = f"smtp_tls_policy_maps = socketmap:unix:stsmapd/socketmap:{name}"
        self.addCleanup(self.world.sender.command, *change, restore)
        for answers, words in (
            ({"dane": "OK active", "version": "OK 0.0.1"}, "stsmapd 0.0.1 runs"),
            ({"dane": "OK active"}, "does not tell its version"),
        ):
            with self.subTest(words):
                fake = FakeDaemon(path, answers)
                try:
                    findings = self.doctor(config=config)
                finally:
                    fake.stop()
                    os.unlink(path)
                found = findings["daemon"][0]
                self.assertEqual(found["verdict"], "warn", findings)
                self.assertIn(words, found["words"])
                self.assertIn("restart", found["fix"])

    def test_never_hangs(self):
        """Daemon, name server and policy hosts take what they get and say nothing."""
        self.world.daemon.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.world.daemon.process.send_signal, signal.SIGCONT)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            config = self.config(dns={"servers": [f"127.0.0.1:{silent.getsockname()[1]}"]})
            began = time.monotonic()
            findings = self.doctor(config=config, expect="fail")
            took = time.monotonic() - began
        self.assertLess(took, 20)
        for check in ("socket", "daemon", "resolver"):
            self.assertEqual(findings[check][0]["verdict"], "fail", findings[check])
        self.world.policy_hosts.freeze()
        self.addCleanup(self.world.policy_hosts.thaw)
        began = time.monotonic()
        findings = self.doctor(expect="fail")
        self.assertLess(time.monotonic() - began, 20)
        self.assertIn("fetch-timeout", findings["egress"][0]["words"])


if __name__ == "__main__":
    main()
