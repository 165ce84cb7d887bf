"""Each step of a fetch fails in turn: what Postfix gets, what the log says, and that the daemon recovers by itself.

Each row is tried twice: for a domain without a policy (NOTFOUND, then the policy when the host is repaired) and for a
domain with one (the policy stays). A GET is not repeated for a minute; all rows wait together.
"""

import gzip
import socket
import ssl
import unittest
import zlib

from blackbox import harness, hostile
from blackbox.harness import NOTFOUND, SECURE
from blackbox.hostile import alert, ask_all, first_flight, inside, raw, response, say, within_handshake
from pylib.logs import fields
from pylib.programs import is_sanitized
from pylib.waiting import LATE, wait_for

POLICY = b"version: STSv1\r\nmode: enforce\r\nmx: mx1.good.test\r\nmx: *.mail.test\r\nmax_age: 86400\r\n"
BOMB = gzip.compress(b"\0" * 50_000_000)
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"


def close(connection):
    connection.close()


def alert_then_close(description):
    def then(connection):
        connection.sendall(alert(description))
        hostile.drain(connection)

    return then


def no_policy(connection, _page, _got):
    connection.close()


# What the host does, and the reason in the log.
TABLE = [
    # The proxy and the connection.
    ("closed before TLS", no_policy, "tls-handshake"),
    ("reset before TLS", lambda connection, _page, _got: hostile.reset(connection), "tls-handshake"),
    ("silence instead of TLS", raw(b""), "fetch-timeout"),
    # TLS, from the ClientHello on.
    ("no TLS but HTTP", raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "tls-handshake"),
    ("no TLS but garbage", raw(bytes(range(256)) * 4), "tls-handshake"),
    ("alert: handshake failure", raw(alert(40)), "tls-handshake"),
    ("alert: protocol version", raw(alert(70)), "tls-handshake"),
    ("alert: unrecognized name", raw(alert(112)), "tls-handshake"),
    ("alert: warning, then nothing", raw(alert(112, level=1)), "fetch-timeout"),
    ("alert: internal error", raw(alert(80)), "tls-handshake"),
    ("close_notify", raw(alert(0, level=1), close), "tls-handshake"),
    ("SSL 3.0", raw(hostile.server_hello(0x0300)), "tls-handshake"),
    ("TLS 1.0", raw(hostile.server_hello(0x0301)), "tls-handshake"),
    ("TLS 1.1", raw(hostile.server_hello(0x0302)), "tls-handshake"),
    ("TLS of the future", raw(hostile.server_hello(0x0399)), "tls-handshake"),
    ("huge record", raw(b"\x16\x03\x03\xff\xff" + b"\0" * 65535), "tls-handshake"),
    ("huge message", raw(b"\x16\x03\x03\x40\x00\x02\xff\xff\xff" + b"\0" * 16380), "tls-handshake"),
    ("closed in the ServerHello", within_handshake(first_flight(0.02), close), "tls-handshake"),
    ("closed in the certificate", within_handshake(first_flight(0.5), close), "tls-handshake"),
    ("closed in the last octets", within_handshake(first_flight(0.99), close), "tls-handshake"),
    ("reset in the certificate", within_handshake(first_flight(0.5), hostile.reset), "tls-handshake"),
    ("silence in the certificate", within_handshake(first_flight(0.5), hostile.drain), "fetch-timeout"),
    (
        "alert behind the certificate",
        within_handshake(hostile.behind_certificate, alert_then_close(80), tls_1_2=True),
        "tls-handshake",
    ),
    (
        "closed behind the certificate",
        within_handshake(hostile.behind_certificate, close, tls_1_2=True),
        "tls-handshake",
    ),
    (
        "closed behind the ClientKeyExchange",
        within_handshake(lambda sent, octets: 0 if sent and octets else None, close, tls_1_2=True),
        "tls-handshake",
    ),
    # The response.
    ("closed without a response", say(b""), "http-truncated"),
    ("silence behind the GET", inside(hostile.hang), "fetch-timeout"),
    ("one octet a second", inside(hostile.dribbled), "fetch-timeout"),
    ("endless fields", hostile.for_ever(b"HTTP/1.1 200 OK\r\n", b"X-Y: z\r\n" * 100), "http-too-large"),
    ("endless field", hostile.for_ever(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 1000), "http-too-large"),
    ("endless reason phrase", hostile.for_ever(b"HTTP/1.1 200 ", b"O" * 1000), "http-too-large"),
    ("endless body", hostile.for_ever(ENDLESS, POLICY * 10), "http-too-large"),
    ("endless chunks", hostile.for_ever(CHUNKED, b"400\r\n" + b"x" * 1024 + b"\r\n"), "http-too-large"),
    ("endless tiny chunks", hostile.for_ever(CHUNKED, b"1\r\nx\r\n" * 100), "http-too-large"),
    ("endless chunk extension", hostile.for_ever(CHUNKED + b"1;", b"x" * 1000), "http-too-large"),
    ("endless trailer", hostile.for_ever(CHUNKED + b"0\r\n", b"X-Y: z\r\n" * 100), "http-too-large"),
    ("endless interim responses", hostile.for_ever(b"", b"HTTP/1.1 103 E\r\n\r\n" * 10), "http-malformed"),
    ("switching protocols", say(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), "http-status"),
    ("chunk size of nonsense", say(CHUNKED + b"zz\r\nx\r\n0\r\n\r\n"), "http-malformed"),
    ("chunk size over 64 bits", say(CHUNKED + b"fffffffffffffffff\r\nx\r\n"), "http-malformed"),
    ("negative chunk size", say(CHUNKED + b"-1\r\nx\r\n0\r\n\r\n"), "http-malformed"),
    ("chunk too long", say(CHUNKED + b"1\r\nxy\r\n0\r\n\r\n"), "http-malformed"),
    ("no last chunk", say(CHUNKED + b"1\r\nx\r\n"), "http-truncated"),
    ("chunk cut", say(CHUNKED + b"ff\r\nx"), "http-truncated"),
    (
        "length and chunks",
        say(CHUNKED[:-2] + b"Content-Length: 5\r\n\r\n0\r\n\r\n"),
        "http-malformed",
    ),
    ("two lengths", say(response(POLICY, "Content-Length: 3\r\n")), "http-malformed"),
    ("negative length", say(ENDLESS[:-2] + b"Content-Length: -1\r\n\r\n"), "http-malformed"),
    ("length of 10 GB", say(ENDLESS[:-2] + b"Content-Length: 10000000000\r\n\r\n"), "http-too-large"),
    ("length over 64 bits", say(ENDLESS[:-2] + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n"), "http-malformed"),
    ("body cut", say(response(POLICY)[:-10]), "http-truncated"),
    ("body cut by RST", inside(hostile.cut_by_reset), "http-truncated"),
    ("no length and no close_notify", say(ENDLESS + POLICY, clean=False), "http-truncated"),
    ("gzip bomb", say(response(BOMB, "Content-Encoding: gzip\r\n")), "http-encoding"),
    ("gzip policy", say(response(gzip.compress(POLICY), "Content-Encoding: gzip\r\n")), "http-encoding"),
    ("deflate", say(response(zlib.compress(POLICY), "Content-Encoding: deflate\r\n")), "http-encoding"),
    ("brotli", say(response(POLICY, "Content-Encoding: br\r\n")), "http-encoding"),
    ("gzip that is not announced", say(response(gzip.compress(POLICY))), "policy-syntax"),
    (
        "gzip as transfer coding",
        say(CHUNKED.replace(b"chunked", b"gzip, chunked") + b"0\r\n\r\n"),
        "http-malformed",
    ),
    ("moved", say(response("", "Location: https://good.test/\r\n", "301 Moved")), "http-redirect"),
    ("see other", say(response("", "Location: /x\r\n", "303 See Other")), "http-redirect"),
    ("temporary redirect", say(response("", "", "307 Temporary Redirect")), "http-redirect"),
    ("no content", say(b"HTTP/1.1 204 No Content\r\n\r\n"), "http-status"),
    ("a part", say(response(POLICY, status="206 Partial Content")), "http-status"),
    ("too many requests", say(response("", "Retry-After: 1\r\n", "429 Slow down")), "http-status"),
    ("unavailable", say(response("", status="503 Service Unavailable")), "http-status"),
    ("HTML", say(response(POLICY, kind="text/html")), "http-media-type"),
    ("HTTP/2", say(b"\0\0\x12\x04\0\0\0\0\0" + b"\0" * 18), "http-malformed"),
    ("HTTP/0.9", say(POLICY), "http-malformed"),
    ("a line without a colon", say(response(POLICY, "X-Long\r\n")), "http-malformed"),
    ("a blank before a colon", say(ENDLESS[:-2] + b"Content-Length : 3\r\n\r\n"), "http-malformed"),
    ("two types", say(response(POLICY, "Content-Type: text/html\r\n")), "http-media-type"),
    ("NUL in a field", say(response(POLICY, "X: \0\r\n")), "http-malformed"),
    ("empty policy", say(response("")), "policy-syntax"),
]


class FetchFaultTest(harness.Case):
    def test_every_step(self):
        new = {"new%d.test" % number: row for number, row in enumerate(TABLE)}
        kept = {"kept%d.test" % number: row for number, row in enumerate(TABLE)}
        context = self.world.hosts.context(*["mta-sts." + domain for domain in [*new, *kept]])
        # TLS 1.2 is a setting of the context.
        older = self.world.hosts.context(*["mta-sts." + domain for domain in [*new, *kept]])

        def broken(domains, ident):
            for domain, (name, behaviour, _) in domains.items():
                own = older if " behind the C" in name or " behind the cert" in name else context
                self.world.policy(domain, body=POLICY, ident=ident, ttl=60, context=own, behaviour=behaviour)

        def whole(domains, ident):
            for domain in domains:
                self.world.policy(domain, body=POLICY, ident=ident, ttl=60, context=context)

        broken(new, "1")
        whole(kept, "1")
        daemon = self.start(deadline="20s", fetch={"timeout": "5s"})
        self.assertEqual(set(ask_all(self, daemon, kept).values()), {SECURE})
        files = daemon.files() + 2
        answers = ask_all(self, daemon, new)
        for domain, (name, _, reason) in new.items():
            with self.subTest(name):
                self.assertEqual(answers[domain], NOTFOUND)
                lines = daemon.wait_log("policy-failed", "domain=%s " % domain)
                self.assertEqual([fields(line)["reason"] for line in lines], [reason], lines)
                (lookup,) = daemon.lookups(domain)
                self.assertEqual(lookup["reason"], reason)
                self.assertLess(float(lookup["took_ms"]), (5 + LATE) * 1e3, "before the deadline")
                self.assertEqual(daemon.ask(domain), NOTFOUND)
                self.assertLessEqual(self.world.hosts.connects[domain], 1, "no second try for now")

        whole(new, "2")
        broken(kept, "2")

        def mended():
            self.assertEqual(set(ask_all(self, daemon, kept).values()), {SECURE}, "the policies stay")
            return set(ask_all(self, daemon, new).values()) == {SECURE}

        wait_for(mended, seconds=150, every=5)
        for domain, (name, _, reason) in kept.items():
            with self.subTest("kept: " + name):
                wait_for(
                    lambda one=domain: daemon.ask(one) and daemon.log_lines("policy-failed", "domain=%s " % one),
                    seconds=150,
                )
                (line,) = daemon.log_lines("policy-failed", "domain=%s " % domain)
                self.assertEqual(fields(line)["reason"], reason, line)
                self.assertEqual(fields(line)["kept"], "enforce")
                self.assertEqual(daemon.ask(domain), SECURE, "the policy stays")
        if not is_sanitized():
            self.assertLess(daemon.memory("VmHWM"), 100_000, "kilobytes; nothing was inflated or hoarded")
        wait_for(lambda: daemon.files() <= files)
        self.assertEqual(daemon.stop(), 0)

    def test_cut_at_every_octet(self):
        """A part of a good response is never taken for the whole, wherever the connection ends."""
        whole = response(POLICY)
        domains = ["cut%d.test" % at for at in range(len(whole) + 1)]
        context = self.world.hosts.context(*["mta-sts." + domain for domain in domains])
        for at, domain in enumerate(domains):
            self.world.policy(domain, context=context, behaviour=say(whole[:at], clean=at % 2 == 0))
        daemon = self.start(deadline="30s")
        answers = ask_all(self, daemon, domains)
        self.assertEqual(answers.pop(domains[-1]), SECURE)
        self.assertEqual(set(answers.values()), {NOTFOUND})
        lines = daemon.wait_log("policy-failed", count=len(answers))
        self.assertEqual({fields(line)["reason"] for line in lines}, {"http-truncated"})

    def test_forms_that_curl_takes(self):
        """What servers are known to send, including what the RFC does not want."""
        length = b"%d" % len(POLICY)
        padded = b"".join(b"%x     \r\n%s\r\n" % (len(line), line) for line in POLICY.splitlines(keepends=True))
        forms = {
            "lf.test": response(POLICY).replace(b"\r\n\r\n", b"\n\n", 1),
            "twice.test": response(POLICY, "Content-Type: text/plain; charset=utf-8\r\n"),
            "list.test": response(POLICY, kind="text/plain, text/plain"),
            "padded.test": CHUNKED + padded + b"0    \r\n\r\n",
            "blank.test": response(POLICY, "X-Powered-By : y\r\n"),
            "long.test": response(POLICY, "X: %s\r\n" % ("y" * 60000)),
            "interim.test": b"HTTP/1.1 103 Early Hints\nLink: x\n\nHTTP/1.1 200\nContent-Type:text/plain\n"
            b"Content-Length:\t" + length + b" \n\n" + POLICY,
        }
        context = self.world.hosts.context(*["mta-sts." + domain for domain in forms])
        for domain, octets in forms.items():
            self.world.policy(domain, context=context, behaviour=say(octets))
        daemon = self.start(deadline="20s")
        self.assertEqual(ask_all(self, daemon, forms), dict.fromkeys(forms, SECURE))

    def test_certificate_chains(self):
        """A long chain is read. One over OpenSSL's limit of 100 KB is refused, and so is one of more certificates than
        any host needs."""
        daemon = self.start(fetch={"timeout": "10s"})
        for domain, names, size, expected in (
            ("long.test", 100, 95_000, SECURE),  # fewer than 16 certificates, under 2,000 names
            ("endless.test", 100, 110_000, NOTFOUND),
            ("many.test", 20, 60_000, NOTFOUND),
        ):
            issued = self.world.hosts.authority.leaf(["x%d.%s.test" % (n, "y" * 60) for n in range(names)])
            with open(issued[0]) as file:
                junk = file.read()
            copies = size // len(ssl.PEM_cert_to_DER_cert(junk))
            certificate, key = self.world.hosts.authority.leaf("mta-sts." + domain)
            with open(certificate, "a") as file:
                file.write(junk * copies)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            self.world.policy(domain, context=context)
            self.assertEqual(daemon.ask(domain), expected, domain)
        daemon.wait_log("policy-failed", "domain=endless.test", "reason=tls-handshake")
        daemon.wait_log("policy-failed", "domain=many.test", "certificates")

    def test_no_proxy_and_nobody_there(self):
        """Without a proxy: nothing listens, and an address that may not be connected to."""
        address = "127.9.8.7"
        with socket.socket() as probe:
            if probe.connect_ex((address, 443)) == 0:
                self.skipTest("something listens on %s:443" % address)
        for domain in ("refused.test", "private.test"):
            self.world.record(domain, "1")
            self.world.dns.add("mta-sts." + domain, "A", address)
        daemon = self.start(fetch={"proxy": "", "allow_private_addresses": True})
        self.assertEqual(daemon.ask("refused.test"), NOTFOUND)
        daemon.wait_log("policy-failed", "domain=refused.test", "reason=connect-failed", address)
        daemon.configure(fetch={"proxy": ""})
        daemon.reload()
        self.assertEqual(daemon.ask("private.test"), NOTFOUND)
        daemon.wait_log("policy-failed", "domain=private.test", "reason=host-refused-address")

    def test_proxy_trouble(self):
        """The proxy is ours, so its failures are reported as the proxy's."""
        self.world.policy("good.test")
        with socket.create_server(("127.0.0.1", 0)) as held:
            port = held.getsockname()[1]
        daemon = self.start(fetch={"proxy": "http://127.0.0.1:%d" % port})
        self.assertEqual(daemon.ask("good.test"), NOTFOUND)
        daemon.wait_log("policy-failed", "domain=good.test", "reason=proxy-failed")


if __name__ == "__main__":
    unittest.main()
