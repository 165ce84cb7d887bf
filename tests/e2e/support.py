"""What the end-to-end tests share: one world per test file, the expected answers in both dialects, and calls of stsmap.
To run one file, as root, in tests/:

    python3 -m e2e.test_answers [-v] [TestClass.test_name]

Environment: STSMAPD_BIN and STSMAP_BIN (the programs; default: those of build/), STSMAPD_E2E_ROOT (the root folder of
another system, whose Postfix sends).
"""
import json
import os
import shutil
import subprocess
import unittest

from e2e.prediction import contradiction
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
    """One world for all tests of a class. A subclass may set these attributes, see world.World. With DANE_ACTIVE the
    tests begin when the daemon has found that its resolver validates. Each delivery is compared with what `stsmap
    explain` says before."""

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
            cls.world.daemon.wait_log(" dane: ", "active=yes")  # the line is written a moment before DANE is active
            wait_for(lambda: cls.world.daemon.ask("dane", "stsmapd.status") == "OK active", "DANE")

    def run(self, result=None):
        sender = self.world.sender
        sender.foresee = self.foresee
        try:
            return super().run(result)
        finally:
            sender.foresee = None

    def explained(self, next_hop, *words, postfix=None, **how):
        """Returns (the call, its document) of stsmap explain --json, about the sending Postfix or the one whose
        configuration folder is given."""
        done = self.stsmap("explain", "--json", "-c", postfix or self.sender.config, *words, next_hop, **how)
        self.assertEqual(done.stderr, "")
        return done, json.loads(done.stdout)

    def foresee(self, recipient, via):
        """For Sender.deliver(): a call that fails if the outcome contradicts what stsmap explain says now of the service
        that the mail goes by."""
        files = (self.sender.main_cf, self.sender.master_cf)
        times = [os.stat(path).st_mtime for path in files]
        self.sender.age()  # else each call of postconf waits
        try:
            service = () if via == "unix" else ("--service", self.sender.WAYS[via])
            next_hop = self.sender.value("relayhost") or recipient.rpartition("@")[2]
            done, document = self.explained(next_hop, *service)
        finally:
            for path, time in zip(files, times):
                os.utime(path, (time, time))

        def compare(delivery):
            status = {"flows": 0, "flows-if": 0, "waits": 1, "bounces": 1}.get(document["verdict"].get("mail"), 3)
            self.assertEqual(done.returncode, status, done.stdout)
            self.assertEqual(contradiction(document, delivery), "", f"{done.stdout}\n{delivery} via {via}")
            if status == 3:
                self.assertFalse(self.world.daemon.runs(), f"a daemon that runs can be asked: {done.stdout}")

        return compare

    @property
    def sender(self):
        return self.world.sender

    # The daemon.

    def restart(self, forget=False, **changes):
        """Restarts the daemon with changes to its settings, and after the test with the old settings. `forget`: both
        times it starts with an empty store."""
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
        """The environment for stsmap: if the Postfix of another root is under test, it comes first in PATH."""
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
        """A copy that every user can run, made once. Call it before threads start programs: a child may hold the file
        open."""
        tool = os.path.join(self.world.new_folder("public"), "stsmap")
        if not os.path.exists(tool):
            shutil.copy(program("stsmap"), tool)
        return tool

    def stsmap(self, *words, config=None, user=None, environment=None):
        """Calls stsmap, if wanted with another configuration than the daemon's, as another user than root, or in
        another environment. Returns the result of subprocess.run()."""
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
        """stsmap postfix-setup for the sending Postfix, or for the one whose configuration folder is given."""
        self.sender.age()
        return self.stsmap("postfix-setup", "-c", postfix or self.sender.config, *words, **how)

    def doctor_report(self, *words, postfix=None, domain="good.example", **how):
        """Returns (the call, what it found) of stsmap doctor --json. For a domain with a policy, doctor also fetches
        the policy, twice because of the policy host's clock, and takes two seconds more."""
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
        """postmap must get an answer that authenticates the domain's mail hosts against these mx patterns."""
        status, output, errors = self.sender.postmap(key)
        self.assertEqual((status, output, errors), (0, self.secure(patterns, domain or key), ""))

    def expect_nothing(self, key):
        """postmap must find no policy."""
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
    """Tests that change main.cf and master.cf of the sending Postfix; both are restored after each test."""

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
        """Writes the file in place: the inode stays."""
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())

    def put_back(self):
        """Restores both files with owner, mode and access list, and removes what postfix-setup leaves beside them. Each
        is there at every moment: a program of Postfix that starts just now does not do without."""
        for path, content in ((self.main_cf, self.before), (self.master_cf, self.services)):
            self.write(path + ".restored", content)
            os.chmod(path + ".restored", 0o644)
            os.utime(path + ".restored", (0, 0))
            os.replace(path + ".restored", path)
        for suffix in (".stsmap-before", ".stsmap-undo"):
            if os.path.exists(self.main_cf + suffix):
                os.unlink(self.main_cf + suffix)
        self.sender.age()
