"""A fleet shares what its hosts learn, through a real engine: one GET for all, changes within a second, policies of a
host that is gone, and what an administrator may do."""

import os
import threading
import time
import unittest

from blackbox.fleet import OTHER_SECURE, FleetCase
from blackbox.harness import NOTFOUND, SECURE
from pylib import sealing
from pylib.ca import Authority, certify
from pylib.engine import PASSWORD, Engine, Replica
from pylib.programs import raise_file_limit
from pylib.socketmap import frame
from pylib.waiting import LATE, wait_for

CLIENTS = int(os.environ.get("STSMAPD_FLEET_CLIENTS", 1000))


class OneGet(FleetCase):
    def test_three_hosts_with_a_thousand_clients_each(self):
        """All ask at once for a domain that nobody knows."""
        clients = CLIENTS if raise_file_limit(4 * CLIENTS + 500) > 3 * CLIENTS + 300 else 200
        hosts = [self.member(name, settings={"limits": {"max_connections": clients + 50}}) for name in "abc"]
        crowds = [[daemon.client() for _ in range(clients)] for daemon in hosts]
        for crowd in crowds:
            for client in crowd:
                self.addCleanup(client.close)
        domains = self.policies(*["cold%d.test" % number for number in range(8)])
        for domain in domains:
            seconds = self.ask_all(crowds, domain)
            gets = self.world.hosts.count(domain)
            print(f"{len(hosts)} hosts x {clients} clients: {gets} GET, {seconds * 1e3:.0f} ms until all had an answer")
            if gets == 1:
                break
            # Who has waited 1.5 s in vain fetches itself, as he should: another try, with another domain.
            self.assertGreater(seconds, 1.4, f"{gets} GETs though nobody waited long\n" + hosts[0].log())
        self.assertEqual(gets, 1)

    def ask_all(self, crowds, domain):
        """Each client asks and gets SECURE; the time from the first question to the last answer."""
        begin = threading.Barrier(len(crowds))

        def ask(crowd):
            begin.wait()
            for client in crowd:
                client.send(frame("sts " + domain))

        threads = [threading.Thread(target=ask, args=(crowd,)) for crowd in crowds]
        started = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        answers = {client.reply() for crowd in crowds for client in crowd}
        self.assertEqual(answers, {SECURE})
        return time.monotonic() - started

    def test_others_take_what_one_has_learnt(self):
        self.policies("a.test", "b.test")
        a, b = self.member("a"), self.member("b")
        for first, second, domain in ((a, b, "a.test"), (b, a, "b.test")):
            self.assertEqual(first.ask(domain), SECURE)
            self.wait_stored(domain)
            self.assertEqual(second.ask(domain), SECURE)
            self.assertEqual(self.world.hosts.count(domain), 1)
        self.assertTrue(b.wait_log("policy-learnt", "domain=a.test", "shared"))
        wait_for(lambda: self.names(a) == {"a", "b"}, "both have written who they are")

    def test_absences_are_not_shared(self):
        a, b = self.member("a"), self.member("b")
        self.assertEqual(a.ask("absent.test"), NOTFOUND)
        self.assertEqual(b.ask("absent.test"), NOTFOUND)
        self.assertEqual(self.engine.keys(), set())
        self.assertGreaterEqual(self.world.txt_questions("absent.test"), 2)

    def test_of_a_testing_policy_and_one_that_withdraws(self):
        """The text is shared, each host decides what it means."""
        self.policies("t.test", mode="testing")
        self.policies("n.test", mode="none", mx=())
        a, b = self.member("a"), self.member("b")
        for domain in ("t.test", "n.test"):
            answer = a.ask(domain)
            self.wait_stored(domain)
            self.assertEqual(b.ask(domain), answer)
            self.assertEqual(self.world.hosts.count(domain), 1)

    def test_another_id_in_the_record_means_a_get(self):
        """DNS is asked by each host; a value with an older id is not used."""
        self.policies("a.test")
        a, b = self.member("a"), self.member("b")
        self.assertEqual(a.ask("a.test"), SECURE)
        self.wait_stored("a.test")
        self.pass_second()
        self.world.policy("a.test", mx=("mx2.good.test", "*.mail.test"), ident="2")
        self.assertEqual(b.ask("a.test"), OTHER_SECURE)
        self.assertEqual(self.world.hosts.count("a.test"), 2)


