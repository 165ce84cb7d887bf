"""The commands of stsmap over the control socket, with a daemon that the test plays: what is asked, what is printed,
exit statuses, and what a hostile or broken daemon can do to a terminal (nothing)."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import tempfile
import threading
import unittest
from urllib.parse import parse_qs, unquote, urlsplit

from blackbox import harness
from blackbox.control_peer import FLEET, NOW, SYNC, ControlPeer, broken
from pylib.programs import without_options

EVIDENCE = {
    "next_hop": "a.test",
    "domain": "a.test",
    "now": NOW,
    "daemon": {"version": "0.2.0", "mode": "enforce", "dane": "active"},
    "answer": "secure",
    "replies": {"sts": "OK secure match=mx.a.test", "sts-tlsrpt": "OK secure match=mx.a.test"},
    "rule": "policy",
    "rules": [{"rule": "policy"}],
    "known": "policy",
    "policy": {
        "mode": "enforce",
        "mx": ["mx.a.test"],
        "max_age_s": 604800,
        "fetched_at": NOW,
        "expires_at": "2099-01-01T00:00:00Z",
        "expired": False,
        "text": "",
    },
}
ROW = {
    "domain": "a.test",
    "mode": "enforce",
    "mx": 1,
    "max_age_s": 604800,
    "fetched_at": NOW,
    "expires_at": "2099-01-01T00:00:00Z",
    "answer": "secure",
    "failures": 0,
}
OVERRIDE = {
    "domain": "a.test",
    "action": "encrypt",
    "until": "2099-01-01T00:00:00Z",
    "reason": "their certificate",
    "weakens": True,
    "source": "run-time",
    "added_at": NOW,
    "added_by": "uid 0",
    "hides": "secure",
    "applies": True,
}
OBSERVED = {"since": NOW, "domains": 0, "lookups": 0, "would": {}, "top": []}
IMPORTED = {"taken": 1, "older": 0, "expired": 0, "future": 0, "invalid": [], "invalid_count": 0}
END = {"kind": "end", "policies": 0, "overrides": 0}

# Each command with its request and a reply that it understands.
COMMANDS = [
    (["list"], "GET", "/v1/domains", ControlPeer.lines([ROW])),
    (["refresh", "a.test"], "POST", "/v1/domains/a.test/refresh", ControlPeer.json(EVIDENCE)),
    (["forget", "a.test"], "DELETE", "/v1/domains/a.test", ControlPeer.json({"domain": "a.test", "forgotten": True})),
    (
        ["override", "add", "a.test", "encrypt", "--until", "14d", "--reason", "x"],
        "POST",
        "/v1/overrides",
        ControlPeer.json(OVERRIDE),
    ),
    (["override", "list"], "GET", "/v1/overrides", ControlPeer.json({"overrides": [OVERRIDE]})),
    (["override", "remove", "a.test"], "DELETE", "/v1/overrides/a.test", ControlPeer.json(OVERRIDE)),
    (["observed"], "GET", "/v1/observed", ControlPeer.json(OBSERVED)),
    (["export"], "GET", "/v1/export", ControlPeer.lines([END])),
    (["import"], "POST", "/v1/import", ControlPeer.json(IMPORTED)),
    (["fleet", "status"], "GET", "/v1/fleet", ControlPeer.json(FLEET)),
    (["fleet", "sync"], "POST", "/v1/fleet/sync", ControlPeer.json({"sync": SYNC})),
]


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="stsmapd-bb-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.peer = ControlPeer(folder.name)
        self.addCleanup(self.peer.close)

    def stsmap(self, *arguments, stdin="", environment=None, control=None):
        return subprocess.run(
            [harness.STSMAP, "--control", control or self.peer.path, *arguments],
            input=stdin.encode(),
            capture_output=True,
            timeout=60,
            env={**without_options(), "TZ": "UTC", "STSMAPD_DNS_SERVERS": "127.0.0.1:9", **(environment or {})},
        )

    def start(self, *arguments, **options):
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.PIPE, **options}
        process = subprocess.Popen(
            [harness.STSMAP, "--control", self.peer.path, *arguments],
            env={**without_options(), "TZ": "UTC"},
            **options,
        )

        def end():
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe:
                    pipe.close()

        self.addCleanup(end)
        return process

    def assert_harmless(self, octets):
        """Nothing in it moves a cursor or changes how a terminal writes; all of it is UTF-8."""
        text = octets.decode()
        self.assertIsNone(re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e]", text), repr(text))
        return text


class AskingTest(Case):
    def test_each_command_asks_and_prints(self):
        for arguments, method, path, reply in COMMANDS:
            with self.subTest(arguments=arguments):
                self.peer.requests.clear()
                self.peer.answer(method, path, reply)
                done = self.stsmap(*arguments)
                self.assertEqual((done.returncode, done.stderr), (0, b""), done)
                self.assertNotEqual(done.stdout, b"")
                request = self.peer.requests[0]
                self.assertEqual(len(self.peer.requests), 2 if arguments[0] == "refresh" else 1)  # explain asks, too
                self.assertEqual((request.method, urlsplit(request.target).path), (method, path))
                text = self.assert_harmless(done.stdout)
                if arguments[0] != "export":
                    self.assertLessEqual(max(map(len, text.splitlines())), 80, text)
                    as_json = self.stsmap(*arguments, "--json")
                    for line in as_json.stdout.splitlines():
                        self.assertEqual(json.loads(line)["schema"], 1)

    def test_by_is_who_called_sudo(self):
        for arguments, method, path, reply in COMMANDS:
            with self.subTest(arguments=arguments):
                self.peer.requests.clear()
                self.peer.answer(method, path, reply)
                self.stsmap(*arguments, environment={"SUDO_USER": "alice b"})
                by = parse_qs(urlsplit(self.peer.requests[0].target).query).get("by")
                self.assertEqual(by, None if method == "GET" else ["alice b"])

    def test_list_hands_on_its_options(self):
        self.peer.answer("GET", "/v1/domains", ControlPeer.lines([]))
        table = [
            ([], ""),
            (["--mode", "enforce", "--failing"], "mode=enforce&failing=true"),
            (["--expiring", "2d", "--dane"], "expiring=2d&dane=true"),
            (["--asked-since", "2026-11-28T20:35:20Z"], "asked_since=2026-11-28T20%3A35%3A20Z"),
            (["--sort", "failures"], "sort=failures"),
        ]
        for options, query in table:
            done = self.stsmap("list", *options)
            self.assertEqual((done.returncode, done.stdout), (0, b""), done)
            self.assertEqual(done.stderr, b"stsmap: no domain fits\n")
            self.assertEqual(urlsplit(self.peer.requests[-1].target).query, query)

    def test_a_next_hop_is_asked_for_as_it_is(self):
        for hop in ("[mx.a.test]:587", "b\u00fccher.test", "a b/c?d#e%", "[::1]"):
            self.stsmap("refresh", hop)
            target = self.peer.requests[-1].target
            self.assertEqual(unquote(target), "/v1/domains/%s/refresh" % hop)
            self.assertRegex(target, r"^[\w/%.~-]+$")

    def test_forget_hands_on_its_options(self):
        gone = {"domain": "a.test", "forgotten": True, "shared_keys": 1}
        self.peer.answer("DELETE", "/v1/domains/a.test", ControlPeer.json(gone))
        done = self.stsmap("forget", "--fleet", "--yes", "a.test")
        self.assertEqual((done.returncode, done.stdout), (0, b"forgot a.test; gone from the shared cache, too\n"), done)
        self.assertEqual(urlsplit(self.peer.requests[-1].target).query, "yes=true&fleet=1")

    def test_override_add_sends_what_was_given(self):
        self.peer.answer("POST", "/v1/overrides", ControlPeer.json(OVERRIDE))
        done = self.stsmap(
            *("override", "add", ".a.test", "secure", "--match", "mx.b.test,*.c.test", "--match", "d.test"),
            *("--until", "2026-12-24", "--reason", "b\u00fccher", "--yes"),
        )
        self.assertEqual(done.returncode, 0, done)
        request = self.peer.requests[-1]
        self.assertEqual(
            json.loads(request.body),
            {
                "domain": ".a.test",
                "action": "secure",
                "match": ["mx.b.test", "*.c.test", "d.test"],
                "until": "2026-12-24",
                "reason": "b\u00fccher",
            },
        )
        self.assertEqual(parse_qs(urlsplit(request.target).query), {"yes": ["true"]})
        self.assertIn("reason: their certificate", done.stdout.decode())

    def test_wrong_command_lines_ask_nothing(self):
        table = [
            (["list", "--mode", "enforced"], "--mode"),
            (["list", "--expiring", "soon"], "--expiring"),
            (["list", "--asked-since", "yesterday"], "--asked-since"),
            (["list", "--sort", "size"], "--sort"),
            (["list", "surplus"], "surplus"),
            (["refresh"], "domain"),
            (["override"], "ubcommand"),
            (["fleet"], "ubcommand"),
            (["fleet", "sync", "surplus"], "surplus"),
            (["override", "add", "a.test", "off", "--reason", "x"], "--until"),
            (["override", "add", "a.test", "off", "--until", "7d"], "--reason"),
            (["override", "add", "a.test", "off", "--untill", "7d"], "did you mean --until?"),
            (["warm", "--rate", "0"], "--rate"),
        ]
        for arguments, words in table:
            with self.subTest(arguments=arguments):
                done = self.stsmap(*arguments)
                self.assertEqual((done.returncode, done.stdout), (2, b""), done)
                self.assertIn(words, done.stderr.decode())
        self.assertEqual(self.peer.requests, [])

    def test_refusals(self):
        table = [
            (400, "bad-request", {"field": "until"}, 2, "stsmap: until: words"),
            (403, "no-permission", {}, 1, "root may do it"),
            (404, "unknown-domain", {}, 1, "stsmap: words"),
            (409, "needs-yes", {}, 1, "with --yes it is done all the same"),
            (429, "wait", {"retry_after_s": 42}, 1, "try again in 42 s"),
            (500, "failed", {}, 1, "stsmap: words"),
            (503, "unavailable", {}, 1, "stsmap: words"),
        ]
        for status, code, members, exit_status, words in table:
            for arguments, method, path, _ in COMMANDS:
                with self.subTest(status=status, arguments=arguments):
                    self.peer.answer(method, path, ControlPeer.error(status, code, "words", **members))
                    done = self.stsmap(*arguments)
                    self.assertEqual((done.returncode, done.stdout), (exit_status, b""), done)
                    self.assertIn(words, done.stderr.decode())

    def test_no_daemon(self):
        for arguments, _, _, _ in COMMANDS + [(["tail"], "", "", ""), (["warm"], "", "", "")]:
            with self.subTest(arguments=arguments):
                path = os.path.join(self.folder, "none")
                done = self.stsmap(*arguments, control=path, stdin="a.test\n")
                self.assertEqual(done.returncode, 3, done)
                self.assertEqual(done.stderr, b"stsmap: no daemon at %s: no such socket\n" % path.encode())

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to be somebody else")
    def test_no_permission(self):
        os.chmod(self.folder, 0o755)
        os.chmod(self.peer.path, 0o660)
        os.chown(self.peer.path, 0, 4)
        done = subprocess.run(
            [harness.STSMAP, "--control", self.peer.path, "list"],
            capture_output=True,
            text=True,
            user=65534,
            group=65534,
            extra_groups=[],
            env=without_options(),
        )
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertEqual(done.stderr, "stsmap: no permission to connect to %s: group adm or root\n" % self.peer.path)
        done = subprocess.run(
            [harness.STSMAP, "--control", self.peer.path, "list"],
            capture_output=True,
            text=True,
            user=65534,
            group=65534,
            extra_groups=[4],
            env=without_options(),
        )
        self.assertEqual(done.returncode, 1, done)  # 404: it got through


class HostileDaemonTest(Case):
    def test_replies_that_are_none(self):
        table = [
            b"\x1b[2Jgarbage\r\n\r\n",
            b"",
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
            b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"schema\":2}",
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\xff\x1b[2",
            b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100000,
            b"HTTP/1.1 200 OK\r\n\r\n{\"schema\":1",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\x1b[2J\r\n",
            b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 \xff\xff\xff OK\r\n\r\n",
        ]
        for octets in table:
            for arguments, method, path, _ in COMMANDS:
                with self.subTest(octets=octets[:50], arguments=arguments):
                    self.peer.answer(method, path, broken(octets))
                    done = self.stsmap(*arguments)
                    self.assertEqual((done.returncode, done.stdout), (3, b""), done)
                    self.assertTrue(self.assert_harmless(done.stderr).startswith("stsmap: %s: " % self.peer.path))

    def test_nothing_reaches_the_terminal_as_it_is(self):
        evil = "\x1b[2J\x07\r\n\u202e\x9b31m\u200b" * 3

        def poison(value):
            if isinstance(value, dict):
                return {name: poison(one) for name, one in value.items()} | {"x" + evil: evil}
            if isinstance(value, list):
                return [poison(one) for one in value] + [evil]
            return evil if isinstance(value, str) else value

        event = {"at": NOW, "event": "x", "fields": {"a": "b"}}
        top = {"domain": "a", "would": "secure", "lookups": 1, "first": NOW, "last": NOW}
        full = {
            **{"absence": {"reason": "x"}, "txt": {"id": "1"}, "get": {"failures": 2, "reason": "x", "detail": "y"}},
            **{"dane": {"verdict": "x"}, "hidden": "secure", "reason": "x"},
        }
        table = [
            (["list"], "GET", "/v1/domains", ControlPeer.lines([poison({**ROW, "failures": 3, "reason": "x"})])),
            (["refresh", "a"], "POST", "/v1/domains/a/refresh", ControlPeer.json(poison({**EVIDENCE, **full}))),
            (["forget", "a"], "DELETE", "/v1/domains/a", ControlPeer.json(poison({"domain": "a", "mode": "x"}))),
            (["override", "list"], "GET", "/v1/overrides", ControlPeer.json({"overrides": [poison(OVERRIDE)]})),
            (["override", "remove", "a"], "DELETE", "/v1/overrides/a", ControlPeer.json(poison(OVERRIDE))),
            (["observed"], "GET", "/v1/observed", ControlPeer.json(poison({**OBSERVED, "lookups": 1, "top": [top]}))),
            (["export"], "GET", "/v1/export", ControlPeer.lines([poison(END)])),
            (["import"], "POST", "/v1/import", ControlPeer.json(poison({**IMPORTED, "invalid": [{"line": 1}]}))),
            (["tail"], "GET", "/v1/events", ControlPeer.lines([poison(event)])),
            (["fleet", "sync"], "POST", "/v1/fleet/sync", ControlPeer.json({"sync": poison({**SYNC, "trouble": "x"})})),
            (
                ["fleet", "status"],
                "GET",
                "/v1/fleet",
                ControlPeer.json(poison({**FLEET, "trouble": "x", "trouble_at": NOW})),
            ),
        ]
        for arguments, method, path, reply in table:
            with self.subTest(arguments=arguments):
                self.peer.answer(method, path, reply)
                done = self.stsmap(*arguments)
                self.assertIn(done.returncode, (0, 1, 3), done)
                self.assertNotEqual(done.stdout, b"")
                self.assert_harmless(done.stdout)
                self.assert_harmless(done.stderr)
                self.assert_harmless(self.stsmap(*arguments, "--json").stdout)
        for arguments, method, path, _ in COMMANDS:
            with self.subTest(arguments=arguments, error=True):
                self.peer.answer(method, path, ControlPeer.error(400, evil, evil, field=evil))
                self.assert_harmless(self.stsmap(*arguments).stderr)

    def test_a_line_without_an_end(self):
        def endless(_, write):
            write(ControlPeer.lines([], end=False))
            while True:
                write(b"10000\r\n" + b"x" * 65536 + b"\r\n")

        for command, path in (("list", "/v1/domains"), ("export", "/v1/export"), ("tail", "/v1/events")):
            self.peer.answer("GET", path, endless)
            done = self.stsmap(command)
            self.assertEqual((done.returncode, done.stdout), (3, b""), done.stderr)
            self.assertIn("longer than 1 MiB", done.stderr.decode())

    def test_members_of_other_types(self):
        for value in (None, [], {}, 5, -1, 1e300, True, "x", [[]], 2**70):
            for arguments, method, path, _ in COMMANDS + [(["tail"], "GET", "/v1/events", b"")]:
                with self.subTest(value=value, arguments=arguments):
                    names = {**EVIDENCE, **ROW, **OVERRIDE, **OBSERVED, **IMPORTED, **END, **FLEET, **SYNC}
                    names |= {"overrides": 1, "txt": 1}
                    names |= {"get": 1, "dane": 1, "at": 1, "event": 1, "level": 1, "fields": 1}
                    odd = {name: value for name in names}
                    stream = arguments[0] in ("list", "export", "tail")
                    self.peer.answer(method, path, ControlPeer.lines([odd]) if stream else ControlPeer.json(odd))
                    done = self.stsmap(*arguments)
                    self.assertIn(done.returncode, (0, 1, 3), done)
                    self.assert_harmless(done.stdout)


class ExportTest(Case):
    POLICY = {"kind": "policy", "domain": "a.test", "text": "version: STSv1\r\n", "fetched_at": NOW}

    def export(self, lines, end=True):
        octets = ControlPeer.lines(lines, end)
        self.peer.answer("GET", "/v1/export", octets if end else broken(octets))
        return self.stsmap("export")

    def test_is_whole_or_says_that_it_is_not(self):
        end = {"kind": "end", "policies": 1, "overrides": 0}
        self.assertEqual(self.export([self.POLICY, end]).returncode, 0)
        for lines, whole_http in [
            ([self.POLICY], True),  # no last line
            ([self.POLICY, end], False),  # no last chunk
            ([self.POLICY, self.POLICY, end], True),  # one more than counted
            ([end, self.POLICY], True),
            ([], True),
            ([self.POLICY, b"{\"schema\":1,\"ki"], True),
        ]:
            with self.subTest(lines=lines, whole_http=whole_http):
                done = self.export(lines, whole_http)
                self.assertEqual(done.returncode, 3, done)
                self.assertIn("the export is not whole: do not use it", done.stderr.decode())

    def test_says_when_the_disk_is_full(self):
        self.peer.answer("GET", "/v1/export", ControlPeer.lines([{"kind": "end", "policies": 0, "overrides": 0}]))
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [harness.STSMAP, "--control", self.peer.path, "export"], stdout=full, stderr=subprocess.PIPE, timeout=60
            )
        self.assertEqual((done.returncode, done.stderr), (1, b"stsmap: the output cannot be written\n"))

    def test_import_sends_the_file_as_it_is(self):
        self.peer.answer("POST", "/v1/import", ControlPeer.json(IMPORTED))
        octets = b"x" * 300000 + b"\n\xff"
        path = os.path.join(self.folder, "file")
        with open(path, "wb") as file:
            file.write(octets)
        self.assertEqual(self.stsmap("import", path, "--overrides").returncode, 0)
        self.assertEqual(self.peer.requests[-1].body, octets)
        self.assertEqual(self.peer.requests[-1].target, "/v1/import?overrides=true")
        self.assertEqual(self.stsmap("import", stdin="abc").returncode, 0)
        self.assertEqual(self.peer.requests[-1].body, b"abc")
        done = self.stsmap("import", self.folder)
        self.assertEqual((done.returncode, done.stdout), (1, b""), done)
        self.assertIn("Is a directory", done.stderr.decode())
        for members, words in [
            ({"complete": False}, "the export is not whole"),
            ({"invalid": [{"line": 3, "words": "no JSON"}], "invalid_count": 1}, ""),
        ]:
            self.peer.answer("POST", "/v1/import", ControlPeer.json({**IMPORTED, **members}))
            done = self.stsmap("import", stdin="x")
            self.assertEqual(done.returncode, 1, done)
            self.assertIn(words, done.stderr.decode())


class PipesAndSignalsTest(Case):
    def test_a_pipe_that_is_closed_early_ends_it_quietly(self):
        def endless(_, write):
            write(ControlPeer.lines([], end=False))
            line = json.dumps({"schema": 1, **ROW}).encode() + b"\n"
            while True:
                write(b"%x\r\n%s\r\n" % (len(line), line))

        self.peer.answer("GET", "/v1/domains", endless)
        self.peer.answer("GET", "/v1/export", endless)
        for command in ("list", "export"):
            process = self.start(command)
            process.stdout.readline()
            process.stdout.close()
            self.assertEqual(process.wait(20), -signal.SIGPIPE)
            self.assertEqual(process.stderr.read(), b"")

    def test_tail_prints_at_once_and_ends_with_sigint(self):
        event = {"at": NOW, "event": "policy-learnt", "level": "info", "fields": {"domain": "a.test"}}
        block = threading.Event()
        self.addCleanup(block.set)

        def one(_, write):
            write(ControlPeer.lines([event], end=False))
            block.wait()
            return False

        self.peer.answer("GET", "/v1/events", one)
        for options, line in (
            ([], b"2026-11-28 20:35:20+00:00 info    policy-learnt domain=a.test\n"),
            (
                ["--json"],
                b'{"schema":1,"at":"%s","event":"policy-learnt","level":"info","fields":{"domain":"a.test"}}\n'
                % NOW.encode(),
            ),
        ):
            for number in (signal.SIGINT, signal.SIGTERM):
                process = self.start("tail", *options)
                self.assertEqual(process.stdout.readline(), line)
                process.send_signal(number)
                self.assertEqual(process.wait(20), 0)
                self.assertEqual(process.stderr.read(), b"")
        done = self.stsmap("tail", "a.test", control=self.folder + "/none")
        self.assertEqual(done.returncode, 3)

    def test_tail_says_that_the_daemon_ended_it(self):
        self.peer.answer("GET", "/v1/events", ControlPeer.lines([]))
        done = self.stsmap("tail", "[a.test]")
        self.assertEqual(done.returncode, 3)
        self.assertIn("the daemon ended the stream", done.stderr.decode())
        self.assertEqual(unquote(self.peer.requests[-1].target), "/v1/events?domain=[a.test]")


class WarmTest(Case):
    def learn(self, domain, **reply):
        self.peer.answer("POST", "/v1/domains/%s/learn" % domain, ControlPeer.json({"domain": domain, **reply}))

    def asked(self):
        return sorted(request.target.split("/")[3] for request in self.peer.requests)

    def test_asks_for_each_once_and_sums_up(self):
        self.learn("known.test", known=True, answer="secure", mode="enforce")
        self.learn("found.test", known=False, answer="secure", mode="enforce")
        self.learn("none.test", known=False, answer="notfound", reason="no-record")
        self.learn("bad.test", known=False, answer="notfound", reason="http-status")
        self.peer.answer("POST", "/v1/domains/_/learn", ControlPeer.error(400, "bad-request", "no domain"))
        text = "known.test\nfound.test\n# x\n\nNONE.test more\nbad.test\nfound.test\n_\n"
        done = self.stsmap("warm", "--rate", "1000", stdin=text)
        self.assertEqual(done.returncode, 1, done)
        out = done.stdout.decode()
        self.assertIn("bad.test: http-status\n", out)
        self.assertIn("_: no domain\n", out)
        self.assertIn(
            "5 domains: 1 known before, 1 found, 1 without a policy, 1 failing, 1 refused;", out.replace("\n", " ")
        )
        self.assertEqual(self.asked(), ["_", "bad.test", "found.test", "known.test", "none.test"])
        self.peer.requests.clear()
        path = os.path.join(self.folder, "list")
        with open(path, "w") as file:
            file.write("known.test\nbad.test")
        done = self.stsmap("warm", path, "--json", "--rate", "1000")
        self.assertEqual(done.returncode, 0, done)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual({line["schema"] for line in lines}, {1})
        self.assertEqual((lines[-1]["kind"], lines[-1]["domains"], lines[-1]["left"]), ("end", 2, 0))

    def test_known_domains_cost_no_time(self):
        names = ["n%d.test" % i for i in range(300)]
        for name in names:
            self.learn(name, known=True, answer="secure", mode="enforce")
        done = self.stsmap("warm", "--rate", "1", stdin="\n".join(names))  # 300 s, if they counted
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(self.asked(), sorted(names))

    def test_waits_while_the_daemon_has_no_room(self):
        replies = [
            ControlPeer.error(503, "unavailable", "busy"),
            ControlPeer.json({"known": False, "answer": "secure"}),
        ]

        def serve(_, write):
            write(replies.pop(0))
            return True

        self.peer.answer("POST", "/v1/domains/a.test/learn", serve)
        done = self.stsmap("warm", stdin="a.test")
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(len(self.peer.requests), 2)

    def test_stops_with_sigint_and_says_what_is_left(self):
        block = threading.Event()
        self.addCleanup(block.set)

        def serve(_, write):
            block.wait()
            return False

        self.learn("a.test", known=True, answer="secure")
        self.peer.answer("POST", "/v1/domains/slow.test/learn", serve)
        process = self.start("warm")
        process.stdin.write(b"a.test\nslow.test\nslow2.test\n")
        process.stdin.close()
        self.peer.wait_requests(2)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(20), 1)
        out = process.stdout.read().decode()
        self.assertRegex(out, r"\d left: the same command goes on with them")
        # On a slow machine it has said how far it is, every ten seconds.
        said = [line for line in process.stderr.read().splitlines() if b" a second, " not in line]
        self.assertEqual(said, [])

    def test_gives_up_when_the_daemon_is_gone(self):
        self.peer.answer("POST", "/v1/domains/a.test/learn", broken(b""))
        done = self.stsmap("warm", stdin="a.test\n" + "\n".join("b%d.test" % i for i in range(100)))
        self.assertEqual(done.returncode, 3, done)
        self.assertIn("the daemon closed the connection", done.stderr.decode())
        self.assertLess(len(self.peer.requests), 50)

    def test_shows_its_progress_on_a_terminal(self):
        block = threading.Event()
        self.addCleanup(block.set)

        def serve(_, write):
            block.wait(20)
            write(ControlPeer.json({"domain": "a.test", "known": False, "answer": "secure", "mode": "enforce"}))
            return True

        self.peer.answer("POST", "/v1/domains/a.test/learn", serve)
        master, slave = pty.openpty()
        process = self.start("warm", stderr=slave)
        os.close(slave)
        process.stdin.write(b"a.test\n")
        process.stdin.close()
        shown = b""
        while b" a second, " not in shown:
            self.assertTrue(select.select([master], [], [], 20)[0], shown)
            shown += os.read(master, 4096)
        block.set()
        self.assertEqual(process.wait(20), 0)
        os.close(master)
        self.assertIn(b"0 of 1, 0.0 a second, 0 found, 0 failing", shown)
        self.assertNotIn(b"\x1b", shown)
        for line in shown.split(b"\r"):
            self.assertLess(len(line), 80)


if __name__ == "__main__":
    unittest.main()
