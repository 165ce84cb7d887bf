"""SIGTERM and SIGINT: the daemon ends within two seconds in every situation, and nothing is lost."""

import datetime
import json
import os
import signal
import socket
import unittest
from http.client import IncompleteRead

from blackbox import harness
from blackbox.harness import SECURE
from pylib.control import Control
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

    def test_readers_of_the_control_socket_that_do_not_read(self):
        path = self.world.path("control")
        daemon = self.start(control={"socket": path}, log={"level": "info"})
        control = Control(path)
        hour_ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
        long = "".join("mx: mx%d.other.test\r\n" % number for number in range(100))
        line = {"schema": 1, "kind": "policy", "id": "1", "fetched_at": hour_ago.strftime("%Y-%m-%dT%H:%M:%SZ")}
        line["text"] = "version: STSv1\r\nmode: enforce\r\n%smax_age: 604800\r\n" % long
        lines = [json.dumps({**line, "domain": "d%d.test" % number}) + "\n" for number in range(2000)]
        report = control.post("import", body="".join(lines).encode())
        self.assertEqual(report["taken"], len(lines), report)

        # All readers have a small part of what there is: megabytes, of which the kernel keeps few hundred KiB.
        replies = []
        for parts in (["export"], ["domains"], ["events"]):
            connection, reply = control.open("GET", *parts)
            self.addCleanup(connection.close)
            self.assertEqual(control.status, 200)
            replies.append(reply)
        with daemon.client() as client:
            for _ in range(50):
                client.send(frame("sts d7.test") * 100)
                for _ in range(100):
                    self.assertTrue(client.reply().startswith("OK secure match=mx0.other.test:"))
            self.stopped(daemon)
        with self.assertRaises(IncompleteRead):
            replies[0].read()

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
