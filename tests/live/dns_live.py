#!/usr/bin/python3
"""The resolver against real name servers: nsd with signed and other zones, behind a validating unbound.

usage: dns_live.py [DNS_QUERY]      the binary built from dns_query.cpp; default: build/tests/dns_query
Needs nsd, unbound and ldnsutils; runs as any user, in a temporary folder, on loopback ports that the kernel picks.
Prints one line per check; exit status 1 when any failed.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from pylib.nameservers import Nsd, Unbound  # noqa: E402
from pylib.net import free_port  # noqa: E402
from pylib.process import run  # noqa: E402
from pylib.programs import ROOT  # noqa: E402
from pylib.waiting import LIMIT, Failed  # noqa: E402

os.environ["PATH"] += ":/usr/sbin:/sbin"
TOOLS = ("nsd", "unbound", "drill", "ldns-keygen", "ldns-signzone")

ZONE = """$ORIGIN {zone}.
$TTL 300
@ 600 IN SOA ns hostmaster 1 3600 600 86400 120
@ IN NS ns
ns IN A 127.0.0.1
plain IN TXT "v=STSv1; id=20260101;"
parts IN TXT "v=STSv1; " "" "id=" "1;"
octets IN TXT "\\000\\255\\"\\\\"
two IN TXT "v=spf1 -all"
two IN TXT "v=STSv1; id=2;"
one 60 IN CNAME hop
hop 30 IN CNAME plain
away IN CNAME plain.{other}.
lost IN CNAME nothing.{other}.
empty IN A 192.0.2.1
host IN A 192.0.2.1
host IN A 192.0.2.2
host IN AAAA 2001:db8::1
loop IN CNAME pool
pool IN CNAME loop
mail IN MX 10 Host
mail 60 IN MX 20 host.{other}.
null IN MX 0 .
odd IN MX 5 od\\.d
_25._tcp.host IN TLSA 3 1 1 {digest}
_25._tcp.host 60 IN TLSA 2 0 2 {digest}{digest}
_25._tcp.alias IN CNAME _25._tcp.host
"""
DIGEST = "00ff" * 16
MANY = "".join(f'many IN TXT "record {i} {"x" * 80}"\n' for i in range(40))


class Zone:
    """A zone whose file is written once, by make_zones()."""

    def __init__(self, folder, name):
        self.origin = name + ".example."
        self.path = str(folder / name)

    def write(self):
        """Nothing to do: the file does not change."""


def make_zones(folder):
    """Makes zone files; returns (zones, trust anchors). The anchor of bogus.example is not the key that signed it."""
    others = {"plain": "signed", "signed": "plain", "bogus": "plain"}
    anchors = []
    for zone, other in others.items():
        file = folder / zone
        file.write_text(ZONE.format(zone=zone + ".example", other=other + ".example", digest=DIGEST) + MANY)
        if zone == "plain":
            continue
        keygen = ["ldns-keygen", "-a", "ECDSAP256SHA256", "-k", zone + ".example"]
        keys = [run(*keygen, cwd=folder).strip() for _ in range(2)]
        run("ldns-signzone", "-n", "-f", zone + ".signed", zone, keys[0], cwd=folder)
        (folder / (zone + ".signed")).rename(file)
        anchors.append(str(folder / (keys[1 if zone == "bogus" else 0] + ".key")))
    return [Zone(folder, name) for name in others], anchors


def start(folder, zones, anchors):
    """Starts nsd and unbound. Raises Failed when a free port was taken before they could listen."""
    nsd = Nsd(str(folder), zones, address="127.0.0.1", port=free_port())
    unbound = Unbound(
        str(folder),
        anchors,
        port=free_port(),
        stubs=[(zone.origin, f"127.0.0.1@{nsd.port}") for zone in zones],
        known="host.plain.example.",
        settings=("max-udp-size: 1232", "minimal-responses: yes"),
    )
    try:
        nsd.start()
        unbound.start()
    except Failed:
        stop(nsd, unbound)
        raise
    return nsd, unbound


def stop(*servers):
    for server in servers:
        server.stop()


class Checks:
    def __init__(self, binary):
        self.binary = binary
        self.passed = self.failed = 0

    def ask(self, servers, name, kind="txt"):
        """Returns the answer as the binary prints it, with its records as octets, and the binary's log."""
        command = [self.binary, servers, name, kind]
        asked = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
        answer = json.loads(asked.stdout)
        answer["records"] = [bytes.fromhex(r) for r in answer.get("records", [])]
        return answer, asked.stderr

    def check(self, what, fine, seen=""):
        print(("ok      " if fine else "FAILED  ") + what + ("" if fine else f": {seen}"))
        self.passed += fine
        self.failed += not fine


