#!/usr/bin/python3
"""Which answers can be got from misbehaving name servers, with glibc's resolver as the judge.

usage: dns_forms.py [-v] [DNS_JUDGE]    the binary built from dns_judge.cpp; default: build/tests/dns_judge
Each case is a server on loopback, UDP and TCP, that does one thing wrong. Each cell is a case with one of TXT, A and
MX. Where glibc gets an answer (with or without EDNS), our resolver must get the same records, in the time of at most
one try more. STRICTER has the cases in which we refuse the answer, and why. Exit status 1 on any disagreement.
"""

import asyncio
import json
import pathlib
import resource
import struct
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TRY = 1.0  # seconds a try, in dns_judge.cpp
SLACK = 0.8  # seconds, for a machine that does other things too
TYPES = {"txt": 16, "a": 1, "mx": 15}
A, NS, CNAME, SOA, MX, TXT, SIG, OPT, TSIG = 1, 2, 5, 6, 15, 16, 24, 41, 250
FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, YXDOMAIN, NOTAUTH = 1, 2, 3, 4, 5, 6, 9
QR, AA, TC, RD, RA, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0020, 0x0010
HERE = b"\xc0\x0c"  # a pointer to the question's name


class Query:
    """A query as it was received."""

    def __init__(self, octets, tcp, counts):
        self.octets, self.tcp = octets, tcp
        self.id, self.flags, _, _, _, self.additional = struct.unpack("!6H", octets[:12])
        end = 12
        while octets[end]:
            end += 1 + octets[end]
        self.name = octets[12 : end + 1]
        self.kind = struct.unpack("!H", octets[end + 1 : end + 3])[0]
        self.question = octets[12 : end + 5]
        self.edns = self.additional > 0
        self.dnssec_ok = self.edns and octets[-4] & 0x80 != 0
        self.ad = self.flags & AD != 0
        key = (self.name.lower(), self.kind)
        counts[key] = counts.get(key, 0) + 1
        self.turn = counts[key]  # how often this was asked, including this time


def record(owner, kind, rdata, ttl=300, klass=1):
    return owner + struct.pack("!HHIH", kind, klass, ttl, len(rdata)) + rdata


def rdata(kind, n=0):
    if kind == TXT:
        return b"\x10v=STSv1; id=%d;; " % (n % 10)
    if kind == A:
        return bytes([192, 0, 2, n % 256])
    return struct.pack("!H", n) + b"\x02mx\x07example\0"


SOA_RECORD = record(b"\x07example\0", SOA, b"\0\0" + struct.pack("!5I", 1, 2, 3, 4, 60))


def answer(q, records=None, authority=(), additional=(), flags=QR | RD | RA, rcode=0, question=None, opt=None,
           counts=None, name=HERE, tail=b""):
    """The right reply; each argument makes one part of it wrong."""
    if records is None:
        records = [record(name, q.kind, rdata(q.kind))]
    additional = list(additional)
    if opt is None:
        opt = q.edns
    if opt:
        additional.append(record(b"\0", OPT, b"", ttl=(rcode >> 4) << 24, klass=1232))
    question = q.question if question is None else question
    counts = counts or (1 if question else 0, len(records), len(authority), len(additional))
    head = struct.pack("!6H", q.id, flags | (rcode & 15), *counts)
    return head + question + b"".join([*records, *authority, *additional]) + tail


def good_else(condition, otherwise):
    """The right reply to a query that does not meet the condition."""
    return lambda q: otherwise(q) if condition(q) else answer(q)


def drop(_):
    return None


def error(code, **how):
    return lambda q: answer(q, records=[], rcode=code, **how)


def edns(q):
    return q.edns


def dnssec_ok(q):
    return q.dnssec_ok


def udp(q):
    return not q.tcp


def garbage(q):
    return b"\x17" * 60


def own_garbage(q):
    """Id and question are right, but the promised records are missing."""
    return answer(q, counts=(1, 3, 0, 0))


def wrong_name(q):
    return answer(q, question=b"\x05wrong\x07example\0" + q.question[-4:])


def upper(q):
    return answer(q, question=q.question[: len(q.name)].upper() + q.question[-4:])


def big(q, n):
    return answer(q, records=[record(HERE, q.kind, rdata(q.kind, i)) for i in range(n)])


def over_tcp(then):
    return lambda q: then(q) if q.tcp else answer(q, records=[], flags=QR | RD | RA | TC)


def chain(q, length, reverse=False):
    names = [q.name] + [b"\x01" + bytes([97 + i]) + b"\x07example\0" for i in range(length)]
    records = [record(a, CNAME, b) for a, b in zip(names, names[1:])]
    records.append(record(names[-1], q.kind, rdata(q.kind)))
    return answer(q, records=records[::-1] if reverse else records)


