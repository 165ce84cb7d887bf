"""The control socket: who may do what, hostile HTTP, readers that are stuck, stop and reload.

What each operation does is tested elsewhere; here it is the socket and its server.
"""

import os
import pathlib
import shutil
import socket
import stat
import subprocess
import sys
import unittest

from blackbox import harness
from blackbox.harness import NOTFOUND, SECURE
from pylib import control_octets as control
from pylib.waiting import LATE, wait_for

HELPER = pathlib.Path(__file__).resolve().parents[1] / "pylib/as_in_namespace.py"
OVERFLOW = pathlib.Path("/proc/sys/kernel/overflowuid")
MOST = 32  # connections (src/admin/limits.hpp)
GET = b"GET /v1/status HTTP/1.1\r\nHost: x\r\n"


class ControlTest(harness.Case):
    def status(self, daemon):
        reply = control.ask(daemon.control_path, "GET", "/v1/status")
        self.assertEqual(reply.status, 200, reply.octets)
        return reply.json()

    def answers(self, daemon):
        """Postfix is served, whatever happens here."""
        self.assertEqual(daemon.ask("good.test"), SECURE)

    def test_curl_is_a_client(self):
        self.world.policy("good.test")
        daemon = self.start()
        self.answers(daemon)
        curl = shutil.which("curl")
        if curl is None:
            self.skipTest("no curl here")
        done = subprocess.run(
            [curl, "-sS", "--fail", "--unix-socket", daemon.control_path, "http://stsmapd/v1/status"],
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.startswith('{"schema":1,'), done.stdout)
        self.assertIn('"policies":1,', done.stdout)
        # With a body, in the ways that curl has: a length, chunks, and Expect.
        large = self.world.path("large")
        with open(large, "w", encoding="ascii") as file:
            file.write("x" * 2_000_000)
        for more in ([], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue"]):
            with self.subTest(more=more):
                done = subprocess.run(
                    [curl, "-sS", *more, "-o", "-", "-w", "%{http_code}", "--unix-socket", daemon.control_path]
                    + ["--data-binary", "@" + large, "http://stsmapd/v1/overrides"],
                    capture_output=True,
                    text=True,
                    timeout=60,
                )
                self.assertRegex(done.stdout, r'"code":"(too-large|not-found)".*\n(413|404)$', done.stderr)

    def test_the_socket_has_its_mode_and_is_removed(self):
        daemon = self.start(control={"socket": self.world.path("own"), "mode": "0640"})
        found = os.stat(self.world.path("own"))
        self.assertTrue(stat.S_ISSOCK(found.st_mode))
        self.assertEqual(stat.S_IMODE(found.st_mode), 0o640)
        self.assertEqual(found.st_uid, os.geteuid())
        self.assertEqual(control.ask(self.world.path("own"), "GET", "/v1/status").status, 200)
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse(os.path.exists(self.world.path("own")))
        # One that a dead process has left is replaced; one of a living process is not.
        daemon.start()
        daemon.kill()
        self.assertTrue(os.path.exists(self.world.path("own")))
        daemon.start()
        second = self.start(
            wait=False, listen=["unix:" + self.world.path("other")], state_dir=None, control={"socket": self.world.path("own")}
        )
        self.assertEqual(second.wait_exit(LATE), 1)
        self.assertIn("in use by a running process", second.log())

    def test_no_place_for_it_is_no_reason_not_to_start(self):
        # The default place is /run/stsmapd, which this host may have, so only a place that cannot be is sure.
        self.world.policy("good.test")
        refused = self.start(wait=False, control={"socket": self.world.path("none/control")})
        self.assertEqual(refused.wait_exit(LATE), 1)
        self.assertIn("control.socket: unix:", refused.log())
        off = self.start(control={"socket": ""})
        self.answers(off)
        self.assertEqual(off.log_lines("control-"), [])
        self.assertEqual(off.stop(), 0)
        if os.path.exists("/run/stsmapd"):
            self.skipTest("this host has /run/stsmapd")
        by_default = self.start(control=None)
        self.answers(by_default)
        self.assertEqual(len(by_default.log_lines("<4>control-not-listening")), 1)

    def test_inherited_sockets_are_told_apart_by_their_names(self):
        self.world.policy("good.test")
        paths = {name: self.world.path(name) for name in ("map", "control", "tlsrpt")}
        opened = {}
        for name, path in paths.items():
            opened[name] = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.addCleanup(opened[name].close)
            opened[name].bind(path)
            opened[name].listen()
        fds = {name: each.fileno() for name, each in opened.items()}
        daemon = self.start(
            listen=None, control=None, inherited=[fds["control"], fds["map"]], fd_names="control:stsmapd.socket"
        )
        self.assertEqual(daemon.ask("good.test", address="unix:" + paths["map"]), SECURE)
        self.assertEqual(control.ask(paths["control"], "GET", "/v1/status").status, 200)
        self.assertFalse(os.path.exists("/run/stsmapd/control") and not os.path.exists("/run/stsmapd/map"))
        self.assertEqual(daemon.stop(), 0)
        self.assertTrue(os.path.exists(paths["control"]), "it is the service manager's")
        reserved = self.start(wait=False, inherited=[fds["tlsrpt"]], fd_names="tlsrpt")
        self.assertEqual(reserved.wait_exit(LATE), 1)
        self.assertIn("nothing to offer there", reserved.log())
        tcp = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(tcp.close)
        wrong = self.start(wait=False, inherited=[tcp.fileno()], fd_names="control")
        self.assertEqual(wrong.wait_exit(LATE), 1)
        self.assertIn("it must be a unix socket", wrong.log())

    def test_rights_in_a_user_namespace(self):
        if os.geteuid() != 0:
            self.skipTest("only root can make a namespace of several users")
        own, known, unknown = 61001, 61002, 61003
        self.world.policy("good.test")
        os.chmod(self.world.folder, 0o777)
        state = self.world.path("owned")
        os.mkdir(state)
        os.chown(state, own, own)
        daemon = self.start(
            state_dir=state,
            socket={"mode": "0666", "owner": "", "group": ""},
            control={"socket": self.world.path("ns.control"), "mode": "0666"},
            wrapper=[sys.executable, str(HELPER), f"{own},0,{known}"],
            wait=False,  # the manager's socket is not for this user
        )
        daemon.wait_log("ready")
        path = self.world.path("ns.control")
        rows = (
            ("root", 0, 0, True),
            ("the user of the daemon", own, own, True),
            ("another one", known, known, False),
            ("one that the namespace does not know", unknown, int(OVERFLOW.read_text(encoding="ascii")), False),
        )
        for who, user, shown, may_change in rows:
            with self.subTest(who=who):
                reply = control.ask_as(user, path, "GET", "/v1/status")
                self.assertEqual(reply.status, 200, reply.octets)
                reply = control.ask_as(user, path, "DELETE", "/v1/overrides/a.test?by=alice")
                self.assertEqual(reply.code == "no-permission", not may_change, reply.octets)
                self.assertEqual(reply.status == 403, not may_change, reply.octets)
                if not may_change:
                    daemon.wait_log("control-refused", f"uid={shown} ")
                refused = daemon.log_lines("control-refused", f"uid={shown} ")
                self.assertEqual(len(refused), 0 if may_change else 1, daemon.log())
                self.assertTrue(all("by=alice" in line for line in refused))
        self.answers(daemon)

    def test_hostile_http(self):
        self.world.policy("good.test")
        daemon = self.start()
        self.answers(daemon)
        end = b"\r\n"
        post = b"POST /v1/overrides HTTP/1.1\r\n"
        rows = (
            ("no HTTP", b"13:sts good.test,", 400, "bad-request"),
            ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), 400, "bad-request"),
            ("NULs", bytes(20_000), 400, "bad-request"),
            ("HTTP/0.9", b"GET /v1/status\r\n\r\n", 400, "bad-request"),
            ("HTTP/1.0", b"GET /v1/status HTTP/1.0\r\n\r\n", 505, "http-version"),
            ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "http-version"),
            ("a length and chunks", post + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "bad-request"),
            ("two lengths", post + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400, "bad-request"),
            ("a length that is none", post + b"Content-Length: x\r\n\r\n", 400, "bad-request"),
            ("another coding", post + b"Transfer-Encoding: gzip\r\n\r\n", 400, "bad-request"),
            ("a body over the limit", post + b"Content-Length: 65537\r\n\r\n", 413, "too-large"),
            ("a length of exabytes", b"POST /v1/x HTTP/1.1\r\nContent-Length: 18000000000000000000\r\n\r\nx", 404, "not-found"),
            ("a body for GET", GET + b"Content-Length: 5\r\n\r\nhello", 400, "bad-request"),
            ("a head over the limit", GET + b"A: " + b"x" * 9000 + end * 2, 431, "header-too-large"),
            ("a head without end", GET + b"A: b\r\n" * 5000, 431, "header-too-large"),
            ("an expectation", post + b"Expect: tea\r\n\r\n", 417, "bad-request"),
            ("a method", b"BREW /v1/status HTTP/1.1\r\n\r\n", 405, "method-not-allowed"),
            ("a path", b"GET /etc/passwd HTTP/1.1\r\n\r\n", 404, "not-found"),
            ("an old parent", b"GET /v1/../v1/status HTTP/1.1\r\n\r\n", 400, "bad-request"),
            ("a parent encoded", b"GET /v1/%2e%2e/status HTTP/1.1\r\n\r\n", 400, "bad-request"),
            ("a NUL encoded", b"GET /v1/domains/a%00b HTTP/1.1\r\n\r\n", 400, "bad-request"),
            ("half a code", b"GET /v1/domains/a%4 HTTP/1.1\r\n\r\n", 400, "bad-request"),
            ("no UTF-8", b"GET /v1/domains/a%ff HTTP/1.1\r\n\r\n", 400, "bad-request"),
            ("a parameter", b"GET /v1/status?x=1 HTTP/1.1\r\n\r\n", 400, "bad-request"),
            ("a long target", b"GET /v1/" + b"x" * 3000 + b" HTTP/1.1\r\n\r\n", 414, "target-too-long"),
            ("a proxy's request", b"CONNECT good.test:443 HTTP/1.1\r\n\r\n", 400, "bad-request"),
            ("a star", b"OPTIONS * HTTP/1.1\r\n\r\n", 400, "bad-request"),
        )
        for what, octets, status, code in rows:
            with self.subTest(what=what):
                reply = control.talk(daemon.control_path, octets)
                self.assertEqual((reply.status, reply.code), (status, code), reply.octets)
                self.assertEqual(reply.json()["schema"], 1)
                self.assertEqual(reply.fields["content-type"], "application/json")
                self.assertEqual(reply.body.count(b"\n"), 1, reply.body)
        # What is unusual and right is answered: two requests at once, the absolute form.
        reply = control.talk(
            daemon.control_path, GET + end + b"GET http://anything/v1/status HTTP/1.1\r\nConnection: close\r\n\r\n"
        )
        self.assertEqual(reply.octets.count(b"HTTP/1.1 200 OK"), 2)
        self.answers(daemon)
        self.status(daemon)

    def test_one_connection_too_many(self):
        self.world.policy("good.test")
        daemon = self.start()
        held = []
        for _ in range(MOST):
            held.append(control.Client(daemon.control_path))
            self.addCleanup(held[-1].close)
            held[-1].send(GET + b"\r\n")
            self.assertEqual(held[-1].reply().status, 200)
        self.assertEqual(held[0].socket.getpeername(), daemon.control_path)
        refused = control.ask(daemon.control_path, "GET", "/v1/status")
        self.assertEqual((refused.status, refused.code), (503, "unavailable"))
        crowd = [control.Client(daemon.control_path) for _ in range(40)]
        for each in crowd:
            self.addCleanup(each.close)
        self.answers(daemon)
        for each in crowd:
            each.read_all()
        self.assertEqual(len(daemon.wait_log("<4>control-full")), 1)
        for each in held:
            each.close()
        wait_for(lambda: control.ask(daemon.control_path, "GET", "/v1/status").status == 200)

    def test_stuck_clients_harm_nobody(self):
        self.world.policy("good.test")
        daemon = self.start()
        self.answers(daemon)
        stuck = []
        for octets in (b"", b"GET /v1/sta", GET, b"POST /v1/import HTTP/1.1\r\nContent-Length: 100\r\n\r\n{"):
            stuck.append(control.Client(daemon.control_path))
            self.addCleanup(stuck[-1].close)
            stuck[-1].send(octets)
        # Requests without end, and nobody reads the replies.
        writer = control.Client(daemon.control_path)
        self.addCleanup(writer.close)
        # Before the flood: how long that takes is the machine's, and those who are stuck have their limits.
        self.assertGreaterEqual(self.status(daemon)["control_connections"], 6)
        writer.socket.setblocking(False)
        sent = 0
        try:
            while sent < 100_000_000:
                sent += writer.socket.send((b"GET /v1 HTTP/1.1\r\n\r\n") * 1000)
        except BlockingIOError:
            pass
        self.assertLess(sent, 100_000_000, "it goes on reading without being read")
        self.answers(daemon)
        self.assertEqual(daemon.ask("other.test"), NOTFOUND)
        self.assertEqual(daemon.stop(), 0)

    def test_stop_and_reload_with_clients(self):
        self.world.policy("good.test")
        daemon = self.start()
        self.answers(daemon)
        with control.Client(daemon.control_path) as client:
            client.send(GET + b"\r\n")
            self.assertEqual(client.reply().status, 200)
            daemon.configure(control={"socket": self.world.path("later")})
            daemon.reload()
            self.assertIn("needs_restart=control.socket", daemon.log())
            client.send(GET + b"\r\n")
            self.assertEqual(client.reply().status, 200)
            self.assertFalse(os.path.exists(self.world.path("later")))
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(client.read_all(), b"")
        self.assertFalse(os.path.exists(daemon.control_path))


if __name__ == "__main__":
    unittest.main()
