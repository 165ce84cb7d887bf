"""What a fleet shares, made and read without the daemon's code: keys, values and seals, after
src/cache/valkey/README.md."""

import base64
import hashlib
import hmac
import os
import time

from pylib import aes_gcm


def _hkdf(material, label):
    """HKDF-SHA256 (RFC 5869) without salt, 32 octets."""
    extracted = hmac.new(bytes(32), material, hashlib.sha256).digest()
    return hmac.new(extracted, label.encode() + b"\1", hashlib.sha256).digest()


class Key:
    """One line of a key file."""

    def __init__(self, ident="k1", material=None):
        self.ident = ident
        self.material = material or os.urandom(32)
        self.seal_key, self.name_key, self.encryption_key = (
            _hkdf(self.material, "stsmapd 1 " + label) for label in ("seal", "name", "encryption")
        )

    @property
    def line(self):
        return f"{self.ident} {self.material.hex()}\n"

    def hidden_name(self, domain):
        return hmac.new(self.name_key, domain.encode(), hashlib.sha256).hexdigest()

    def mac(self, name, content):
        digest = hmac.new(self.seal_key, b"p\0" + name.encode() + b"\0" + content, hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=")

    def sealed(self, name, content, version=1):
        """A value as it lies under the key of `name`, whatever the content is."""
        return b"stsmapd%d %s %s\n" % (version, self.ident.encode(), self.mac(name, content)) + content

    def value(self, domain, text, ident="1", fetched=None, host="other.example", name=None, hide=False, nonce=None):
        """The value of a policy. `fetched`: seconds since 1970, now if left out; `name`: another than the domain's, to
        move the value there with a right seal."""
        plain = content(domain, text, ident, fetched, host)
        if not hide:
            return self.sealed(name or domain, plain)
        name = name or self.hidden_name(domain)
        nonce = nonce or os.urandom(12)
        bound = b"p\0" + name.encode() + b"\0"
        return self.sealed(name, nonce + aes_gcm.encrypt(self.encryption_key, nonce, plain, bound))

    def opened(self, name, octets):
        """The content of a value; ValueError when it is not ours."""
        line, _, rest = octets.partition(b"\n")
        if line.split(b" ") != [b"stsmapd1", self.ident.encode(), self.mac(name, rest)]:
            raise ValueError("the seal is wrong")
        if len(name) < 64:
            return rest
        return aes_gcm.decrypt(self.encryption_key, rest[:12], rest[12:], b"p\0" + name.encode() + b"\0")


def content(domain, text, ident="1", fetched=None, host="other.example"):
    raw = text if isinstance(text, bytes) else text.encode()
    stamp = int((time.time() if fetched is None else fetched) * 1000)
    return f"domain: {domain}\nid: {ident}\nfetched: {stamp}\nhost: {host}\n\n".encode() + raw


def policy_key(name, prefix="stsmapd"):
    return "%s:1:p:{%s}" % (prefix, name)


def notification(name, value, prefix="stsmapd"):
    return policy_key(name, prefix).encode() + b" " + value