def forward(q):
    """The owner's name is a pointer into the RDATA of a later record."""
    first_size = 2 + 10 + len(rdata(q.kind))
    at = 12 + len(q.question) + first_size + 1 + 10
    pointer = struct.pack("!H", 0xC000 | at)
    return answer(q, records=[record(pointer, q.kind, rdata(q.kind)), record(b"\0", 99, q.name)])


def by_labels(q):
    """A pointer to a pointer."""
    at = 12 + len(q.question) + 1 + 10
    return answer(q, records=[record(b"\0", 99, b"\xc0\x0c"), record(struct.pack("!H", 0xC000 | at), q.kind,
                                                                    rdata(q.kind))])


def looping(q):
    at = 12 + len(q.question)
    return answer(q, records=[record(struct.pack("!H", 0xC000 | at), q.kind, rdata(q.kind))])


def flaky(how):
    """Wrong the first time, right the second."""
    return lambda q: how(q) if q.turn == 1 else answer(q)


CASES = {
    "well-behaved": answer,
    # No answer.
    "drops EDNS": good_else(edns, drop),
    "drops DO": good_else(dnssec_ok, drop),
    "drops AD": good_else(lambda q: q.ad, drop),
    "drops the first": flaky(drop),
    "drops all": drop,
    "drops UDP": good_else(udp, drop),
    # An error to EDNS.
    **{"%s to EDNS" % name: good_else(edns, error(code))
       for name, code in (("FORMERR", FORMERR), ("SERVFAIL", SERVFAIL), ("NOTIMP", NOTIMP), ("REFUSED", REFUSED),
                          ("YXDOMAIN", YXDOMAIN), ("NOTAUTH", NOTAUTH), ("BADVERS", 16), ("rcode 15", 15))},
    **{"%s to EDNS, without OPT" % name: good_else(edns, error(code, opt=False))
       for name, code in (("FORMERR", FORMERR), ("SERVFAIL", SERVFAIL), ("REFUSED", REFUSED))},
    **{"%s to EDNS, without the question" % name: good_else(edns, error(code, opt=False, question=b""))
       for name, code in (("FORMERR", FORMERR), ("NOTIMP", NOTIMP), ("SERVFAIL", SERVFAIL))},
    "SERVFAIL to DO": good_else(dnssec_ok, error(SERVFAIL)),
    "FORMERR to AD": good_else(lambda q: q.ad, error(FORMERR)),
    "NXDOMAIN to EDNS is believed": good_else(edns, error(NXDOMAIN)),
    # An error to everything.
    **{"%s" % name: error(code) for name, code in (("FORMERR", FORMERR), ("SERVFAIL", SERVFAIL), ("NXDOMAIN", NXDOMAIN),
                                                  ("NOTIMP", NOTIMP), ("REFUSED", REFUSED))},
    "SERVFAIL at first": flaky(error(SERVFAIL)),
    "REFUSED at first": flaky(error(REFUSED)),
    # Nonsense.
    "garbage to EDNS": good_else(edns, garbage),
    "own garbage to EDNS": good_else(edns, own_garbage),
    "one octet to EDNS": good_else(edns, lambda q: b"x"),
    "the query back to EDNS": good_else(edns, lambda q: q.octets),
    "the head alone to EDNS": good_else(edns, lambda q: answer(q)[:12]),
    "garbage over UDP": good_else(udp, garbage),
    "own garbage over UDP": good_else(udp, own_garbage),
    "wrong id at first": flaky(lambda q: answer(q)[1:2] + answer(q)),
    "wrong name to EDNS": good_else(edns, wrong_name),
    "garbage, then the answer": lambda q: [garbage(q), answer(q)],
    "another's reply, then the answer": lambda q: [wrong_name(q), answer(q)],
    # After the answer section.
    "octets left behind": lambda q: answer(q, tail=b"\0" * 7),
    "octets of a record left behind": lambda q: answer(q, tail=answer(q)[12 + len(q.question):]),
    "garbage in the additional section": lambda q: answer(q, opt=False, counts=(1, 1, 0, 3), tail=b"\xff" * 9),
    "garbage in the authority section": lambda q: answer(q, opt=False, counts=(1, 1, 2, 1), tail=b"\x05ab"),
    "a count too many behind": lambda q: answer(q, opt=False, counts=(1, 1, 1, 1)),
    "an SOA that is none": lambda q: answer(q, authority=[record(HERE, SOA, b"\1")]),
    "two OPT": lambda q: answer(q, additional=[record(b"\0", OPT, b"", klass=512)]),
    "OPT in the answer": lambda q: answer(q, records=[record(b"\0", OPT, b""), record(HERE, q.kind, rdata(q.kind))]),
    "OPT with an owner": lambda q: answer(q, opt=False, additional=[record(HERE, OPT, b"")]),
    "OPT not asked for": lambda q: answer(q, opt=True),
    "no OPT": lambda q: answer(q, opt=False),
    "OPT with options that are none": lambda q: answer(q, opt=False, additional=[record(b"\0", OPT, b"\0\7\0\x63")]),
    "two TSIG": lambda q: answer(q, additional=[record(b"\0", TSIG, b"\0" * 16, klass=255)] * 2),
    "a SIG": lambda q: answer(q, additional=[record(HERE, SIG, b"\0" * 5)]),
    "900 records behind": lambda q: answer(q, additional=[record(HERE, A, b"\1\2\3\4")] * 900) if q.tcp
                          else answer(q, records=[], flags=QR | RD | RA | TC),
    # Within the answer.
    "unknown types beside": lambda q: answer(q, records=[record(HERE, 65280, b"xyz"), record(HERE, q.kind, rdata(q.kind)),
                                                         record(HERE, 46, b"\0")]),
    "another class beside": lambda q: answer(q, records=[record(HERE, q.kind, rdata(q.kind), klass=3),
                                                         record(HERE, q.kind, rdata(q.kind, 1))]),
    "a broken record beside": lambda q: answer(q, records=[record(HERE, q.kind, b"\xff"),
                                                          record(HERE, q.kind, rdata(q.kind))]),
    "another name beside": lambda q: answer(q, records=[record(b"\1x\0", q.kind, rdata(q.kind, 7)),
                                                       record(HERE, q.kind, rdata(q.kind))]),
    "TTL of 32 bits": lambda q: answer(q, records=[record(HERE, q.kind, rdata(q.kind), ttl=0xFFFFFFFF)]),
    "TTL 0": lambda q: answer(q, records=[record(HERE, q.kind, rdata(q.kind), ttl=0)]),
    "CNAME": lambda q: chain(q, 1),
    "eight CNAMEs": lambda q: chain(q, 8),
    "eight CNAMEs, last first": lambda q: chain(q, 8, reverse=True),
    "names in full": lambda q: answer(q, name=q.name),
    "owner in upper case": lambda q: answer(q, name=q.name.upper()),
    "a pointer forward": forward,
    "a pointer to a pointer": by_labels,
    "a pointer to itself": looping,
    "one record announced too many": own_garbage,
    "one record announced too few": lambda q: answer(q, records=[record(HERE, q.kind, rdata(q.kind, i)) for i in range(2)],
                                                     counts=(1, 1, 0, 0)),
    "500 records": lambda q: big(q, 500),
    "40 records in a datagram, whatever was offered": lambda q: big(q, 40),
    # The question.
    "the question in upper case": upper,
    "no question": lambda q: answer(q, question=b"", name=q.name),
    "no question over TCP": over_tcp(lambda q: answer(q, question=b"", name=q.name)),
    "the question twice": lambda q: answer(q, question=q.question * 2, counts=(2, 1, 0, int(q.edns))),
    "another type in the question": lambda q: answer(q, question=q.name + b"\0\x63\0\1"),
    "another class in the question": lambda q: answer(q, question=q.question[:-1] + b"\3"),
    # The head.
    "no RA": lambda q: answer(q, flags=QR | RD),
    "no RD": lambda q: answer(q, flags=QR | RA),
    "no QR": lambda q: answer(q, flags=RD | RA),
    "AA": lambda q: answer(q, flags=QR | AA),
    "every flag": lambda q: answer(q, flags=QR | AA | RD | RA | AD | CD | 0x40),
    "opcode 2": lambda q: answer(q, flags=QR | RD | RA | 0x1000),
    "NODATA": lambda q: answer(q, records=[], authority=[SOA_RECORD]),
    "NODATA without SOA": lambda q: answer(q, records=[]),
    "NODATA, no RA, no AA": lambda q: answer(q, records=[], authority=[SOA_RECORD], flags=QR | RD),
    "a referral": lambda q: answer(q, records=[], authority=[record(b"\0", NS, b"\1a\0")], flags=QR),
    "NXDOMAIN with SOA": lambda q: answer(q, records=[], authority=[SOA_RECORD], rcode=NXDOMAIN),
    "NXDOMAIN behind a CNAME": lambda q: answer(q, records=[record(HERE, CNAME, b"\1n\0")], authority=[SOA_RECORD],
                                                rcode=NXDOMAIN),
    # TC.
    "TC, then TCP": over_tcp(answer),
    "TC with everything": lambda q: answer(q, flags=QR | RD | RA | TC),
    "TC with everything, to EDNS": good_else(lambda q: q.edns and not q.tcp,
                                             lambda q: answer(q, flags=QR | RD | RA | TC)),
    "TC, then TC with nothing over TCP": lambda q: answer(q, records=[], flags=QR | RD | RA | TC),
    "TC, then octets left behind over TCP": over_tcp(lambda q: answer(q, tail=b"\0" * 9)),
    "TC, then SERVFAIL to EDNS over TCP": over_tcp(good_else(edns, error(SERVFAIL))),
    "TC, then garbage over TCP": over_tcp(own_garbage),
    "TC, then a wrong name over TCP": over_tcp(wrong_name),
    "TC, then silence over TCP": over_tcp(drop),
}