class Changes(FleetCase):
    def test_a_changed_policy_is_seen_by_all(self):
        """A is the first who sees the new id, as it is asked for the domain for the first time: the others would not
        fetch within the minute."""
        self.policies("a.test")
        hosts = a, b, c = [self.member(name) for name in "abc"]
        for daemon in (b, c):
            self.assertEqual(daemon.ask("a.test"), SECURE)
            self.wait_stored("a.test")
        self.assertEqual(self.world.hosts.count("a.test"), 1)
        self.pass_second()
        self.world.policy("a.test", mx=("mx2.good.test", "*.mail.test"), ident="2")
        seen = {}

        def watch(name, daemon):
            with daemon.client() as client:
                while name not in seen and time.monotonic() < give_up:
                    if client.ask("a.test") == OTHER_SECURE:
                        seen[name] = time.monotonic()
                    time.sleep(0.002)

        give_up = time.monotonic() + 40
        threads = [threading.Thread(target=watch, args=each) for each in zip("abc", hosts)]
        for thread in reversed(threads):  # A last
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(set(seen), set("abc"), "who has seen the new policy")
        later = {name: seen[name] - seen["a"] for name in "bc"}
        print("after A:", {name: f"{seconds * 1e3:.1f} ms" for name, seconds in later.items()})
        self.assertLess(max(later.values()), LATE, "a second, on a machine that is not busy")
        self.assertEqual(self.world.hosts.count("a.test"), 2, "one GET for each version")


class HostGone(FleetCase):
    def test_a_hundred_policies_of_a_host_that_is_gone(self):
        """B never saw the domains, and now neither DNS nor HTTPS answers."""
        domains = self.policies(*["d%03d.test" % number for number in range(100)], ttl=3600)
        a, b = self.member("a"), self.member("b")
        clients = self.crowd(a, domains)
        self.assertEqual({client.reply() for client in clients}, {SECURE})
        self.wait_stored(*domains)
        a.kill()
        self.world.unplug()
        clients = self.crowd(b, domains)
        self.assertEqual({client.reply() for client in clients}, {SECURE})
        self.assertEqual(sum(self.world.hosts.gets.values()), 100)
        self.assertEqual(b.ask("unknown.test"), NOTFOUND)
        # They are its own now: it needs the engine for none of them.
        self.engine.kill()
        b.stop()
        again = self.member("b", wait=False, again=True)
        clients = self.crowd(again, domains)
        self.assertEqual({client.reply() for client in clients}, {SECURE})

    def test_a_host_that_starts_takes_newer_and_pushes_what_is_missing(self):
        self.policies("old.test", "mine.test", "theirs.test")
        a, b = self.member("a"), self.member("b")
        for domain in ("old.test", "mine.test"):
            self.assertEqual(b.ask(domain), SECURE)
        self.wait_stored("old.test", "mine.test")
        b.stop()
        self.engine.do("DEL", sealing.policy_key("mine.test"))
        self.pass_second()
        self.world.policy("old.test", mx=("mx2.good.test", "*.mail.test"), ident="2")
        self.assertEqual(a.ask("theirs.test"), SECURE)
        self.assertEqual(a.ask("old.test"), OTHER_SECURE)
        wait_for(lambda: b"id: 2\n" in self.get("old.test"), "the newer one in the engine")
        self.world.unplug()
        b = self.member("b", again=True)
        wait_for(lambda: b.ask("old.test") == OTHER_SECURE, "the newer one is taken")
        self.wait_stored("mine.test")
        b.wait_log("fleet-compared", "compared=2 newer=1 pushed=1")


