#!/usr/bin/env python3
"""Writes seeds for the fuzz targets, made from the vectors, the rows of the unit tests and forms that neither has,
to DIR/<target>/.

usage: make_seeds.py DIR [VECTORS]      (VECTORS: a folder of vector files; default tests/vectors)
"""
import ast
import base64
import hashlib
import json
import pathlib
import re
import struct
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
LONGEST = 4096  # octets of a seed

# One or more C++ string literals in a row.
LITERALS = re.compile(r'(?:(?:R"\((?:.*?)\)"|"(?:\\.|[^"\\\n])*")\s*)+', re.DOTALL)
LITERAL = re.compile(r'R"\((.*?)\)"|("(?:\\.|[^"\\\n])*")', re.DOTALL)

# The unit tests whose rows are inputs of these targets as they stand.
ROWS = {
    "base_domain": ("domain", "request"),
    "base_text": ("log_line",),
    "log_format": ("log_line",),
    "preview_line": ("mail_log",),
    "preview_tally": ("mail_log",),
    "config_listen_address": ("config_values",),
    "config_values": ("config_values",),
    "config_load": ("config",),
    "tool_query_command": ("tool_query",),
    "dns_resolv_conf": ("resolv_conf", "config_values"),
    "dns_wire": ("dns_query",),
    "base_nat64": ("config_values",),
    "admin_http": ("admin_http",),
    "fetch_http_curl": ("http_response",),
    "fetch_http_reader": ("http_response",),
    "fetch_request": ("config_values",),
    "postfix_request": ("request", "domain"),
    "postfix_netstring": ("netstring", "session"),
    "server_session": ("netstring", "session"),
    "smtp_dialogue": ("smtp_dialogue", "smtp_reply"),
    "smtp_reply": ("smtp_reply", "smtp_dialogue"),
    "valkey_hosts": ("valkey_hosts",),
    "valkey_key_ring": ("valkey_key_ring",),
    "valkey_keys": ("valkey_notification",),
    "valkey_notification": ("valkey_notification",),
    "valkey_value": ("valkey_value",),
    "valkey_link": ("resp",),
    "valkey_resp": ("resp",),
    "sts_match": ("domain", "mx_match"),
    "sts_policy": ("policy",),
    "sts_record": ("txt_record",),
    "sts_response": ("media_type",),
}
# What goes before a row where the input begins with octets of another meaning.
BEFORE = {"tool_query": b"\x03\x20", "http_response": b"\x01", "admin_http": b"\x03", "session": b"\x06\x04", "dns_query": b"\xc0",
          "valkey_hosts": b"mail1\n", "valkey_value": b"\0", "smtp_dialogue": b"\x20\x01", "smtp_reply": b"\x20", "resp": b"\x20",
          "mail_log": b"Nov 28 20:35:20 h postfix/smtp[7]: "}


def octets(value):
    """A vector's octets: a plain JSON string, or {"b64": "..."}."""
    return value.encode() if isinstance(value, str) else base64.b64decode(value["b64"])


def load(folder, name):
    return json.loads((folder / name).read_text())["vectors"]


def netstring(payload):
    return b"%d:%s," % (len(payload), payload)


def rows(name):
    """The string literals of a unit test, as octets."""
    for run in LITERALS.finditer((TESTS / f"unit/{name}_test.cpp").read_text()):
        whole = b""
        for raw, plain in LITERAL.findall(run[0]):
            try:
                # UTF-8 text as its octets; \xNN as one octet, as in C++.
                value = ast.literal_eval(plain).encode("latin-1") if plain.isascii() and plain else raw.encode()
            except (SyntaxError, ValueError):
                value = plain[1:-1].encode()
            whole += value
        yield whole


def of_unit_tests():
    for name, targets in ROWS.items():
        for row in rows(name):
            for target in targets:
                yield target, BEFORE.get(target, b"") + row
    for path in sorted((TESTS / "unit/config").glob("*.toml")):
        yield "config", path.read_bytes()
    yield "config", (TESTS.parent / "conf/stsmapd.toml").read_bytes()
    for path in sorted((TESTS / "unit/explain").glob("*.json")):
        yield "explain_document", json.dumps(json.loads(path.read_text()), separators=(",", ":")).encode()
    for path in sorted((TESTS / "unit/check").glob("*.json")):
        yield "check_document", json.dumps(json.loads(path.read_text()), separators=(",", ":")).encode()
    for path in sorted((TESTS / "logs").glob("*.log")):
        lines = path.read_bytes().splitlines(keepends=True)
        for at in range(0, len(lines), 6):
            yield "mail_log", b"".join(lines[at : at + 6])


