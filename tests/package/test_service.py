"""The installed service: what it may do, what it answers, and how it restarts."""
import json
import re
import threading
import unittest

from package.support import (
    ANSWER,
    MAIL,
    CONFIG,
    CONTROL,
    ENFORCED,
    HTTP_TCP,
    SOCKET,
    UNIT,
    MachineTest,
    add_auditor,
    change_config,
    control,
    deliver,
    journal,
    prop,
    set_up_postfix,
    start_world,
    trust_world,
)
from pylib.waiting import wait_for


def setUpModule():
    start_world()


class ServiceTest(MachineTest):
    """One machine for the whole file."""

    ROOT = MAIL
    PACKAGES = ("first",)
    installed = None

    @classmethod
    def setUpClass(cls):
        if ServiceTest.installed is None:
            super().setUpClass()
            ServiceTest.installed = cls.machine
        cls.machine = ServiceTest.installed

    @classmethod
    def prepare(cls):
        super().prepare()
        trust_world(cls.machine)
        set_up_postfix(cls.machine)
        add_auditor(cls.machine)

    def now(self):
        return self.machine.must("date", "+%s.%N").strip()

    def status(self):
        """The fields of the main process in /proc."""
        pid = prop(self.machine, "MainPID")
        return dict(
            line.split(":\t", 1) for line in self.machine.must("cat", f"/proc/{pid}/status").splitlines()
        )


class Hardened(ServiceTest):
    def test_runs_as_its_own_user(self):
        uid = self.machine.must("id", "-u", "_stsmapd").strip()
        self.assertEqual(set(self.status()["Uid"].split()), {uid})
        self.assertNotEqual(uid, "0")

    def test_has_no_capability(self):
        status = self.status()
        for field in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[field], 16), 0, field)

    def test_system_calls_are_filtered_and_no_privileges_can_be_got(self):
        status = self.status()
        self.assertEqual((status["Seccomp"], status["NoNewPrivs"]), ("2", "1"))

    def test_exposure(self):
        said = self.machine.must("systemd-analyze", "security", "--no-pager", UNIT)
        level = float(re.search(r"exposure level for stsmapd.service: ([\d.]+)", said).group(1))
        self.assertLessEqual(level, 1.1, said)

    def test_is_ready_by_notification_under_a_watchdog(self):
        self.assertIn(prop(self.machine, "Type"), ("notify", "notify-reload"))
        self.assertNotIn(prop(self.machine, "WatchdogUSec"), ("0", "infinity"))
        self.assertNotEqual(prop(self.machine, "WatchdogTimestampMonotonic"), "0")

    def test_files_and_folders(self):
        listed = self.machine.must(
            "stat",
            "-c",
            "%U:%G %a %n",
            "/var/lib/stsmapd",
            "/var/lib/stsmapd/stsmapd.sqlite",
            SOCKET,
            CONFIG,
            "/var/spool/postfix/stsmapd",
        )
        self.assertEqual(
            listed.splitlines(),
            [
                "_stsmapd:_stsmapd 750 /var/lib/stsmapd",
                "_stsmapd:_stsmapd 640 /var/lib/stsmapd/stsmapd.sqlite",
                f"root:postfix 660 {SOCKET}",
                f"root:root 644 {CONFIG}",
                "root:root 755 /var/spool/postfix/stsmapd",
            ],
        )

    def test_a_stranger_cannot_ask(self):
        status, output, errors = self.ask(user="nobody")
        self.assertEqual((status, output), (1, ""))
        self.assertIn("Permission denied", errors)

    def test_nothing_of_systemd_failed(self):
        failed = self.machine.must("systemctl", "--failed", "--plain", "--no-legend")
        self.assertNotIn("stsmapd", failed)

    def test_the_log_has_no_complaint(self):
        since = f"--since=@{self.now()}"
        self.machine.must("systemctl", "restart", "stsmapd.socket", UNIT)
        self.expect_answer()

        def answered():  # a line may reach the journal after the answer was sent
            lines = journal(self.machine, "-u", UNIT, "-u", "stsmapd.socket", since)
            return lines if re.search("stsmapd.*good.example", lines) else ""

        lines = wait_for(answered, "the lookup's line", 15, 0.1)
        self.assertEqual(journal(self.machine, "-u", UNIT, "-p", "warning", "-q", since), "")
        self.assertNotRegex(lines, r"(?i)not permitted|denied|EPERM|EACCES|Failed|error")


