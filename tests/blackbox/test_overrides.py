"""Overrides and observing, over the control socket: effective at once, on the disk before they are said to be, kept
through kill -9 and damage, ended by themselves; and what an administrator reads about them."""

import datetime
import json
import os
import signal
import unittest

from blackbox import harness
from blackbox.harness import NOTFOUND, SECURE
from pylib import control
from pylib.waiting import wait_for


def utc_now():
    return datetime.datetime.now(datetime.timezone.utc)


class Overrides(harness.Case):
    def start(self, **options):
        return super().start(**{"control": {"socket": self.world.path("control")}, **options})

    def ask_for(self, method, *parts, body=None, status=200, **query):
        client = control.Control(self.world.path("control"))
        octets = json.dumps(body).encode() if isinstance(body, dict) else body
        reply = client.read(method, *parts, body=octets, **query)
        self.assertEqual(client.status, status, reply)
        return json.loads(reply)

    def add(self, domain, action="off", until="14d", yes=True, status=200, reason="a test", **more):
        body = {"domain": domain, "action": action, "until": until, "reason": reason, **more}
        query = {"yes": "true"} if yes else {}
        return self.ask_for("POST", "overrides", body=body, status=status, **query)

    def add_for_moments(self, domain, seconds=2, **more):
        """Returns when it ends: so far ahead, or further where this machine takes longer to say so."""
        client = control.Control(self.world.path("control"))
        for _ in range(6):
            end = (utc_now() + datetime.timedelta(seconds=seconds)).replace(microsecond=0)
            until = end.strftime("%Y-%m-%dT%H:%M:%SZ")
            body = {"domain": domain, "action": "off", "until": until, "reason": "a test", **more}
            reply = client.read("POST", "overrides", body=json.dumps(body).encode(), yes="true")
            if client.status == 200:
                return end
            self.assertEqual(client.status, 400, reply)
            seconds *= 2
        self.fail(reply)

    def listed(self):
        return {one["domain"]: one for one in self.ask_for("GET", "overrides")["overrides"]}

    def protected_since(self, domain):
        text = self.ask_for("GET", "domains", domain)["protected_since"]
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))

    def state_file(self, daemon):
        return os.path.join(daemon.state_dir, "state.db")


