#!/usr/bin/env python3
"""Next hops in every form, with TLSA records at one port or another: what a real Postfix does with our answers is
compared with what it does at level `dane` without the map, and with the policy in a table of its own.

At every level: where DANE secures exactly this next hop, the outcome is that of Postfix's own DANE; else that of the
policy. So no cell defers mail that Postfix's own DANE delivers and the policy allows."""
import re

from e2e.support import WorldTest, main
from pylib.waiting import wait_for
from world.domains import RIGHT, RIGHT_KEY, UNTRUSTED, UNTRUSTED_KEY, Domain, policy

PORT = 587
FORMS = {"host": "{domain}", "host:port": "{domain}:587", "[host]": "[mx.{domain}]", "[host]:port": "[mx.{domain}]:587"}
PORT_OF = {"host": 25, "host:port": PORT, "[host]": 25, "[host]:port": PORT}
# Place -> (ports with TLSA records of the host's own key, ports with those of another key).
PLACES = {
    "nowhere": ((), ()),
    "at25": ((25,), ()),
    "atport": ((PORT,), ()),
    "both": ((25, PORT), ()),
    "wrong": ((), (25, PORT)),
    "wrong25": ((PORT,), (25,)),
    "wrongport": ((25,), (PORT,)),
    "wrong25only": ((), (25,)),
    "unsigned": ((25, PORT), ()),
}
# The first certificate satisfies the policy, the second one only DANE.
CERTIFICATES = {"good": (RIGHT, RIGHT_KEY, UNTRUSTED_KEY), "private": (UNTRUSTED, UNTRUSTED_KEY, RIGHT_KEY)}
# Transports: two judges, and our map at each level.
LEVELS = ("may", "encrypt", "dane")
JUDGES = ("bare", "table")


def mail_domain(place, certificate):
    zone = "" if place == "unsigned" else ".dane"
    return f"{place}-{certificate}{zone}.example"


def make_domains():
    for place, (own, other) in PLACES.items():
        for certificate, (address, key, wrong) in CERTIFICATES.items():
            name = mail_domain(place, certificate)
            host = f"mx.{name}"
            zone = "example." if place == "unsigned" else "dane.example."
            tlsa = {f"{host}:{port}": ["3 1 1 " + key] for port in own}
            tlsa |= {f"{host}:{port}": ["3 1 1 " + wrong] for port in other}
            yield Domain(name, policy("enforce", [host]), mx={host: address}, tlsa=tlsa, zone=zone)
            yield Domain(host, policy("enforce", [host]), zone=zone)  # the policy domain of a next hop in brackets


CELLS = [(place, certificate, form) for place in PLACES for certificate in CERTIFICATES for form in FORMS]


def next_hop(place, certificate, form):
    return FORMS[form].format(domain=mail_domain(place, certificate))


def recipient(number, transport):
    return f"user@cell{number}.{transport}.test"


def transport_table():
    return ", ".join(
        f"{{ cell{number}.{transport}.test = {transport}:{next_hop(*cell)} }}"
        for number, cell in enumerate(CELLS)
        for transport in (*LEVELS, *JUDGES)
    )


def policy_table():
    """The policies as an administrator could write them into a table."""
    return ", ".join(
        f"{{ {next_hop(*cell)} = secure match=mx.{mail_domain(*cell[:2])} servername=hostname }}" for cell in CELLS
    )