class Control(ServiceTest):
    """The control socket: its owner, group and function in each state of the service."""

    def test_in_each_state_of_the_service(self):
        for words in (
            ("start", UNIT),
            ("restart", UNIT),
            ("restart", "stsmapd.socket", UNIT),
            ("reload", UNIT),
        ):
            with self.subTest(words):
                self.machine.must("systemctl", *words)
                self.expect_control()
        with self.subTest("kill -9"):
            self.machine.must("systemctl", "kill", "--signal=KILL", UNIT)
            # systemd opens it again with the new daemon; its owner comes a moment after the socket.
            wait_for(lambda: control(self.machine, "GET", "/v1/status", user="auditor") == "200", "an answer", 20, 0.1)
            self.expect_control()
        with self.subTest("stop"):
            self.machine.must("systemctl", "stop", UNIT)
            self.assertEqual(prop(self.machine, "ActiveState", "stsmapd-control.socket"), "inactive")
            self.assertNotEqual(self.machine.run("test", "-e", CONTROL).returncode, 0)
            self.assertEqual(control(self.machine, "GET", "/v1/status"), "connect: No such file or directory")
            self.expect_answer()  # the other socket starts the service
            self.expect_control()
        with self.subTest("without the unit"):
            self.machine.must("systemctl", "disable", "--now", "stsmapd-control.socket")
            self.machine.must("systemctl", "restart", UNIT)
            self.expect_answer()
            self.assertEqual(self.machine.must("stat", "-c", "%U:%G %a", CONTROL).strip(), "_stsmapd:_stsmapd 660")
            self.assertEqual(control(self.machine, "GET", "/v1/status"), "200")
            self.machine.must("systemctl", "enable", "stsmapd-control.socket")
            self.machine.must("systemctl", "restart", UNIT)
            self.expect_control()


class Web(ServiceTest):
    """The web listener: off until its unit is enabled."""

    def fetch(self, target):
        done = self.machine.run("perl", "-e", HTTP_TCP, "9461", target)
        return (done.stdout or done.stderr).strip()

    def test_is_served_while_its_unit_is_enabled(self):
        self.assertEqual(self.machine.run("systemctl", "is-enabled", "stsmapd-web.socket").stdout.strip(), "disabled")
        self.assertEqual(self.fetch("/metrics"), "connect: Connection refused")
        self.machine.must("systemctl", "enable", "stsmapd-web.socket")
        self.machine.must("systemctl", "restart", UNIT)
        self.addCleanup(self.machine.must, "systemctl", "restart", UNIT)
        self.addCleanup(self.machine.must, "systemctl", "disable", "--now", "stsmapd-web.socket")
        for target in ("/metrics", "/healthy", "/ready", "/status.json", "/"):
            self.assertEqual(self.fetch(target), "200", target)
        self.assertEqual(self.fetch("/v1/status"), "404")
        self.expect_answer()
        self.expect_control()
        self.machine.must("stsmap", "health")
        self.machine.must("stsmap", "metrics", "--textfile", "/tmp/stsmapd.prom")
        self.assertIn("stsmapd_build_info", self.machine.must("cat", "/tmp/stsmapd.prom"))
        with self.subTest("an address that others can reach, without web.hosts"):
            drop_in = "/etc/systemd/system/stsmapd-web.socket.d/open.conf"
            self.machine.must("mkdir", "-p", "/etc/systemd/system/stsmapd-web.socket.d")
            self.machine.write(drop_in, "[Socket]\nListenStream=\nListenStream=9461\n")
            self.addCleanup(self.machine.must, "systemctl", "daemon-reload")
            self.addCleanup(self.machine.must, "rm", drop_in)
            self.machine.must("systemctl", "daemon-reload")
            # systemd opens no socket of a service that runs.
            self.machine.must("systemctl", "stop", UNIT)
            self.machine.must("systemctl", "restart", "stsmapd-web.socket")
            self.machine.must("systemctl", "start", UNIT)
            self.assertEqual(self.fetch("/metrics"), "no reply")
            self.expect_answer()