def through_unbound(c, server):
    for zone, secure in (("plain", False), ("signed", True)):
        where = zone + ".example"

        answer, _ = c.ask(server, "plain." + where)
        c.check(f"{zone}: TXT",
                answer["records"] == [b"v=STSv1; id=20260101;"] and 270 <= answer["ttl"] <= 300, answer)
        c.check(f"{zone}: AD is {secure}", answer["authentic"] is secure, answer)

        answer, _ = c.ask(server, "parts." + where)
        c.check(f"{zone}: several strings are joined", answer["records"] == [b"v=STSv1; id=1;"], answer)
        answer, _ = c.ask(server, "octets." + where)
        c.check(f"{zone}: octets come as they are", answer["records"] == [b'\x00\xff"\\'], answer)
        answer, _ = c.ask(server, "two." + where)
        c.check(f"{zone}: two records stay two",
                sorted(answer["records"]) == [b"v=STSv1; id=2;", b"v=spf1 -all"], answer)

        answer, _ = c.ask(server, "one." + where)
        c.check(f"{zone}: CNAME chain",
                answer["records"] == [b"v=STSv1; id=20260101;"] and answer["ttl"] == 30 and
                answer["canonical_name"] == "plain." + where and answer["authentic"] is secure, answer)
        answer, _ = c.ask(server, "away." + where)
        c.check(f"{zone}: CNAME between a signed and an unsigned zone is without AD",
                len(answer["records"]) == 1 and
                not answer["authentic"], answer)
        answer, _ = c.ask(server, "lost." + where)
        c.check(f"{zone}: CNAME to nothing",
                answer.get("kind") == "nxdomain" and 100 <= answer["ttl"] <= 120, answer)

        answer, log = c.ask(server, "many." + where)
        c.check(f"{zone}: 40 records over TCP",
                len(answer["records"]) == 40 and "because=truncated" in log and
                answer["authentic"] is secure, (answer, log))

        answer, _ = c.ask(server, "nothing." + where)
        c.check(f"{zone}: NXDOMAIN and its TTL",
                answer.get("kind") == "nxdomain" and 100 <= answer["ttl"] <= 120 and
                answer["authentic"] is secure, answer)
        answer, _ = c.ask(server, "empty." + where)
        c.check(f"{zone}: NODATA and its TTL",
                answer.get("kind") == "nodata" and 100 <= answer["ttl"] <= 120 and
                answer["authentic"] is secure, answer)

        answer, _ = c.ask(server, "host." + where, "a")
        c.check(f"{zone}: A", sorted(answer["records"]) == [b"\xc0\x00\x02\x01", b"\xc0\x00\x02\x02"], answer)
        answer, _ = c.ask(server, "host." + where, "aaaa")
        c.check(f"{zone}: AAAA",
                answer["records"] == [socket.inet_pton(socket.AF_INET6, "2001:db8::1")], answer)

        mail_server(c, server, zone, "plain" if secure else "signed", secure)

    answer, _ = c.ask(server, "plain.bogus.example")
    c.check("bogus: SERVFAIL", answer.get("failed") == "dns-servfail", answer)
    answer, _ = c.ask(server, "loop.plain.example")
    c.check("a CNAME loop: SERVFAIL", answer.get("failed") == "dns-servfail", answer)


def mx(preference, host):
    return preference.to_bytes(2, "big") + host.encode()


