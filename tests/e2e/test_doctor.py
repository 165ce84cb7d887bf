#!/usr/bin/env python3
"""`stsmap doctor` in a healthy world, and with one part of it broken at a time."""
import json
import os
import shutil
import signal
import socket
import subprocess
import time

from e2e.support import OTHER_ROOT, PostfixTest, main
from pylib.daemon import Daemon
from pylib.net import Streams
from pylib.programs import ROOT
from pylib.settings import merged
from pylib.socketmap import frame
from pylib.waiting import LATE


def documented():
    """The ids of findings that stsmap(1) lists."""
    with open(os.path.join(ROOT, "man", "stsmap.1"), encoding="ascii") as file:
        section = file.read().split("\n.Ss Findings of doctor\n")[1].split("\n.S", 1)[0]
    return {line.removeprefix(".It Cm ") for line in section.splitlines() if line.startswith(".It Cm ")}


class FakeDaemon:
    """A daemon of another version: gives these answers to questions about its status, and NOTFOUND to all others."""

    def __init__(self, path, answers):
        self.answers = answers
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        os.chmod(path, 0o666)
        listener.listen(8)
        self.server = Streams(listener, self.answer)

    def answer(self, connection):
        while request := connection.recv(4096):
            key = request.decode().rstrip(",").rsplit(" ", 1)[1]
            connection.sendall(frame(self.answers.get(key, "NOTFOUND ")))

    def stop(self):
        self.server.close()


