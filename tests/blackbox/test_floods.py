"""Floods: as much as one client or one stranger can send. They must cost the others nothing.

The sizes here are for a run of seconds; tests/hostile-run sets larger ones in the environment.
"""

import os
import select
import threading
import time
import unittest

from blackbox import harness
from blackbox.harness import NOTFOUND, SECURE
from blackbox.probe import Probe
from pylib.dns_message import encode_name
from pylib.programs import is_sanitized, raise_file_limit
from pylib.socketmap import frame
from pylib.waiting import LATE, LIMIT, wait_for

NAMES = int(os.environ.get("STSMAPD_FLOOD_NAMES", 10_000))
CONNECTIONS = int(os.environ.get("STSMAPD_FLOOD_CONNECTIONS", 300))
SLOW_DOMAINS = 300
POLICIES = 50
WINDOW = 500  # questions of the flood that are open at a time, on four connections
SILENT = 100


class JunkTest(harness.Case):
    def test_junk_names(self):
        """Any number of names that do not exist: no policy is forgotten, and memory is bounded."""
        domains = ["p%d.test" % number for number in range(POLICIES)]
        context = self.world.hosts.context(*["mta-sts." + domain for domain in domains])
        for domain in domains:
            self.world.policy(domain, context=context, ttl=3600)
        daemon = self.start(deadline="30s", cache={"max_policies": POLICIES, "max_absences": NAMES // 5})
        for domain in domains:
            self.assertEqual(daemon.ask(domain), SECURE)
        probe = Probe(self, daemon, domains[0])
        self.addCleanup(probe.close)
        probe.phase("during")
        memory = [daemon.memory()]
        began = time.monotonic()
        clients = [daemon.client() for _ in range(4)]
        asked = 0
        for start in range(0, NAMES, WINDOW):
            names = ["j%07d.junk.test" % number for number in range(start, min(start + WINDOW, NAMES))]
            for number, client in enumerate(clients):
                mine = names[number :: len(clients)]
                client.send(b"".join(frame("sts " + name) for name in mine))
            for number, client in enumerate(clients):
                for _ in names[number :: len(clients)]:
                    self.assertEqual(client.reply(), NOTFOUND)
                    asked += 1
            if (start // WINDOW) % max(1, NAMES // WINDOW // 10) == 0:
                memory.append(daemon.memory())
        took = time.monotonic() - began
        memory.append(daemon.memory())
        probe.phase("after")
        probe.wait()
        probe.close()
        for client in clients:
            client.close()
        self.assertEqual(asked, NAMES)
        # Every policy is still there: answered without a question or a GET.
        gets = sum(self.world.hosts.gets.values())
        for domain in domains:
            self.assertEqual(daemon.ask(domain), SECURE)
        self.assertEqual(sum(self.world.hosts.gets.values()), gets)
        self.assertEqual(gets, POLICIES)
        self.assertEqual(daemon.log_lines("policy-evicted"), [])
        probe.report("%d junk names, %d a second, RSS in MB %s"
                     % (NAMES, NAMES / took, " ".join("%d" % (kb / 1024) for kb in memory)))
        if not is_sanitized():
            # An absence takes about 300 octets. Running flights and what the allocator keeps come on top.
            self.assertLess(memory[-1] - memory[0], 60_000 + NAMES // 5 * 0.5, "kilobytes")
            self.assertLess(memory[-1] - memory[len(memory) // 2], 20_000, "and it does not go on growing")
        self.assertLess(probe.median("during"), probe.median("before") + 0.1)


class SlowMxTest(harness.Case):
    def test_many_domains_with_many_slow_mx_hosts(self):
        """Their questions for DANE take no places from others: an honest new domain is learnt at once."""
        if raise_file_limit(8192) < 4096:
            self.skipTest("too few open files allowed")
        dns = self.world.dns
        dns.authentic = lambda name: True
        hosts = ["mx%d.slow.test" % number for number in range(20)]
        for host in hosts:
            dns.behave("silent", host)
        slow = ["s%d.test" % number for number in range(SLOW_DOMAINS)]
        honest = ["h%d.test" % number for number in range(6)]
        context = self.world.hosts.context(*["mta-sts." + domain for domain in slow + honest])
        for domain in slow + honest:
            self.world.policy(domain, context=context)
        for domain in slow:
            dns.add_rdata(domain, "MX", [b"\0\1" + encode_name(host) for host in hosts])
        for domain in honest:
            dns.add_rdata(domain, "MX", [b"\0\1" + encode_name("mx." + domain)])
            dns.add("mx." + domain, "A", "127.0.0.1")
            dns.add_rdata("_25._tcp.mx." + domain, "TLSA", [b"\3\1\1" + b"x" * 32])
        daemon = self.start(deadline="30s", dns={"timeout": "30s", "try_timeout": "15s"})
        wait_for(lambda: daemon.ask("dane", "stsmapd.status") == "OK active")
        self.crowd(daemon, slow)
        # All of them now wait for the addresses of their MX hosts.
        wait_for(lambda: all(dns.count(domain, "MX") for domain in slow), seconds=60)
        took = []
        for domain in honest:
            began = time.monotonic()
            self.assertEqual(daemon.ask(domain), "OK dane-only")
            took.append(time.monotonic() - began)
        print("beside %d domains with 20 slow MX hosts: honest new domains in %s ms"
              % (len(slow), " ".join("%d" % (each * 1e3) for each in took)))
        self.assertLess(max(took), LATE, "a slow host is given up after 15 s")
        self.assertEqual(daemon.log_lines("answer=temp"), [])
        for domain in honest:
            (lookup,) = daemon.lookups(domain)
            self.assertEqual(lookup["reason"], "none")


class ConnectionTest(harness.Case):
    def silent(self, daemon, address, count):
        """Connects like a flood: without waiting to be accepted."""
        crowd = []
        self.addCleanup(lambda: [one.close() for one in crowd])
        for _ in range(count):
            crowd.append(daemon.client(address))
        return crowd

    def test_silent_connections_over_tcp_do_not_lock_out_postfix(self):
        """More silent connections than there are places: the unix socket and new TCP clients are served."""
        if raise_file_limit(CONNECTIONS * 2 + 1000) < CONNECTIONS + 500:
            self.skipTest("too few open files allowed")
        places = 4096 if CONNECTIONS > 5000 else SILENT
        self.world.policy("good.test")
        daemon = self.start(
            listen=["unix:" + self.world.path("socketmap"), "tcp:127.0.0.1:0"],
            limits={"max_connections": places},
        )
        unix, tcp = daemon.addresses()
        self.assertEqual(daemon.ask("good.test", address=unix), SECURE)
        probe = Probe(self, daemon, "good.test", address=unix)
        self.addCleanup(probe.close)
        probe.phase("during")
        memory = daemon.memory()
        crowd = self.silent(daemon, tcp, CONNECTIONS)
        daemon.wait_log("<4>connections-full", "tcp:")
        slowest = 0
        for _ in range(20):
            began = time.monotonic()
            self.assertEqual(daemon.ask("good.test", address=unix), SECURE)
            slowest = max(slowest, time.monotonic() - began)
        began = time.monotonic()
        self.assertEqual(daemon.ask("good.test", address=tcp), SECURE, "it waits its turn and no longer")
        newcomer = time.monotonic() - began
        full = daemon.memory()
        probe.phase("after")
        for one in crowd:
            one.close()
        probe.wait()
        probe.close()
        probe.report(
            "%d silent connections for %d places; new ones: unix %.0f ms at most, TCP %.1f s; memory +%d KB"
            % (CONNECTIONS, places, slowest * 1e3, newcomer, full - memory)
        )
        self.assertLess(slowest, LATE)
        self.assertLessEqual(len(daemon.log_lines("connections-full")), 2 + newcomer / 10)
        self.assertEqual(daemon.stop(), 0)

    def test_busy_connections_over_tcp_do_not_lock_out_postfix(self):
        """They all wait for an answer, so none can be closed: the places reserved for the unix socket stay free."""
        self.world.policy("good.test")
        self.world.policy("slow.test")
        gate = self.world.hosts.hold("slow.test")
        self.addCleanup(gate.set)
        daemon = self.start(
            listen=["unix:" + self.world.path("socketmap"), "tcp:127.0.0.1:0"],
            limits={"max_connections": 40},
            deadline="60s",
        )
        unix, tcp = daemon.addresses()
        crowd = self.silent(daemon, tcp, 60)
        for one in crowd:
            one.send(frame("sts slow.test"))
        daemon.wait_log("connections-full")
        for _ in range(20):
            self.assertEqual(daemon.ask("good.test", address=unix), SECURE)
        gate.set()
        for one in crowd:
            self.assertEqual(one.reply(), SECURE)

    def test_a_client_that_never_reads(self):
        """The daemon stops reading from it, too. It costs almost nothing, and is closed in the end."""
        self.world.policy("good.test")
        daemon = self.start(limits={"idle": "2s"})
        self.assertEqual(daemon.ask("good.test"), SECURE)
        memory = daemon.memory()
        with daemon.client() as deaf, daemon.client() as other:
            deaf.socket.setblocking(False)
            question = frame("sts-tlsrpt good.test") * 1000
            sent = 0
            closed = False
            end = time.monotonic() + LIMIT
            while not closed and time.monotonic() < end:
                self.assertEqual(other.ask("good.test"), SECURE)
                if not select.select([], [deaf.socket], [], 0.05)[1]:
                    continue
                try:
                    sent += deaf.socket.send(question)
                except BlockingIOError:
                    continue
                except ConnectionError:
                    closed = True
            self.assertTrue(closed, "after limits.idle")
            self.assertLess(sent, 8_000_000)
        if not is_sanitized():
            self.assertLess(daemon.memory() - memory, 10_000, "kilobytes")

    def test_ten_thousand_requests_in_one_write(self):
        """All answered, in order."""
        self.world.policy("good.test")
        daemon = self.start()
        self.assertEqual(daemon.ask("good.test"), SECURE)
        memory = daemon.memory()
        keys = [("good.test", ".x", "a", "[192.0.2.1]")[number % 4] for number in range(10_000)]
        raw = b"".join(frame("sts " + key) for key in keys)
        with daemon.client() as client, daemon.client() as other:
            sender = threading.Thread(target=client.send, args=(raw,), daemon=True)
            sender.start()
            for key in keys:
                self.assertEqual(client.reply(), SECURE if key == "good.test" else NOTFOUND)
            sender.join(30)
            self.assertEqual(other.ask("good.test"), SECURE)
        if not is_sanitized():
            self.assertLess(daemon.memory() - memory, 10_000, "kilobytes")


class PolicyTest(harness.Case):
    def test_policies_of_thousands_of_lines(self):
        """An answer holds what fits. The rest is left out where that is allowed, but never match=."""
        def body(count, name):
            lines = "".join("mx: %s\n" % (name % number) for number in range(count))
            return "version: STSv1\nmode: enforce\n%smax_age: 86400\n" % lines

        self.world.policy("thousand.test", body=body(1000, "mx%d.thousand.test"))
        self.world.policy("most.test", body=body(5500, "%d.t"))
        self.world.policy("over.test", body=body(4000, "mx%d.over.test"))
        daemon = self.start()
        plain = daemon.ask("thousand.test")
        names = plain.split()[2].removeprefix("match=").split(":")
        self.assertEqual(names, ["mx%d.thousand.test" % number for number in range(1000)])
        longer = daemon.ask("thousand.test", "sts-tlsrpt")
        self.assertTrue(longer.startswith(plain))
        self.assertLess(len(longer), 100_000)
        self.assertTrue(daemon.ask("most.test").startswith("OK secure match=0.t:1.t:"))
        self.assertLess(len(daemon.ask("most.test", "sts-tlsrpt")), 100_000)
        self.assertEqual(daemon.ask("over.test"), NOTFOUND, "over 64 KiB (RFC 8461 section 3.3)")
        with daemon.client() as client:
            began = time.monotonic()
            for _ in range(200):
                client.ask("most.test")
            self.assertLess(time.monotonic() - began, 20)


if __name__ == "__main__":
    unittest.main()