def mail_server(c, server, zone, other, secure):
    """The questions that DANE needs."""
    where = zone + ".example"
    answer, _ = c.ask(server, "mail." + where, "mx")
    c.check(f"{zone}: MX",
            sorted(answer["records"]) == [mx(10, "host." + where), mx(20, f"host.{other}.example")] and
            answer["ttl"] <= 60 and answer["authentic"] is secure, answer)
    answer, _ = c.ask(server, "null." + where, "mx")
    c.check(f"{zone}: null MX", answer["records"] == [mx(0, "")] and answer["authentic"] is secure, answer)
    answer, _ = c.ask(server, "odd." + where, "mx")
    c.check(f"{zone}: a dot within a label", answer["records"] == [mx(5, "od\\046d." + where)], answer)
    answer, _ = c.ask(server, "host." + where, "mx")
    c.check(f"{zone}: no MX", answer.get("kind") == "nodata" and answer["authentic"] is secure, answer)
    answer, _ = c.ask(server, "host." + where, "a")
    c.check(f"{zone}: address of an MX host",
            len(answer["records"]) == 2 and answer["authentic"] is secure, answer)

    digest = bytes.fromhex(DIGEST)
    records = [b"\x02\x00\x02" + 2 * digest, b"\x03\x01\x01" + digest]
    for name in ("host", "alias"):
        answer, _ = c.ask(server, f"_25._tcp.{name}.{where}", "tlsa")
        c.check(f"{zone}: TLSA of {name}",
                sorted(answer["records"]) == records and answer["authentic"] is secure and
                answer["canonical_name"] == "_25._tcp.host." + where, answer)
    answer, _ = c.ask(server, "_25._tcp.plain." + where, "tlsa")
    c.check(f"{zone}: no TLSA", answer.get("kind") == "nxdomain" and answer["authentic"] is secure, answer)
    answer, _ = c.ask(server, "one." + where, "cname")
    c.check(f"{zone}: CNAME itself",
            len(answer["records"]) == 1 and answer["authentic"] is secure and
            answer["canonical_name"] == "one." + where, answer)
    answer, _ = c.ask(server, where, "soa")
    c.check(f"{zone}: SOA", len(answer["records"]) == 1 and answer["authentic"] is secure, answer)


def without_unbound(c, server, nsd):
    answer, _ = c.ask(nsd, "many.plain.example")
    c.check("an authoritative server can be asked too", len(answer["records"]) == 40, answer)
    answer, _ = c.ask(nsd, "plain.elsewhere.test")
    c.check("REFUSED for a name that is not its own", answer.get("failed") == "dns-refused", answer)
    answer, _ = c.ask(nsd + "," + server, "plain.bogus.example")
    c.check("without validation the bogus zone answers, without AD",
            len(answer["records"]) == 1 and not answer["authentic"],
            answer)
    for name, kind in (("mail.bogus.example", "mx"), ("host.bogus.example", "a"),
                       ("_25._tcp.host.bogus.example", "tlsa"), ("bogus.example", "soa")):
        answer, _ = c.ask(server, name, kind)
        c.check(f"bogus: SERVFAIL for {kind}", answer.get("failed") == "dns-servfail", answer)
    answer, _ = c.ask(nsd, "mail.signed.example", "mx")
    c.check("an authoritative server gives MX without AD",
            len(answer["records"]) == 2 and not answer["authentic"], answer)
    answer, _ = c.ask(nsd, "_25._tcp.host.signed.example", "tlsa")
    c.check("an authoritative server gives TLSA without AD",
            len(answer["records"]) == 2 and not answer["authentic"], answer)
    answer, _ = c.ask(nsd, "", "soa")
    c.check("the root can be asked for", answer.get("failed") == "dns-refused", answer)
    closed = f"127.0.0.1:{free_port()}"
    answer, _ = c.ask(closed + "," + server, "plain.signed.example")
    c.check("fail-over from a closed port", len(answer["records"]) == 1, answer)
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        answer, log = c.ask(f"127.0.0.1:{silent.getsockname()[1]},{server}", "plain.signed.example")
        c.check("fail-over from a silent server, with a warning",
                len(answer["records"]) == 1 and "dns-server-silent" in log,
                (answer, log))


def main():
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        sys.exit(f"{' '.join(missing)}: not here; install nsd, unbound and ldnsutils")
    binary = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build", "tests", "dns_query")
    with tempfile.TemporaryDirectory(prefix="dns-live-") as name:
        folder = pathlib.Path(name)
        zones, anchors = make_zones(folder)
        for attempt in range(5):
            try:
                nsd, unbound = start(folder, zones, anchors)
                break
            except Failed:
                if attempt == 4:
                    raise
        try:
            checks = Checks(binary)
            server, authority = f"127.0.0.1:{unbound.port}", f"127.0.0.1:{nsd.port}"
            through_unbound(checks, server)
            without_unbound(checks, server, authority)
        finally:
            stop(nsd, unbound)
    print(f"{checks.passed} passed, {checks.failed} failed")
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()
