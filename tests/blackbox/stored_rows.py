"""Rows of the policy store, made by a second implementation, with columns and checksum as in
src/cache/disk/stored_row.hpp."""

import struct

MASK = (1 << 64) - 1
KEY = (0x7374736D61706431, 0x6F6E6520726F7721)


def siphash(text, key=KEY):
    """SipHash-2-4 (Aumasson, Bernstein 2012)."""
    v0, v1 = key[0] ^ 0x736F6D6570736575, key[1] ^ 0x646F72616E646F6D
    v2, v3 = key[0] ^ 0x6C7967656E657261, key[1] ^ 0x7465646279746573
    padded = text + bytes(7 - len(text) % 8) + bytes([len(text) & 255])
    for (word,) in struct.iter_unpack("<Q", padded):
        v3 ^= word
        for _ in range(2):
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0 ^= word
    v2 ^= 0xFF
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


def _round(v0, v1, v2, v3):
    v0 = (v0 + v1) & MASK
    v1 = ((v1 << 13) & MASK | v1 >> 51) ^ v0
    v0 = (v0 << 32) & MASK | v0 >> 32
    v2 = (v2 + v3) & MASK
    v3 = ((v3 << 16) & MASK | v3 >> 48) ^ v2
    v0 = (v0 + v3) & MASK
    v3 = ((v3 << 21) & MASK | v3 >> 43) ^ v0
    v2 = (v2 + v1) & MASK
    v1 = ((v1 << 17) & MASK | v1 >> 47) ^ v2
    v2 = (v2 << 32) & MASK | v2 >> 32
    return v0, v1, v2, v3


def row(domain, policy_text, txt_id, fetched_at, last_asked, dane_at=0):
    """All columns, in order, of a policy that never had a failed refresh."""
    summed = b"".join(
        struct.pack("<Q", len(text)) + text for text in (domain.encode(), policy_text, txt_id.encode())
    ) + struct.pack("<qqq", fetched_at, last_asked, dane_at)
    (checksum,) = struct.unpack("<q", struct.pack("<Q", siphash(summed)))
    return domain, policy_text, txt_id, fetched_at, last_asked, dane_at, checksum, 0, 0, 0
