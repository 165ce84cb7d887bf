#!/usr/bin/env python3
"""`stsmap check` and Postfix: what the check says of mail to each kind of mail host is what then becomes of a mail.

Each domain has mail hosts that are right or wrong in one way. They are checked once; what was seen is judged for this
Postfix with both forms of the map; then Postfix sends, by two services that ask in these forms. Where posttls-finger
says the same thing, it must agree as well.
"""
import json
import os
import re
import ssl
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from e2e.prediction import VERIFIED
from e2e.support import WorldTest, main
from pylib.ca import LATER, Authority
from pylib.net import usable
from pylib.schemas import mistakes
from world.domains import Domain, policy
from world.mailhosts import CLOSE, SILENCE, MailHost, MailHosts

FORMS = ("sts", "sts-tlsrpt")
NO_WORD = "it makes no claim"
TLS11 = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
TLS12 = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)
TLS13 = (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3)
NO_STARTTLS = b"250-mx\r\n250 PIPELINING\r\n"
RSA = ("-newkey", "rsa:2048")

# What each domain is about: label -> what its mail hosts do, as keywords of MailHost, with `names`, the certificate's.
# "{d}" is the domain. Without names it is for the host's own name.
HOSTS = {
    # The certificate.
    "right": {},
    "wildcard": {"names": ["*.{d}"]},
    "partial": {"names": ["m*.{d}"]},
    "upper": {"names": ["MX.{d}"]},
    "among-many": {"names": ["a.test", "mx.{d}", "b.test"]},
    "final-dot": {"names": ["mx.{d}."]},
    "domain-only": {"names": ["{d}"]},
    "wrong-name": {"names": ["mail.elsewhere.example"]},
    "short-wildcard": {"names": ["*.example"]},
    "cn-only": {"names": [], "common_name": "mx.{d}"},
    "cn-wrong": {"names": [], "common_name": "mail.elsewhere.example"},
    "cn-wildcard": {"names": [], "common_name": "*.{d}"},
    "cn-beside-san": {"names": ["mail.elsewhere.example"], "common_name": "mx.{d}"},
    "expired": {"expired": True},
    "not-yet": {"dates": LATER},
    "rsa": {"key": RSA},
    "rsa-1024": {"key": ("-newkey", "rsa:1024")},
    "sha1": {"key": (*RSA, "-sha1")},
    "self-signed": {"authority": "self"},
    "unknown-authority": {"authority": "other"},
    "without-intermediate": {"authority": "cut"},
    "by-sni": {"names": ["mail.elsewhere.example"], "by_sni": True},
    # TLS.
    "tls13": {"versions": TLS13},
    "tls12": {"versions": TLS12},
    "tls11": {"versions": TLS11},
    "tls11-rsa": {"versions": TLS11, "key": RSA},
    "static-rsa": {"versions": TLS12, "key": RSA, "ciphers": "AES128-SHA:@SECLEVEL=0"},
    "anonymous": {"versions": TLS12, "certificate": (), "ciphers": "aNULL:@SECLEVEL=0"},
    "wants-certificate": {"wants_certificate": True},
    "wants-certificate-tls12": {"wants_certificate": True, "versions": TLS12},
    "no-handshake": {"instead_of_tls": SILENCE},
    "handshake-closes": {"instead_of_tls": CLOSE},
    "handshake-garbage": {"instead_of_tls": b"this is no TLS at all, and never will be\r\n"},
    # SMTP.
    "no-starttls": {"ehlo": NO_STARTTLS},
    "name-starttls": {"ehlo": b"250-STARTTLS\r\n250 SIZE\r\n"},
    "lower-starttls": {"ehlo": b"250-mx\r\n250 starttls\r\n"},
    "bare-lf": {"banner": b"220-mx\n220 ESMTP\n", "ehlo": b"250-mx\n250 STARTTLS\n"},
    "starttls-454": {"starttls": b"454 4.7.0 not now\r\n"},
    "starttls-502": {"starttls": b"502 5.5.1 never\r\n"},
    "starttls-closes": {"starttls": CLOSE},
    "starttls-silent": {"starttls": SILENCE},
    "injects": {"starttls": b"220 2.0.0 go\r\n250 2.0.0 evil\r\n"},
    "banner-421": {"banner": b"421 4.7.0 busy\r\n"},
    "banner-451": {"banner": b"451 4.7.0 busy\r\n"},
    "banner-554": {"banner": b"554 5.7.1 not you\r\n"},
    "banner-silent": {"banner": SILENCE},
    "banner-closes": {"banner": CLOSE},
    "banner-web": {"banner": b"HTTP/1.1 400 Bad Request\r\n\r\n", "ehlo": CLOSE},
    "banner-after-noise": {"banner": b"hello there\r\n220 mx ESMTP\r\n"},
    "banner-slow": {"pieces": ((0.5, b"220-one\r\n"), (0.5, b"220-two\r\n"), (0.5, b"220 three\r\n"))},
    "banner-tarpit": {"pieces": tuple((0.1, b"220-wait\r\n") for _ in range(400))},
    "ehlo-421": {"ehlo": b"421 4.7.0 later\r\n"},
    "ehlo-454": {"ehlo": b"454 4.7.0 later\r\n"},
    "ehlo-502": {"ehlo": b"502 5.5.1 what\r\n"},
    "ehlo-502-helo-554": {"ehlo": b"502 5.5.1 what\r\n", "helo": b"554 5.5.1 no\r\n"},
    "ehlo-silent": {"ehlo": SILENCE},
    "ehlo-closes": {"ehlo": CLOSE},
    "ipv6": {"address": 6},
    "nobody": {"address": 0},
    "no-route": {"address": None},
}
# Domains with another policy, or with more hosts: label -> (mode, patterns, {host: what it does}); None: no policy.
MORE = {
    "testing": ("testing", ["mx.{d}"], {"mx.{d}": {"names": ["mail.elsewhere.example"]}}),
    "testing-right": ("testing", ["mx.{d}"], {"mx.{d}": {}}),
    "testing-no-tls": ("testing", ["mx.{d}"], {"mx.{d}": {"ehlo": NO_STARTTLS}}),
    "none": ("none", [], {"mx.{d}": {}}),
    "no-policy": (None, [], {"mx.{d}": {"names": ["mail.elsewhere.example"]}}),
    "pattern": ("enforce", ["*.{d}"], {"mx.{d}": {}}),
    "pattern-wildcard": ("enforce", ["*.{d}"], {"mx.{d}": {"names": ["*.{d}"]}}),
    "pattern-deep": ("enforce", ["*.{d}"], {"a.mx.{d}": {}}),
    "pattern-deep-wildcard": ("enforce", ["*.{d}"], {"a.mx.{d}": {"names": ["*.mx.{d}"]}}),
    "pattern-other-host": ("enforce", ["*.{d}"], {"mx.{d}": {"names": ["mx2.{d}"]}}),
    "not-named": ("enforce", ["mx.allowed.example"], {"mx.{d}": {}}),
    "not-named-its-name": ("enforce", ["mx.allowed.example"], {"mx.{d}": {"names": ["mx.allowed.example"]}}),
    "two-names": ("enforce", ["a.{d}", "b.{d}"], {"b.{d}": {"names": ["a.{d}"]}}),
    "second-right": ("enforce", ["*.{d}"], {"a.{d}": {"ehlo": NO_STARTTLS}, "b.{d}": {}}),
    "second-named": ("enforce", ["b.{d}"], {"a.{d}": {}, "b.{d}": {}}),
    "second-reached": ("enforce", ["*.{d}"], {"a.{d}": {"address": 0}, "b.{d}": {}}),
    "both-wrong": ("enforce", ["*.{d}"], {"a.{d}": {"names": ["x.test"]}, "b.{d}": {"ehlo": NO_STARTTLS}}),
    "first-wrong-second-away": ("enforce", ["*.{d}"], {"a.{d}": {"names": ["x.test"]}, "b.{d}": {"address": 0}}),
}
# What the check makes no claim about: it does not go on where somebody may be in between.
NO_CLAIM = {"injects"}
# Where posttls-finger is no judge: it says nothing within TLS, finds keywords in the first line of the reply to EHLO,
# and takes no line for a greeting that smtp(8) passes over.
NOT_WITH_FINGER = {"wants-certificate", "name-starttls", "banner-after-noise"}