def of_vectors(vectors):
    policies = [base64.b64decode(v["body_b64"]) for v in load(vectors, "policies.json")]
    asked = netstring(b"sts a.example") + netstring(b"sts-tlsrpt a.example")
    for v in load(vectors, "txt_records.json"):
        records = b"\n".join(b"".join(octets(s) for s in rr) for rr in v["input"].get("rr", []))
        yield "txt_record", records
        yield "lint_record", records
        yield "answer_path", b"\x01" + records + b"\0" + struct.pack(">H", len(policies[0])) + policies[0] + asked
    for body in policies:
        yield "policy", body
        yield "lint_policy", body
        yield "answer", b"\x03\x00" + re.sub(rb"(?m)^mx: *(\*\.)?", lambda m: b"*" if m[1] else b"=", body)
        yield "answer_path", b"\x03v=STSv1; id=1\0" + struct.pack(">H", min(len(body), 65535)) + body + asked
    for v in load(vectors, "tlsrpt_records.json"):
        records = b"\n".join(b"".join(octets(s) for s in rr) for rr in v["input"].get("rr", []))
        yield "tlsrpt_record", records
        yield "lint_record", records
    for v in load(vectors, "postfix_reply.json"):
        yield "policy", b"".join(octets(line) + b"\n" for line in v["policy"]["lines"])
        for name in (b"sts", b"sts-tlsrpt"):
            payload = name + b" " + octets(v["domain"])
            yield "request", payload
            yield "netstring", netstring(payload)
            yield "session", b"\x00\x03" + netstring(payload) * 3
        if isinstance(v["expect"].get("reply"), str):
            yield "tool_query", b"\x03\x20" + v["expect"]["reply"].encode()
    for v in load(vectors, "mx_match.json"):
        host, pattern = octets(v["host"]), octets(v["pattern"])
        yield "domain", host
        yield "domain", pattern
        yield "mx_match", pattern + b"\n" + host
    for v in load(vectors, "http_responses.json"):
        raw = base64.b64decode(v["raw_b64"])
        head = raw.split(b"\r\n\r\n")[0].split(b"\r\n")
        fields = dict(line.lower().split(b":", 1) for line in head[1:] if b":" in line)
        yield "media_type", fields.get(b"content-type", b"") + b"\n" + fields.get(b"content-encoding", b"")
        yield "http_response", b"\x15" + raw
        yield "http_response", b"\x03" + raw.replace(b"\r\n", b"\n")
        yield "answer_path", b"\x00v=STSv1; id=1\0" + struct.pack(">H", min(len(raw), 65535)) + raw + asked
    # Requests to a proxy are answered without a body.
    for reply in (b"HTTP/1.1 200 Connection established\r\n\r\n", b"HTTP/1.0 407 Who are you\r\nX: y\r\n\r\n"):
        yield "http_response", b"\x07" + reply


