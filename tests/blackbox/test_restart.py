"""What outlives the process: policies that Postfix got once, whatever happens to process, DNS or store."""

import glob
import os
import sqlite3
import unittest

from blackbox import harness
from blackbox.harness import NOTFOUND, SECURE
from pylib.socketmap import frame
from pylib.waiting import wait_for


class RestartTest(harness.Case):
    def store_files(self):
        return sorted(os.path.basename(path) for path in glob.glob(self.world.path("state") + "/*"))

    def test_killed_directly_after_an_answer(self):
        for number in range(5):
            domain = "good%d.test" % number
            with self.subTest(domain):
                self.world.policy(domain)
                daemon = self.start()
                with daemon.client() as client:
                    self.assertEqual(client.ask(domain), SECURE)
                    daemon.process.kill()
                daemon.process.wait()
        self.world.unplug()
        daemon = self.start()
        for number in range(5):
            self.assertEqual(daemon.ask("good%d.test" % number), SECURE)
            self.assertIn(
                "policy_domain=good%d.test " % number, daemon.ask("good%d.test" % number, "sts-tlsrpt")
            )

    def test_killed_under_load(self):
        domains = ["d%d.test" % number for number in range(40)]
        context = self.world.hosts.context(*["mta-sts." + domain for domain in domains])
        for domain in domains:
            self.world.policy(domain, context=context)
        daemon = self.start(deadline="60s")
        clients = [daemon.client() for _ in domains]
        for client, domain in zip(clients, domains):
            self.addCleanup(client.close)
            client.send(frame("sts " + domain))
        answered = [domain for client, domain in zip(clients[:20], domains) if client.reply() == SECURE]
        daemon.kill()
        self.assertEqual(len(answered), 20)
        self.world.unplug()
        daemon = self.start()
        for domain in answered:
            self.assertEqual(daemon.ask(domain), SECURE, domain)

    def test_other_modes_are_remembered_too(self):
        self.world.policy("testing.test", mode="testing")
        self.world.policy("none.test", mode="none", mx=())
        daemon = self.start()
        for domain in ("testing.test", "none.test"):
            self.assertEqual(daemon.ask(domain), NOTFOUND)
        self.assertEqual(daemon.stop(), 0)
        before = self.world.dns.total()
        gets = sum(self.world.hosts.gets.values())
        daemon = self.start()
        for domain in ("testing.test", "none.test"):
            self.assertEqual(daemon.ask(domain), NOTFOUND)
        self.assertEqual(sum(self.world.hosts.gets.values()), gets)
        self.assertLessEqual(self.world.dns.total(), before + 3, "a look at the TXT record each and one at the resolver, no more")

    def damage_store(self, damage):
        """The files left by a daemon that knew good.test."""
        self.world.policy("good.test")
        daemon = self.start()
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.assertEqual(daemon.stop(), 0)
        store = self.world.path("state/stsmapd.sqlite")
        damage(store)
        return store

    def damaged(self, damage):
        self.damage_store(damage)
        before = self.store_files()
        daemon = self.start()
        daemon.wait_log("stsmapd.sqlite")
        self.assertEqual(daemon.ask("good.test"), SECURE, "learnt anew")
        self.assertEqual(daemon.stop(), 0)
        aside = [
            name for name in self.store_files() if name not in before and not name.endswith(("-wal", "-shm"))
        ]
        self.assertEqual(len(aside), 1, "set aside, not wiped: %s" % self.store_files())
        self.assertIn("stsmapd.sqlite", aside[0])
        self.world.unplug()
        self.assertEqual(self.start().ask("good.test"), SECURE, "and kept again")
        return os.path.join(self.world.path("state"), aside[0])

    def test_store_of_rubbish(self):
        def damage(store):
            with open(store, "wb") as file:
                file.write(b"this is no database\n" * 1000)

        aside = self.damaged(damage)
        with open(aside, "rb") as file:
            self.assertTrue(file.read().startswith(b"this is no database"))

    def test_store_with_a_damaged_page(self):
        def damage(store):
            size = os.path.getsize(store)
            with open(store, "r+b") as file:
                file.seek(100)
                file.write(b"\xa5" * (size - 100))

        self.damaged(damage)

    def test_store_from_the_future(self):
        def damage(store):
            with sqlite3.connect(store) as database:
                database.execute("PRAGMA user_version = 987654")
            database.close()

        # A store of a newer version is never wiped. Renaming it is right, and so is refusing to start with a message.
        store = self.damage_store(damage)
        daemon = self.start(wait=False)
        wait_for(lambda: daemon.process.poll() is not None or daemon.notifications.count("READY=1"))
        daemon.wait_log("stsmapd.sqlite")
        if daemon.process.poll() is None:
            self.assertEqual(daemon.stop(), 0)
        versions = []
        for path in glob.glob(self.world.path("state") + "/stsmapd.sqlite*"):
            if path.endswith(("-wal", "-shm")):
                continue
            database = sqlite3.connect(path)
            versions.append(database.execute("PRAGMA user_version").fetchone()[0])
            database.close()
        self.assertIn(987654, versions)

    def test_empty_store_file(self):
        os.makedirs(self.world.path("state"))
        open(self.world.path("state/stsmapd.sqlite"), "w").close()
        self.world.policy("good.test")
        daemon = self.start()
        self.assertEqual(daemon.ask("good.test"), SECURE)
        daemon.kill()
        self.world.unplug()
        self.assertEqual(self.start().ask("good.test"), SECURE)

    def refused(self, path):
        daemon = self.start(wait=False, state_dir=path)
        self.assertNotEqual(daemon.wait_exit(), 0)
        self.assertTrue(daemon.log_lines(path), daemon.log())
        self.assertEqual(daemon.notifications.count("READY=1"), 0)

    def test_state_dir_that_cannot_be_used(self):
        self.refused(self.world.path("missing"))
        with open(self.world.path("file"), "w"):
            pass
        self.refused(self.world.path("file"))
        if os.getuid() != 0:
            os.mkdir(self.world.path("locked"), 0o500)
            self.refused(self.world.path("locked"))

    def test_two_daemons_on_one_state_dir(self):
        self.world.policy("good.test")
        first = self.start()
        self.assertEqual(first.ask("good.test"), SECURE)
        second = self.start(wait=False, listen=["unix:" + self.world.path("second")])
        wait_for(lambda: second.process.poll() is not None or second.notifications.count("READY=1"))
        if second.process.poll() is None:
            self.assertEqual(second.ask("good.test", address="unix:" + self.world.path("second")), SECURE)
        else:
            self.assertTrue(second.log_lines(self.world.path("state")), second.log())
        self.assertEqual(first.ask("good.test"), SECURE)


if __name__ == "__main__":
    unittest.main()
