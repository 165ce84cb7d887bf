"""The command lines of stsmapd and stsmap."""

import json
import os
import re
import unittest

from blackbox import harness
from blackbox.harness import NOTFOUND, SECURE, STSMAPD

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class DaemonCommandLineTest(harness.Case):
    def run_daemon(self, *arguments, **options):
        return self.run_tool(*arguments, binary=STSMAPD, **options)

    def config(self, text):
        path = self.world.path("some.toml")
        with open(path, "w") as file:
            file.write(text)
        return path

    def test_help_and_version(self):
        for option in ("--help", "-h"):
            result = self.run_daemon(option)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            for word in ("--config", "--check-config", "--dump-config"):
                self.assertIn(word, result.stdout)
        result = self.run_daemon("--version")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertRegex(result.stdout, r"^stsmapd \d+\.\d+\.\d+")

    def test_wrong_command_lines(self):
        for arguments in (["--no-such-option"], ["surplus"], ["--config"]):
            with self.subTest(arguments=arguments):
                result = self.run_daemon(*arguments)
                self.assertNotEqual(result.returncode, 0)
                self.assertEqual(result.stdout, "")
                self.assertNotEqual(result.stderr, "")

    def test_check_config(self):
        path = self.config('deadline = "5s"\n[dns]\nservers = ["127.0.0.1:5300"]\n')
        result = self.run_daemon("--config", path, "--check-config")
        self.assertEqual(result.returncode, 0, result.stderr)
        table = [
            ('deadline = "5s"\nno_such_option = 1\n', ":2:1:", "no_such_option"),
            ('deadlin = "5s"\n', ":1:1:", "deadline"),
            ('deadline = "100h"\n', ":1:", "deadline"),
            ("threads = 0\n", ":1:", "threads"),
            ('listen = ["somewhere"]\n', ":1:", "listen"),
            ('[dns]\nservers = ["nonsense name"]\n', ":2:", "dns.servers"),
            ("deadline = \n", ":1:", ""),
        ]
        for text, place, word in table:
            with self.subTest(text=text):
                result = self.run_daemon("--config", self.config(text), "--check-config")
                self.assertNotEqual(result.returncode, 0)
                self.assertIn(path + place, result.stderr + result.stdout)
                self.assertIn(word, result.stderr + result.stdout)
        result = self.run_daemon("--config", self.world.path("missing.toml"), "--check-config")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(self.world.path("missing.toml"), result.stderr + result.stdout)

    def test_check_config_says_what_would_stop_the_start(self):
        state = self.world.path("state")
        os.makedirs(state, exist_ok=True)
        socket = self.world.path("socketmap")
        good = 'state_dir = "%s"\nlisten = ["unix:%s"]\n[socket]\ngroup = ""\n' % (state, socket)
        result = self.run_daemon("--config", self.config(good), "--check-config")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        table = [
            (good.replace(state, "/no/such"), ":1:", "the folder /no/such does not exist"),
            (good.replace(socket, "/no/such/s"), ":2:", "the folder /no/such does not exist"),
            (good.replace('group = ""', 'group = "no-such"'), ":4:", 'there is no group "no-such" to own the socket'),
            (good + 'owner = "no-such"\n', ":5:", 'there is no user "no-such" to own the socket'),
            (good + '[fetch]\nca_file = "/no/such.pem"\n', ":6:", "cannot use CA file /no/such.pem"),
        ]
        for text, place, words in table:
            with self.subTest(text=text):
                path = self.config(text)
                checked = self.run_daemon("--config", path, "--check-config")
                self.assertEqual((checked.returncode, checked.stdout), (2, ""))
                self.assertIn(path + place, checked.stderr)
                self.assertIn(words, checked.stderr)
                # The start fails, with the same words.
                started = self.run_daemon("--config", path)
                self.assertEqual(started.returncode, 1)
                self.assertIn(words, started.stderr.replace('\\"', '"'))
        self.assertFalse(os.path.exists(socket))

    def test_mistakes_are_told_in_words_for_people(self):
        for text, words in (
            ("[log]\nlevel = info\n", ':2:9: text must stand in quotes: level = "info"'),
            ("strict_testing = yes\n", ":1:18: strict_testing must be true or false, without quotes, not yes"),
            ('deadline = "10s\n', ':1:12: the text that begins here has no closing quote (")'),
            ('listen = ["tcp::1",\n"tcp::2"\ndane = "off"\n', ":1:10: the list that begins here has no closing"),
            ('deadline = "1min"\n', 'there is no unit "min", the units are s, m, h and d'),
        ):
            with self.subTest(text=text):
                path = self.config(text)
                result = self.run_daemon("--config", path, "--check-config")
                self.assertEqual(result.returncode, 2)
                self.assertIn(words, result.stderr)

    def test_variables_of_container_engines(self):
        injected = {"STSMAPD_SERVICE_HOST": "10.0.0.7", "STSMAPD_PORT_8461_TCP": "tcp://10.0.0.7:8461"}
        injected.update({"STSMAPD_PORT": "tcp://10.0.0.7:8461", "STSMAPD_NAME": "/a/b", "STSMAPD_ENV_X": "y"})
        path = self.config('deadline = "5s"\n')
        result = self.run_daemon("--config", path, "--check-config", environment=injected)
        self.assertEqual(result.returncode, 0, result.stderr)
        result = self.run_daemon("--config", path, "--check-config", environment={"STSMAPD_PORTS": "1"})
        self.assertEqual(result.returncode, 2)
        compose = os.path.join(SOURCE, "packaging/container/compose.yaml")
        with open(compose, encoding="utf-8") as file:
            variables = dict(re.findall(r'^ +(STSMAPD_\w+): "?([^"\n]*)"?$', file.read(), re.M))
        self.assertEqual(set(variables), {"STSMAPD_DNS_SERVERS", "STSMAPD_DNS_TRUST_AD"})
        result = self.run_daemon("--config", path, "--check-config", environment=variables)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_environment_goes_over_the_file(self):
        path = self.config('deadline = "5s"\n')
        result = self.run_daemon(
            "--config",
            path,
            "--dump-config",
            environment={"STSMAPD_DEADLINE": "7s", "STSMAPD_FETCH_CA_FILE": "/x/ca.pem"},
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r'(?m)^deadline = "7s"')
        self.assertRegex(result.stdout, r'(?m)^ca_file = "/x/ca.pem"')
        result = self.run_daemon("--config", path, "--check-config", environment={"STSMAPD_DEADLIN": "7s"})
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("STSMAPD_DEADLINE", result.stderr + result.stdout)

    def test_dump_config_reads_back(self):
        path = self.config('deadline = "5s"\nlisten = ["tcp:[::1]:8461"]\n[log]\nlevel = "debug"\n')
        first = self.run_daemon("--config", path, "--dump-config")
        self.assertEqual(first.returncode, 0, first.stderr)
        for words in ('deadline = "5s"', '"tcp:[::1]:8461"', 'level = "debug"', "max_policies = 1000000"):
            self.assertIn(words, first.stdout)

        def values(text):
            return [line.partition("#")[0].strip() for line in text.splitlines() if not line.startswith("#")]

        second = self.run_daemon("--config", self.config(first.stdout), "--dump-config")
        self.assertEqual(second.returncode, 0, second.stderr)
        self.assertEqual(values(first.stdout), values(second.stdout))

    def test_wrong_configuration_does_not_start(self):
        daemon = self.start(wait=False, no_such_option=1)
        self.assertNotEqual(daemon.wait_exit(), 0)
        self.assertTrue(daemon.log_lines(daemon.config_file, "no_such_option"), daemon.log())


class ToolTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.world.policy("good.test")

    def query(self, daemon, *arguments, **options):
        return self.run_tool("--socket", "unix:" + daemon.socket_path, "query", *arguments, **options)

    def test_query(self):
        daemon = self.start()
        result = self.query(daemon, "good.test")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, SECURE + "\n", ""))
        self.assertEqual(self.query(daemon, "other.test").stdout, NOTFOUND.strip() + "\n")
        self.assertEqual(
            self.query(daemon, "--tlsrpt", "good.test").stdout, daemon.ask("good.test", "x-tlsrpt") + "\n"
        )
        several = self.query(daemon, "good.test", "other.test")
        self.assertEqual(several.stdout, "good.test: %s\nother.test: %s\n" % (SECURE, NOTFOUND.strip()))
        self.assertEqual(several.returncode, 0)
        from_input = self.query(daemon, "-", stdin="good.test\nother.test\n")
        self.assertEqual(from_input.stdout, several.stdout)

    def test_query_as_json(self):
        daemon = self.start()
        lines = self.query(daemon, "--json", "--tlsrpt", "good.test", "other.test").stdout.splitlines()
        good, other = map(json.loads, lines)
        self.assertEqual(
            (good["domain"], good["map"], good["status"], good["level"]),
            ("good.test", "sts-tlsrpt", "OK", "secure"),
        )
        self.assertEqual(good["match"], ["mx1.good.test", ".mail.test"])
        self.assertEqual(good["attributes"]["mx_host_pattern"], ["mx1.good.test", "*.mail.test"])
        self.assertEqual(good["attributes"]["policy_domain"], "good.test")
        self.assertIn("mode: enforce", good["attributes"]["policy_string"])
        self.assertTrue(good["reply"].startswith(SECURE))
        self.assertGreaterEqual(good["took_ms"], 0)
        self.assertEqual((other["status"], other["match"], other["attributes"]), ("NOTFOUND", [], {}))

    def test_daemon_away(self):
        daemon = self.start()
        self.assertEqual(daemon.stop(), 0)
        result = self.query(daemon, "good.test")
        self.assertEqual((result.returncode, result.stdout), (3, ""))
        self.assertIn(daemon.socket_path, result.stderr)
        self.assertIn("running", result.stderr)

    def test_address_from_the_configuration(self):
        daemon = self.start(listen=["tcp:127.0.0.1:0", "unix:" + self.world.path("socketmap")])
        result = self.run_tool("--config", daemon.config_file, "query", "good.test")
        self.assertEqual((result.returncode, result.stdout), (0, SECURE + "\n"), result.stderr)
        result = self.run_tool("--config", self.world.path("missing.toml"), "query", "good.test")
        self.assertEqual(result.returncode, 2)
        self.assertIn("missing.toml", result.stderr)

    def test_wrong_command_lines(self):
        for arguments in (
            [],
            ["--no-such-option"],
            ["no-such-command"],
            ["query", "--no-such-option", "x.test"],
            ["--socket", "nonsense", "query", "x.test"],
        ):
            with self.subTest(arguments=arguments):
                result = self.run_tool(*arguments)
                self.assertEqual((result.returncode, result.stdout), (2, ""))
                self.assertNotEqual(result.stderr, "")

    def test_help_and_version(self):
        self.assertIn("query", self.run_tool("--help").stdout)
        self.assertIn("--tlsrpt", self.run_tool("query", "--help").stdout)
        self.assertRegex(self.run_tool("--version").stdout, r"^stsmap \d+\.\d+\.\d+")


if __name__ == "__main__":
    unittest.main()
