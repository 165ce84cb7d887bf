#!/usr/bin/env python3
"""`stsmap postfix-setup` and the file it changes: a last line without a line end, owners and modes, a Postfix that is
down, what is left behind."""
import grp
import os
import re
import shutil
import struct
import tempfile

from e2e.setup_case import SetupCase
from e2e.support import main

ACL = "system.posix_acl_access"


def access_list(user):
    """rw- for the owner, r-- for `user`, nothing for others: an acl(5) in the kernel's form."""
    entries = ((0x01, 6, 0xFFFFFFFF), (0x02, 4, user), (0x04, 4, 0xFFFFFFFF), (0x10, 4, 0xFFFFFFFF))
    entries += ((0x20, 0, 0xFFFFFFFF),)
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


class FilesTest(SetupCase):
    def state(self):
        found = os.stat(self.main_cf)
        acl = os.getxattr(self.main_cf, ACL) if ACL in os.listxattr(self.main_cf) else None
        return found.st_uid, found.st_gid, oct(found.st_mode), acl

    def test_last_lines_without_an_end(self):
        """In Postfix 3.7 postconf -e appends its text to such a line, and smtp(8) then dies."""
        for ending in (
            b"smtp_tls_CAfile = " + self.trust.encode(),
            b"smtp_connect_timeout =\n  10s",
            b"smtp_tls_loglevel = 1\n  ",
            b"# the last comment",
            b"smtp_tls_policy_maps =",
            b"smtp_tls_security_level =\n\n",
        ):
            with self.subTest(ending):
                self.write(self.main_cf, self.before + ending)
                content = self.read(self.main_cf)
                values = self.settings()
                status, output, errors = self.setup("--apply", "--reload")
                self.assertEqual((status, errors), (0, ""), output)
                for name, value in (
                    ("smtp_tls_policy_maps", self.map),
                    ("smtp_tls_security_level", "may"),
                    ("smtp_tls_CAfile", self.trust),
                    ("smtp_connect_timeout", "10s"),
                    ("smtp_tls_loglevel", "1"),
                ):
                    self.assertEqual(self.sender.value(name), value)
                self.expect_delivered()
                self.assertEqual(self.doctor(), [])
                self.assertEqual(self.setup("--undo", "--reload")[0], 0)
                self.assertEqual(self.read(self.main_cf), content, "every octet")
                self.assertEqual(self.settings(), values)

    def test_undo_after_others_edits_ends_the_line_too(self):
        self.sender.set(smtp_tls_security_level="encrypt")
        self.assertEqual(self.setup("--apply")[0], 0)
        # Somebody edits the file by hand after --apply, and leaves the last line without a line end.
        self.write(self.main_cf, self.read(self.main_cf).rstrip(b"\n") + b"\nrelayhost = [relay.example]")
        self.assertEqual(self.setup("--undo")[0], 0)
        self.assertEqual(self.sender.value("relayhost"), "[relay.example]")
        self.assertEqual(self.sender.value("smtp_tls_policy_maps"), "")

    def test_owner_and_mode_stay(self):
        os.chown(self.main_cf, 0, grp.getgrnam("mail").gr_gid)
        os.chmod(self.main_cf, 0o640)
        before = self.state()
        content = self.read(self.main_cf)
        self.assertEqual(self.setup("--apply")[0], 0)
        self.assertEqual(self.state(), before)
        self.assertEqual(self.setup("--undo")[0], 0)
        self.assertEqual(self.state(), before)

        self.assertEqual(self.setup("--apply")[0], 0)
        self.sender.set(smtp_tls_loglevel="2")  # postconf -e gives the file to root, readable for all
        self.assertNotEqual(self.state(), before)
        self.assertEqual(self.setup("--undo")[0], 0)
        self.assertEqual(self.state(), before, "as before the first change")

        self.write(self.main_cf, content)
        os.chmod(self.main_cf, 0o640)
        self.assertEqual(self.setup("--apply")[0], 0)
        os.chown(self.main_cf, 0, 0)
        os.chmod(self.main_cf, 0o600)  # changed on purpose
        self.assertEqual(self.setup("--undo")[0], 0)
        self.assertEqual(self.state()[2], oct(0o100600))

    def test_access_list_stays(self):
        try:
            os.setxattr(self.main_cf, ACL, access_list(65534))
        except OSError as error:
            self.skipTest(f"no access lists here: {error}")
        before = self.state()
        self.assertIsNotNone(before[3])
        self.assertEqual(self.setup("--apply")[0], 0)
        self.assertEqual(self.state(), before)
        for suffix in (".stsmap-before", ".stsmap-undo"):
            self.assertEqual(os.getxattr(self.main_cf + suffix, ACL), before[3], "no way around it")
        self.sender.set(smtp_tls_loglevel="2")
        self.assertIsNone(self.state()[3])
        self.assertEqual(self.setup("--undo")[0], 0)
        self.assertEqual(self.state(), before)

    def test_undo_leaves_nothing_behind(self):
        before = self.files()
        for extra in ((), ("relayhost", "[relay.example]")):
            with self.subTest(extra):
                self.assertEqual(self.setup("--apply")[0], 0)
                if extra:
                    self.sender.set(**dict([extra]))
                self.assertEqual(self.setup("--undo")[0], 0)
                if extra:
                    self.sender.postconf("-X", extra[0])
                self.assertEqual(self.files().keys(), before.keys())
                self.assertEqual(self.files()["main.cf"].rstrip(b"\n"), before["main.cf"].rstrip(b"\n"))
        self.assertEqual(self.setup("--apply")[0], 0)
        os.unlink(self.main_cf + ".stsmap-undo")
        self.assertEqual(self.setup("--undo")[0], 0)
        self.assertEqual(self.files().keys(), before.keys(), "nor the copy without its record")

    def test_a_postfix_that_is_down(self):
        self.sender.stop()
        self.addCleanup(self.sender.start)
        status, output, errors = self.setup("--apply", "--reload")
        self.assertEqual((status, errors), (0, ""), output)
        self.assertIn("Postfix is not running; it will read the new settings when it starts.", output)
        self.assertEqual(self.sender.value("smtp_tls_policy_maps"), self.map)
        status, output, errors = self.setup("--undo", "--reload")
        self.assertEqual((status, errors), (0, ""), output)
        self.assertIn("Postfix is not running", output)

    def stand_in(self, name, script):
        """An environment with this script first in PATH; {real} in it is the path of the real program."""
        environment = self.tool_environment()
        real = shutil.which(name, path=environment["PATH"] + ":/usr/sbin")
        folder = tempfile.mkdtemp(dir=self.world.folder)
        os.chmod(folder, 0o755)
        with open(os.path.join(folder, name), "w", encoding="ascii") as file:
            file.write("#!/bin/sh\n" + script.format(real=real))
        os.chmod(os.path.join(folder, name), 0o755)
        return {**environment, "PATH": f"{folder}:{environment['PATH']}"}

    def test_changed_and_not_reloaded(self):
        environment = self.stand_in(
            "postfix", 'case "$*" in *reload) echo "postfix: fatal: no" >&2; exit 1;; esac\nexec {real} "$@"\n'
        )
        status, output, errors = self.setup("--apply", "--reload", environment=environment)
        self.assertEqual(status, 4, output)
        self.assertIn("is changed, but Postfix has not been reloaded: postfix: fatal: no", errors)
        self.assertEqual(self.sender.value("smtp_tls_policy_maps"), self.map)

    def test_what_postfix_makes_something_else_of_is_put_back(self):
        """A postconf that does something else: once for the copy, once only when it reads main.cf itself."""
        before, state = self.files(), self.state()
        for script in (
            'case "$*" in *-e*) for last; do :; done; exec {real} -c "$2" -e "$last" "smtp_tls_loglevel = 9";; esac\n'
            'exec {real} "$@"\n',
            '{real} "$@" || exit\ncase "$*" in "-c ' + self.sender.config + ' -n") '
            'grep -q stsmapd/socketmap ' + self.main_cf + ' && echo "smtp_tls_loglevel = 9";; esac\nexit 0\n',
        ):
            with self.subTest(script):
                environment = self.stand_in("postconf", script)
                status, output, errors = self.setup("--apply", "--reload", environment=environment)
                self.assertEqual(status, 1, output + errors)
                self.assertRegex(errors, re.compile(r'smtp_tls_loglevel is "9" and should be "1"'))
                self.assertNotIn("reloaded", output)
                self.assertEqual(self.files(), before)
                self.assertEqual(self.state(), state)


if __name__ == "__main__":
    main()