class AtRunTime(Overrides):
    def test_works_at_once_on_open_connections_and_ends_when_removed(self):
        self.world.policy("good.test")
        daemon = self.start()
        with daemon.client() as client:
            self.assertEqual(client.ask("good.test"), SECURE)
            self.assertEqual(client.ask("good.test"), SECURE)
            added = self.add("good.test", "may")
            self.assertEqual((added["hides"], added["weakens"], added["applies"]), ("secure", True, True))
            self.assertTrue(added["added_by"].startswith("uid %d" % os.getuid()), added)
            self.assertEqual(client.ask("good.test"), "OK may")
            self.assertEqual(client.ask("[good.test]:587"), "OK may")
            removed = self.ask_for("DELETE", "overrides", "good.test")
            self.assertEqual(removed["domain"], "good.test")
            self.assertEqual(client.ask("good.test"), SECURE)
        self.assertEqual(self.listed(), {})
        line = daemon.wait_log("override-added", "domain=good.test", "weakens=yes", "hides=secure")
        self.assertTrue(line[0].startswith("<4>"), line)
        daemon.wait_log("override-removed", "domain=good.test")
        weaker = [one for one in daemon.lookups("good.test", 5) if one.get("why") == "override"]
        self.assertEqual([one["would"] for one in weaker], ["secure", "secure"], daemon.log())
        self.assertEqual(len(daemon.wait_log("override-weakens", "domain=good.test")), 1, "one an hour")

    def test_what_would_be_lost_needs_yes(self):
        self.world.policy("good.test")
        daemon = self.start()
        self.assertEqual(daemon.ask("good.test"), SECURE)
        for action, more in (
            ("off", {}),
            ("observe", {}),
            ("may", {}),
            ("encrypt", {}),
            ("secure", {"match": ["other.test"]}),
        ):
            with self.subTest(action):
                refused = self.add("good.test", action, yes=False, status=409, **more)["error"]
                self.assertEqual(refused["code"], "needs-yes")
                self.assertIn("good.test is protected by an enforced policy until 20", refused["words"])
        self.assertEqual(self.listed(), {})
        self.assertEqual(daemon.ask("good.test"), SECURE)
        # What is as strict needs none.
        self.add("good.test", "secure", match=["mx1.good.test"], yes=False)
        self.assertEqual(daemon.ask("good.test"), "OK secure match=mx1.good.test servername=hostname")

    def test_a_suffix_hides_what_is_below_it(self):
        for domain in ("a.org.test", "b.org.test", "org.test"):
            self.world.policy(domain)
        daemon = self.start()
        for domain in ("a.org.test", "b.org.test", "org.test"):
            self.assertEqual(daemon.ask(domain), SECURE)
        refused = self.add(".org.test", "encrypt", yes=False, status=409)["error"]
        self.assertIn("a.org.test is protected", refused["words"])
        self.assertNotIn("; org.test is", refused["words"])
        added = self.add(".org.test", "encrypt")
        self.assertEqual((added["domains_known"], added["domains_weakened"]), (2, 2))
        self.assertEqual(daemon.ask("a.org.test"), "OK encrypt")
        self.assertEqual(daemon.ask("org.test"), SECURE)
        self.add("a.org.test", "off")
        self.assertEqual(daemon.ask("a.org.test"), NOTFOUND)
        self.assertEqual(self.listed()[".org.test"]["domains_known"], 1, "the other has one of its own")

    def test_ends_by_itself(self):
        self.world.policy("good.test")
        daemon = self.start()
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.add("good.test")
        self.assertEqual(daemon.ask("good.test"), NOTFOUND)
        self.add_for_moments("good.test")
        daemon.wait_log("override-expired", "domain=good.test", "source=run-time")
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.assertEqual(self.listed(), {})

    def test_mistakes_are_refused_with_the_field(self):
        daemon = self.start()
        good = {"domain": "a.test", "action": "off", "until": "1d", "reason": "x"}
        for change, field in (
            ({"domain": ".test"}, "domain"),
            ({"domain": 7}, "domain"),
            ({"action": "hold"}, "action"),
            ({"action": "dane-only"}, "action"),  # DANE is not active here
            ({"match": ["mx.test"]}, "match"),
            ({"action": "secure"}, "match"),
            ({"action": "secure", "match": ["hostname"]}, "match"),
            ({"until": ""}, "until"),
            ({"until": "1999-01-01"}, "until"),
            ({"until": "400d"}, "until"),
            ({"reason": ""}, "reason"),
            ({"resaon": "x"}, "resaon"),
        ):
            with self.subTest(change):
                error = self.ask_for("POST", "overrides", body={**good, **change}, status=400)["error"]
                self.assertEqual((error["code"], error["field"]), ("bad-request", field), error)
        for octets in (b"[]", b"{", b'"x"', b"\xff", b"{}" + b" " * 70000):
            client = control.Control(self.world.path("control"))
            client.read("POST", "overrides", body=octets)
            self.assertIn(client.status, (400, 413), octets[:9])
        self.ask_for("DELETE", "overrides", "a.test", status=404)
        self.assertEqual(self.listed(), {})

    def test_is_it_still_needed(self):
        self.world.policy("good.test")
        daemon = self.start()
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.assertEqual(daemon.ask("none.test"), NOTFOUND)
        for domain in ("good.test", "none.test", "new.test"):
            self.add(domain, "may")
        self.assertEqual(
            {domain: one["still_needed"] for domain, one in self.listed().items()},
            {"good.test": "unknown", "none.test": "no", "new.test": "unknown"},
        )


class Kept(Overrides):
    def test_through_kill_and_the_loss_of_the_policies(self):
        self.world.policy("good.test")
        daemon = self.start()
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.add("good.test", "encrypt")
        since = self.protected_since("good.test")
        wait_for(lambda: utc_now() > since + datetime.timedelta(seconds=1))
        daemon.kill()
        os.unlink(os.path.join(daemon.state_dir, "stsmapd.sqlite"))
        again = self.start()
        self.assertEqual(again.ask("good.test"), "OK encrypt")
        again.wait_log("policy-learnt", "domain=good.test")
        self.assertEqual(self.protected_since("good.test"), since)
        self.assertEqual(self.listed()["good.test"]["source"], "run-time")

    def test_a_damaged_state_is_set_aside_and_the_daemon_starts(self):
        daemon = self.start()
        self.add("a.test")
        self.assertEqual(daemon.stop(), 0)
        with open(self.state_file(daemon), "r+b") as file:
            file.write(b"x" * 4096)
        again = self.start()
        again.wait_log("store-damaged", "state.db")
        self.add("b.test")
        self.assertTrue([one for one in os.listdir(daemon.state_dir) if one.startswith("state.db.damaged-")])
        self.assertEqual(os.stat(self.state_file(daemon)).st_mode & 0o777, 0o640)

    def test_a_file_taken_away_is_written_anew_from_memory(self):
        daemon = self.start()
        self.add("a.test")
        os.unlink(self.state_file(daemon))
        self.add("b.test")
        daemon.kill()
        again = self.start()
        self.assertEqual(set(self.listed()), {"a.test", "b.test"})

    def test_one_that_ended_meanwhile_is_gone_after_the_start(self):
        daemon = self.start()
        self.add("a.test")
        for seconds in (2, 10, 60):
            end = self.add_for_moments("a.test", seconds)
            daemon.kill()
            if "override-expired" not in daemon.log():
                break
            daemon = self.start()  # it ended before: this machine is slow
        wait_for(lambda: utc_now() > end + datetime.timedelta(seconds=1), seconds=90)
        again = self.start()
        again.wait_log("override-expired", "domain=a.test")
        self.assertEqual(self.listed(), {})


