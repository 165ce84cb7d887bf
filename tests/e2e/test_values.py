#!/usr/bin/env python3
"""Values that Postfix does not know. postfix-setup refuses exactly those with which smtp(8) dies or cannot look things
up. smtp(8) itself is the judge: it reads its settings, finds no mail and ends. Without TLS, no policy is fulfilled."""
import concurrent.futures
import os
import re
import shutil
import subprocess

from e2e.support import OTHER_ROOT, WorldTest, main

# Refused for ordinary users, too: known without starting smtp(8).
KNOWN = (
    "smtp_tls_security_level = mya",
    "smtp_tls_security_level = halfdane",
    "smtp_tls_security_level = MAY",
    "smtp_dns_support_level = dnsec",
    "smtp_dns_support_level = DNSSEC",
    "smtp_host_lookup = dns, nativ",
    "smtp_host_lookup = DNS",
    "smtp_host_lookup = dns native",
    "smtp_host_lookup =",
    "smtp_dns_resolver_options = res_defname",
    "smtp_dns_resolver_options = RES_DEFNAMES",
    "smtp_address_preference = ipv5",
    "smtp_address_preference = IPv6",
    "smtp_use_tls = maybe",
    "smtp_use_tls =",
    "smtp_use_tls = YES",
    "smtp_tls_wrappermode = true",
    "smtp_tls_connection_reuse = on",
    "smtp_tls_dane_insecure_mx_policy = none",
    "smtp_tls_mandatory_ciphers =",
    "tls_append_default_CA = 1",
    "ignore_mx_lookup_error = nope",
    "smtp_tls_policy_maps = nosuch:/x, {map}",
)
# Only smtp(8) itself can tell.
OTHERS = (
    "smtp_connect_timeout = 30sek",
    "smtp_connect_timeout = 30s",
    "smtp_line_length_limit = many",
    "smtp_helo_timeout = 0",
    "smtp_mx_address_limit = -1",
    "smtp_tls_loglevel = 1",
    "smtp_generic_maps = nosuch:/x",
    "smtp_header_checks = regexp:/no/such/file",
    "smtp_tls_policy_maps = hash:/no/such/file, {map}",
    "smtp_tls_policy_maps = inline:{{a.example=encrypt}}, {map}",
    "inet_protocols = ipv5",
    "tls_high_cipherlist =",
    "smtp_tls_fingerprint_digest = none-such",
    "propagate_unmatched_extensions = everything",
    "smtp_always_send_ehlo = ja",
)


class ValuesTest(WorldTest):
    MAIL = True

    def setUp(self):
        self.folder = self.world.new_folder(self.id().rsplit(".", 1)[1])
        self.public_tool()
        self.environment = self.tool_environment()

    @staticmethod
    def override(setting):
        """(name, value) of a setting; `postconf -P` takes values without blanks."""
        name, _, value = setting.partition(" =")
        return name, re.sub(",? +", ",", value.strip())

    def instance(self, number, setting, service):
        """A configuration folder with the setting in main.cf, or as -o of smtp/unix."""
        folder = os.path.join(self.folder, str(number))
        shutil.copytree(self.sender.config, folder)
        if service:
            name, value = self.override(setting)
            self.sender.command("postconf", "-c", folder, "-P", f"smtp/unix/{name}={value}")
        else:
            with open(os.path.join(folder, "main.cf"), "a", encoding="ascii") as file:
                file.write(setting + "\n")
        os.utime(os.path.join(folder, "main.cf"), (0, 0))  # an old file: Postfix waits when it was edited just now
        return folder

    def dies(self, folder, setting, service):
        """What smtp(8) says about it."""
        own = ["-o", "=".join(self.override(setting))] if service else []
        done = subprocess.run(
            [*self.sender.prefix, "env", f"MAIL_CONFIG={folder}", "/usr/lib/postfix/sbin/smtp", "-S", "-V", "-c", "-u"]
            + own,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # smtp(8) waits on a pipe that nobody writes to
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
        lines = done.stderr.decode(errors="replace").splitlines()
        return [line for line in lines if ": fatal: " in line or ": error: " in line or "disabling TLS" in line]

    def refuses(self, folder, user=None):
        done = self.postfix_setup("--without-daemon", postfix=folder, user=user, environment=self.environment)
        self.assertEqual(done.stderr, "")
        return [
            line
            for line in done.stdout.splitlines()
            if line.startswith("refused: ")
            and ("Postfix does not know" in line or "cannot work with" in line or "no tables of type" in line)
        ]

    def compare(self, number, setting, service, user):
        setting = setting.format(map=f"socketmap:unix:stsmapd/socketmap:{self.sender.map_name}")
        folder = self.instance(number, setting, service)
        dies, refuses = self.dies(folder, setting, service), self.refuses(folder, user)
        return (setting, service, bool(dies), bool(refuses), dies, refuses, len(refuses) > 1)

    def check(self, settings, user=None):
        cases = [(setting, service) for setting in settings for service in (False, True)]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            results = list(
                pool.map(lambda case: self.compare(case[0], *case[1], user), enumerate(cases))
            )
        self.assertEqual([each for each in results if each[2] != each[3] or each[6]], [])
        self.assertGreater(sum(each[2] for each in results), len(results) // 3, "some do die")
        self.assertLess(sum(each[2] for each in results), len(results), "some do not")

    def test_what_is_known(self):
        self.check(KNOWN)

    def test_what_only_smtp_knows(self):
        self.check(OTHERS)

    def test_as_an_ordinary_user(self):
        if OTHER_ROOT:
            self.skipTest("an ordinary user cannot run the other root's programs")
        self.check(KNOWN, "nobody")


if __name__ == "__main__":
    main()
