"""The status page, /status.json and `stsmap top` of the real daemon: what they show of what happens, what is wrong first,
and no domain to those who may not know it."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time
import unittest

from blackbox import harness
from blackbox.harness import NOTFOUND, SECURE
from pylib import control, control_octets, schemas
from pylib.programs import without_options
from pylib.waiting import LIMIT, Failed, wait_for


class Case(harness.Case):
    def begin(self, **options):
        daemon = self.start(**{"control": {"socket": self.world.path("control")}, **options})
        self.control = self.world.path("control")
        return daemon

    def get(self, target, address=None, status=200):
        with control_octets.Client(address or self.control) as client:
            client.send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            reply = control_octets.Reply(client.read_all())
        self.assertEqual(reply.status, status, reply.body)
        return reply

    def overview(self, address=None):
        found = self.get("/status.json", address).json()
        self.assertEqual(schemas.mistakes("overview", found), [])
        return found

    def troubles(self, address=None):
        return {one["id"]: one for one in self.overview(address)["troubles"]}

    def page(self, address=None, target="/"):
        reply = self.get(target, address)
        self.assertEqual(reply.fields["content-type"], "text/html; charset=utf-8")
        return reply.body.decode()

    def web(self, daemon, starts):
        """Where it listens since the last of its starts."""
        line = daemon.wait_log("web-listening: address=tcp:", count=starts)[-1]
        return re.search(r"address=(tcp:\S+)", line)[1]


class StatusPage(Case):
    def test_shows_what_happens(self):
        self.world.policy("good.test")
        self.world.policy("weak.test", mode="testing", ident="1")
        daemon = self.begin(web={"listen": ["tcp:127.0.0.1:0"]})
        for domain, answer in (("good.test", SECURE), ("weak.test", NOTFOUND), ("none.test", NOTFOUND)):
            self.assertEqual(daemon.ask(domain), answer)
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.assertEqual(daemon.ask("[192.0.2.1]"), NOTFOUND)
        found = self.overview()
        self.assertEqual(found["answers"]["secure"], 2)
        self.assertEqual(found["answers"]["notfound"], 3)
        self.assertEqual(found["answers_from"], {"memory": 1, "network": 3, "key": 1})
        self.assertEqual(sum(found["durations"]["network"]), 3)
        self.assertEqual(found["requests"], 5)
        self.assertEqual(sum(found["hour"]["answers"].values()), 5)
        self.assertEqual(found["policies"]["by_mode"], {"none": 0, "testing": 1, "enforce": 1})
        self.assertEqual(found["policies"]["changes"]["learnt"], 2)
        self.assertEqual(found["searches"]["fetched"]["ok"], 2)
        self.assertEqual(found["minutes"], [])
        self.assertEqual([one["server"] for one in found["resolvers"]], ["127.0.0.1:%d" % self.world.dns.port])
        page = self.page()
        self.assertIn("The first minute is not over yet.", page)
        self.assertIn("<th scope=\"row\">enforce</th><td class=\"n\">1</td>", page)
        # Both take what a browser asks for, and nothing else.
        self.assertNotIn("http-equiv", self.page(target="/?refresh=0"))
        self.get("/?refresh=1", status=400)
        self.get("/status.json?x=1", status=400)

    def test_says_what_is_wrong_and_names_domains_only_where_it_may(self):
        self.world.policy("good.test")
        daemon = self.begin(web={"listen": ["tcp:127.0.0.1:0"]}, limits={"max_connections": 100})
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.assertEqual(self.overview()["state"], "ok")

        # Another daemon takes the policy over, two hours old by then, and the policy host is broken.
        exported = self.run_tool("--control", self.control, "export").stdout
        daemon.stop()
        shutil.rmtree(daemon.state_dir)
        os.mkdir(daemon.state_dir)
        daemon.start(journal=True)
        web = self.web(daemon, starts=2)
        client = control.Control(self.control)
        older = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 7200))
        exported = re.sub(r'"fetched_at":"[^"]*"', '"fetched_at":"%s"' % older, exported)
        done = self.run_tool("--control", self.control, "import", stdin=exported)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.overview()["policies"]["by_age"]["6h"], 1)
        self.world.hosts.add("good.test", "", status="503 Broken")
        self.world.record("good.test", "2")
        client.post("domains", "good.test", "refresh")
        self.assertEqual(client.status, 200)
        wait_for(lambda: "fetches-failing" in self.troubles(), "the failing policy")
        found = self.overview()
        self.assertEqual(found["policies"]["failing"], {"http-status": 1})
        self.assertEqual(found["failing"][0]["domain"], "good.test")
        self.assertIn("503", found["failing"][0]["detail"])
        self.assertIn("<strong>good.test</strong>", self.page())
        strangers = self.overview(web)
        self.assertEqual(strangers["policies"]["failing"], {"http-status": 1})
        self.assertNotIn("failing", strangers)
        for text in (str(strangers), self.page(web)):
            self.assertNotIn("good.test", text)

        # An override, observing, an option that waits for a restart.
        body = b'{"domain": "good.test", "action": "may", "until": "2d", "reason": "<b>ticket</b> 7"}'
        client.read("POST", "overrides", body=body, yes="true")
        self.assertEqual(client.status, 200)
        self.assertEqual(daemon.ask("good.test"), "OK may")
        self.assertEqual(self.overview()["overrides"]["hits"]["may"], 1)
        self.assertEqual(self.overview(web)["overrides"]["in_all"], 1)
        self.assertIn("override-ending", self.troubles(web))
        self.assertIn("&lt;b&gt;ticket&lt;/b&gt; 7", self.page())
        self.assertNotIn("ticket", self.page(web))
        daemon.configure(mode="observe", threads=2, web={"listen": ["tcp:127.0.0.1:0"], "show_domains": True})
        daemon.reload()
        self.assertEqual(daemon.ask("good.test"), NOTFOUND)
        found = self.overview(web)
        self.assertEqual(found["mode"], "observe")
        self.assertIn("threads", found["configuration"]["needs_restart"])
        self.assertEqual(found["failing"][0]["domain"], "good.test")
        self.assertIn("good.test", self.page(web))
        self.assertIn("Only observing.", self.page(web))

        # A configuration that cannot be read.
        with open(daemon.config_file, "a", encoding="utf-8") as file:
            file.write("\nnonsense\n")
        os.kill(daemon.process.pid, signal.SIGHUP)
        daemon.wait_log("reload-failed")
        self.assertIn("reload-failed", self.troubles(web))

    def test_mail_that_waits_is_a_problem(self):
        self.world.policy("good.test")
        daemon = self.begin(deadline="1s", dns={"servers": ["127.0.0.1:%d" % self.world.dns.port], "try_timeout": "1s"})
        self.world.dns.behave("silent")
        daemon.ask("good.test")
        wait_for(lambda: "resolvers-silent" in self.troubles(), "the silent name server")
        found = self.overview()
        self.assertEqual(found["state"], "problem")
        self.assertTrue(found["resolvers"][0]["silent"])
        self.assertGreaterEqual(found["deadlines_exceeded"], 1)
        self.assertIn("deadline-exceeded", self.troubles())
        page = self.page()
        self.assertLess(page.index("Problem:"), page.index("Warning:"))
        self.world.dns.behave(None)


class Top(Case):
    def top(self, *arguments):
        return self.run_tool("--control", self.control, "top", *arguments)

    def test_shows_one_screen_after_the_other(self):
        self.world.policy("good.test")
        daemon = self.begin()
        self.assertEqual(daemon.ask("good.test"), SECURE)
        done = self.top("-n", "1")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertNotIn("\x1b", done.stdout)
        self.assertRegex(done.stdout, r"(?m)^secure +1 +1$")
        self.assertNotIn("a second\n", done.stdout.splitlines()[0])
        done = self.top("-n", "2", "--interval", "1s")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        first, second = done.stdout.split("\n\nstsmapd ")
        self.assertIn("took", first)
        self.assertRegex(second, r"(?m)^answers +a second +last hour +since the start$")
        for wrong in (["--interval", "0s"], ["--interval", "2h"], ["-n", "0"], ["x"]):
            self.assertEqual(self.top(*wrong).returncode, 2, wrong)
        daemon.stop()
        self.assertEqual(self.top("-n", "1").returncode, 3)

    def test_on_a_terminal_it_fits_and_ends_with_a_signal(self):
        self.begin()
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        before = subprocess.run(["stty", "-a"], stdin=slave, capture_output=True, check=True).stdout
        subprocess.run(["stty", "rows", "12", "cols", "60"], stdin=slave, check=True)
        child = subprocess.Popen(
            [harness.STSMAP, "--control", self.control, "top", "--interval", "1s"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**without_options(), "TERM": "xterm"},
        )
        self.addCleanup(child.kill)
        seen = b""
        while seen.count(b"\x1b[H") < 2 or not seen.endswith(b"\x1b[J"):
            if not select.select([master], [], [], LIMIT)[0]:
                raise Failed("no second screen: %r" % seen)
            seen += os.read(master, 65536)
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.wait(LIMIT), 0)
        screens = seen.decode().split("\x1b[H")[1:]
        for screen in screens:
            plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", screen)
            lines = plain.splitlines()
            self.assertLessEqual(len(lines), 11, plain)
            self.assertLessEqual(max(map(len, lines)), 60, plain)
        # Nothing of the terminal was changed, so nothing has to be put back.
        subprocess.run(["stty", "rows", "0", "cols", "0"], stdin=slave, check=True)
        self.assertEqual(subprocess.run(["stty", "-a"], stdin=slave, capture_output=True, check=True).stdout, before)
        self.assertEqual(set(re.findall(r"\x1b\[\??[0-9;]*[A-Za-z]", seen.decode())) - {"\x1b[2J", "\x1b[H", "\x1b[K", "\x1b[J"}
                         - {"\x1b[%sm" % n for n in (0, 1, 2, 31, 32, 33)}, set())
        os.close(slave)


if __name__ == "__main__":
    unittest.main()