class Answers(ServiceTest):
    """DNS, HTTPS and the policy store, all under the unit's restrictions."""

    def test_enforced_policy(self):
        self.expect_answer()

    def test_no_policy(self):
        self.assertEqual(self.ask("norecord.example"), (1, "", ""))

    def test_dane(self):
        self.assertEqual(self.ask("right.dane.example"), (0, "dane-only", ""))

    def test_the_tool_asks_where_the_daemon_listens(self):
        said = self.machine.must("stsmap", "query", ENFORCED, user="postfix")
        self.assertEqual(said, f"OK {ANSWER}\n")

    def test_policy_is_on_the_disk(self):
        self.expect_answer()
        with open(self.machine.path("/var/lib/stsmapd/stsmapd.sqlite"), "rb") as file:
            stored = file.read()
        try:
            with open(self.machine.path("/var/lib/stsmapd/stsmapd.sqlite-wal"), "rb") as file:
                stored += file.read()
        except FileNotFoundError:
            pass
        self.assertIn(b"mx: mx.good.example", stored)

    def test_chrooted_smtp_delivers(self):
        self.assertEqual(self.machine.must("postconf", "-F", "-h", "smtp/unix/chroot").strip(), "y")
        log = deliver(self.machine, "chrooted@good.example")
        self.assertIn("status=sent", log.splitlines()[-1])
        self.assertRegex(log, r"Verified TLS connection established to mx\.good\.example")

    def test_unchrooted_smtp_delivers(self):
        log = deliver(self.machine, "unchrooted@good.example", "unchrooted@sender.example")
        self.assertIn("status=sent", log.splitlines()[-1])
        self.assertRegex(
            log, r"postfix/unchrooted/smtp\[.*: Verified TLS connection established to mx\.good\."
        )

    def test_wrong_certificate_is_deferred(self):
        log = deliver(self.machine, "chrooted@wrongname.example")
        self.assertIn("dsn=4.7.5", log.splitlines()[-1])

    def test_postfix_finds_nothing_to_complain_about(self):
        done = self.machine.run("postfix", "check")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))