def names_and_requests():
    for key in ("[IPv6:fd00::2]:25", ".example.com", "BÜCHER.test", "mail。example。com", "a:smtp", "[192.0.2.1]",
                "faß.de", "example.com.", "mx", "xn--bcher-kva.test", "１９２.0.2.1", "a" * 63 + ".example"):
        yield "request", b"sts " + key.encode()
        yield "domain", key.encode()
        yield "dns_query", b"\x80" + key.encode()
        yield "netstring", netstring(b"sts " + key.encode()) * 3
        yield "session", b"\x02\x05" + netstring(b"sts " + key.encode()) * 3
    for wire in (b"0:,", b"003:abc,", b"301:", b"3:abcd", b"00000000000000000000000:,"):
        yield "netstring", wire
        yield "session", b"\x04\x02" + netstring(b"sts later") + wire
    for reply in (b"OK active", b"NOTFOUND ", b"TEMP words", b"PERM words", b"OK secure match=a:.b servername=hostname",
                  b"OK secure match=a policy_type=sts policy_domain=a.b mx_host_pattern=a { policy_string = mode: x }",
                  b"OK { a = {b} } { c", b"\xff\x00\x1b[2J"):
        yield "tool_query", b"\x02\x10" + reply + b"\n" + reply
        yield "tool_query", b"\x05\x10" + netstring(reply) * 3
        yield "tool_query", b"\x01\x00" + netstring(reply)[:-2]
    for words in (b"", b"words", b"\xff\x00\n" * 80):
        for kind in range(3):
            yield "answer", bytes([kind, 14]) + words
    for host in (b"hostname", b"nexthop", b"a.example ciphers=null", b"192.0.2.1", b"a_b.example", b"-a.example"):
        yield "answer", b"\x04\x00=" + host + b"\n*" + host + b"\nversion: STSv1\nx: {\nx: }\ny: \tz"
    for value in ("unix:/run/s", "tcp:[::1]:8461", "tcp::8461", "127.0.0.1:53", "[::1]:5300", "fe80::1%1",
                  "http://[::1]:3128/", "http://proxy.example.:3128", "http://.:1", "http://a..b:1", "http://127.0.0.1.:80", "1h", "0660", "99999d"):
        yield "config_values", value.encode()
    for environment in ("STSMAPD_LISTEN=tcp:127.0.0.1:0", "STSMAPD_FETCH_TIMEOUT=5s", "STSMAPD_NO_SUCH=1",
                        "STSMAPD_DNS_SERVERS=::1,127.0.0.1:53", "STSMAPD_=", "HOME=/"):
        yield "config", b'listen = ["unix:/run/x"]\n\0' + environment.encode() + b"\0STSMAPD_LOG_LEVEL=debug"
    for lines in ("LISTEN_FDS=1\nLISTEN_PID=self\nLISTEN_FDNAMES=a:b", "LISTEN_FDS=99\nLISTEN_PID=self",
                  "LISTEN_FDS=2\nLISTEN_PID=self\nLISTEN_FDNAMES=a:\x1b[b", "LISTEN_FDS=3\nLISTEN_PID=self",
                  "LISTEN_FDS=3\nLISTEN_PID=self\nLISTEN_FDNAMES=a:b:\x1b[c",
                  "LISTEN_FDS=-1\nLISTEN_PID=self", "LISTEN_FDS=1\nLISTEN_PID=1", "NOTIFY_SOCKET=/run/x\nS=a\tb",
                  "NOTIFY_SOCKET=@abstract", "WATCHDOG_USEC=1000000\nWATCHDOG_PID=self", "WATCHDOG_USEC=x"):
        yield "systemd", lines.encode()
    for lines in (b"dmta-sts.example.com", b"d*.example.com\npspdy/3", b"cmta-sts.example.com", b"dx.example\nx",
                  b"dmta-sts.example.com\nphttp/1.1", b"dMTA-STS.Example.COM\0.evil\nuhttps://mta-sts.example.com/",
                  b"i\x7f\0\0\1", b"dmta-sts.example.com.\nd*.*.com", b"dmta-sts.example.com\nf\x00\x06\x01"):
        yield "certificate", lines
    nat64 = [b"\x2a\x00\x00\x64" + behind for behind in (
        b"\xc0\0\0\xaa" + b"\0" * 8, b"\x01\xc0\0\0\0\xab" + b"\0" * 6, b"\0\1\xc0\0\0\0\xaa" + b"\0" * 5,
        b"\0\1\2\x0a\0\0\0\1" + b"\0" * 4, b"\0\1\0\2\0\x7f\0\0\1" + b"\0" * 3, b"\0" * 8 + b"\x0a\0\0\1")]
    for address in (b"\x7f\0\0\1", b"\x08\x08\x08\x08", b"\x20\x01\x0d\xb8" + b"\0" * 12, b"\0" * 15 + b"\1", *nat64):
        yield "address", b"".join(bytes([len(a)]) + a for a in (address, address[::-1])) + b"\x40\xff\x40"


def record(record_type, rdata, owner=b"\xc0\x0c", ttl=300):
    return owner + struct.pack(">HHIH", record_type, 1, ttl, len(rdata)) + rdata