class Configured(Overrides):
    ONE = {"domain": "good.test", "action": "may", "reason": "x", "weakens": True}

    def test_is_taken_up_and_given_up_by_a_reload(self):
        self.world.policy("good.test")
        daemon = self.start()
        self.assertEqual(daemon.ask("good.test"), SECURE)
        daemon.configure(override=[self.ONE])
        daemon.reload()
        self.assertEqual(daemon.ask("good.test"), "OK may")
        line = daemon.wait_log("overrides: configured=1", "weakening=1", "domains=good.test")
        self.assertTrue(line[0].startswith("<4>"), line)
        self.assertEqual(self.listed()["good.test"]["source"], "configuration")
        error = self.ask_for("DELETE", "overrides", "good.test", status=404)["error"]
        self.assertIn("stands in the configuration", error["words"])
        self.add("good.test", "encrypt")
        self.assertEqual(daemon.ask("good.test"), "OK encrypt", "that of the run time goes before")
        self.ask_for("DELETE", "overrides", "good.test")
        self.assertEqual(daemon.ask("good.test"), "OK may")
        daemon.configure(override=None)
        daemon.reload()
        self.assertEqual(daemon.ask("good.test"), SECURE)

    def test_one_that_weakens_without_saying_so_is_held_back(self):
        self.world.policy("good.test")
        daemon = self.start(override=[{**self.ONE, "weakens": False}])
        self.assertEqual(daemon.ask("good.test"), SECURE)
        listed = self.listed()["good.test"]
        self.assertEqual((listed["applies"], listed["hides"]), (False, "secure"))


class Observing(Overrides):
    def test_everything_is_known_when_it_ends(self):
        self.world.policy("good.test")
        self.world.policy("late.test", mode="testing")
        daemon = self.start(mode="observe")
        line = daemon.wait_log("observing: ")
        self.assertTrue(line[0].startswith("<4>"), line)
        for _ in range(3):
            self.assertEqual(daemon.ask("good.test"), NOTFOUND)
        self.assertEqual(daemon.ask("late.test"), NOTFOUND)
        self.assertEqual(daemon.ask("none.test"), NOTFOUND)
        lookups = daemon.lookups("good.test", 3)
        self.assertEqual([one["would"] for one in lookups], ["secure"] * 3)
        self.assertNotIn("would", daemon.lookups("late.test")[0])
        self.assertTrue([one for one in daemon.notifications.poll() if "only observing" in one])
        summary = {}

        def counted():
            summary.update(self.ask_for("GET", "observed"))
            return summary["lookups"] == 3

        wait_for(counted, "the sums, every ten seconds", 30)
        self.assertEqual((summary["domains"], summary["forgotten"]), (1, 0))
        self.assertEqual(summary["would"], {"secure": {"domains": 1, "lookups": 3}})
        self.assertEqual([one["domain"] for one in summary["top"]], ["good.test"])
        self.world.unplug()
        daemon.configure(mode="enforce")
        daemon.reload()
        self.assertEqual(daemon.ask("good.test"), SECURE, "without new learning")

    def test_a_single_domain_and_the_sums_of_the_last_seconds(self):
        self.world.policy("good.test")
        daemon = self.start()
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.add("good.test", "observe")
        self.assertEqual(daemon.ask("good.test"), NOTFOUND)
        self.assertEqual(daemon.stop(), 0)
        again = self.start()
        summary = self.ask_for("GET", "observed")
        self.assertEqual(summary["would"], {"secure": {"domains": 1, "lookups": 1}})
        again.process.send_signal(signal.SIGHUP)
        again.wait_log("overrides: configured=0 run_time=1", count=2)


if __name__ == "__main__":
    unittest.main()