# Where glibc accepts what we refuse, and why.
STRICTER = {
    "TC, then TC with nothing over TCP": "what was cut off is no proof that there is nothing",
    "TC, then a wrong name over TCP": "an answer to another question",
    "a referral": "it is no denial; glibc takes it for one when there is an OPT",
}
# From a validating server we ask for AD in every form: a server that cannot handle AD proves nothing for DANE.
NOTHING_FOR_DANE = {"drops AD", "FORMERR to AD"}


class Server:
    """The server of one case, on UDP and TCP at one port."""

    def __init__(self, behave):
        self.behave = behave
        self.counts = {}
        self.tasks = []

    def replies(self, octets, tcp):
        try:
            got = self.behave(Query(octets, tcp, self.counts))
        except (IndexError, struct.error):
            return []
        if got is None:
            return []
        return got if isinstance(got, list) else [got]

    async def start(self):
        loop = asyncio.get_running_loop()
        outer = self

        class Udp(asyncio.DatagramProtocol):
            def connection_made(self, transport):
                self.transport = transport

            def datagram_received(self, data, addr):
                for octets in outer.replies(data, False):
                    self.transport.sendto(octets, addr)

        async def serve(reader, writer):
            try:
                while True:
                    size = struct.unpack("!H", await reader.readexactly(2))[0]
                    replies = outer.replies(await reader.readexactly(size), True)
                    for octets in replies:
                        writer.write(struct.pack("!H", len(octets)) + octets)
                    if not replies:
                        await asyncio.sleep(3 * TRY)  # then close, because glibc would wait forever
                        writer.close()
            except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
                writer.close()

        while True:
            self.tcp = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=64)
            self.port = self.tcp.sockets[0].getsockname()[1]
            try:
                self.udp, _ = await loop.create_datagram_endpoint(Udp, local_addr=("127.0.0.1", self.port))
                return
            except OSError:
                self.tcp.close()