def dns():
    def header(answers, authority=0, flags=b"\x81\xa0"):
        return b"\x42\x42" + flags + struct.pack(">HHHH", 0, answers, authority, 0)

    soa = b"\x02ns\xc0\x0c\x01h\xc0\x0c" + struct.pack(">IIIII", 1, 2, 3, 4, 60)
    name = b"\x02mx\xc0\x0c"
    kinds = {0: (16, b"\x0cv=STSv1;id=1\x01x"), 1: (1, b"\x01\x02\x03\x04"), 2: (28, b"\x20\x01" + b"\0" * 14),
             3: (15, b"\0\x0a" + name), 4: (52, b"\x03\x01\x01" + b"x" * 32), 5: (6, soa), 6: (5, name)}
    for index, (number, rdata) in kinds.items():
        kind = bytes([index])
        one = record(number, rdata)
        yield "dns_message", kind + header(1) + one
        yield "dns_message", kind + header(2) + record(5, b"\x01b\xc0\x0c") + record(number, rdata, b"\xc0\x27")
        yield "dns_message", kind + header(0, 1) + record(6, soa)
        yield "dns_message", kind + header(0, 1, b"\x81\x83") + record(6, soa)
        yield "dns_message", kind + header(1, 1) + one + record(2, b"\x02ns\xc0\x0c", b"\0")
        for how in (0x00, 0x12, 0x20, 0x41, 0x62):
            for flags in (b"\x81\xa0", b"\x81\x80", b"\x83\x80", b"\x81\x82", b"\x81\x83", b"\x81\x85"):
                yield "libc_dns", bytes([how | index & 3]) + header(1, 0, flags) + one
                yield "libc_dns", bytes([how | index & 3]) + header(0, 1, flags) + record(6, soa)
        yield "dns_message", kind + header(0) + b"\0" + struct.pack(">HHIH", 41, 1232, 0x8000, 0)
        # Servers and trust; then a reply: which try, flags, counts, length, sections.
        for flags in (0x00, 0x02, 0x20, 0x08, 0x10, 0x14):
            yield "dns_exchange", (bytes([3 | (index & 3) << 4, 7, 2, 0, flags, 1, len(one)]) + one) * 2
    for script in (b"\x02\x00\x00\x00\xfc\x00", b"\x01\x01\x05\x00\x05\x00", b"\x0b\x07\x81\x00\x03\x00abc", b"\0"):
        yield "dns_exchange", script * 4


def dane():
    for head in (b"\x03\x01\x01", b"\x02\x00\x02", b"\x03\x01\x00", b"\x00\x00\x01"):
        for length in (0, 31, 32, 64):
            yield "tlsa", head + b"x" * length
    # MX (one host, secure), its A and its TLSA: secure and usable, or failing.
    secure, mx = b"\x16\x08", b"\x00" + b"\x16\x08" + bytes([12]) + b"\x00\x0amx.example"
    address, usable = b"\x00" + secure + b"\x04\x01\x02\x03\x04", secure + b"\x23\x03\x01\x01" + b"x" * 32
    yield "dane", mx + address + b"\x01" + usable
    yield "dane", mx + address + b"\x01\x00"
    yield "dane", mx + b"\x00" + b"\x1e\x08\x04\x01\x02\x03\x04" + b"\x01" + usable
    yield "dane", b"\x00\x15\x08" + address + b"\x01" + usable


def stored_rows():
    text = b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 86400\n"
    for domain, txt_id, times in ((b"example.com", b"20260101", (1_700_000_000, 1_700_000_001, 0)),
                                  (b"xn--bcher-kva.test", b"", (1, 0, 253_402_300_799)),
                                  (b"Example.com", b"not an id", (0, -1, 2**62))):
        yield "stored_rows", struct.pack("<qqqqBB", *times, 0, len(domain), len(txt_id)) + domain + txt_id + text


def state_rows():
    def row(table, numbers, domain, word, rest=b""):
        return struct.pack("<BqqqqB", table, 0, *numbers, len(domain)) + domain + bytes([len(word)]) + word + rest

    def override(domain, action, match, reason, by=b"uid 0 (alice, unverified)", until=1_795_000_000):
        rest = struct.pack(">HB", len(match), len(by)) + match + by + reason
        return row(0, (until, 1, 1_790_000_000), domain, action, rest)

    yield "state_rows", override(b"example.com", b"encrypt", b"", b"their certificate has expired")
    yield "state_rows", override(b".example.com", b"secure", b"mx.example.com *.example.net", "b\u00fccher".encode())
    yield "state_rows", override(b"Example.com", b"secure", b" mx.example.com  hostname", b" x ", b"\n", 2**62)
    for action in (b"off", b"observe", b"may", b"dane-only"):
        yield "state_rows", override(b"xn--bcher-kva.test", action, b"", b"x", b"")
    for would in (b"secure", b"dane-only", b"may", b"encrypt", b"off"):
        yield "state_rows", row(1, (7, 1_790_000_000, 1_790_000_001), b"example.com", would)
    for since in (1_790_000_000, 253_402_300_799, 253_402_300_800, -1):
        yield "state_rows", row(2, (since, 0, 0), b"example.com", b"")


