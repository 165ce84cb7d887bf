"""Zones, nsd that serves them, and unbound in front of it as a resolver, validating or not.

Addresses and ports are those of world.namespace unless others are given.
"""
import os
import re
import signal
import subprocess

from pylib.net import listening
from pylib.process import Process, run
from pylib.waiting import LIMIT, Failed, wait_for

AUTHORITATIVE = "192.0.2.53"
RESOLVER = "127.0.0.1"


def ask(server, name, kind, port=53):
    """(rcode, answer lines, has AD) of one question; ("", [], False) when no answer comes."""
    done = subprocess.run(
        ["drill", "-4", "-D", "-p", str(port), f"@{server}", name, kind],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    head = re.search(r"rcode: (\w+)", done.stdout)
    if not head:
        return "", [], False
    flags = re.search(r"flags: ([a-z ]*)", done.stdout).group(1).split()
    section = re.search(r";; ANSWER SECTION:\n((?:.+\n)*)", done.stdout)
    return head.group(1), section.group(1).splitlines() if section else [], "ad" in flags


class Zone:
    """A zone's records as text lines relative to its origin; write() gives it a new serial."""

    def __init__(self, folder, origin, records):
        self.origin = origin
        self.records = list(records)
        self.serial = 0
        self.path = os.path.join(folder, (origin.rstrip(".") or "root") + ".zone")

    def write(self):
        self.serial += 1
        with open(self.path, "w", encoding="ascii") as file:
            file.write(
                f"$ORIGIN {self.origin}\n$TTL 60\n"
                f"@ SOA ns.example. hostmaster.example. {self.serial} 3600 600 86400 60\n@ NS ns.example.\n"
            )
            file.write("".join(record + "\n" for record in self.records))


class SignedZone(Zone):
    """A DNSSEC-signed zone; the signatures of `damaged`, pairs of name and type, do not verify."""

    def __init__(self, folder, origin, records, damaged=()):
        super().__init__(folder, origin, records)
        self.damaged = damaged
        base = run("ldns-keygen", "-a", "ECDSAP256SHA256", "-k", origin, cwd=folder).strip()
        self.key = os.path.join(folder, base)
        self.anchor = self.key + ".key"

    def write(self):
        super().write()
        run("ldns-signzone", "-f", self.path + ".signed", self.path, self.key)
        with open(self.path + ".signed", encoding="ascii") as file:
            lines = file.read().splitlines()
        with open(self.path, "w", encoding="ascii") as file:
            file.write("".join(self._damage(line) + "\n" for line in lines))

    def _damage(self, line):
        fields = line.split()
        if len(fields) > 4 and fields[3] == "RRSIG" and (fields[0], fields[4]) in self.damaged:
            signature = fields[-1]
            fields[-1] = ("A" if signature[0] != "A" else "B") + signature[1:]
            return " ".join(fields)
        return line


class NameServer:
    """A program in the foreground, with the log NAME.log."""

    def __init__(self, name, folder, address, port):
        os.makedirs(folder, exist_ok=True)
        self.name = name
        self.folder = folder
        self.address, self.port = address, port
        self.config = os.path.join(folder, name + ".conf")
        self.known = ""
        self.kind = "A"
        self.process = None

    def start(self, seconds=LIMIT):
        """Returns when it answers for a name that it knows."""
        log = os.path.join(self.folder, self.name + ".log")
        self.process = Process(self.name, [self.name, "-d", "-c", self.config], log)
        self.process.wait_until(
            lambda: listening(self.address, self.port) and self.ask(self.known, self.kind)[0] == "NOERROR",
            "answering",
            seconds,
        )

    def stop(self):
        if self.process:
            self.process.stop()
        self.process = None

    def ask(self, name, kind):
        return ask(self.address, name, kind, self.port)


class Nsd(NameServer):
    """An authoritative server, asked for the first zone's SOA until it answers. A zone of `broken` is configured
    without a file: it answers SERVFAIL."""

    def __init__(self, folder, zones, broken=(), address=AUTHORITATIVE, port=53):
        super().__init__("nsd", folder, address, port)
        self.zones = {zone.origin: zone for zone in zones}
        self.known, self.kind = next(iter(self.zones)), "SOA"
        for zone in zones:
            zone.write()
        with open(self.config, "w", encoding="ascii") as file:
            file.write(
                f'server:\n  ip-address: {address}\n  port: {port}\n  username: ""\n  chroot: ""\n'
                f'  zonesdir: "{folder}"\n  pidfile: "{folder}/nsd.pid"\n  database: ""\n'
                f'  xfrdfile: "{folder}/xfrd.state"\n  zonelistfile: "{folder}/zone.list"\n'
                f'  xfrdir: "{folder}"\n  server-count: 1\n  logfile: "{folder}/nsd.out"\n'
                "remote-control:\n  control-enable: no\n"
            )
            for zone in zones:
                file.write(f'zone:\n  name: "{zone.origin}"\n  zonefile: "{zone.path}"\n')
            for origin in broken:
                file.write(f'zone:\n  name: "{origin}"\n  zonefile: "{folder}/none/{origin}zone"\n')

    def update(self, origin):
        """Writes the zone again and returns when nsd serves it."""
        zone = self.zones[origin]
        zone.write()
        self.process.send_signal(signal.SIGHUP)
        served = re.compile(rf"\sSOA\s.*\s{zone.serial} 3600 ")
        wait_for(
            lambda: any(served.search(line) for line in self.ask(origin, "SOA")[1]),
            f"nsd serving {origin} with serial {zone.serial}",
        )


# It keeps no answer longer than a second, so that a change shows at once.
FORGETFUL = (
    "outgoing-interface: 192.0.2.1",
    "do-ip6: no",
    "cache-max-ttl: 1",
    "cache-max-negative-ttl: 1",
    "infra-host-ttl: 1",
    "val-bogus-ttl: 1",
    "qname-minimisation: no",
    "so-rcvbuf: 0",
    "access-control: 192.0.2.0/24 allow",
)


class Unbound(NameServer):
    """A resolver, validating when there are `anchors` (paths). `stubs`: zones and the servers that are asked for them;
    `known`: a name that has an address there; `settings`: more lines; `control`: the path of a socket for
    unbound-control."""

    def __init__(
        self,
        folder,
        anchors=(),
        address=RESOLVER,
        port=53,
        stubs=((".", AUTHORITATIVE),),
        known="ns.example.",
        settings=FORGETFUL,
        control="",
    ):
        super().__init__("unbound", folder, address, port)
        self.known = known
        lines = [
            "server:",
            f"  interface: {address}",
            f"  port: {port}",
            '  username: ""',
            '  chroot: ""',
            f'  directory: "{folder}"',
            f'  pidfile: "{folder}/unbound.pid"',
            "  use-syslog: no",
            "  do-daemonize: no",
            "  num-threads: 1",
            "  do-not-query-localhost: no",
            f'  module-config: "{"validator iterator" if anchors else "iterator"}"',
            *(f"  {line}" for line in settings),
            *(f'  trust-anchor-file: "{anchor}"' for anchor in anchors),
            "remote-control:",
            f"  control-enable: {'yes' if control else 'no'}",
        ]
        if control:
            lines += [f'  control-interface: "{control}"', "  control-use-cert: no"]
        for zone, server in stubs:
            lines += ["stub-zone:", f'  name: "{zone}"', f"  stub-addr: {server}"]
        with open(self.config, "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")

    def wait_for_answer(self, name, kind, text):
        """Returns when an answer line to the question contains the text."""
        try:
            wait_for(lambda: any(text in line for line in self.ask(name, kind)[1]), f"{text} for {name} {kind}")
        except Failed as error:
            raise Failed(f"{error}; now: {self.ask(name, kind)}") from None
