"""Breaches of the socketmap protocol: one PERM with words, then closed; never a crash or an open question."""

import socket
import struct
import unittest

from blackbox import harness
from blackbox.harness import SECURE
from pylib.socketmap import frame
from pylib.waiting import wait_for

# name, bytes, whether the client then shuts its sending side
TABLE = [
    ("no netstring", b"x", False),
    ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", False),
    ("SMTP", b"EHLO x\r\n", False),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64, False),
    ("empty length", b":good.test,", False),
    ("negative length", b"-1:x,", False),
    ("signed length", b"+13:sts good.test,", False),
    ("blank before the length", b" 13:sts good.test,", False),
    ("newline between frames", b"\n13:sts good.test,", False),
    ("hexadecimal length", b"0xd:sts good.test,", False),
    ("too long by one", b"10001:", False),
    ("gigantic length", b"9" * 400 + b":", False),
    ("length over 64 bits", b"18446744073709551629:sts good.test,", False),
    ("no comma", b"13:sts good.testX", False),
    ("length too short", b"12:sts good.test,", False),
    ("length too long", b"14:sts good.test,1", False),
    ("empty payload", b"0:,", False),
    ("no space", b"9:good.test,", False),
    ("NUL only", b"1:\0,", False),
    ("end within the length", b"1", True),
    ("end behind the colon", b"13:", True),
    ("end within the payload", b"13:sts good", True),
    ("end before the comma", b"13:sts good.test", True),
]


class ViolationTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.world.policy("good.test")

    def check(self, received, before=b""):
        self.assertTrue(received.startswith(before), received)
        length, _, rest = received[len(before) :].partition(b":")
        self.assertEqual(len(rest), int(length) + 1, "one whole reply and nothing more: %r" % received)
        self.assertTrue(rest.startswith(b"PERM ") and len(rest) > 10, received)
        self.assertRegex(rest.decode("ascii"), r"^[ -~]+,$")

    def test_table(self):
        daemon = self.start(listen=["unix:" + self.world.path("socketmap"), "tcp:127.0.0.1:0"])
        addresses = daemon.addresses()
        self.assertEqual(len(addresses), 2, daemon.log())
        good = frame("sts good.test")
        self.assertEqual(daemon.ask("good.test"), SECURE)
        for address in addresses:
            for name, raw, shut in TABLE:
                for prefix in (b"", good):
                    with self.subTest(name=name, address=address, prefix=prefix):
                        with daemon.client(address) as client:
                            client.send(prefix + raw)
                            if shut:
                                client.socket.shutdown(socket.SHUT_WR)
                            self.check(client.until_closed(), frame(SECURE) if prefix else b"")
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.assertLessEqual(
            len(daemon.log_lines("violation")), len(TABLE), "a flood of them does not flood the log"
        )

    def test_limits_of_a_request(self):
        daemon = self.start()
        with daemon.client() as client:
            self.assertEqual(client.ask("x" * (10000 - 4)), harness.NOTFOUND, "as long as Postfix may")
            client.send(frame("sts " + "x" * (10001 - 4)))
            self.check(client.until_closed())

    def test_peer_that_goes_on_sending(self):
        daemon = self.start()
        with daemon.client() as client:
            client.socket.settimeout(5)
            client.send(b"x")
            try:
                for _ in range(100):
                    client.send(b"y" * 65536)
            except OSError:
                pass  # the daemon closed it at last
        self.assertEqual(daemon.ask("good.test"), SECURE)

    def test_vanishing_in_mid_question(self):
        daemon = self.start(deadline="2s")
        gate = self.world.hosts.hold("good.test")
        for _ in range(20):
            client = daemon.client()
            client.send(frame("sts good.test"))
            # A reset where the socket has one, as when a process is killed.
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        gate.set()
        wait_for(lambda: daemon.ask("good.test") == SECURE)
        self.assertEqual(self.world.hosts.count("good.test"), 1)

    def test_pipelined_requests_are_answered_in_order(self):
        self.world.policy("slow.test")
        daemon = self.start()
        gate = self.world.hosts.hold("slow.test")
        self.assertEqual(daemon.ask("good.test"), SECURE)
        with daemon.client() as client:
            client.send(
                frame("sts slow.test") + frame("sts .x") + frame("sts-tlsrpt good.test") + frame("sts a")
            )
            wait_for(lambda: self.world.hosts.count("slow.test") == 1)
            gate.set()
            self.assertEqual(client.reply(), SECURE)
            self.assertEqual(client.reply(), harness.NOTFOUND)
            self.assertTrue(client.reply().startswith(SECURE + " policy_type=sts"))
            self.assertEqual(client.reply(), harness.NOTFOUND)

    def test_a_request_in_single_octets(self):
        daemon = self.start(listen=["tcp:127.0.0.1:0"])
        with daemon.client(daemon.addresses()[0]) as client:
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for octet in b"013:sts good.test,":
                client.send(bytes([octet]))
            self.assertEqual(client.reply(), SECURE)


if __name__ == "__main__":
    unittest.main()