class Administrator(FleetCase):
    def tool(self, daemon, *words):
        return self.run_tool("--config", daemon.config_file, *words)

    def test_status_and_sync(self):
        self.policies("a.test")
        a, b = self.member("a"), self.member("b", settings={"log": {"level": "debug"}})
        self.assertEqual(a.ask("a.test"), SECURE)
        self.wait_stored("a.test")
        done = self.tool(a, "fleet", "status")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        for words in ("k1", self.engine.address):
            self.assertIn(words, done.stdout)
        self.engine.do("DEL", sealing.policy_key("a.test"))
        done = self.tool(a, "fleet", "sync")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.wait_stored("a.test")
        self.engine.kill()
        self.wait_down(a, "down", "timeout")
        done = self.tool(a, "fleet", "sync")
        self.assertNotEqual(done.returncode, 0, done.stdout)
        done = self.tool(a, "fleet", "status")
        self.assertIn("down", done.stdout)
        self.assertEqual(b.ask("a.test"), SECURE)

    def test_without_a_shared_cache(self):
        daemon = self.start()
        self.assertIs(self.status(daemon)["configured"], False)
        done = self.tool(daemon, "fleet", "status")
        self.assertNotIn(self.engine.address, done.stdout + done.stderr)

    def test_forget_fleet(self):
        self.policies("a.test", "b.test")
        a, b = self.member("a"), self.member("b")
        for domain in ("a.test", "b.test"):
            self.assertEqual(a.ask(domain), SECURE)
        self.wait_stored("a.test", "b.test")
        done = self.tool(a, "forget", "--yes", "a.test")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("a.test", self.engine.keys(), "forgotten by this host only")
        self.assertEqual(a.ask("a.test"), SECURE, "taken from the engine again")
        self.assertEqual(self.world.hosts.count("a.test"), 1)
        done = self.tool(a, "forget", "--yes", "--fleet", "a.test")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertEqual(self.engine.keys(), {"b.test"})
        self.assertEqual(b.ask("a.test"), SECURE)
        self.assertEqual(self.world.hosts.count("a.test"), 2)

    def test_forget_fleet_while_the_engine_is_away(self):
        self.policies("a.test")
        a = self.member("a")
        self.assertEqual(a.ask("a.test"), SECURE)
        self.engine.kill()
        self.wait_down(a, "down", "timeout")
        done = self.tool(a, "forget", "--yes", "--fleet", "a.test")
        self.assertNotEqual(done.returncode, 0, done.stdout)
        control = self.control(a)
        control.delete("domains", "a.test", fleet=1, yes="true")
        self.assertEqual(control.status, 503)
        self.world.unplug()
        self.assertEqual(a.ask("a.test"), SECURE, "nothing was forgotten")


