"""SIGTERM and SIGINT: the daemon ends within two seconds in every situation, and nothing is lost."""

import os
import signal
import socket
import unittest

from blackbox import harness
from blackbox.harness import SECURE
from pylib.socketmap import frame
from pylib.waiting import LATE, wait_for


class StopTest(harness.Case):
    def stopped(self, daemon, sign=signal.SIGTERM):
        daemon.process.send_signal(sign)
        self.assertEqual(daemon.wait_exit(LATE), 0, daemon.log())
        wait_for(lambda: daemon.notifications.count("STOPPING=1") == 1)
        self.assertFalse(os.path.exists(daemon.socket_path))

    def test_idle(self):
        for sign in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(sign=sign):
                self.stopped(self.start(), sign)

    def test_clients_connected(self):
        self.world.policy("good.test")
        daemon = self.start()
        clients = [daemon.client() for _ in range(50)]
        for client in clients:
            self.addCleanup(client.close)
        for client in clients[:25]:
            self.assertEqual(client.ask("good.test"), SECURE)
        clients[30].send(b"13:sts go")
        self.stopped(daemon)
        for client in clients:
            try:
                self.assertEqual(client.until_closed(), b"")
            except ConnectionResetError:
                pass  # it closed before it read all we sent

    def test_lookup_in_progress(self):
        self.world.policy("good.test")
        self.world.hosts.hold("good.test")
        daemon = self.start(deadline="60s")
        with daemon.client() as client:
            client.send(frame("sts good.test"))
            wait_for(lambda: self.world.hosts.count("good.test") == 1)
            self.stopped(daemon)
            try:
                received = client.until_closed()
            except ConnectionResetError:
                received = b""
            # Without a reply Postfix asks the next daemon. A reply must not say that there is no policy.
            self.assertTrue(received == b"" or b":TEMP " in received, received)

    def test_dns_hangs(self):
        self.world.dns.behave("silent")
        daemon = self.start(deadline="60s")
        with daemon.client() as client:
            client.send(frame("sts good.test"))
            wait_for(lambda: self.world.txt_questions("good.test") > 0)
            self.stopped(daemon)

    def test_client_that_does_not_read(self):
        self.world.policy("good.test")
        daemon = self.start()
        self.assertEqual(daemon.ask("good.test"), SECURE)
        with daemon.client() as client:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.socket.setblocking(False)
            try:
                while True:
                    client.socket.send(frame("sts-tlsrpt good.test") * 100)
            except BlockingIOError:
                pass
            self.stopped(daemon)

    def test_twice(self):
        daemon = self.start()
        daemon.process.terminate()
        try:
            daemon.process.terminate()
        except ProcessLookupError:
            pass
        self.assertEqual(daemon.wait_exit(LATE), 0)

    def test_what_was_answered_is_kept(self):
        self.world.policy("good.test")
        daemon = self.start()
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.stopped(daemon)
        self.world.unplug()
        self.assertEqual(self.start().ask("good.test"), SECURE)


if __name__ == "__main__":
    unittest.main()
