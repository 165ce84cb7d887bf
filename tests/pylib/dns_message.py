"""DNS messages in wire form, as far as tests make and read them."""

import struct

TYPES = {"A": 1, "CNAME": 5, "SOA": 6, "MX": 15, "TXT": 16, "AAAA": 28, "TLSA": 52}
NAMES = {number: name for name, number in TYPES.items()}
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = 0, 1, 2, 3, 4, 5
OPT = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0)


def encode_name(name):
    """A presentation name without escapes -> wire form."""
    wire = b""
    for label in filter(None, name.rstrip(".").split(".")):  # none: the root
        raw = label.encode()
        assert len(raw) < 64, name
        wire += bytes([len(raw)]) + raw
    return wire + b"\0"


def decode_name(wire, at):
    """An uncompressed name -> (lower-case text, offset behind it)."""
    labels = []
    while wire[at]:
        labels.append(wire[at + 1 : at + 1 + wire[at]].decode("latin-1").lower())
        at += 1 + wire[at]
    return ".".join(labels), at + 1


def record(name, kind, ttl, rdata):
    """A record of class IN; `kind` is a number."""
    return encode_name(name) + struct.pack("!HHIH", kind, 1, ttl, len(rdata)) + rdata


def txt(text):
    """One TXT RDATA: the text as character-strings of up to 255 octets."""
    raw = text if isinstance(text, bytes) else text.encode()
    parts = [raw[i : i + 255] for i in range(0, len(raw), 255)] or [b""]
    return b"".join(bytes([len(part)]) + part for part in parts)


def soa(minimum, primary="", mailbox=""):
    """One SOA RDATA."""
    return encode_name(primary) + encode_name(mailbox) + struct.pack("!5I", 1, 3600, 600, 86400, minimum)


def question(name, kind, edns=True, ident=4711):
    """A whole query; `kind` is a name of TYPES."""
    head = struct.pack("!6H", ident, 0x0100, 1, 0, 0, 1 if edns else 0)
    return head + encode_name(name) + struct.pack("!HH", TYPES[kind], 1) + (OPT if edns else b"")


def framed(message):
    """As it goes over TCP."""
    return struct.pack("!H", len(message)) + message