class Keys(FleetCase):
    def reload(self, *daemons):
        for daemon in daemons:
            count = len(daemon.log_lines("fleet-keys"))
            daemon.reload()
            daemon.wait_log("fleet-keys", count=count + 1)

    def rotate(self, hide):
        domains = ["d%d.test" % number for number in range(4)]
        self.policies(*domains)
        a, b = (self.member(name, key_file=self.write_keys(name="keys." + name), hide_domains=hide) for name in "ab")
        old, new = self.keys[0], sealing.Key("k2")

        def share(domain, key):
            """A learns it, under this key, and B takes it."""
            self.assertEqual(a.ask(domain), SECURE)
            name = key.hidden_name(domain) if hide else domain
            value = wait_for(lambda: self.get(name), f"{domain} under {key.ident}")
            self.assertIn(f"domain: {domain}\n".encode(), key.opened(name, value))
            self.assertEqual(b.ask(domain), SECURE)
            self.assertEqual(self.world.hosts.count(domain), 1)

        share(domains[0], old)
        for name in "ab":  # append everywhere
            self.write_keys(old, new, name="keys." + name)
        self.reload(a, b)
        self.assertEqual(self.status(a)["keys"], ["k1", "k2"])
        share(domains[1], old)
        self.write_keys(new, old, name="keys.a")  # then move it to the front, one host after the other
        self.reload(a)
        share(domains[2], new)
        self.write_keys(new, old, name="keys.b")
        self.reload(b)
        share(domains[3], new)
        for daemon in (a, b):
            self.assertEqual(self.refused(daemon), {})
        # Values under the old key are still good for who starts now, and for nobody without it.
        c = self.member("c", key_file=self.write_keys(new, old, name="keys.c"), hide_domains=hide)
        self.world.unplug()
        self.assertEqual(c.ask(domains[0]), SECURE)
        d = self.member("d", key_file=self.write_keys(new, name="keys.d"), hide_domains=hide)
        self.assertEqual(d.ask(domains[0]), NOTFOUND)
        self.assertEqual(set(self.refused(d)), set() if hide else {"unknown-key"})
        self.assertIsNotNone(self.get(old.hidden_name(domains[0]) if hide else domains[0]))

    def test_rotation(self):
        self.rotate(hide=False)

    def test_rotation_with_hidden_domains(self):
        self.rotate(hide=True)

    def test_a_broken_file_leaves_the_keys_as_they_are(self):
        self.policies("a.test")
        a, b = self.member("a"), self.member("b")
        for broken in ("nonsense\n", "k1 00ff\n", ""):
            self.secret("keys", broken)
            a.reload()
            self.assertEqual(self.status(a)["keys"], ["k1"])
        self.assertEqual(a.ask("a.test"), SECURE)
        self.wait_stored("a.test")
        self.world.unplug()
        self.assertEqual(b.ask("a.test"), SECURE)

    def test_no_key_no_fleet(self):
        """The shared cache does not start without, and says why; mail goes on."""
        self.policies("a.test")
        for name, text, mode in (("none", None, 0), ("open", self.keys[0].line, 0o644), ("short", "k1 00ff\n", 0o600)):
            with self.subTest(name):
                path = self.world.path("keys." + name)
                if text:
                    self.secret("keys." + name, text)
                    os.chmod(path, mode)
                daemon = self.world.daemon(shared=self.shared(key_file=path))
                self.daemons.append(daemon)
                self.addCleanup(daemon.clean_up)
                daemon.start(journal=True)
                daemon.wait_log("fleet-unusable", path)
                self.assertEqual(daemon.ask("a.test"), SECURE)
                self.assertIs(self.status(daemon)["configured"], False)
                daemon.stop()  # the next one listens at the same place


