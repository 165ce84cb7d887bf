"""Tests of the harness itself: a wrong fake would make every other test worthless."""

import socket
import ssl
import struct
import threading
import unittest

from blackbox import harness
from pylib.dns_message import NOERROR, NXDOMAIN, SERVFAIL, TYPES, encode_name
from pylib.logs import fields
from pylib.settings import toml
from pylib.waiting import wait_for


def question(name, kind, edns=True):
    opt = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0) if edns else b""
    return (
        struct.pack("!6H", 4711, 0x0100, 1, 0, 0, len(opt) > 0)
        + encode_name(name)
        + struct.pack("!HH", TYPES[kind], 1)
        + opt
    )


def head(reply):
    ident, flags, _, answers, authority, _ = struct.unpack("!6H", reply[:12])
    return {
        "id": ident,
        "code": flags & 15,
        "tc": bool(flags & 0x0200),
        "answers": answers,
        "authority": authority,
    }


class HarnessTest(unittest.TestCase):
    def setUp(self):
        self.world = harness.World()
        self.addCleanup(self.world.close)

    def ask(self, name, kind, limit=5, **options):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(limit)
            udp.sendto(question(name, kind, **options), ("127.0.0.1", self.world.dns.port))
            return udp.recv(65535)

    def ask_tcp(self, name, kind):
        with socket.create_connection(("127.0.0.1", self.world.dns.port), 5) as tcp:
            query = question(name, kind)
            tcp.sendall(struct.pack("!H", len(query)) + query)
            size = struct.unpack("!H", tcp.recv(2, socket.MSG_WAITALL))[0]
            return tcp.recv(size, socket.MSG_WAITALL)

    def test_dns_answers(self):
        dns = self.world.dns
        dns.add("_mta-sts.a.test", "TXT", "v=STSv1; id=1;")
        reply = self.ask("_MTA-STS.a.test", "TXT")
        self.assertEqual(
            head(reply), {"id": 4711, "code": NOERROR, "tc": False, "answers": 1, "authority": 0}
        )
        self.assertIn(b"\x0ev=STSv1; id=1;", reply)
        self.assertEqual(
            reply[12 : 12 + 17], encode_name("_MTA-STS.a.test"), "the question comes back as asked"
        )
        self.assertEqual(
            head(self.ask("_mta-sts.a.test", "AAAA")),
            {"id": 4711, "code": NOERROR, "tc": False, "answers": 0, "authority": 1},
        )
        self.assertEqual(head(self.ask("a.test", "TXT"))["code"], NOERROR, "an empty non-terminal exists")
        self.assertEqual(head(self.ask("b.test", "TXT"))["code"], NXDOMAIN)
        self.assertEqual(dns.count("_mta-sts.a.test", "TXT"), 1)
        self.assertEqual(dns.total(), 4)

    def test_dns_aliases_and_addresses(self):
        self.world.dns.add("alias.test", "CNAME", "real.test")
        self.world.dns.add("real.test", "A", "192.0.2.1", "192.0.2.2")
        self.world.dns.add("real.test", "AAAA", "2001:db8::1")
        reply = self.ask("alias.test", "A")
        self.assertEqual(head(reply)["answers"], 3)
        self.assertIn(bytes([192, 0, 2, 2]), reply)
        self.assertEqual(head(self.ask("alias.test", "AAAA"))["answers"], 2)

    def test_dns_truncates_and_answers_over_tcp(self):
        self.world.dns.add("big.test", "TXT", *["x" * 250] * 10)
        self.assertTrue(head(self.ask("big.test", "TXT"))["tc"])
        self.assertEqual(head(self.ask_tcp("big.test", "TXT"))["answers"], 10)

    def test_dns_misbehaves(self):
        self.world.dns.add("a.test", "TXT", "x")
        self.world.dns.behave("servfail", "a.test")
        self.assertEqual(head(self.ask("a.test", "TXT"))["code"], SERVFAIL)
        self.world.dns.behave("silent")
        self.world.dns.behave(None, "a.test")
        with self.assertRaises(TimeoutError):
            self.ask("a.test", "TXT", limit=0.2)
        self.world.dns.behave(None)
        self.assertEqual(head(self.ask("a.test", "TXT"))["answers"], 1)

    def fetch(self, domain, limit=5):
        """What a correct client of the proxy gets: (proxy's first line, the whole response)."""
        with socket.create_connection(("127.0.0.1", self.world.hosts.port), limit) as raw:
            raw.settimeout(limit)
            raw.sendall(b"CONNECT mta-sts.%s:443 HTTP/1.1\r\nHost: x\r\n\r\n" % domain.encode())
            line = b""
            while not line.endswith(b"\r\n\r\n"):
                line += raw.recv(1)
            if b" 200 " not in line:
                return line.decode(), b""
            context = ssl.create_default_context(cafile=self.world.hosts.authority.root)
            with context.wrap_socket(raw, server_hostname="mta-sts." + domain) as tls:
                tls.sendall(
                    b"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.%s\r\n\r\n" % domain.encode()
                )
                response = b""
                while chunk := tls.recv(65536):
                    response += chunk
                return line.decode(), response

    def test_policy_host_serves(self):
        self.world.policy("a.test", mx=["mx.a.test"])
        line, response = self.fetch("a.test")
        self.assertTrue(line.startswith("HTTP/1.1 200"))
        self.assertTrue(response.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"))
        self.assertTrue(
            response.endswith(
                b"\r\n\r\nversion: STSv1\r\nmode: enforce\r\nmx: mx.a.test\r\nmax_age: 86400\r\n"
            )
        )
        self.assertEqual(self.world.hosts.count("a.test"), 1)
        self.assertEqual(self.world.hosts.paths, [("a.test", "GET /.well-known/mta-sts.txt HTTP/1.1")])

    def test_policy_host_misbehaves(self):
        self.world.policy("a.test")
        self.assertTrue(self.fetch("unknown.test")[0].startswith("HTTP/1.1 502"))
        self.world.policy("a.test", status="503 Service Unavailable")
        self.assertIn(b"503", self.fetch("a.test")[1])
        self.world.policy("a.test", behaviour="cut")
        self.assertNotIn(b"max_age", self.fetch("a.test")[1])
        self.world.policy("a.test", behaviour="hang")
        with self.assertRaises(TimeoutError):
            self.fetch("a.test", limit=0.3)
        self.world.policy("a.test", context=self.world.hosts.context("mta-sts.other.test"))
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.fetch("a.test")
        self.world.hosts.unplugged = True
        self.assertTrue(self.fetch("a.test")[0].startswith("HTTP/1.1 502"))

    def test_policy_host_waits_at_its_gate(self):
        self.world.policy("a.test")
        gate = self.world.hosts.hold("a.test")
        got = []
        thread = threading.Thread(target=lambda: got.append(self.fetch("a.test")))
        thread.start()
        wait_for(lambda: self.world.hosts.count("a.test") == 1)
        self.assertEqual(got, [])
        gate.set()
        thread.join(5)
        self.assertIn(b"mode: enforce", got[0][1])

    def test_toml_and_fields(self):
        self.assertEqual(toml(['a"b', True, 3]), '["a\\"b", true, 3]')
        self.assertEqual(
            fields('<6>lookup: domain=a.test answer=NOTFOUND reason="a \\"b" age=3'),
            {"domain": "a.test", "answer": "NOTFOUND", "reason": 'a \\"b', "age": "3"},
        )


if __name__ == "__main__":
    unittest.main()
