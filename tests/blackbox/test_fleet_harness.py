"""Tests of what the tests of a fleet are made with: the sealing, the proxy, the engines."""

import os
import re
import shutil
import socket
import tempfile
import unittest

from pylib import aes_gcm, engine, resp, sealing
from pylib.faulty_proxy import FaultyProxy
from pylib.programs import ROOT
from pylib.waiting import wait_for


class SealingTest(unittest.TestCase):
    """The worked examples of src/cache/valkey/README.md."""

    TEXT = "version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmax_age: 604800\n"

    def setUp(self):
        with open(os.path.join(ROOT, "src/cache/valkey/README.md"), encoding="utf-8") as file:
            self.blocks = re.findall(r"^```text\n(.*?)^```", file.read(), re.M | re.S)
        self.key = sealing.Key("k1", bytes(range(32)))

    def made(self, **how):
        fetched = 1796000000.123
        return self.key.value("example.com", self.TEXT, "20260101000000", fetched, "mail1.example.net", **how)

    def test_the_keys(self):
        self.assertIn(self.key.line, self.blocks)
        derived = (("seal", self.key.seal_key), ("name", self.key.name_key), ("encryption", self.key.encryption_key))
        self.assertIn("".join(f"{name:<11}{key.hex()}\n" for name, key in derived), self.blocks)

    def test_the_plain_value(self):
        self.assertIn(self.made().decode(), self.blocks)

    def test_the_hidden_value(self):
        name = self.key.hidden_name("example.com")
        self.assertIn(sealing.policy_key(name) + "\n", self.blocks)
        line, _, rest = self.made(hide=True, nonce=bytes(range(0xA0, 0xAC))).partition(b"\n")
        shown = [block.split("\n", 1) for block in self.blocks]
        self.assertIn([line.decode(), rest.hex()], [[first, more.replace("\n", "")] for first, more in shown])
        self.assertEqual(self.key.opened(name, line + b"\n" + rest), self.key.opened("example.com", self.made()))

    def test_gcm(self):
        """Test case 16 of the GCM specification (McGrew and Viega)."""
        key = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
        nonce = bytes.fromhex("cafebabefacedbaddecaf888")
        plain = bytes.fromhex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                              "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39")
        bound = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
        made = aes_gcm.encrypt(key, nonce, plain, bound)
        self.assertEqual(made.hex()[:32], "522dc1f099567d07f47f37a32a84427d")
        self.assertEqual(made.hex()[-32:], "76fc6ece0f4e1768cddf8853bb2d551b")
        self.assertEqual(aes_gcm.decrypt(key, nonce, made, bound), plain)
        with self.assertRaises(ValueError):
            aes_gcm.decrypt(key, nonce, made, bound + b"\0")


class ProxyTest(unittest.TestCase):
    def setUp(self):
        self.fake = resp.FakeEngine()
        self.addCleanup(self.fake.close)
        self.proxy = FaultyProxy(self.fake.address)
        self.addCleanup(self.proxy.close)

    def client(self, limit=10):
        client = resp.Client(self.proxy.address, limit=limit)
        self.addCleanup(client.close)
        return client

    def test_passes_and_delays(self):
        client = self.client()
        self.assertEqual(client.ask("PING"), b"PONG")
        self.proxy.mode = "delay"
        self.assertEqual(client.ask("PING"), b"PONG")
        self.assertEqual(self.proxy.connections, 1)

    def seen(self, count):
        wait_for(lambda: self.fake.seen.count(["PING"]) == count, f"{count} PING have come")

    def test_drops_holds_and_goes_on(self):
        for mode, arrives in (("drop", 0), ("hold", 1)):
            with self.subTest(mode):
                self.fake.seen.clear()
                self.proxy.mode = mode
                client = self.client(limit=0.3)
                with self.assertRaises(TimeoutError):
                    client.ask("PING")
                self.seen(0)
                self.proxy.mode = "pass"
                self.seen(arrives)
                self.assertEqual(self.client().ask("PING"), b"PONG", "a new connection")
                self.seen(arrives + 1)

    def test_resets_and_answers_garbage(self):
        client = self.client()
        self.assertEqual(client.ask("PING"), b"PONG")
        self.proxy.mode = "reset"
        with self.assertRaises((ConnectionError, EOFError)):
            client.ask("PING")
        with self.assertRaises((ConnectionError, EOFError)):
            self.client().ask("PING")
        self.proxy.mode = "garbage"
        with self.assertRaises((ValueError, EOFError)):
            self.client().ask("PING")

    def test_one_octet_a_second(self):
        self.proxy.mode = "drip"
        with socket.create_connection(("127.0.0.1", int(self.proxy.address.rpartition(":")[2])), 10) as raw:
            raw.sendall(resp.command("PING"))
            self.assertEqual(raw.recv(100), b"+")
            self.assertEqual(raw.recv(100), b"P")


class EngineTest(unittest.TestCase):
    def setUp(self):
        reason = engine.why_not()
        if reason:
            self.skipTest(reason)
        self.folder = tempfile.mkdtemp(prefix="stsmapd-engine-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.engine = engine.Engine(self.folder, tcp=True).start()
        self.addCleanup(self.engine.clean_up)

    def test_has_the_users_of_the_manual(self):
        user = resp.Client(self.engine.address, engine.USER, engine.PASSWORD)
        self.addCleanup(user.close)
        self.assertEqual(user.ask("SET", "stsmapd:1:p:{a.test}", "x", "PX", 1000), b"OK")
        for words in (("KEYS", "*"), ("SCAN", "0"), ("GET", "others"), ("CONFIG", "GET", "*"), ("FLUSHALL",), ("INFO",),
                      ("EVAL", "return 1", "0"), ("PUBLISH", "others", "x"), ("SET", "stsmapd:2:x", "x")):
            with self.assertRaisesRegex(resp.Refused, "NOPERM"):
                user.ask(*words)
        with self.assertRaises(resp.Refused), resp.Client(self.engine.address) as stranger:
            stranger.ask("GET", "stsmapd:1:p:{a.test}")

    def test_ends_and_begins_again_at_the_same_place(self):
        address = self.engine.address
        self.engine.kill()
        with self.assertRaises(OSError):
            resp.Client(address)
        self.engine.start()
        self.assertEqual((self.engine.address, self.engine.do("PING")), (address, b"PONG"))


if __name__ == "__main__":
    unittest.main()