class Cast:
    """The mail hosts, and the domains that they are for."""

    def __init__(self, only=()):
        self.domains, self.hosts = [], {}  # hosts: address -> what it does, with "d" and "name"
        self.labels = {}
        rows = {label: ("enforce", ["mx.{d}"], {"mx.{d}": host}) for label, host in HOSTS.items()} | MORE
        for label, (mode, patterns, hosts) in rows.items():
            if only and label not in only:
                continue
            if hosts.get("mx.{d}", {}).get("address") == 6 and not usable("2001:db8::25"):
                continue
            name = f"m-{label}.example"  # each another operator
            self.labels[name] = label
            body = mode and policy(mode, [pattern.format(d=name) for pattern in patterns])
            mx = {host.format(d=name): self.place(host.format(d=name), name, what) for host, what in hosts.items()}
            self.domains.append(Domain(name, body, txt="v=STSv1; id=1;" if mode else None, mx=mx, policy_host=bool(mode)))

    def address(self, label):
        """Of the one mail host of a domain."""
        return next(address for address, host in self.hosts.items() if host["d"] == f"m-{label}.example")

    def place(self, host, domain, what):
        number = len(self.hosts) + 1
        address = f"2001:db8:{number:x}::25" if what.get("address") == 6 else f"10.{number}.0.25"
        self.hosts[address] = {**what, "d": domain, "name": host}
        return address

    def mail_hosts(self, authority, folder):
        other = Authority(os.path.join(folder, "unknown"), "Unknown")
        alone = Authority(os.path.join(folder, "alone"), "Alone", intermediate=False)
        made = {}
        for address, host in self.hosts.items():
            if host.get("address", 4) in (0, None):
                if host["address"] == 0:
                    made[address] = None
                continue
            what = dict(host)
            domain, name, of = what.pop("d"), what.pop("name"), what.pop("authority", "")
            names = [each.format(d=domain) for each in what.pop("names", [name])]
            how = {key: what.pop(key) for key in ("common_name", "expired", "dates", "key") if key in what}
            if "common_name" in how:
                how["common_name"] = how["common_name"].format(d=domain)
            by_sni = what.pop("by_sni", False)
            what.pop("address", None)
            if "certificate" not in what:
                issuer = {"other": other, "self": alone}.get(of, authority)
                chain, key = issuer.leaf(names, **how)
                if of == "cut":
                    chain = self.first_only(chain)
                what["certificate"] = (chain, key)
            if by_sni:
                what["named"] = {name: authority.leaf(name)}
            made[address] = MailHost(**what)
        return made

    @staticmethod
    def first_only(chain):
        with open(chain, encoding="ascii") as file:
            first = file.read().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
        with open(chain + ".first", "w", encoding="ascii") as file:
            file.write(first)
        return file.name


