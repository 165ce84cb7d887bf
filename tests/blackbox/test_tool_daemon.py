"""The commands of stsmap over the control socket of a real daemon. What it prints as JSON, and what the daemon replies,
is as tests/schemas says; what it prints for people has at most 80 columns."""

import datetime
import json
import os
import select
import signal
import subprocess
import unittest

from blackbox import harness
from blackbox.control_peer import FLEET, SYNC, ControlPeer
from blackbox.harness import NOTFOUND, SECURE
from pylib import schemas
from pylib.control import Control
from pylib.programs import without_options
from pylib.waiting import wait_for

OTHER = 12345  # the uid of somebody who may connect, and no more


class Case(harness.Case):
    def begin(self, **options):
        path = self.world.path("control%d" % len(self.daemons))
        daemon = self.start(control={"socket": path, "mode": "0666"}, **options)
        self.addCleanup(setattr, self, "control", None)
        self.control = path
        self.config = daemon.config_file
        return daemon

    def stsmap(self, *arguments, status=0, stdin="", user=None):
        """What it prints; its exit status has to be `status`. What is printed for people is looked at."""
        done = subprocess.run(
            [harness.STSMAP, "--control", self.control, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            # explain looks at DNS, too: at that of the test
            env={
                **without_options(),
                "TZ": "Europe/Berlin",
                "STSMAPD_DNS_SERVERS": "127.0.0.1:%d" % self.world.dns.port,
            },
        )
        if status is None:  # as it may be
            self.assertIn(done.returncode, (0, 1), done)
        else:
            self.assertEqual(done.returncode, status, done)
        if "--json" not in arguments and "export" not in arguments:
            for line in done.stdout.splitlines():
                self.assertLessEqual(len(line), 80, done.stdout)
                self.assertRegex(line, r"^[ -~]*$")
        self.said = done.stderr
        return done.stdout

    def documents(self, name, *arguments, **options):
        """What it prints as JSON: a list of objects, each as the schema says."""
        text = self.stsmap(*arguments, *([] if "export" in arguments else ["--json"]), **options)
        documents = [json.loads(line) for line in text.splitlines()]
        for document in documents:
            self.assertEqual(list(document)[0], "schema")
            self.assert_valid(name, document)
        return documents

    def assert_valid(self, name, document):
        self.assertEqual(schemas.mistakes(name, document), [], document)


class DomainsTest(Case):
    def test_list(self):
        self.world.policy("good.test")
        self.world.policy("test.test", mode="testing", max_age=604800)
        daemon = self.begin()
        self.assertEqual(self.stsmap("list"), "")
        self.assertEqual(self.said, "stsmap: no domain fits\n")
        daemon.ask("good.test")
        daemon.ask("test.test")
        head, *rows = self.stsmap("list", "--sort", "domain").splitlines()
        self.assertEqual(head.split(), ["DOMAIN", "MODE", "ANSWER", "ENDS", "ASKED", "FAILURES"])
        self.assertEqual([row.split()[:3] for row in rows], [
            ["good.test", "enforce", "secure"],
            ["test.test", "testing", "notfound"],
        ])  # fmt: skip
        lines = self.documents("domain-line", "list", "--sort", "domain")
        self.assertEqual([line["domain"] for line in lines], ["good.test", "test.test"])
        for options, names in (
            (["--mode", "testing"], {"test.test"}),
            (["--expiring", "2d"], {"good.test"}),
            (["--asked-since", "1h"], {"good.test", "test.test"}),
            (["--failing"], set()),
            (["--dane"], set()),
        ):
            lines = self.documents("domain-line", "list", *options)
            self.assertEqual({line["domain"] for line in lines}, names, options)

    def test_refresh(self):
        daemon = self.begin()
        self.assertEqual(daemon.ask("good.test"), NOTFOUND)
        self.world.policy("good.test")
        text = self.stsmap("refresh", "good.test")
        self.assertIn("mx1.good.test", text)
        self.assertIn(SECURE, " ".join(text.split()))
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.stsmap("refresh", "good.test", status=1)
        self.assertRegex(self.said, r"^stsmap: .* again in \d+ s\n$")
        self.world.policy("other.test")
        (shown,) = self.documents("domain", "refresh", "[other.test]:25")
        self.assertEqual((shown["domain"], shown["answer"]), ("other.test", "secure"))

    def test_refresh_fetches_a_policy_that_changed(self):
        self.world.policy("good.test")
        daemon = self.begin()
        control = Control(self.control)
        hour_ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
        text = "version: STSv1\r\nmode: enforce\r\nmx: old.good.test\r\nmax_age: 86400\r\n"
        known = {"schema": 1, "kind": "policy", "domain": "good.test", "text": text, "id": "1"}
        known["fetched_at"] = hour_ago.strftime("%Y-%m-%dT%H:%M:%SZ")
        report = control.post("import", body=json.dumps(known).encode() + b"\n")
        self.assertEqual(report["taken"], 1, report)
        old = "OK secure match=old.good.test servername=hostname"
        self.assertEqual(daemon.ask("good.test"), old)
        # Its record is looked at for the first time: it has the id that is known.
        wait_for(lambda: self.world.txt_questions("good.test") == 1)
        before = known["fetched_at"]
        wait_for(lambda: control.get("domains", "good.test")["txt"]["checked_at"] > before, "the look at the record")
        self.assertEqual(self.world.hosts.count("good.test"), 0)
        self.world.policy("good.test", ident="2")
        self.assertEqual(daemon.ask("good.test"), old)
        shown = self.stsmap("refresh", "good.test")
        self.assertEqual(self.world.hosts.count("good.test"), 1)
        self.assertIn(SECURE, " ".join(shown.split()))
        self.assertIn("mx1.good.test", shown)
        self.assertNotIn("old.good.test", shown)
        self.assertEqual(daemon.ask("good.test"), SECURE)
        now_known = control.get("domains", "good.test")
        self.assertEqual((now_known["txt"]["id"], now_known["policy"]["mx"][0]), ("2", "mx1.good.test"))
        daemon.wait_log("policy-changed", "domain=good.test")

    def test_forget(self):
        self.world.policy("good.test")
        daemon = self.begin()
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.stsmap("forget", "good.test", status=1)
        self.assertIn("with --yes it is done all the same", self.said)
        self.assertEqual(daemon.ask("good.test"), SECURE)
        text = " ".join(self.stsmap("forget", "good.test", "--yes").split())
        self.assertTrue(text.startswith("forgot good.test: its policy (enforce) would have been valid until 20"), text)
        self.stsmap("forget", "good.test", "--yes", status=1)
        self.world.policy("test.test", mode="testing")
        daemon.ask("test.test")
        (forgotten,) = self.documents("forgotten", "forget", "test.test")
        self.assertEqual((forgotten["domain"], forgotten["mode"]), ("test.test", "testing"))

    def test_warm(self):
        self.world.policy("good.test")
        self.world.policy("test.test", mode="testing")
        self.world.record("broken.test", "1")  # no policy host
        daemon = self.begin()
        text = self.stsmap("warm", "--rate", "100", stdin="good.test\ntest.test\nnone.test\nbroken.test\n")
        self.assertRegex(text, r"broken.test: [a-z-]+\n")
        self.assertIn("4 domains: 0 known before, 2 found, 1 without a policy, 1 failing;", text)
        asked = self.world.txt_questions("good.test")
        self.assertEqual(daemon.ask("good.test"), SECURE)
        *lines, end = map(json.loads, self.stsmap("warm", "--json", stdin="good.test\nnew.test\n").splitlines())
        for line in lines:
            self.assert_valid("learnt", line)
        known = {line["domain"]: line["known"] for line in lines}
        self.assertEqual(known, {"good.test": True, "new.test": False})
        self.assert_valid("warmed", end)
        self.assertEqual(self.world.txt_questions("good.test"), asked)

    def test_tail(self):
        self.begin()
        tails = []
        for options in ([], ["--json"], ["good.test", "--json"]):
            tails.append(
                subprocess.Popen(
                    [harness.STSMAP, "--control", self.control, "tail", *options],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            self.addCleanup(tails[-1].communicate)
            self.addCleanup(tails[-1].kill)

        def printed(tail):
            """Whether it has a line to read; a further event for it, if not."""
            change = ["may", "--until", "7d", "--reason", "x", "--yes"]
            if not select.select([tail.stdout], [], [], 0.2)[0]:
                self.stsmap("override", "add", "good.test", *change)
                return False
            return True

        for tail in tails:
            wait_for(lambda tail=tail: printed(tail))
            line = tail.stdout.readline()
            self.assertIn("good.test", line)
            if line.startswith("{"):
                self.assert_valid("event", json.loads(line))
            else:
                self.assertRegex(line, r"^\d{4}-\d\d-\d\d \S{8}[+-]\d\d:\d\d (info|warning) +override-added ")
            tail.send_signal(signal.SIGINT)
            self.assertEqual(tail.wait(20), 0)
            self.assertEqual(tail.stderr.read(), "")


class TransferTest(Case):
    def test_export_and_import(self):
        for name in ("a.test", "b.test"):
            self.world.policy(name)
        first = self.begin()
        for name in ("a.test", "b.test"):
            first.ask(name)
        export = self.stsmap("export")
        lines = self.documents("export-line", "export")
        self.assertEqual([line["kind"] for line in lines], ["policy", "policy", "end"])
        first.stop()
        os.mkdir(self.world.path("other"))
        second = self.begin(state_dir=self.world.path("other"))
        self.world.unplug()
        text = self.stsmap("import", stdin=export)
        self.assertIn("2 policies taken", text)
        self.assertEqual(second.ask("a.test"), SECURE)
        (taken,) = self.documents("imported", "import", stdin=export)
        self.assertEqual((taken["taken"], taken["older"]), (0, 2))
        text = self.stsmap("import", stdin=export.replace("STSv1", "STSv9"), status=1)
        self.assertRegex(text, r"line 1: .")
        text = self.stsmap("import", stdin=export.splitlines()[0], status=1)
        self.assertIn("the export is not whole", self.said)


class RightsTest(Case):
    @unittest.skipUnless(os.geteuid() == 0, "needs root, to be somebody else")
    def test_who_may_only_connect_may_only_read(self):
        self.world.policy("good.test")
        os.chmod(self.world.folder, 0o755)
        daemon = self.begin()
        daemon.ask("good.test")
        self.assertIn("good.test", self.stsmap("list", user=OTHER))
        self.stsmap("export", user=OTHER)
        changes = [
            ["refresh", "good.test"],
            ["forget", "good.test", "--yes"],
            ["forget", "good.test", "--yes", "--fleet"],
            ["fleet", "sync"],
            ["warm"],
            ["import"],
            ["override", "add", "good.test", "off", "--until", "7d", "--reason", "x", "--yes"],
            ["override", "remove", "good.test"],
        ]
        for arguments in changes:
            with self.subTest(arguments=arguments):
                self.stsmap(*arguments, stdin="a.test\n", status=1, user=OTHER)
                self.assertIn("root may do it, as with sudo", self.said)
        self.assertEqual(daemon.ask("good.test"), SECURE)


class OverridesTest(Case):
    def add(self, *arguments, **options):
        return self.stsmap("override", "add", *arguments, "--until", "14d", "--reason", "their certificate", **options)

    def test_add_list_remove(self):
        self.world.policy("good.test")
        daemon = self.begin()
        self.assertEqual(self.stsmap("override", "list"), "no overrides\n")
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.add("good.test", "encrypt", status=1)
        self.assertIn("with --yes it is done all the same", self.said)
        self.assertEqual(daemon.ask("good.test"), SECURE)
        text = self.add("good.test", "encrypt", "--yes")
        self.assertRegex(text, r"good.test  encrypt\n    until:  .*, in 1[34] days\n    reason: their certificate\n")
        self.assertRegex(daemon.ask("good.test"), r"^OK encrypt")
        self.assertRegex(self.stsmap("override", "list"), r"hides:  secure\n")
        (listed,) = self.documents("overrides", "override", "list")
        self.assertEqual([one["domain"] for one in listed["overrides"]], ["good.test"])
        self.assertRegex(self.stsmap("override", "remove", "good.test"), r"^removed\ngood.test  encrypt\n")
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.stsmap("override", "remove", "good.test", status=1)
        matching = ["secure", "--match", "a.test,*.b.test", "--until", "2d", "--reason", "b\u00fccher"]
        (added,) = self.documents("override", "override", "add", ".good.test", *matching)
        self.assertEqual(added["match"], ["a.test", "*.b.test"])
        (removed,) = self.documents("override", "override", "remove", ".good.test")
        self.assertEqual(removed["reason"], "b\u00fccher")

    def test_mistakes_name_the_option(self):
        self.begin()
        for arguments, field in (
            (["not a domain", "off", "--until", "7d", "--reason", "x"], "domain"),
            (["a.test", "offf", "--until", "7d", "--reason", "x"], "action"),
            (["a.test", "secure", "--until", "7d", "--reason", "x"], "match"),
            (["a.test", "off", "--until", "soon", "--reason", "x"], "until"),
            (["a.test", "off", "--until", "7d", "--reason", ""], "reason"),
        ):
            self.stsmap("override", "add", *arguments, status=2)
            self.assertTrue(self.said.startswith("stsmap: %s: " % field), self.said)

    def test_observed(self):
        self.world.policy("good.test")
        daemon = self.begin(mode="observe")
        self.assertEqual(self.stsmap("observed"), "nothing is observed yet\n")
        for _ in range(3):
            self.assertEqual(daemon.ask("good.test"), NOTFOUND)
        daemon.stop()  # so that the sums of the last seconds are written
        daemon.start(journal=True)
        text = self.stsmap("observed")
        self.assertRegex(text, r"^3 lookups of 1 domain got no opinion")
        self.assertRegex(text, r"\ngood.test +secure +3 +\d+s +\d+s\n")
        (observed,) = self.documents("observed", "observed")
        self.assertEqual(observed["would"]["secure"], {"domains": 1, "lookups": 3})


class FleetTest(Case):
    def test_without_a_shared_cache(self):
        self.world.policy("good.test")
        daemon = self.begin()
        daemon.ask("good.test")
        none = "no shared cache: the section [shared] names no engine\n"
        self.assertEqual(self.stsmap("fleet", "status", status=1), none)
        (shown,) = self.documents("fleet", "fleet", "status", status=1)
        self.assertEqual(shown, {"schema": 1, "configured": False})
        words = "stsmap: there is no shared cache here: the section [shared] names no engine\n"
        forget = ["forget", "--fleet", "--yes", "good.test"]
        for arguments in (["fleet", "sync"], ["fleet", "sync", "--no-wait"], forget):
            self.assertEqual(self.stsmap(*arguments, status=1), "")
            self.assertEqual(self.said, words)
        self.assertEqual(daemon.ask("good.test"), SECURE, "nothing is forgotten")
        self.assertNotIn("control-change", daemon.log())


class RepliesTest(Case):
    """What no command prints as it is."""

    def test_are_as_the_schemas_say(self):
        self.world.policy("good.test")
        daemon = self.begin()
        daemon.ask("good.test")
        control = Control(self.control)
        self.assert_valid("routes", control.get())
        self.assert_valid("status", control.get("status"))
        for name in ("good.test", "none.test", "[good.test]:25", "x"):
            self.assert_valid("domain", control.get("domains", name))
        for method, parts in (("GET", ["nothing"]), ("POST", ["status"]), ("DELETE", ["domains", "unknown.test"])):
            self.assert_valid("error", json.loads(control.read(method, *parts)))
        self.assert_valid("fleet", control.get("fleet"))
        self.assert_valid("error", control.post("fleet", "sync"))
        self.assertEqual(control.status, 409)
        for name, value in (("hosts", "2"), ("fleet", "1")):
            wrong = control.get("fleet", **{name: value})
            self.assertEqual((control.status, wrong["error"]["field"]), (400, name))


class DoctorTest(Case):
    def findings(self, *place):
        text = self.stsmap(*place, "doctor", "--json", "--domain", "good.test", status=None)
        return {each["id"]: each for each in json.loads(text)["checks"]}

    def test_believes_the_daemon_rather_than_the_file(self):
        daemon = self.begin(mode="observe")
        daemon.configure(mode="enforce")
        place = ["--config", daemon.config_file]
        self.assertIn("daemon-observes", self.findings(*place), "it has not read the file again")
        daemon.reload()
        self.assertNotIn("daemon-observes", self.findings(*place))
        daemon.configure(mode="observe")
        self.assertNotIn("daemon-observes", self.findings(*place))

    def test_asks_on_when_there_is_no_list_of_overrides(self):
        daemon = self.begin()
        peer = ControlPeer(self.world.folder, "played")
        self.addCleanup(peer.close)
        peer.answer("GET", "/v1/status", ControlPeer.json({"mode": "observe"}))
        peer.answer("GET", "/ready", ControlPeer.raw("not ready\n", "503 Service Unavailable", "text/plain"))
        peer.answer("GET", "/v1/overrides", ControlPeer.error(503, "unavailable", "not now"))
        self.control = peer.path
        found = self.findings("--config", daemon.config_file)
        self.assertIn("not ready", found["daemon-not-ready"]["words"])
        self.assertIn("daemon-observes", found)


class OtherCommandsTest(Case):
    def test_explain_and_query(self):
        self.world.policy("good.test")
        daemon = self.begin()
        place = ["--config", daemon.config_file]
        no_postfix = self.world.path("no-postfix")  # else the name servers of the host's own would be asked
        for name in ("good.test", "none.test", "[good.test]:587"):
            for options in ([], ["--offline"]):
                text = self.stsmap(*place, "explain", "-c", no_postfix, "--json", *options, name, status=None)
                self.assert_valid("explain", json.loads(text))
        text = self.stsmap(*place, "query", "--json", "good.test", "none.test", "x", ".good.test", "[192.0.2.1]")
        for line in text.splitlines():
            self.assert_valid("query", json.loads(line))
        lines = self.stsmap(*place, "query", "a/b.test", "none.test", status=None).splitlines()
        self.assertRegex(lines[1], r"^none\.test: NOTFOUND \([a-z-]+\)$", "after a name that the daemon refuses")
        daemon.stop()
        text = self.stsmap(*place, "explain", "-c", no_postfix, "--json", "--offline", "good.test", status=3)
        self.assert_valid("explain", json.loads(text))
        text = self.stsmap(*place, "doctor", "--json", "--domain", "good.test", status=None)
        self.assert_valid("doctor", json.loads(text))


class SchemasTest(unittest.TestCase):
    def test_are_schemas_that_can_fail(self):
        import jsonschema

        self.assertIn("domain", schemas.names())
        for name in schemas.names():
            jsonschema.Draft202012Validator.check_schema(schemas.load(name))
            self.assertNotEqual(schemas.mistakes(name, {"schema": 2}), [], name)
            self.assertNotEqual(schemas.mistakes(name, []), [], name)
        self.assertEqual(schemas.mistakes("error", {"schema": 1, "error": {"code": "a", "words": "b"}}), [])
        self.assertNotEqual(schemas.mistakes("error", {"schema": 1, "error": {"code": "a", "words": "b", "x": 1}}), [])
        self.assertEqual(schemas.mistakes("fleet", {"schema": 1, **FLEET}), [])
        self.assertEqual(schemas.mistakes("fleet-sync", {"schema": 1, "sync": SYNC}), [])


if __name__ == "__main__":
    unittest.main()