class Changes(ServiceTest):
    def wait_for_line(self, words, since):
        wait_for(lambda: words in journal(self.machine, "-u", UNIT, f"--since=@{since}"), words, 15, 0.1)

    def test_reload(self):
        now, pid = self.now(), prop(self.machine, "MainPID")
        change_config(self.machine, '#level = "info"', 'level = "debug"')
        self.machine.must("systemctl", "reload", UNIT)
        self.wait_for_line("reload: ", now)
        self.assertEqual((prop(self.machine, "MainPID"), prop(self.machine, "ActiveState")), (pid, "active"))
        change_config(self.machine, 'level = "debug"', '#level = "info"')
        self.machine.must("systemctl", "reload", UNIT)
        self.expect_answer()

    def test_reload_with_a_bad_configuration_fails_and_says_why(self):
        pid = prop(self.machine, "MainPID")
        for bad, words in (
            ("level = info", 'text must stand in quotes: level = "info"'),
            ('level = "loud"', "log.level"),
        ):
            with self.subTest(bad):
                change_config(self.machine, '#level = "info"', bad)
                now = self.now()
                try:
                    done = self.machine.run("systemctl", "reload", UNIT)
                    self.assertNotEqual(done.returncode, 0)
                    self.wait_for_line(words, now)
                    self.assertEqual(prop(self.machine, "MainPID"), pid)
                    self.assertEqual(prop(self.machine, "ActiveState"), "active")
                    self.expect_answer()
                finally:
                    change_config(self.machine, bad, '#level = "info"')
        self.machine.must("systemctl", "reload", UNIT)

    def test_doctor_says_what_was_stopped_before_it_asked(self):
        self.machine.must("systemctl", "stop", UNIT)
        done = self.machine.run("stsmap", "doctor", "--json", "--domain", "good.example")
        found = [each for each in json.loads(done.stdout)["checks"] if each["id"] == "unit-was-stopped"]
        self.assertEqual([each["verdict"] for each in found], ["warn"], done.stdout)
        self.assertIn("the question to its socket has started it", found[0]["words"])
        self.assertEqual(prop(self.machine, "ActiveState"), "active")
        self.expect_answer()

    def test_check_config_finds_what_is_not_there(self):
        for old, new, words in (
            ('#state_dir = "/var/lib/stsmapd"', 'state_dir = "/srv/none"', "the folder /srv/none does not exist"),
            ('#group = "postfix"', 'group = "no-such"', 'there is no group "no-such"'),
            ('#ca_file = ""', 'ca_file = "/srv/none.pem"', "cannot use CA file /srv/none.pem"),
        ):
            with self.subTest(new):
                change_config(self.machine, old, new)
                try:
                    for command in (("stsmapd", "--check-config"), ("systemctl", "reload", UNIT)):
                        done = self.machine.run(*command)
                        self.assertNotEqual(done.returncode, 0, command)
                    done = self.machine.run("stsmapd", "--check-config")
                    self.assertIn(words, done.stderr)
                finally:
                    change_config(self.machine, new, old)
        self.assertEqual(self.machine.must("stsmapd", "--check-config"), f"{CONFIG}: ok\n")
        self.machine.must("systemctl", "reload", UNIT)

    def test_tcp_is_off_until_one_line_says_otherwise(self):
        status, _, errors = self.ask(where="inet:127.0.0.1:8461")
        self.assertEqual(status, 1)
        self.assertIn("Connection refused", errors)
        old = next(line for line in self.machine.read(CONFIG).splitlines() if line.startswith("#listen = "))
        change_config(self.machine, old, 'listen = ["tcp:127.0.0.1:8461"]')
        try:
            self.machine.must("systemctl", "restart", UNIT)
            self.expect_answer(where="inet:127.0.0.1:8461")
            self.expect_answer()  # the activated socket is still there
        finally:
            change_config(self.machine, 'listen = ["tcp:127.0.0.1:8461"]', old)
            self.machine.must("systemctl", "restart", UNIT)

    def test_comes_back_when_killed(self):
        self.expect_answer()
        before = int(prop(self.machine, "NRestarts"))
        self.machine.must("systemctl", "kill", "--signal=KILL", UNIT)
        self.expect_answer()  # asked while no daemon ran: the socket keeps the question
        self.assertEqual(int(prop(self.machine, "NRestarts")), before + 1)

    def test_comes_back_when_it_hangs(self):
        self.expect_answer()
        folder = f"/run/systemd/system/{UNIT}.d"
        self.machine.must("mkdir", "-p", folder)
        self.machine.must("sh", "-c", f"printf '[Service]\\nWatchdogSec=2s\\n' > {folder}/short.conf")
        self.machine.must("systemctl", "daemon-reload")
        self.machine.must("systemctl", "restart", UNIT)
        now, pid = self.now(), prop(self.machine, "MainPID")
        answers = []
        self.machine.must("systemctl", "kill", "--kill-who=main", "--signal=STOP", UNIT)
        asking = threading.Thread(target=lambda: answers.append(self.ask()))
        asking.start()
        self.wait_for_line("Watchdog timeout", now)
        asking.join()
        self.machine.must("rm", "-r", folder)
        self.machine.must("systemctl", "daemon-reload")
        self.assertNotEqual(prop(self.machine, "MainPID"), pid)
        self.assertEqual(answers, [(0, ANSWER, "")])

    def test_wrong_configuration_is_refused_with_its_line(self):
        change_config(self.machine, '#level = "info"', 'level = "loud"')
        now = self.now()
        try:
            self.assertNotEqual(self.machine.run("systemctl", "restart", UNIT).returncode, 0)
            self.assertIn("log.level", journal(self.machine, "-u", UNIT, f"--since=@{now}"))
        finally:
            change_config(self.machine, 'level = "loud"', '#level = "info"')
        self.machine.must("systemctl", "reset-failed", UNIT)
        self.machine.must("systemctl", "start", UNIT)
        self.expect_answer()


if __name__ == "__main__":
    unittest.main()