def fleet():
    """Key files, values, notifications and heartbeats: the examples of the format's document, and parts of them."""
    document = (TESTS.parent / "src/cache/valkey/README.md").read_text()
    blocks = [block.encode() for block in re.findall(r"^```text\n(.*?)^```", document, re.M | re.S)]
    key_file, _, plain, hidden_key, hidden = blocks
    first, digits = hidden.split(b"\n", 1)
    hidden = first + b"\n" + bytes.fromhex(digits.decode())
    content = plain.split(b"\n", 1)[1]
    text = content.split(b"\n\n", 1)[1]
    second = b"new " + base64.b64encode(bytes(range(32, 64)))
    yield "valkey_key_ring", key_file + b"# both\n\n" + second + b"\r\n"
    yield "valkey_key_ring", key_file * 2
    for value in (plain, hidden, plain.replace(b"stsmapd1", b"stsmapd2"), plain.replace(b" k1 ", b" k2 "), plain[:-1]):
        yield "valkey_value", b"\0" + value
    for wrong in (content, content.replace(b"example.com\n", b"example.org\n", 1), content.replace(b": 1796", b": 2796"),
                  content.replace(b": 1796", b": 796"), content.replace(b"STSv1", b"STSv2"), content.replace(b"\n\n", b"\n")):
        yield "valkey_value", b"\1" + wrong
    for naming in (b"\0", b"\1"):
        for later in (b"\x80\0", b"\x80\xff", b"\x83\0", b"\0\0"):
            yield "valkey_value", b"\2" + naming + b"\0\x40\3" + later + b"20260101\nmail1.example.net\n" + text
    for payload in (b"stsmapd:1:p:{example.com} " + plain, hidden_key.strip() + b" " + hidden, hidden_key.strip(), b"example.com}",
                    b"example.com} x", b"stsmapd:1:l:{example.com}", b"stsmapd:1:r:{a.example}", b"stsmapd:1:hosts", b"stsmapd:1:n"):
        yield "valkey_notification", payload


def import_lines():
    policy = {"schema": 1, "kind": "policy", "domain": "example.com", "text": "version: STSv1\nmode: none\nmax_age: 1\n",
              "id": "20260101", "fetched_at": "2026-11-28T20:35:20Z", "last_asked": "2026-11-28T21:35:20+01:00"}
    end = {"schema": 1, "kind": "end", "policies": 1, "overrides": 0}
    others = [{"schema": 1, "kind": "override", "domain": ".example.com", "action": "secure", "match": ["mx.example.com"]}]
    others += [{**policy, "domain": "Bücher.example"}, {**policy, "fetched_at": "14d"}, {**policy, "schema": 2}]
    for lines in ([policy, end], others, [{**policy, "kind": "verdict"}]):
        yield "admin_import", b"\x10" + "".join(json.dumps(line) + "\n" for line in lines).encode()
    yield "admin_import", b"\x03" + b"\n[[[[1]]]]\n{\"schema\":1,\"kind\":\"policy\""


def seeds(vectors):
    """Yields (target, octets)."""
    yield from of_unit_tests()
    yield from of_vectors(vectors)
    yield from names_and_requests()
    yield from dns()
    yield from dane()
    yield from stored_rows()
    yield from state_rows()
    yield from fleet()
    yield from import_lines()


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__.strip())
    vectors = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else TESTS / "vectors"
    written = {}
    for target, data in seeds(vectors):
        if len(data) > LONGEST and target not in ("policy", "lint_policy"):
            continue
        folder = pathlib.Path(sys.argv[1]) / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / hashlib.sha1(data).hexdigest()[:16]).write_bytes(data)
        written[target] = len(list(folder.iterdir()))
    for target, count in sorted(written.items()):
        print(f"{target}: {count} seeds")


if __name__ == "__main__":
    main()