class NextHops(WorldTest):
    MAIL = True
    PORTS = (25, PORT)
    MORE_DOMAINS = tuple(make_domains())
    MAIN_CF = {
        "smtp_dns_support_level": "dnssec",
        "transport_maps": f"inline:{{ {transport_table()} }}",
        "table_of_policies": f"inline:{{ {policy_table()} }}",
        "initial_destination_concurrency": "5",
    }
    MASTER_CF = (
        "".join(f"{level} unix - - y - 40 smtp -o smtp_tls_security_level={level}\n" for level in LEVELS)
        + "bare unix - - y - 40 smtp -o smtp_tls_security_level=dane -o smtp_tls_policy_maps=\n"
        + "table unix - - y - 40 smtp -o smtp_tls_policy_maps=$table_of_policies\n"
    )
    DANE_ACTIVE = True

    def outcomes(self):
        """{(transport, number): (was it sent, the log lines about TLS and delivery)}"""
        wanted = re.compile(r"\[(\d+)\]: \w+: to=<user@cell(\d+)\.(\w+)\.test>.* status=(\w+)")
        verified = re.compile(r"\[(\d+)\]: Verified TLS connection established")
        found, now_verified = {}, set()
        for line in self.world.sender.log():
            if match := verified.search(line):
                now_verified.add(match.group(1))
            elif match := wanted.search(line):
                pid, number, transport, status = match.groups()
                key = transport, int(number)
                if key not in found:
                    found[key] = status == "sent", pid in now_verified, line
                now_verified.discard(pid)
        return found

    def test_every_form_place_certificate_and_level(self):
        transports = (*JUDGES, *LEVELS)
        wanted = len(CELLS) * len(transports)
        self.world.sender.send_many(
            recipient(number, transport) for number in range(len(CELLS)) for transport in transports
        )
        wait_for(lambda: len(self.outcomes()) == wanted, f"{wanted} outcomes", 180)
        found = self.outcomes()
        disagreements, rows = [], {}
        for number, cell in enumerate(CELLS):
            place, certificate, form = cell
            sent, verified, line = found["bare", number]
            by_dane = verified or not sent  # else DANE did not apply
            allowed = found["table", number][0]
            expected = sent if by_dane else allowed
            # The judges must agree with what was published; if not, the world is set up wrongly.
            own, other = PLACES[place] if place != "unsigned" else ((), ())
            here = PORT_OF[form]
            self.assertEqual(by_dane, here in own + other, line)
            self.assertEqual(allowed, certificate == "good", found["table", number][2])
            words = ""
            for level in LEVELS:
                got, _, line = found[level, number]
                words += "s" if got else "d"
                if got != expected:
                    disagreements.append(f"{next_hop(*cell)} at level {level}: {line}")
            judges = ("s" if sent else "d") + ("s" if allowed else "d")
            rows.setdefault((place, certificate), []).append(f"{judges} {words}")
        print(f"{'TLSA, certificate':20}" + "".join(f"{form:14}" for form in FORMS))
        for (place, certificate), cells in rows.items():
            print(f"{place + ', ' + certificate:20}" + "".join(f"{cell:14}" for cell in cells))
        print("s: sent, d: deferred; by Postfix's own DANE, by its own table, then ours at may, encrypt, dane")
        version = self.world.sender.version
        print(f"Postfix {version}: {wanted} mails, {len(CELLS) * len(LEVELS)} cells, "
              f"{len(disagreements)} disagreements", flush=True)
        self.assertEqual(disagreements, [])

    def test_services_by_name(self):
        for place in ("at25", "atport"):
            domain = mail_domain(place, "good")
            for form in ("{}", "[mx.{}]"):
                key = form.format(domain)
                for service, port in (("smtp", 25), ("submission", 587), ("smtps", 465), ("domain", 53)):
                    with self.subTest(key=key, service=service):
                        by_name = self.world.daemon.ask(f"{key}:{service}")
                        self.assertEqual(by_name, self.world.daemon.ask(f"{key}:{port}"))
                        secured = {25: "at25", 587: "atport"}.get(port) == place
                        self.assertEqual(by_name == "OK dane-only", secured, by_name)

    def test_unknown_service(self):
        key = f"[mx.{mail_domain('both', 'good')}]:no-such-service"
        self.assertTrue(self.world.daemon.ask(key).startswith("OK secure match="))
        self.world.daemon.wait_log("service-unknown", f"next_hop={key}", "service=no-such-service")


if __name__ == "__main__":
    main()
