"""What an administrator asks and changes about domains over the control socket: one domain, the list, export and
import, events as they happen."""

import json
import os
import subprocess
import unittest

from blackbox import harness
from blackbox.harness import NOTFOUND, SECURE
from pylib.control import Control
from pylib.waiting import wait_for


class AdminDomainsTest(harness.Case):
    def begin(self, **options):
        """A daemon and a client of its control socket."""
        path = self.world.path("control%d" % len(self.daemons))
        daemon = self.start(control={"socket": path, "mode": "0600"}, **options)
        return daemon, Control(path)

    def test_curl_shows_a_domain(self):
        self.world.policy("good.test")
        daemon, control = self.begin()
        self.assertEqual(daemon.ask("good.test"), SECURE)
        done = subprocess.run(
            ["curl", "-sS", "--unix-socket", control.path, "http://stsmapd/v1/domains/good.test"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        shown = json.loads(done.stdout)
        self.assertEqual(list(shown)[0], "schema")
        self.assertEqual(shown["replies"]["sts"], SECURE)
        self.assertEqual(shown["replies"]["sts-tlsrpt"], daemon.ask("good.test", "sts-tlsrpt"))
        self.assertEqual((shown["answer"], shown["rule"], shown["known"]), ("secure", "policy", "policy"))
        self.assertEqual(shown["policy"]["mx"], ["mx1.good.test", "*.mail.test"])
        source = shown["policy"]["source"]
        self.assertEqual(source["address"], "proxy 127.0.0.1")
        self.assertRegex(source["tls"], r"^TLSv1\.[23]$")
        self.assertIn("CN=", source["issuer"])
        self.assertRegex(source["certificate_ends"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(shown["txt"]["id"], "1")
        self.assertEqual(shown["get"]["failures"], 0)
        self.assertEqual([event["event"] for event in shown["events"]], ["policy-learnt"])

    def test_each_form_of_a_next_hop(self):
        self.world.policy("good.test")
        daemon, control = self.begin()
        daemon.ask("good.test")
        for next_hop in ("good.test", "GOOD.test.", "[good.test]", "[good.test]:587", "good.test:submission"):
            shown = control.get("domains", next_hop)
            self.assertEqual(shown["next_hop"], next_hop)
            self.assertEqual(shown["domain"], "good.test")
            self.assertEqual(shown["replies"]["sts"], daemon.ask(next_hop), next_hop)
        for key, reason in ((".good.test", "key-parent-domain"), ("[192.0.2.1]:25", "key-address-literal")):
            shown = control.get("domains", key)
            self.assertEqual((shown["answer"], shown["reason"]), ("notfound", reason))

    def test_why_there_is_no_policy(self):
        self.world.record("broken.test", "1")
        daemon, control = self.begin()
        self.assertEqual(control.get("domains", "broken.test")["known"], "nothing")
        self.assertEqual(daemon.ask("broken.test"), NOTFOUND)
        self.assertEqual(daemon.ask("absent.test"), NOTFOUND)
        broken, absent = control.get("domains", "broken.test"), control.get("domains", "absent.test")
        self.assertEqual((absent["known"], absent["absence"]["reason"]), ("absence", "no-record"))
        self.assertEqual(broken["get"]["failures"], 1)
        self.assertEqual(broken["get"]["reason"], broken["reason"])
        self.assertTrue(broken["get"]["detail"], broken)
        self.assertIn("next_at", broken["get"])
        self.assertEqual(broken["events"][0]["event"], "policy-failed")

    def test_refresh_sees_a_change_at_once(self):
        self.world.policy("good.test", max_age=604800)
        _, control = self.begin()
        self.assertEqual(control.post("domains", "good.test", "learn")["mode"], "enforce")
        self.assertEqual(control.post("domains", "good.test", "learn")["known"], True)
        wait = control.post("domains", "good.test", "refresh")
        self.assertEqual((control.status, wait["error"]["code"]), (429, "wait"), "one GET a minute")
        self.assertGreater(wait["error"].get("retry_after_s", wait.get("retry_after_s")), 0)
        self.assertEqual(self.world.hosts.count("good.test"), 1)

    def test_forget(self):
        self.world.policy("good.test")
        daemon, control = self.begin()
        daemon.ask("good.test")
        refused = control.delete("domains", "good.test")
        self.assertEqual((control.status, refused["error"]["code"]), (409, "needs-yes"))
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.assertIn("protected_since", control.get("domains", "good.test"))
        gone = control.delete("domains", "good.test", yes="true", by="alice")
        self.assertEqual((gone["forgotten"], gone["mode"]), (True, "enforce"))
        self.assertNotIn("protected_since", control.get("domains", "good.test"))
        control.delete("domains", "good.test", yes="true")
        self.assertEqual(control.status, 404)
        daemon.stop()
        daemon.start(journal=True)
        self.assertEqual(control.get("domains", "good.test")["known"], "nothing", "also on the disk")
        self.assertRegex(daemon.log(), r"policy-forgotten: domain=good.test mode=enforce uid=\d+ by=alice\n")

    def test_list_with_filters_and_orders(self):
        for number in range(20):
            self.world.policy(
                "d%02d.test" % number, mode="enforce" if number % 2 else "testing", max_age=86400 * (20 - number)
            )
        daemon, control = self.begin()
        for number in range(20):
            daemon.ask("d%02d.test" % number)
        names = ["d%02d.test" % number for number in range(20)]
        listed = control.lines("domains")
        self.assertEqual(sorted(one["domain"] for one in listed), names)
        self.assertEqual([one["domain"] for one in control.lines("domains", sort="domain")], names)
        self.assertEqual([one["domain"] for one in control.lines("domains", sort="expires")], names[::-1])
        self.assertEqual([one["domain"] for one in control.lines("domains", mode="testing", sort="domain")], names[::2])
        self.assertEqual(
            [one["domain"] for one in control.lines("domains", expiring="36h", sort="domain")], names[-1:]
        )
        self.assertEqual(control.lines("domains", failing="true"), [])
        control.get("domains", mode="strict")
        self.assertEqual(control.status, 400)

    def test_one_daemon_takes_what_another_exported(self):
        for number in range(30):
            self.world.policy("d%d.test" % number)
        one, control = self.begin()
        for number in range(30):
            one.ask("d%d.test" % number)
        exception = {"domain": "except.test", "action": "off", "until": "14d", "reason": "their certificate"}
        control.post("overrides", body=json.dumps(exception))
        exported = control.read("GET", "export")
        end = json.loads(exported.splitlines()[-1])
        self.assertEqual((end["policies"], end["overrides"]), (30, 1))

        other, second = self.begin(listen=["unix:" + self.world.path("other")], state_dir=self.other_state())
        report = second.post("import", body=exported)
        self.assertEqual((report["taken"], report["complete"], report["invalid_count"]), (30, True, 0), report)
        self.assertEqual((report["overrides_taken"], report["overrides_left"]), (0, 1))
        self.assertIn("protected_since", second.get("domains", "d7.test"))
        self.world.unplug()
        for number in range(30):
            self.assertEqual(other.ask("d%d.test" % number), SECURE, "without network")
        report = second.post("import", body=exported, overrides="true")
        self.assertEqual((report["older"], report["overrides_taken"]), (30, 1), report)
        wait_for(lambda: second.get("overrides")["overrides"], "the override is on the disk")
        taken = second.get("overrides")["overrides"][0]
        self.assertEqual((taken["domain"], taken["reason"]), ("except.test", "their certificate"))
        other.stop()
        other.start(journal=True)
        self.assertEqual(other.ask("d7.test"), SECURE, "it is on the disk")
        cut = second.post("import", body=exported[: len(exported) // 2])
        self.assertEqual(cut["complete"], False)

    def other_state(self):
        path = self.world.path("other-state")
        os.makedirs(path)
        return path

    def test_events_as_they_happen(self):
        self.world.policy("good.test")
        daemon, control = self.begin()
        connection, reply = control.open("GET", "events", domain="good.test")
        self.addCleanup(connection.close)
        daemon.ask("other.test")
        daemon.ask("good.test")
        seen = [json.loads(reply.readline()) for _ in range(2)]
        self.assertEqual([one["event"] for one in seen], ["policy-learnt", "lookup"])
        self.assertEqual(seen[1]["fields"]["answer"], "secure")
        self.assertEqual(seen[0]["schema"], 1)

    def test_a_reader_that_does_not_read_holds_up_nobody(self):
        self.world.policy("good.test")
        daemon, control = self.begin()
        daemon.ask("good.test")
        readers = [control.open("GET", "events") for _ in range(4)]
        for connection, _ in readers:
            self.addCleanup(connection.close)
        # A reader that reads gets everything, or the number of events that it lost.
        lost, seen = 0, 0
        client = daemon.client()
        self.addCleanup(client.close)
        for _ in range(3000):
            self.assertEqual(client.ask("good.test"), SECURE)
        connection, reply = readers[0]
        while lost + seen < 3000:
            one = json.loads(reply.readline())
            lost += one.get("lost", 0)
            seen += "event" in one
        self.assertEqual(control.get("status")["policies"], 1)


if __name__ == "__main__":
    unittest.main()
