#!/usr/bin/env python3
"""Writes seeds for the fuzz targets, made from the vectors, to DIR/<target>/.

usage: make_seeds.py DIR [VECTORS]      (VECTORS: a folder of vector files; default tests/vectors)
"""
import base64
import hashlib
import json
import pathlib
import sys


def octets(value):
    """A vector's octets: a plain JSON string, or {"b64": "..."}."""
    return value.encode() if isinstance(value, str) else base64.b64decode(value["b64"])


def load(folder, name):
    return json.loads((folder / name).read_text())["vectors"]


def netstring(payload):
    return b"%d:%s," % (len(payload), payload)


def seeds(vectors):
    """Yields (target, octets)."""
    for v in load(vectors, "txt_records.json"):
        records = [b"".join(octets(s) for s in rr) for rr in v["input"].get("rr", [])]
        yield "txt_record", b"\n".join(records)
    for v in load(vectors, "policies.json"):
        yield "policy", base64.b64decode(v["body_b64"])
    for v in load(vectors, "postfix_reply.json"):
        yield "policy", b"".join(octets(line) + b"\n" for line in v["policy"]["lines"])
        for name in (b"sts", b"sts-tlsrpt"):
            yield "request", name + b" " + octets(v["domain"])
            yield "netstring", netstring(name + b" " + octets(v["domain"]))
    for v in load(vectors, "mx_match.json"):
        yield "domain", octets(v["host"])
        yield "domain", octets(v["pattern"])
    for v in load(vectors, "http_responses.json"):
        head = base64.b64decode(v["raw_b64"]).split(b"\r\n\r\n")[0].split(b"\r\n")
        fields = dict(line.lower().split(b":", 1) for line in head[1:] if b":" in line)
        yield "media_type", fields.get(b"content-type", b"") + b"\n" + fields.get(b"content-encoding", b"")
    # Forms that the vectors do not have.
    for key in ("[IPv6:fd00::2]:25", ".example.com", "BÜCHER.test", "mail。example。com", "a:smtp", "[192.0.2.1]",
                "faß.de", "example.com.", "mx", "xn--bcher-kva.test", "１９２.0.2.1"):
        yield "request", b"sts " + key.encode()
        yield "domain", key.encode()
        yield "netstring", netstring(b"sts " + key.encode()) * 3
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
    for wire in (b"0:,", b"003:abc,", b"301:", b"3:abcd", b"00000000000000000000000:,"):
        yield "netstring", wire


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__.strip())
    here = pathlib.Path(__file__).resolve().parent
    vectors = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else here.parent / "vectors"
    written = {}
    for target, data in seeds(vectors):
        folder = pathlib.Path(sys.argv[1]) / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / hashlib.sha1(data).hexdigest()[:16]).write_bytes(data)
        written[target] = len(list(folder.iterdir()))
    for target, count in sorted(written.items()):
        print(f"{target}: {count} seeds")


if __name__ == "__main__":
    main()