class CheckTest(WorldTest):
    MAIL = True

    def check(self, *words, **how):
        self.sender.age()
        done = self.stsmap("check", "--json", "-c", self.sender.config, *words, **how)
        self.assertIn(done.returncode, (0, 1, 3), done.stderr)
        documents = [json.loads(line) for line in done.stdout.splitlines()]
        for document in documents:
            self.assertEqual(mistakes("check", document), [], document)
        return {document["domain"]: document for document in documents}

    def contradiction(self, document, delivery):
        """How what became of a mail contradicts the check; "" when it does not."""
        verdict = document["verdict"]
        outcome = verdict["outcome"]
        if outcome == "unknown":  # nothing can be delivered now, and TLS has nothing to do with it
            if not all(host.get("looked", True) for host in document["hosts"]):
                return NO_WORD
            parts = [part for host in document["hosts"] for part in host.get("deferred", [])]
            return "" if delivery.status != "sent" and any(part in str(delivery) for part in parts) else "it is not so"
        if outcome in ("waits", "no-mail"):
            if delivery.status != {"waits": "deferred", "no-mail": "bounced"}[outcome]:
                return f"it is {delivery.status}"
            return "" if any(part in delivery.line for part in verdict["deferred"]) else "it is so in other words"
        if delivery.status != "sent":
            return "it is not sent"
        verified = re.search(VERIFIED, str(delivery)) is not None
        return "" if verified == (outcome == "verified") else "it is sent at another level"

