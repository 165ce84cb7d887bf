"""What the end-to-end tests share: one world per test file, and how an answer must look in either dialect.

    python3 tests/e2e/test_answers.py [-v] [TestClass.test_name]

runs one file by itself, as root. Environment: STSMAPD_BIN (the daemon; else build/stsmapd), STSMAPD_E2E_ROOT
(the root folder of another system, whose Postfix sends).
"""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from world import namespace, world as world_module  # noqa: E402
from world.daemon import program, without_options  # noqa: E402
from world.process import tail  # noqa: E402


def main():
    """For `if __name__ == "__main__"`: enters the namespaces and runs the file's tests."""
    namespace.enter()
    unittest.main()


class WorldTest(unittest.TestCase):
    """One world for all tests of a class. A subclass may set what is here, see world.World."""

    MAIL = False
    SETTINGS = {}
    MAIN_CF = {}
    MASTER_CF = ""
    MORE_DOMAINS = ()
    PORTS = (25,)

    @classmethod
    def setUpClass(cls):
        reason = world_module.why_not()
        if not reason and not program("stsmapd"):
            reason = "stsmapd is not built"
        if reason:
            raise unittest.SkipTest(reason)
        root = os.environ.get("STSMAPD_E2E_ROOT", "")
        cls.world = world_module.World(
            cls.MAIL, root, cls.SETTINGS, cls.MAIN_CF, cls.MASTER_CF, cls.MORE_DOMAINS, cls.PORTS
        )
        cls.addClassCleanup(cls.world.stop)
        cls.world.start()
        cls.world.daemon.start()

    def tool_environment(self):
        """For stsmap: PATH with the Postfix of another root, where that is the one under test."""
        root = os.environ.get("STSMAPD_E2E_ROOT", "")
        if not root:
            return without_options()
        folder = os.path.join(self.world.folder, "programs")
        os.makedirs(folder, exist_ok=True)
        for name in ("sbin/postconf", "sbin/postfix", "sbin/postmap", "bin/env"):
            with open(os.path.join(folder, os.path.basename(name)), "w", encoding="ascii") as file:
                file.write(f'#!/bin/sh\nexec chroot {root} /usr/{name} "$@"\n')
            os.chmod(file.name, 0o755)
        return {**without_options(), "PATH": f"{folder}:{os.environ['PATH']}"}

    def run(self, result=None):
        bad = len(result.failures) + len(result.errors) if result is not None else 0
        result = super().run(result)
        if result is not None and len(result.failures) + len(result.errors) > bad:
            sys.stderr.write(self.evidence())
        return result

    def evidence(self):
        """The ends of the logs, for a failed test."""
        text = f"--- stsmapd's log\n{tail(self.world.daemon.log, 40)}"
        if self.world.mail:
            text += f"--- the sending Postfix's log\n{tail(self.world.sender.maillog, 40)}"
        return text

    def expect_secure(self, key, patterns, domain=None):
        """postmap must say that the domain's mail hosts are authenticated against these mx patterns."""
        status, output, errors = self.world.sender.postmap(key)
        self.assertEqual((status, output, errors), (0, self.secure(patterns, domain or key), ""))

    def expect_nothing(self, key):
        """postmap must say that there is no policy."""
        self.assertEqual(self.world.sender.postmap(key), (1, "", ""))

    def secure(self, patterns, domain):
        """The answer for an enforced policy, in the dialect of the sending Postfix."""
        match = ":".join(pattern.replace("*.", ".", 1) for pattern in patterns)
        text = f"secure match={match} servername=hostname"
        if self.world.sender.map_name == "sts":
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