class Ways(FleetCase):
    """How an engine is reached, and what is done there."""

    def test_read_only(self):
        self.policies("a.test", "b.test")
        a, reader = self.member("a"), self.member("r", read_only=True)
        self.assertEqual(a.ask("a.test"), SECURE)
        self.wait_stored("a.test")
        self.assertEqual(reader.ask("a.test"), SECURE)
        self.assertEqual(self.world.hosts.count("a.test"), 1)
        self.assertEqual(reader.ask("b.test"), SECURE)
        self.assertEqual(self.world.hosts.count("b.test"), 1)
        self.assertEqual(self.engine.keys(), {"a.test"})
        self.assertEqual(a.ask("b.test"), SECURE)
        self.wait_stored("b.test")
        self.assertEqual(self.names(a), {"a"}, "a reader writes no heartbeat")
        self.assertTrue(self.status(reader)["read_only"])

    def test_reads_go_to_a_replica(self):
        primary = Engine(self.world.path("primary"), tcp=True).start()
        self.addCleanup(primary.clean_up)
        replica = Replica(self.world.path("replica"), primary).start()
        self.addCleanup(replica.clean_up)
        replica.wait_in_step()
        self.policies("a.test", "b.test")
        a = self.member("a", engine=primary.address, replica=replica.address)
        b = self.member("b", engine=primary.address, replica=replica.address)
        self.assertEqual(a.ask("a.test"), SECURE)
        wait_for(lambda: "a.test" in replica.keys(), "the replica has it")
        self.assertEqual(b.ask("a.test"), SECURE)
        self.assertEqual(self.world.hosts.count("a.test"), 1)
        clients = [line for line in replica.do("CLIENT", "LIST").decode().splitlines() if "user=mail-" in line]
        self.assertTrue(any("cmd=get" in line or "cmd=mget" in line for line in clients), clients)
        replica.kill()
        self.assertEqual(a.ask("b.test"), SECURE)
        wait_for(lambda: "b.test" in primary.keys(), "the primary has it")
        for daemon in (a, b):
            self.expect_ready(daemon)

    def test_tls_with_a_certificate_of_its_own(self):
        authority, other = self.world.hosts.authority, Authority(self.world.path("other"), "Other", intermediate=False)
        tls = (*authority.leaf("engine.test"), authority.root)
        engine = Engine(self.world.path("tls"), tls=tls).start()
        self.addCleanup(engine.clean_up)
        chain, key = self.client_certificate(authority)
        good = {
            "engine": engine.tls_address,
            "tls_ca_file": authority.root,
            "tls_name": "engine.test",
            "tls_certificate_file": chain,
            "tls_key_file": key,
        }
        self.policies("a.test", *["x%d.test" % number for number in range(4)])
        a, b = self.member("a", **good), self.member("b", **good)
        self.assertEqual(a.ask("a.test"), SECURE)
        wait_for(lambda: "a.test" in engine.keys(), "the engine has it")
        self.assertEqual(b.ask("a.test"), SECURE)
        self.assertEqual(self.world.hosts.count("a.test"), 1)
        wrong = {
            "another name": {"tls_name": "other.test"},
            "the address, which is not in the certificate": {"tls_name": None},
            "another authority": {"tls_ca_file": other.root},
            "no certificate of its own": {"tls_certificate_file": None, "tls_key_file": None},
        }
        for number, (name, change) in enumerate(wrong.items()):
            with self.subTest(name):
                daemon = self.member("w%d" % number, wait=False, **{**good, **change})
                self.wait_down(daemon, "down", "refused", "protocol")
                self.assertEqual(daemon.ask("x%d.test" % number), SECURE)
                self.expect_ready(daemon)
        self.assertEqual(engine.keys(), {"a.test"})

    def client_certificate(self, authority):
        """With the purpose that engines look for."""
        base = self.world.path("client")
        extensions = ("basicConstraints=critical,CA:FALSE", "keyUsage=digitalSignature", "extendedKeyUsage=clientAuth")
        certify(base, "/CN=mail", extensions, authority.issuer)
        os.chmod(base + ".key", 0o600)
        return base + ".pem", base + ".key"

    def test_two_fleets_in_one_engine(self):
        """Each has a prefix, and a key of its own; the ACL of the manual is for the default one."""
        self.engine.do("ACL", "SETUSER", "second", "on", ">" + PASSWORD, "~two:*", "&two:*", "-@all", "+auth", "+role",
                       "+ping", "+get", "+mget", "+set", "+del", "+hset", "+hgetall", "+hdel", "+publish", "+subscribe")
        self.policies("a.test")
        a = self.member("a")
        other = self.member("o", prefix="two", user="second", key_file=self.write_keys(sealing.Key("z"), name="keys.two"))
        self.assertEqual(a.ask("a.test"), SECURE)
        self.wait_stored("a.test")
        self.assertEqual(other.ask("a.test"), SECURE)
        self.assertEqual(self.world.hosts.count("a.test"), 2)
        wait_for(lambda: self.get("a.test", "two"), "the value of the second fleet")

    def test_a_database_of_its_own(self):
        self.policies("a.test")
        a, b = self.member("a", database=3), self.member("b", database=3)
        self.assertEqual(a.ask("a.test"), SECURE)
        with self.engine.admin() as admin:
            admin.ask("SELECT", 3)
            wait_for(lambda: admin.ask("GET", sealing.policy_key("a.test")), "the value")
        self.assertEqual(self.engine.keys(), set())
        self.assertEqual(b.ask("a.test"), SECURE)
        self.assertEqual(self.world.hosts.count("a.test"), 1)

    def test_stops_at_once_whatever_the_engine_does(self):
        self.policies("a.test")
        a = self.member("a")
        self.engine.freeze()
        self.addCleanup(self.engine.thaw)
        self.assertEqual(a.ask("a.test"), SECURE)
        started = time.monotonic()
        self.assertEqual(a.stop(), 0)
        self.assertLess(time.monotonic() - started, LATE)


if __name__ == "__main__":
    unittest.main()