class DaneTest(CheckTest):
    """Domains with TLSA records, some of which MTA-STS alone would decide the other way."""

    MAIN_CF = {"smtp_dns_support_level": "dnssec"}
    DANE_ACTIVE = True
    # At most ten mail hosts: they have one operator.
    DOMAINS = ("right", "wrong", "partial", "servfail", "pkix", "length", "nosts")

    def test_the_check_says_what_postfix_does(self):
        names = [f"{label}.dane.example" for label in self.DOMAINS] + ["unsignedmx.example"]
        judged = self.check("--rate", "10000", *names)
        outcomes = Counter()
        for name in names:
            with self.subTest(name):
                delivery = self.sender.deliver(f"user@{name}")
                told = json.dumps({key: judged[name][key] for key in ("verdict", "hosts")}, indent=1)
                self.assertEqual(self.contradiction(judged[name], delivery), "", f"{told}\n{delivery}")
                outcomes[judged[name]["verdict"]["outcome"]] += 1
        print(f"\nPostfix {self.sender.version}: {dict(outcomes)}", flush=True)
        self.assertGreaterEqual(outcomes["verified"], 3)
        self.assertGreaterEqual(outcomes["waits"], 1)


class CastTest(CheckTest):
    CAST = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.hosts = MailHosts(cls.CAST.mail_hosts(cls.world.ca, cls.world.new_folder("mailhosts")))
        cls.hosts.start()
        cls.addClassCleanup(cls.hosts.stop)


class SettingsTest(CastTest):
    """The settings of the service that delivers, by its -o: as smtp(8) has them."""

    CAST = Cast(("right", "tls12", "tls13", "static-rsa", "unknown-authority", "ipv6", "expired"))
    MORE_DOMAINS = CAST.domains
    SERVICES = {
        "plain": {},
        "newest": {"smtp_tls_mandatory_protocols": ">=TLSv1.3"},
        "older": {"smtp_tls_mandatory_protocols": "!TLSv1.3"},
        "ciphers": {"smtp_tls_mandatory_exclude_ciphers": "kRSA"},
        "high": {"smtp_tls_mandatory_ciphers": "high", "smtp_tls_exclude_ciphers": "AES128"},
        "no-ca": {"smtp_tls_CAfile": ""},
        "ipv4": {"inet_protocols": "ipv4"},
        "name": {"smtp_helo_name": "another.example", "smtp_bind_address": "192.0.2.77"},
        "depth": {"smtp_tls_scert_verifydepth": "0"},
    }
    MAIN_CF = {
        "sender_dependent_default_transport_maps":
            "inline:{ " + ", ".join(f"{{ {name}@sender.example = by-{name}: }}" for name in SERVICES) + " }",
    }
    MASTER_CF = "".join(
        f"by-{name} unix - - y - - smtp -o smtp_tls_policy_maps=socketmap:unix:stsmapd/socketmap:sts"
        + "".join(f" -o {{ {key} = {value} }}" for key, value in settings.items()) + "\n"
        for name, settings in SERVICES.items()
    )

    def test_the_check_says_what_each_service_does(self):
        cells = Counter()
        for service in self.SERVICES:
            judged = self.check("--rate", "10000", "--service", f"by-{service}", *self.CAST.labels)
            queued = {name: self.sender.send(f"user@{name}", service) for name in self.CAST.labels}
            for name, label in self.CAST.labels.items():
                with self.subTest(label, service=service):
                    delivery = self.sender.outcome(queued[name])
                    told = json.dumps({key: judged[name][key] for key in ("verdict", "hosts", "mx")}, indent=1)
                    self.assertEqual(self.contradiction(judged[name], delivery), "", f"{told}\n{delivery}")
                    cells[judged[name]["verdict"]["outcome"]] += 1
        print(f"\nPostfix {self.sender.version}: {sum(cells.values())} cells, {dict(cells)}", flush=True)
        self.assertEqual(sum(cells.values()), len(self.SERVICES) * len(self.CAST.labels))
        self.assertGreaterEqual(cells["verified"], 10)
        self.assertGreaterEqual(cells["waits"], 10)

    def test_it_introduces_itself_as_the_service_does(self):
        address = self.CAST.address("right")
        for service in ("plain", "name"):
            self.check("--service", f"by-{service}", "m-right.example")
            self.sender.outcome(self.sender.send("user@m-right.example", service))
            (ours, its), peers = (lines[0] for lines in self.hosts.heard(address)[-2:]), self.hosts.peers[address][-2:]
            self.assertEqual(ours, its)
            self.assertEqual(peers[0], peers[1])
        self.assertEqual(ours, "EHLO another.example")
        self.assertEqual(peers[0], "192.0.2.77")


