"""The web listener: who is served what, pages of strangers, hostile HTTP, slow and very many clients; health and
readiness. curl is the client wherever it can be."""

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time

from blackbox import harness
from blackbox.harness import NOTFOUND, SECURE
from pylib import control_octets as http
from pylib.programs import is_sanitized
from pylib.waiting import LATE, wait_for

PATHS = ("/metrics", "/healthy", "/ready", "/status.json", "/")
MOST = 64  # connections (src/admin/limits.hpp)
POLICY = "default-src 'none'; (style-src 'sha256-[A-Za-z0-9+/=]+'; )?base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class Web(harness.Case):
    def listening(self, daemon):
        """The TCP address of the web listener."""
        # The log has a thread of its own.
        line = wait_for(lambda: daemon.log_lines("web-listening: address=tcp:"), "the line")[-1]
        return re.search(r"address=(tcp:\S+)", line)[1]

    def begin(self, **options):
        daemon = self.start(**{"web": {"listen": ["tcp:127.0.0.1:0"]}, **options})
        return daemon, self.listening(daemon)

    def get(self, address, target, *fields, method="GET", host="localhost"):
        octets = "\r\n".join([f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close", *fields, "", ""])
        with http.Client(address) as client:
            client.send(octets.encode())
            return http.Reply(client.read_all())

    def curl(self, *words):
        if shutil.which("curl") is None:
            self.skipTest("no curl here")
        done = subprocess.run(["curl", "-sS", "-i", *words], capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return http.Reply(done.stdout)

    def test_serves_what_can_only_be_read(self):
        self.world.policy("good.test")
        self.world.policy("bad.test", status="404 Not Found")
        path = self.world.path("web")
        daemon, address = self.begin(web={"listen": ["tcp:127.0.0.1:0", "unix:" + path], "mode": "0604"})
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.assertEqual(daemon.ask("bad.test"), NOTFOUND)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o604)
        port = address.rpartition(":")[2]
        for target in PATHS:
            with self.subTest(target):
                reply = self.curl(f"http://localhost:{port}{target}")
                self.assertEqual(reply.status, 200)
                self.assertEqual(self.get("unix:" + path, target).status, 200)
                only_head = self.curl("-I", f"http://127.0.0.1:{port}{target}")
                self.assertEqual((only_head.status, only_head.body), (200, b""))
                for each in (reply, only_head):
                    self.assertRegex(each.fields["content-security-policy"], f"^{POLICY}$")
                    self.assertEqual(each.fields["x-content-type-options"], "nosniff")
                    self.assertEqual(each.fields["cache-control"], "no-store")
                    self.assertEqual(each.fields["referrer-policy"], "no-referrer")
                    self.assertNotIn("set-cookie", each.fields)
                    self.assertFalse([name for name in each.fields if name.startswith("access-control")])
                self.assertNotIn(b"good.test", reply.body)
                self.assertNotIn(b"bad.test", reply.body)
                self.assertEqual(http.ask(daemon.control_path, "GET", target).status, 200)
        self.assertTrue(self.get(address, "/ready").body.startswith(b"ready\n"))
        self.assertTrue(self.get(address, "/healthy").body.startswith(b"healthy\n"))
        # Nothing else is there, and nothing can be changed.
        for target in ("/v1", "/v1/status", "/v1/domains", "/v1/export", "/v1/domains/good.test", "/favicon.ico"):
            self.assertEqual(self.get(address, target).status, 404, target)
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH"):
            reply = self.get(address, "/metrics", method=method)
            self.assertEqual((reply.status, reply.fields.get("allow")), (405, "GET, HEAD"), method)
        self.assertEqual(self.get(address, "/v1/domains/good.test?yes=true", method="DELETE").status, 404)
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse(os.path.exists(path))

    def test_a_page_of_a_stranger_reads_nothing(self):
        """DNS rebinding: the stranger's name leads to this host, the browser sends that name."""
        daemon, address = self.begin()
        port = address.rpartition(":")[2]
        for name in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example"):
            reply = self.curl("--resolve", f"{name}:{port}:127.0.0.1", f"http://{name}:{port}/status.json")
            self.assertEqual((reply.status, reply.code), (421, "misdirected"))
        for host in ("evil.example", "evil.example:80", "localhost:80@evil.example", "", "localhost, evil.example"):
            self.assertEqual(self.get(address, "/", host=host).status, 421, host)
        self.assertEqual(self.get(address, "http://evil.example/").status, 421)
        self.assertEqual(self.get(address, "/", "Host: evil.example").status, 400)
        self.assertEqual(len(wait_for(lambda: daemon.log_lines("web-host-refused: host="), "the line")), 1, "one line a minute")
        # The administrator's own names, at once.
        self.assertEqual(self.get(address, "/ready", host="mx1.example.com:9461").status, 421)
        daemon.configure(web={"listen": ["tcp:127.0.0.1:0"], "hosts": ["MX1.example.com", "[2001:db8::1]"]})
        daemon.reload()
        for host in ("mx1.example.com:9461", "mx1.EXAMPLE.com", "[2001:0db8::1]:9461", "localhost"):
            self.assertEqual(self.get(address, "/ready", host=host).status, 200, host)
        self.assertEqual(self.get(address, "/ready", host="mx2.example.com").status, 421)

    def test_what_is_no_request_is_refused(self):
        daemon, address = self.begin()
        big = "X: " + "x" * 9000
        for octets, status in (
            (b"GET /ready HTTP/1.0\r\nHost: localhost\r\n\r\n", 505),
            (b"GET /ready HTTP/1.1\r\n\r\n", 400),
            (b"GET /ready\r\n\r\n", 400),
            (b"GET /ready HTTP/1.1\r\nHost: localhost\r\n" + big.encode() + b"\r\n\r\n", 431),
            (b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
            (b"GET /ready HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello", 400),
            (b"POST /ready HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 405),
            (b"GET /../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
            (b"GET /%2e%2e/x HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
            (b"GET /ready?x=1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
            (b"13:sts example.com,", 400),
            (os.urandom(1000).replace(b"\r", b"x") + b"\r\n\r\n", 400),
        ):
            with self.subTest(octets=octets[:60]):
                reply = http.talk(address, octets)
                self.assertEqual(reply.status, status, reply.octets)
                self.assertEqual(reply.fields["x-content-type-options"], "nosniff")
        # Several at once are answered in their order.
        one = "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"
        reply = http.talk(address, "".join(one % target for target in ("/ready", "/v1", "/healthy")).encode()).octets
        self.assertEqual(re.findall(rb"HTTP/1\.1 (\d+)", reply), [b"200", b"404", b"200"])
        self.assertEqual(daemon.log_lines("<3>"), [])

    def ready(self, address):
        """The status of /ready. While clients storm in, a connection may have to make room before its reply came: it
        gets three tries."""
        status = 0
        for _ in range(3):
            try:
                status = self.get(address, "/ready").status
            except ConnectionError:
                continue
            if status != 0:
                break
        return status

    def test_slow_and_very_many_clients_hold_up_nobody(self):
        self.world.policy("good.test")
        daemon, address = self.begin()
        self.assertEqual(daemon.ask("good.test"), SECURE)
        crowd = []
        self.addCleanup(lambda: [each.close() for each in crowd])
        over = threading.Event()
        # More than the sockets hold unread; a sanitizer makes each of them slow.
        asked = 4 if is_sanitized() else 20
        came = time.monotonic()

        def come():
            """1,000 clients: silent ones, slow ones, and ones that never read what they asked for."""
            for i in range(1000):
                client = socket.create_connection(address[4:].rsplit(":", 1), timeout=LATE)
                crowd.append(client)
                try:
                    if i % 3 == 1:
                        client.sendall(b"GET /met")
                    elif i % 3 == 2:
                        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * asked)
                except OSError:
                    pass  # it has made room already
            over.set()

        thread = threading.Thread(target=come)
        thread.start()
        slowest, rounds = 0.0, 0
        while not over.is_set() or rounds < 20:
            begun = time.monotonic()
            self.assertEqual(daemon.ask("good.test"), SECURE)
            slowest = max(slowest, time.monotonic() - begun)
            rounds += 1
            self.assertEqual(self.ready(address), 200)
        thread.join(LATE)
        self.assertEqual(len(crowd), 1000)
        self.assertEqual(self.get(address, "/ready").status, 200)
        self.assertLess(slowest, 2, "Postfix waits for nobody")
        # Also what has to be looked up.
        self.world.policy("later.test")
        self.assertEqual(daemon.ask("later.test"), SECURE)
        self.assertEqual(self.get(address, "/metrics").status, 200)
        descriptors = len(os.listdir(f"/proc/{daemon.process.pid}/fd"))
        self.assertLess(descriptors, MOST + 100, "a bounded number is open")
        said = len(daemon.log_lines("web-full: connections="))
        self.assertIn(said, range(1, 2 + int((time.monotonic() - came) / 60)), "a line a minute")
        self.assertEqual(daemon.stop(), 0)

    def test_ready_says_whether_postfix_gets_answers(self):
        self.world.policy("good.test")
        daemon, address = self.begin(threads=2, limits={"max_connections": 2}, deadline="60s", dns={"timeout": "60s", "try_timeout": "30s"})
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.assertEqual(self.tool(daemon, "health"), (0, "ready"))
        self.assertEqual(self.tool(daemon, "health", "--live"), (0, "healthy"))
        # Trouble of others is none of ours.
        self.world.unplug()
        self.assertEqual(self.get(address, "/ready").status, 200)
        # All places are taken, and all who have them wait for an answer.
        waiting = self.crowd(daemon, ["unknown1.test", "unknown2.test"])
        wait_for(lambda: self.get(address, "/ready").status == 503, "not ready")
        self.assertRegex(self.get(address, "/ready").body.decode(), "^not ready\nthread [12]: as many clients")
        self.assertEqual(self.tool(daemon, "health")[0], 1)
        self.assertEqual(self.tool(daemon, "health", "--live")[0], 0)
        for client in waiting:
            client.close()
        self.world.plug()
        wait_for(lambda: self.get(address, "/ready").status == 200, "ready")
        # A daemon that hangs, and none.
        os.kill(daemon.process.pid, signal.SIGSTOP)
        try:
            self.assertEqual(self.tool(daemon, "health")[0], 3)
        finally:
            os.kill(daemon.process.pid, signal.SIGCONT)
        wait_for(lambda: self.tool(daemon, "health")[0] == 0, "ready")
        file = self.world.path("stsmapd.prom")
        self.assertEqual(self.tool(daemon, "metrics", "--textfile", file), (0, ""))
        with open(file, encoding="utf-8") as kept:
            text = kept.read()
        self.assertIn("stsmapd_build_info", text)
        self.assertEqual([line for line in text.splitlines() if not re.match(r"(# (HELP|TYPE) )?stsmapd_", line)], [])
        self.assertEqual(stat.S_IMODE(os.stat(file).st_mode), 0o644)
        printed = self.tool(daemon, "metrics")
        self.assertEqual(printed[0], 0)
        self.assertIn("\nprocess_cpu_seconds_total", printed[1])
        self.assertEqual(self.tool(daemon, "metrics", "--textfile", self.world.path("none/x.prom"))[0], 1)
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(self.tool(daemon, "health")[0], 3)
        self.assertEqual(self.tool(daemon, "metrics", "--textfile", file)[0], 3)
        with open(file, encoding="utf-8") as kept:
            self.assertEqual(kept.read(), text, "the old file stays")

    def tool(self, daemon, *words):
        done = self.run_tool("--control", daemon.control_path, *words)
        return done.returncode, done.stdout.strip().split("\nnote: ")[0]

    def open_to_others(self, daemon):
        """The addresses of which `stsmap doctor` says that whoever connects may read."""
        done = self.run_tool("--config", daemon.config_file, "doctor", "--json", "--domain", "good.test")
        found = [each["words"] for each in json.loads(done.stdout)["checks"] if each["id"] == "web-open"]
        return [re.match(r"the web listener at (\S+) has no password", words)[1] for words in found]

    def test_no_place_for_it_is_no_reason_not_to_answer(self):
        self.world.policy("good.test")
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        port = taken.getsockname()[1]
        daemon = self.start(web={"listen": [f"tcp:127.0.0.1:{port}"]})
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.assertEqual(len(wait_for(lambda: daemon.log_lines("<3>web-not-listening: address=tcp:127.0.0.1:"), "the line")), 1)
        self.assertEqual(daemon.stop(), 0)
        # Of the service manager: served as well; not where others reach it, unless it is said who may ask.
        local, wide = socket.create_server(("127.0.0.1", 0)), socket.create_server(("0.0.0.0", 0))
        self.addCleanup(local.close)
        self.addCleanup(wide.close)
        daemon = self.start(web=None, inherited=[local.fileno(), wide.fileno()], fd_names="web:web")
        self.assertEqual(daemon.ask("good.test"), SECURE)
        address = "tcp:127.0.0.1:%d" % local.getsockname()[1]
        self.assertEqual(self.get(address, "/ready").status, 200)
        self.assertEqual(len(wait_for(lambda: daemon.log_lines("web-listening: "), "the line")), 1)
        self.assertRegex(wait_for(lambda: daemon.log_lines("<3>web-not-listening: "), "the line")[0], "address=tcp:0.0.0.0:.* web.hosts")
        # Who asks there is not kept waiting, and a reload is enough to open it.
        address = "tcp:127.0.0.1:%d" % wide.getsockname()[1]
        with http.Client(address) as client:
            self.assertEqual(client.read_all(), b"")
        daemon.configure(web={"hosts": ["mx1.example.com"]})
        daemon.reload()
        self.assertEqual(self.get(address, "/ready", host="mx1.example.com").status, 200)
        # It is in no configuration: only the daemon can tell.
        self.assertEqual(self.open_to_others(daemon), ["tcp:0.0.0.0:%d" % wide.getsockname()[1]])
        daemon.configure(web=None)
        daemon.reload()
        with http.Client(address) as client:
            self.assertEqual(client.read_all(), b"")
        self.assertEqual(self.open_to_others(daemon), [])
        self.assertEqual(daemon.stop(), 0)
        daemon = self.start(web={"hosts": ["mx1.example.com"]}, inherited=[wide.fileno()], fd_names="web")
        self.assertEqual(self.get(address, "/ready", host="mx1.example.com").status, 200)
        self.assertEqual(daemon.stop(), 0)
        # Of the configuration: likewise.
        daemon = self.start(web={"listen": ["tcp:0.0.0.0:0"], "hosts": ["mx1.example.com"]})
        address = "tcp:127.0.0.1:" + self.listening(daemon).rpartition(":")[2]
        self.assertEqual(self.get(address, "/ready", host="mx1.example.com").status, 200)
        daemon.configure(web=None)
        daemon.reload()
        with http.Client(address) as client:
            self.assertEqual(client.read_all(), b"")
        self.assertEqual(daemon.stop(), 0)
        # Without such hosts it is a mistake.
        refused = self.start(wait=False, web={"listen": ["tcp:0.0.0.0:0"]})
        self.assertNotEqual(refused.wait_exit(LATE), 0)
        self.assertIn("web.listen: other hosts can reach tcp:0.0.0.0:0; name in web.hosts", refused.log())