class DoctorTest(PostfixTest):
    MAIL = False
    MAIN_CF = {"smtp_dns_support_level": "dnssec"}

    def setUp(self):
        if OTHER_ROOT:
            self.skipTest("looks at this system's own Postfix")
        super().setUp()

    def doctor(self, *words, config=None, expect=None):
        """{check: [finding...]} of doctor --json, and its exit status compared with its verdict."""
        done, report = self.doctor_report(*words, config=config)
        self.assertEqual([each["id"] for each in report["checks"] if each["id"] not in documented()], [])
        self.assertEqual(done.returncode, 1 if report["verdict"] == "fail" else 0)
        if expect:
            self.assertEqual(report["verdict"], expect, done.stdout)
        findings = {}
        for finding in report["checks"]:
            self.assertEqual(finding["verdict"] == "ok", finding["fix"] == "", finding)
            findings.setdefault(finding["check"], []).append(finding)
        return findings

    def expect(self, findings, check, verdict, words, fix, also=()):
        """The check has this finding, and every other check but those of `also` is ok."""
        bad = [each for parts in findings.values() for each in parts if each["verdict"] != "ok"]
        found = [each for each in bad if each["check"] == check and words in each["words"]]
        self.assertTrue(found, bad)
        self.assertEqual(found[0]["verdict"], verdict)
        self.assertIn(fix, found[0]["fix"])
        self.assertEqual({each["check"] for each in bad} - set(also), {check}, bad)

    def config(self, **changes):
        """The path of a configuration like the daemon's, with changes."""
        other = Daemon(self.world.new_folder("doctor"), merged(self.world.daemon.settings, changes))
        other.write_config()
        return other.config_file

    def test_a_healthy_world(self):
        findings = self.doctor(expect="ok")
        self.assertIn("as user postfix, chrooted to " + self.sender.folder, findings["socket"][0]["words"])
        self.assertEqual(len(findings["socket"]), 3, "smtp(8) in the chroot and out of it, and the service with TCP")
        self.assertIn("validates DNSSEC", findings["resolver"][0]["words"])
        self.assertIn("as a policy host's clock", findings["clock"][0]["words"])
        self.assertIn("https://mta-sts.good.example can be fetched", findings["egress"][0]["words"])
        self.assertIn("DANE: active", findings["daemon"][0]["words"])

    def test_text_for_people(self):
        done = self.stsmap("doctor", "-c", self.sender.config, "--domain", "good.example")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        for line in done.stdout.splitlines():
            self.assertRegex(line, r"^ok    [a-z]+ +\S")

    def test_as_another_user(self):
        sockets = [each for each in self.doctor_of_nobody() if each["check"] == "socket"]
        self.assertEqual([each["verdict"] for each in sockets], ["warn", "ok"], sockets)
        self.assertIn("smtptcp/unix asks socketmap:inet:", sockets[1]["words"])
        self.assertIn("as root", sockets[0]["fix"])

    def doctor_of_nobody(self):
        """The findings of doctor --json, run by another user."""
        return self.doctor_report(user="nobody")[1]["checks"]

    def test_as_another_user_with_nothing_open(self):
        """Socket, state folder, main.cf and configuration are unreadable for that user, in turn: never a failure."""
        for path, check, identity in (
            (self.sender.socket, "daemon", "daemon-runs"),  # the daemon is asked over TCP
            (self.world.daemon.settings["state_dir"], "state", "state-unseen"),
            (self.main_cf, "postfix", "postfix-unseen"),
        ):
            with self.subTest(path):
                mode = os.stat(path).st_mode & 0o7777
                os.chmod(path, 0o600)
                try:
                    findings = self.doctor_of_nobody()
                finally:
                    os.chmod(path, mode)
                self.assertEqual([each for each in findings if each["verdict"] == "fail"], [])
                self.assertIn(identity, [each["id"] for each in findings if each["check"] == check], findings)
                unseen = [each for each in findings if each["id"] == "socket-unseen"]
                self.assertEqual([each["verdict"] for each in unseen], ["warn"], findings)
                self.assertEqual(unseen[0]["words"].count(": no permission"), 1, unseen)
                self.assertNotRegex(unseen[0]["words"], r"(unix:\S+): \1:")

    def test_configuration_closed_to_another_user(self):
        mode = os.stat(self.world.daemon.config_file).st_mode & 0o7777
        os.chmod(self.world.daemon.config_file, 0o600)
        self.addCleanup(os.chmod, self.world.daemon.config_file, mode)
        done = self.stsmap("doctor", "--json", user="nobody")
        self.assertEqual(done.returncode, 0, done.stdout)
        findings = json.loads(done.stdout)["checks"]
        self.assertEqual(findings[0]["id"], "config-unseen")
        self.assertIn(f"stsmap --config {self.world.daemon.config_file} doctor as root", findings[0]["fix"])

    def test_configuration(self):
        """doctor says what is wrong with it, and nothing about a daemon that it does not describe."""
        path = os.path.join(self.world.new_folder("doctor"), "bad.toml")
        with open(path, "w", encoding="ascii") as file:
            file.write("deadlin = 1\n")
        findings = self.doctor(config=path, expect="fail")
        found = findings["config"]
        self.assertEqual(found[0]["verdict"], "fail")
        self.assertIn(path + ":1:1", found[0]["words"])
        self.assertIn(f"stsmapd --config {path} --check-config", found[0]["fix"])
        self.assertEqual(set(findings), {"config", "systemd"})

    def test_quiet(self):
        def run(*words):
            return self.stsmap("doctor", "--quiet", "--domain", "good.example", "-c", self.sender.config, *words)

        for words in ((), ("--json",)):
            done = run(*words)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.world.daemon.stop()
        self.addCleanup(self.world.daemon.start)
        done = run()
        self.assertEqual(done.returncode, 1)
        self.assertIn("fail  daemon    no stsmapd answers", done.stdout)
        self.assertNotRegex(done.stdout, "(?m)^ok ")
        report = json.loads(run("--json").stdout)
        self.assertEqual(report["verdict"], "fail")
        self.assertNotIn("ok", [each["verdict"] for each in report["checks"]])

    def test_commands_fit_the_place(self):
        """No systemd runs here, and the instance and the configuration must be named."""
        self.world.daemon.stop()
        self.addCleanup(self.world.daemon.start)
        self.sender.set(smtp_tls_policy_maps="")
        findings = self.doctor(expect="fail")
        fixes = [each["fix"] for parts in findings.values() for each in parts]
        self.assertEqual([fix for fix in fixes if "systemctl" in fix], [])
        wanted = f"stsmap --config {self.world.daemon.config_file} postfix-setup -c {self.sender.config}"
        self.assertTrue([fix for fix in fixes if wanted in fix], fixes)
        self.assertEqual([fix for fix in fixes if "stsmap postfix-setup" in fix or "postconf -e" in fix], [])

    def test_a_fault_in_main_cf(self):
        self.write(self.main_cf, self.before + b"compatibility_level = $no_such{\n")
        findings = self.doctor(expect="fail")["postfix"]
        self.assertEqual(findings[0]["id"], "postfix-silent", findings)
        self.assertNotIn("apt-get install", findings[0]["fix"])

    def test_a_service_that_was_stopped(self):
        """systemd reports it as inactive until somebody asks its socket."""
        folder = self.world.new_folder("systemctl")
        asked = os.path.join(folder, "asked")
        self.write(
            os.path.join(folder, "systemctl"),
            "#!/bin/sh\ncase $* in *User*) echo User=root; exit;; esac\n"
            f"state=inactive; test -e {asked} && state=active; touch {asked}\n"
            "printf 'Id=stsmapd.socket\\nLoadState=loaded\\nActiveState=active\\nUnitFileState=enabled\\n\\n'\n"
            "printf 'Id=stsmapd.service\\nLoadState=loaded\\nActiveState=%s\\nUnitFileState=enabled\\n' $state\n",
        )
        os.chmod(os.path.join(folder, "systemctl"), 0o755)
        if not os.path.isdir("/run/systemd/system"):
            os.makedirs("/run/systemd/system")
            self.addCleanup(os.rmdir, "/run/systemd/system")
        path = os.environ["PATH"]
        os.environ["PATH"] = f"{folder}:{path}"
        self.addCleanup(os.environ.__setitem__, "PATH", path)
        findings = self.doctor()["systemd"]
        found = [each for each in findings if each["id"] == "unit-was-stopped"]
        self.assertTrue(found, findings)
        self.assertEqual(found[0]["verdict"], "warn")
        self.assertIn("stsmapd.service was not running when this began; the question", found[0]["words"])

    def test_a_clock_that_has_gone_back(self):
        """Nobody can be asked for the time, and the store has times in the future."""
        self.world.policy_hosts.stop()
        self.addCleanup(self.world.policy_hosts.start)
        folder = self.world.new_folder("future")
        config = self.config(state_dir=folder)
        shutil.copy(os.path.join(self.world.daemon.settings["state_dir"], "stsmapd.sqlite"), folder)
        soon = time.time() + 10 * 86400
        os.utime(os.path.join(folder, "stsmapd.sqlite"), (soon, soon))
        found = self.doctor(config=config, expect="fail")["clock"]
        self.assertEqual((found[0]["id"], found[0]["verdict"]), ("clock-went-back", "fail"))
        os.utime(os.path.join(folder, "stsmapd.sqlite"))
        found = self.doctor(config=config)["clock"]
        self.assertIn(found[0]["id"], ("clock-not-compared", "clock-synchronised"))

    def test_main_cf_without_the_map(self):
        self.sender.set(smtp_tls_policy_maps="")
        self.expect(self.doctor(), "postfix", "fail", "smtp_tls_policy_maps is empty", "--apply --reload")

    def test_a_port_that_stsmapd_cannot_see(self):
        for change, undo, words in (
            (("-e", "smtp_tcp_port = 587"), ("-X", "smtp_tcp_port"), "smtp_tcp_port = 587: "),
            (
                ("-P", "relay/unix/smtp_tcp_port=2525"),
                ("-P", "-X", "relay/unix/smtp_tcp_port"),
                "service relay/unix has its own smtp_tcp_port = 2525: ",
            ),
        ):
            with self.subTest(words):
                self.sender.postconf(*change)
                try:
                    self.expect(self.doctor(), "postfix", "fail", words, "[relay.example]:587")
                    config = self.config(dane="off")
                    self.expect(self.doctor(config=config), "postfix", "warn", words, "[relay.example]:587")
                finally:
                    self.sender.postconf(*undo)

    def test_socket_gone(self):
        self.addCleanup(self.restart)
        os.unlink(self.sender.socket)
        self.expect(self.doctor(), "socket", "fail", "there is no such socket", "start stsmapd")

    def test_wrong_group(self):
        self.restart(socket={"mode": "0660", "group": "root"})
        self.expect(self.doctor(), "socket", "fail", "root:root 0660", "SocketGroup=postfix")

    def test_daemon_down(self):
        self.world.daemon.stop()
        self.addCleanup(self.world.daemon.start)
        findings = self.doctor(expect="fail")
        self.assertEqual(findings["daemon"][0]["verdict"], "fail")
        self.assertIn("start stsmapd", findings["daemon"][0]["fix"])
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
        findings = self.doctor(config=config)
        self.expect(findings, "resolver", "warn", "does not validate", "unbound", also=["postfix"])

    def test_resolver_not_trusted(self):
        config = self.config(dns={"trust_ad": "no"})
        self.expect(self.doctor(config=config), "resolver", "warn", "is not believed", "trust-ad")

    def test_offline(self):
        self.world.policy_hosts.stop()
        self.addCleanup(self.world.policy_hosts.start)
        self.expect(self.doctor(), "egress", "fail", "connect-failed", "port 443", also=["clock"])

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
        self.expect(self.doctor(config=config), "state", "fail", "is damaged", "start it again")

    def test_files_that_were_set_aside(self):
        folder = self.world.daemon.settings["state_dir"]
        names = [f"stsmapd.sqlite.damaged-2026110{day}T000000Z" for day in range(1, 6)]
        for name in names + [names[0] + "-wal"]:
            self.write(os.path.join(folder, name), "x")
            self.addCleanup(os.unlink, os.path.join(folder, name))
        words = f"{names[0]}, {names[1]}, {names[2]} and 2 more in {folder}"
        self.expect(self.doctor(), "state", "warn", words, f"rm {folder}/stsmapd.sqlite.damaged-*")

    def test_daemon_of_another_version(self):
        path = os.path.join(os.path.dirname(self.sender.socket), "fake")
        config = self.config(listen=[f"unix:{path}"])
        self.sender.set(smtp_tls_policy_maps=f"socketmap:unix:stsmapd/fake:{self.sender.map_name}")
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
                self.assertIn("start it again", found["fix"])

    def test_two_daemons_of_different_versions(self):
        path = os.path.join(os.path.dirname(self.sender.socket), "fake")
        fake = FakeDaemon(path, {"dane": "OK active", "version": "OK 0.0.1"})
        try:
            config = self.config(listen=[f"unix:{self.sender.socket}", f"unix:{path}"])
            findings = self.doctor(config=config)
            # This configuration does not listen where the service asks over TCP.
            self.expect(findings, "daemon", "warn", "0.0.1 at unix:", "listen", also=["postfix"])
        finally:
            fake.stop()
            os.unlink(path)

    def test_never_hangs(self):
        """Daemon, name server and policy hosts accept connections and questions, and never answer."""
        self.world.daemon.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.world.daemon.process.send_signal, signal.SIGCONT)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            config = self.config(dns={"servers": [f"127.0.0.1:{silent.getsockname()[1]}"]})
            began = time.monotonic()
            findings = self.doctor(config=config, expect="fail")
            took = time.monotonic() - began
        self.assertLess(took, 20 + LATE)
        for check in ("socket", "daemon", "resolver"):
            self.assertEqual(findings[check][0]["verdict"], "fail", findings[check])
        self.world.policy_hosts.freeze()
        self.addCleanup(self.world.policy_hosts.thaw)
        began = time.monotonic()
        findings = self.doctor(expect="fail")
        self.assertLess(time.monotonic() - began, 20 + LATE)
        self.assertIn("fetch-timeout", findings["egress"][0]["words"])


if __name__ == "__main__":
    main()
