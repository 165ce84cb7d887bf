"""Listeners: several at once, unix and TCP, modes, inherited sockets, silent and too many connections."""

import grp
import os
import socket
import stat
import unittest

from blackbox import harness
from blackbox.harness import SECURE
from pylib.programs import raise_file_limit
from pylib.socketmap import frame


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


class ListenTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.world.policy("good.test")

    def test_several_listeners_at_once(self):
        listen = ["unix:" + self.world.path("one"), "unix:" + self.world.path("two"), "tcp:127.0.0.1:0"]
        if has_ipv6():
            listen.append("tcp:[::1]:0")
        daemon = self.start(listen=listen)
        addresses = daemon.addresses()
        self.assertEqual(len(addresses), len(listen), daemon.log())
        clients = [daemon.client(address) for address in addresses]
        for client in clients:
            self.addCleanup(client.close)
        for _ in range(3):
            for client in clients:
                self.assertEqual(client.ask("good.test"), SECURE)
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse(os.path.exists(self.world.path("one")), "its own sockets go with it")
        self.assertFalse(os.path.exists(self.world.path("two")))

    def test_all_addresses(self):
        daemon = self.start(listen=["tcp::0"])
        port = daemon.addresses()[0].rpartition(":")[2]
        self.assertEqual(daemon.ask("good.test", address="tcp:127.0.0.1:" + port), SECURE)
        if has_ipv6():
            self.assertEqual(daemon.ask("good.test", address="tcp:[::1]:" + port), SECURE)

    def test_mode_and_group(self):
        group = grp.getgrgid(os.getgid()).gr_name
        daemon = self.start(socket={"mode": "0640", "group": group})
        found = os.stat(daemon.socket_path)
        self.assertTrue(stat.S_ISSOCK(found.st_mode))
        self.assertEqual(stat.S_IMODE(found.st_mode), 0o640)
        self.assertEqual(found.st_gid, os.getgid())

    def refused(self, *words, **options):
        """The daemon does not start with these options, and one line with all of `words` says why."""
        daemon = self.start(wait=False, **options)
        self.assertNotEqual(daemon.wait_exit(), 0)
        self.assertTrue(daemon.log_lines(*words), daemon.log())
        self.assertEqual(daemon.notifications.count("READY=1"), 0)

    def test_what_cannot_be_listened_on(self):
        path = self.world.path("socketmap")
        self.refused("no-such-group", path, socket={"group": "no-such-group"})
        self.refused("no-such-user", path, socket={"owner": "no-such-user"})
        self.refused(
            self.world.path("missing/folder"), listen=["unix:" + self.world.path("missing/folder/s")]
        )
        with open(path, "w") as file:
            file.write("precious")
        self.refused(path, "not a socket")
        with open(path) as file:
            self.assertEqual(file.read(), "precious")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            name = "tcp:127.0.0.1:%d" % taken.getsockname()[1]
            self.refused(name, "in use", listen=[name])

    def test_second_daemon_on_the_same_socket(self):
        first = self.start()
        os.makedirs(self.world.path("other"))
        self.refused(first.socket_path, "in use", state_dir=self.world.path("other"))
        self.assertEqual(first.ask("good.test"), SECURE)

    def test_socket_of_a_killed_daemon(self):
        self.start().kill()
        self.assertTrue(os.path.exists(self.world.path("socketmap")))
        self.assertEqual(self.start().ask("good.test"), SECURE)

    def inherit(self, names, **options):
        unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        unix.bind(self.world.path("inherited"))
        unix.listen(16)
        tcp = socket.create_server(("127.0.0.1", 0))
        tcp.setblocking(False)
        with unix, tcp:
            address = "tcp:127.0.0.1:%d" % tcp.getsockname()[1]
            daemon = self.start(inherited=(unix.fileno(), tcp.fileno()), fd_names=names, **options)
        return daemon, ["unix:" + self.world.path("inherited"), address]

    def test_inherited_sockets(self):
        for names in (None, "socketmap:tcp", "stsmapd.socket:stsmapd.socket"):
            with self.subTest(names=names):
                daemon, addresses = self.inherit(names, listen=None)
                for address in addresses:
                    self.assertEqual(daemon.ask("good.test", address=address), SECURE)
                self.assertEqual(sorted(daemon.addresses()), sorted(addresses), "in place of the default")
                self.assertEqual(daemon.stop(), 0)
                self.assertTrue(os.path.exists(self.world.path("inherited")), "the file is not ours")
                os.unlink(self.world.path("inherited"))

    def test_inherited_and_configured_sockets(self):
        daemon, addresses = self.inherit(None)
        for address in addresses + ["unix:" + daemon.socket_path]:
            self.assertEqual(daemon.ask("good.test", address=address), SECURE)

    def test_thousand_silent_connections(self):
        if raise_file_limit() < 2100:
            self.skipTest("too few open files allowed")
        daemon = self.start()
        silent = [daemon.client() for _ in range(1000)]
        for client in silent:
            self.addCleanup(client.close)
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.assertEqual(silent[0].ask("good.test"), SECURE)
        self.assertEqual(silent[999].ask("good.test"), SECURE)

    def test_connection_limit_makes_newcomers_wait(self):
        daemon = self.start(limits={"max_connections": 3})
        first = [daemon.client() for _ in range(3)]
        for client in first:
            self.addCleanup(client.close)
            self.assertEqual(client.ask("good.test"), SECURE)
        with daemon.client() as late:
            late.send(frame("sts good.test"))
            late.socket.settimeout(0.3)
            with self.assertRaises(TimeoutError):
                late.reply()
            late.socket.settimeout(30)
            first[0].close()
            self.assertEqual(late.reply(), SECURE)

    def test_idle_connections_are_closed(self):
        daemon = self.start(limits={"idle": "1s"})
        with daemon.client() as client:
            self.assertEqual(client.ask("good.test"), SECURE)
            client.socket.settimeout(10)
            self.assertEqual(client.until_closed(), b"")
        self.assertEqual(daemon.ask("good.test"), SECURE)


if __name__ == "__main__":
    unittest.main()