class MatrixTest(CastTest):
    CAST = Cast()
    MORE_DOMAINS = CAST.domains
    MAIN_CF = {
        "sender_dependent_default_transport_maps":
            "inline:{ " + ", ".join(f"{{ {form}@sender.example = form-{form}: }}" for form in FORMS) + " }",
        "smtp_connect_timeout": "3s",
        "smtp_helo_timeout": "3s",
        "smtp_starttls_timeout": "3s",
    }
    MASTER_CF = "".join(
        f"form-{form} unix - - y - - smtp -o smtp_tls_policy_maps=socketmap:inet:127.0.0.1:8461:{form}\n" for form in FORMS
    )

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.saved = os.path.join(cls.world.folder, "saved")
        cls.seen = None

    def look(self):
        """Connects to all hosts, once for all tests."""
        if self.seen is None:
            names = list(self.CAST.labels)
            type(self).seen = self.check("--rate", "10000", "--save", self.saved, *names)
            self.assertEqual(sorted(self.seen), sorted(names))
        return self.seen

    def judged(self, form):
        """For this Postfix with a form of the map."""
        self.look()
        return self.check("--from", self.saved, "--postfix", f"{self.sender.version}/{form}")

    def test_the_check_says_what_postfix_does(self):
        self.look()
        cells = Counter()
        for form in FORMS:
            judged = self.judged(form)
            queued = {name: self.sender.send(f"user@{name}", form) for name in self.CAST.labels}
            for name, label in self.CAST.labels.items():
                with self.subTest(label, form=form):
                    delivery = self.sender.outcome(queued[name])
                    told = json.dumps({key: judged[name][key] for key in ("verdict", "hosts")}, indent=1)
                    wrong = self.contradiction(judged[name], delivery)
                    self.assertEqual(wrong, NO_WORD if label in NO_CLAIM and wrong else "", f"{told}\n{delivery}")
                    cells["no claim" if wrong else judged[name]["verdict"]["outcome"]] += 1
        print(f"\nPostfix {self.sender.version}: {sum(cells.values())} cells, {dict(cells)}", flush=True)
        self.assertEqual(sum(cells.values()), len(FORMS) * len(self.CAST.labels))
        self.assertLessEqual(cells["no claim"], len(FORMS) * len(NO_CLAIM))
        for kind in ("verified", "waits", "unprotected"):
            self.assertGreaterEqual(cells[kind], 6)

    def finger(self, name):
        """What posttls-finger says about the one mail host of a domain."""
        command = ["env", f"MAIL_CONFIG={self.sender.config}", "posttls-finger", "-t", "10", "-T", "10", "-l", "secure"]
        command += ["-L", "summary,certmatch", "-F", self.sender.value("smtp_tls_CAfile"), "-s", "hostname"]
        command += ["-p", ">=TLSv1", "-g", "medium", name, f"mx.{name}"]
        return subprocess.run(
            [*self.sender.prefix, *command], capture_output=True, text=True, timeout=120, check=False
        ).stdout

    def test_the_check_says_what_posttls_finger_says(self):
        self.look()
        judged = self.judged("sts")
        outcomes = {name: judged[name]["verdict"]["outcome"] for name in self.CAST.labels}
        asked = [name for name, label in self.CAST.labels.items()
                 if label in HOSTS and label not in NOT_WITH_FINGER and outcomes[name] in ("verified", "waits")]
        self.sender.age()
        with ThreadPoolExecutor(8) as pool:
            for name, said in zip(asked, pool.map(self.finger, asked)):
                with self.subTest(name):
                    verified = re.search(VERIFIED, said) is not None
                    self.assertEqual(outcomes[name] == "verified", verified, said)
        self.assertGreaterEqual(len(asked), 40)

    def test_the_manners(self):
        """One connection to each host, with what it takes and QUIT, and nothing else."""
        before = {address: len(self.hosts.heard(address)) for address in self.hosts.hosts}
        self.check("--rate", "10000", *self.CAST.labels)
        for address in self.hosts.hosts:
            with self.subTest(self.CAST.hosts[address]["name"]):
                said = self.hosts.heard(address)[before[address]:]
                self.assertLessEqual(len(said), 1)
                lines = " | ".join(said[0]) if said else ""
                self.assertRegex(
                    lines, r"^$|^QUIT$|^EHLO \S+( \| HELO \S+)?( \| QUIT)?$|^EHLO \S+ \| STARTTLS( \| (TLS: )?QUIT)?$"
                )


if __name__ == "__main__":
    main()