async def ask(binary):
    servers = {name: Server(behave) for name, behave in CASES.items()}
    for server in servers.values():
        await server.start()
    cells = [(name, kind) for name in CASES for kind in TYPES]
    lines = "".join("%d t.example %s\n" % (servers[name].port, kind) for name, kind in cells)
    process = await asyncio.create_subprocess_exec(binary, stdin=asyncio.subprocess.PIPE,
                                                   stdout=asyncio.subprocess.PIPE)
    out, _ = await asyncio.wait_for(process.communicate(lines.encode()), 120)
    results = {}
    for line in out.decode().splitlines():
        told = json.loads(line)
        results.setdefault(cells[told["cell"]], {})[told["who"]] = told
    return cells, results


def main():
    arguments = [a for a in sys.argv[1:] if a != "-v"]
    verbose = "-v" in sys.argv[1:]
    binary = arguments[0] if arguments else str(SOURCE / "build/tests/dns_judge")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, limit[1]), limit[1]))
    cells, results = asyncio.run(ask(binary))
    passed = failed = more = stricter = 0
    for name, kind in cells:
        got = results[name, kind]
        through = [who for who in ("glibc", "edns0") if got[who]["outcome"] != "failed"]
        # glibc's two forms may differ from each other: then either is right.
        right = {got[who]["outcome"] for who in through}
        words = ["%s %s %d ms" % (who, got[who]["outcome"][:24], got[who]["ms"]) for who in sorted(got)]
        fine = True
        for who in ("ours", "dane"):
            if who not in got or not through:
                continue
            if who == "dane" and name in NOTHING_FOR_DANE:
                continue
            in_time = min(got[w]["ms"] for w in through) / 1000 + TRY + SLACK
            fine = fine and got[who]["outcome"] in right and got[who]["ms"] / 1000 <= in_time
        if not through and got["ours"]["outcome"] != "failed":
            more += 1
        if not fine and name in STRICTER:
            stricter += 1
            fine = True
        passed += fine
        failed += not fine
        if verbose or not fine:
            print("%-8s%s, %s: %s" % ("ok" if fine else "FAILED", name, kind.upper(), "; ".join(words)))
            if not fine:
                print("        " + got["ours"]["detail"])
    print("%d cells of %d servers; glibc gets through %d; we also where it does not: %d; stricter by intent: %d; "
          "disagreements: %d" % (len(cells), len(CASES), sum(
              any(results[c][w]["outcome"] != "failed" for w in ("glibc", "edns0")) for c in cells), more, stricter, failed))
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
