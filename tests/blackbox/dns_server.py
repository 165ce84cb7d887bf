"""A loopback DNS server for tests: UDP and TCP, answers from a dictionary, counts the questions.

Records are set with add(); a name without records does not exist. The whole server or one name can be made to
fail, to stay silent or to wait. No recursion; CNAMEs within the dictionary are followed. Answers about names for which
`authentic` is true have the AD bit, as if they were signed and validated.
"""

import collections
import ipaddress
import socket
import struct
import threading

from pylib import net
from pylib.dns_message import (
    NAMES,
    NOERROR,
    NXDOMAIN,
    OPT,
    REFUSED,
    SERVFAIL,
    TYPES,
    decode_name,
    encode_name,
    framed,
    record,
    soa,
    txt,
)


class Exchange:
    """One question to a name that misbehaves: send() puts bare octets on the wire."""

    def __init__(self, transport, query, reply, send, connection=None):
        self.transport = transport  # "udp" or "tcp"
        self.query = query
        self.reply = reply  # the right one, without TCP's length
        self.send = send
        self.connection = connection  # of TCP
        self.peer = None  # of UDP

    def run(self, behaviour):
        try:
            behaviour(self)
        except OSError:
            pass  # the test is over


class DnsServer:
    """server.port answers on 127.0.0.1. Use as a context manager, or call close()."""

    def __init__(self, port=0):
        self._lock = threading.Lock()
        self.authentic = lambda name: False  # which names' answers have AD
        # (name, type) -> (ttl, [rdata]); the root has an SOA, as in the real DNS
        self._records = {("", TYPES["SOA"]): (300, [soa(60)])}
        self._existing = None  # all names and their parents; made when needed
        self._behaviours = {}  # name, or "" for all names -> "servfail" | "refused" | "silent"
        self.negative_ttl = 60
        self.questions = collections.Counter()  # (name, type) -> how often asked
        udp, tcp = net.udp_and_tcp(port)
        self.port = udp.getsockname()[1]
        self._udp = net.Datagrams(udp, self._hear)
        self._tcp = net.Streams(tcp, self._serve_connection)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._udp.close()
        self._tcp.close()

    # Called by the test.

    def add(self, name, kind, *values, ttl=300):
        """Sets the records of a name: TXT texts, A and AAAA addresses, one CNAME target."""
        rdata = []
        for value in values:
            if kind == "TXT":
                rdata.append(txt(value))
            elif kind == "CNAME":
                rdata.append(encode_name(value))
            else:
                rdata.append(ipaddress.ip_address(value).packed)
        with self._lock:
            self._records[name.lower(), TYPES[kind]] = (ttl, rdata)
            self._existing = None

    def add_rdata(self, name, kind, rdata, ttl=300):
        """Sets the records of a name, in wire form."""
        with self._lock:
            self._records[name.lower(), TYPES[kind]] = (ttl, rdata)
            self._existing = None

    def remove(self, name, kind):
        with self._lock:
            self._records.pop((name.lower(), TYPES[kind]), None)
            self._existing = None

    def behave(self, behaviour, name=""):
        """ "servfail", "refused", "silent" or None (answer), for one name or all.

        Or a function that gets the Exchange and may do anything with the right reply; called in its own thread.
        """
        with self._lock:
            if behaviour is None:
                self._behaviours.pop(name.lower(), None)
            else:
                self._behaviours[name.lower()] = behaviour

    def count(self, name, kind):
        with self._lock:
            return self.questions[name.lower(), kind]

    def total(self):
        with self._lock:
            return sum(self.questions.values())

    # What the daemon gets.

    def _hear(self, query, peer):
        udp = self._udp.socket
        reply, behaviour = self._answer(query, udp=True)
        if behaviour:
            exchange = Exchange("udp", query, reply, lambda octets: udp.sendto(octets, peer))
            exchange.peer = peer
            threading.Thread(target=exchange.run, args=(behaviour,), daemon=True).start()
        elif reply:
            udp.sendto(reply, peer)

    def _serve_connection(self, connection):
        connection.settimeout(10)
        while True:
            head = connection.recv(2, socket.MSG_WAITALL)
            if len(head) < 2:
                return
            query = connection.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL)
            reply, behaviour = self._answer(query, udp=False)
            if behaviour:
                return behaviour(Exchange("tcp", query, reply, connection.sendall, connection))
            if reply is None:
                return
            connection.sendall(framed(reply))

    def _answer(self, query, udp):
        """The reply, or None, and the function that sends it."""
        if len(query) < 17:
            return None, None
        ident, flags, _, _, _, additional = struct.unpack("!6H", query[:12])
        name, end = decode_name(query, 12)
        kind = struct.unpack("!H", query[end : end + 2])[0]
        question = query[12 : end + 4]
        with self._lock:
            self.questions[name, NAMES.get(kind, str(kind))] += 1
            behaviour = self._behaviours.get(name, self._behaviours.get(""))
            if behaviour == "silent":
                return None, None
            if behaviour in ("servfail", "refused"):
                code, answers, authority = (SERVFAIL if behaviour == "servfail" else REFUSED), [], []
            else:
                code, answers, authority = self._look(name, kind)
        opt = OPT if additional else b""
        flags = 0x8080 | (flags & 0x0100) | code | (0x0020 if self.authentic(name) else 0)
        head = struct.pack("!6H", ident, flags, 1, len(answers), len(authority), 1 if opt else 0)
        reply = head + question + b"".join(answers) + b"".join(authority) + opt
        if udp and len(reply) > (1232 if opt else 512):
            reply = struct.pack("!6H", ident, flags | 0x0200, 1, 0, 0, 1 if opt else 0) + question + opt
        return reply, behaviour if callable(behaviour) else None

    def _look(self, name, kind):
        answers = []
        for _ in range(8):
            found = self._records.get((name, kind))
            if found:
                for rdata in found[1]:
                    answers.append(record(name, kind, found[0], rdata))
                return NOERROR, answers, []
            alias = self._records.get((name, TYPES["CNAME"]))
            if not alias:
                break
            answers.append(record(name, TYPES["CNAME"], alias[0], alias[1][0]))
            name = decode_name(alias[1][0], 0)[0]
        # Names above an existing one exist too (RFC 8020).
        if self._existing is None:
            self._existing = set()
            for known, _ in self._records:
                while known:
                    self._existing.add(known)
                    known = known.partition(".")[2]
        exists = name in self._existing
        zone = name.split(".")[-1]
        return (
            (NOERROR if exists else NXDOMAIN),
            answers,
            [record(zone, TYPES["SOA"], self.negative_ttl, soa(self.negative_ttl, "ns.invalid", "root.invalid"))],
        )
