"""What the end-to-end tests share: one world per test file, how an answer must look in either dialect, and calls of
stsmap. One file by itself, as root, in tests/:

    python3 -m e2e.test_answers [-v] [TestClass.test_name]

Environment: STSMAPD_BIN and STSMAP_BIN (the programs; else those of build/), STSMAPD_E2E_ROOT (the root folder of
another system, whose Postfix sends).
"""
import json
import os
import shutil
import subprocess
import unittest

from pylib.cases import TellingCase
from pylib.process import tail
from pylib.programs import program, without_options
from pylib.settings import merged
from pylib.waiting import wait_for
from world import namespace, world as world_module

OTHER_ROOT = os.environ.get("STSMAPD_E2E_ROOT", "")


def main():
    """For `if __name__ == "__main__"`: enters the namespaces and runs the file's tests."""
    namespace.enter()
    unittest.main()


class WorldTest(TellingCase):
    """One world for all tests of a class. A subclass may set what is here, see world.World; with DANE_ACTIVE the tests
    begin when the daemon has found that its resolver validates."""

    MAIL = False
    SETTINGS = {}
    MAIN_CF = {}
    MASTER_CF = ""
    MORE_DOMAINS = ()
    PORTS = (25,)
    DANE_ACTIVE = False

    @classmethod
    def setUpClass(cls):
        reason = world_module.why_not()
        if not reason and not program("stsmapd"):
            reason = "stsmapd is not built"
        if reason:
            raise unittest.SkipTest(reason)
        cls.world = world_module.World(
            cls.MAIL, OTHER_ROOT, cls.SETTINGS, cls.MAIN_CF, cls.MASTER_CF, cls.MORE_DOMAINS, cls.PORTS
        )
        cls.addClassCleanup(cls.world.stop)
        cls.world.start()
        cls.world.daemon.start()
        if cls.DANE_ACTIVE:
            cls.world.daemon.wait_log(" dane: ", "active=yes")  # which is written a moment before it is
            wait_for(lambda: cls.world.daemon.ask("dane", "stsmapd.status") == "OK active", "DANE")

    @property
    def sender(self):
        return self.world.sender

    # The daemon.

    def restart(self, forget=False, **changes):
        """Restarts the daemon with changes to its settings, and without them after the test. `forget`: without what it
        knows, both times."""
        daemon = self.world.daemon
        before = daemon.settings

        def go(settings):
            daemon.stop()
            if os.path.exists(self.sender.socket):
                os.unlink(self.sender.socket)
            if forget:
                daemon.forget_everything()
            daemon.settings = settings
            daemon.start()

        self.addCleanup(go, before)
        go(merged(before, changes))

    # stsmap.

    def tool_environment(self):
        """For stsmap: PATH with the Postfix of another root, where that is the one under test."""
        if not OTHER_ROOT:
            return without_options()
        folder = os.path.join(self.world.folder, "programs")
        os.makedirs(folder, exist_ok=True)
        for name in ("sbin/postconf", "sbin/postfix", "sbin/postmap", "bin/env"):
            with open(os.path.join(folder, os.path.basename(name)), "w", encoding="ascii") as file:
                file.write(f'#!/bin/sh\nexec chroot {OTHER_ROOT} /usr/{name} "$@"\n')
            os.chmod(file.name, 0o755)
        return {**without_options(), "PATH": f"{folder}:{os.environ['PATH']}"}

    def public_tool(self):
        """A copy that every user can run; made once. Before threads that start programs: they may hold it open."""
        tool = os.path.join(self.world.new_folder("public"), "stsmap")
        if not os.path.exists(tool):
            shutil.copy(program("stsmap"), tool)
        return tool

    def stsmap(self, *words, config=None, user=None, environment=None):
        """A call of stsmap, with another configuration than the daemon's, as another user than root, or in another
        environment; as of subprocess.run()."""
        tool = self.public_tool() if user else program("stsmap")
        return subprocess.run(
            [tool, "--config", config or self.world.daemon.config_file, *words],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=environment or self.tool_environment(),
            **({"user": user, "group": "nogroup", "extra_groups": []} if user else {}),
        )

    def postfix_setup(self, *words, postfix=None, **how):
        """stsmap postfix-setup for the sending Postfix, or that whose folder of configuration is given."""
        self.sender.age()
        return self.stsmap("postfix-setup", "-c", postfix or self.sender.config, *words, **how)

    def doctor_report(self, *words, postfix=None, domain="good.example", **how):
        """(the call, what it found) of stsmap doctor --json. Of a domain with a policy it also gets that, twice for the
        time of the policy host, and takes two seconds more."""
        self.sender.age()
        words = ("doctor", "--json", "--domain", domain, "-c", postfix or self.sender.config, *words)
        done = self.stsmap(*words, **how)
        self.assertEqual(done.stderr, "")
        return done, json.loads(done.stdout)

    # Answers.

    def evidence(self):
        text = f"--- stsmapd's log\n{tail(self.world.daemon.log_file, 40)}"
        if self.world.mail:
            text += f"--- the sending Postfix's log\n{tail(self.sender.maillog, 40)}"
        return text

    def expect_secure(self, key, patterns, domain=None):
        """postmap must say that the domain's mail hosts are authenticated against these mx patterns."""
        status, output, errors = self.sender.postmap(key)
        self.assertEqual((status, output, errors), (0, self.secure(patterns, domain or key), ""))

    def expect_nothing(self, key):
        """postmap must say that there is no policy."""
        self.assertEqual(self.sender.postmap(key), (1, "", ""))

    def secure(self, patterns, domain):
        """The answer for an enforced policy, in the dialect of the sending Postfix."""
        match = ":".join(pattern.replace("*.", ".", 1) for pattern in patterns)
        text = f"secure match={match} servername=hostname"
        if self.sender.map_name == "sts":
            return text
        lines = self.world.domains[domain].policy.decode().splitlines()
        return " ".join(
            [
                text,
                "policy_type=sts",
                f"policy_domain={domain}",
                *(f"mx_host_pattern={pattern}" for pattern in patterns),
                *(f"{{ policy_string = {line} }}" for line in lines),
            ]
        )


class PostfixTest(WorldTest):
    """Tests that change main.cf and master.cf of the sending Postfix, which are put back after each."""

    MAIL = True

    def setUp(self):
        self.main_cf = self.sender.main_cf
        self.master_cf = self.sender.master_cf
        self.before = self.read(self.main_cf)
        self.services = self.read(self.master_cf)
        self.addCleanup(self.put_back)

    @staticmethod
    def read(path):
        with open(path, "rb") as file:
            return file.read()

    @staticmethod
    def write(path, content):
        """In place."""
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())

    def put_back(self):
        """With owner, mode and access list as they were, and without what postfix-setup leaves beside them."""
        for path, content in ((self.main_cf, self.before), (self.master_cf, self.services)):
            os.unlink(path)
            self.write(path, content)
            os.chmod(path, 0o644)
        for suffix in (".stsmap-before", ".stsmap-undo"):
            if os.path.exists(self.main_cf + suffix):
                os.unlink(self.main_cf + suffix)
        self.sender.age()
