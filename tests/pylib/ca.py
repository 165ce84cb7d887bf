"""Certificate authorities, made with the openssl command: a root, perhaps an intermediate, and leaves."""

import hashlib
import os
import subprocess
import threading

from pylib.process import run

CA = ("basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign")
LEAF = ("basicConstraints=critical,CA:FALSE", "keyUsage=digitalSignature", "extendedKeyUsage=serverAuth")
LONGEST_COMMON_NAME = 64


def certify(base, subject, extensions, issuer=""):
    """Makes BASE.pem and BASE.key: signed by ISSUER.pem, or by itself."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-utf8"]
    command += ["-days", "30", "-subj", subject, "-keyout", base + ".key", "-out", base + ".pem"]
    for extension in extensions:
        command += ["-addext", extension]
    if issuer:
        command += ["-CA", issuer + ".pem", "-CAkey", issuer + ".key"]
    run(*command)


class Authority:
    """`root` is the path of the trust anchor, `issuer` that of what signs leaves, without its ".pem"; leaf() gives the
    paths of a chain and its key. With `intermediate` the chain has a certificate between."""

    def __init__(self, folder, name="Test", intermediate=True):
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.issuer = os.path.join(folder, "root")
        self.root = self.issuer + ".pem"
        self._lock = threading.Lock()
        self._made = 0
        certify(self.issuer, f"/CN={name} Root", CA)
        if intermediate:
            self.issuer = os.path.join(folder, "intermediate")
            certify(self.issuer, f"/CN={name} Intermediate", CA, os.path.join(folder, "root"))

    def leaf(self, names, common_name=None):
        """A server certificate for DNS names, one or several; returns (chain, key), two paths. The common name is the
        first name, unless another is given or it is too long for one."""
        names = [names] if isinstance(names, str) else list(names)
        common_name = common_name or (names[0] if len(names[0]) <= LONGEST_COMMON_NAME else "a long name")
        with self._lock:
            self._made += 1
            base = os.path.join(self.folder, f"leaf-{self._made}")
        alternative = "subjectAltName=" + ",".join("DNS:" + name for name in names)
        certify(base, f"/CN={common_name}", (*LEAF, alternative), self.issuer)
        if self.issuer != self.root.removesuffix(".pem"):
            with open(self.issuer + ".pem", "rb") as between, open(base + ".pem", "ab") as chain:
                chain.write(between.read())
        return base + ".pem", base + ".key"


def key_digest(chain):
    """SHA-256, in hex, of the public key of a chain's leaf: what TLSA records "3 1 1" hold."""
    key = run("openssl", "x509", "-in", chain, "-noout", "-pubkey")
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-outform", "DER"],
        input=key.encode(),
        capture_output=True,
        timeout=120,
        check=True,
    ).stdout
    return hashlib.sha256(der).hexdigest()
