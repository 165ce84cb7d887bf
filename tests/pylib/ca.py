"""Certificate authorities, made with the openssl command: a root, perhaps an intermediate, and leaves."""

import hashlib
import os
import subprocess
import threading

from pylib.process import run

CA = ("basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign")
LEAF = ("basicConstraints=critical,CA:FALSE", "keyUsage=digitalSignature", "extendedKeyUsage=serverAuth")
LONGEST_COMMON_NAME = 64


EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")


def certify(base, subject, extensions, issuer="", key=EC):
    """Makes BASE.pem and BASE.key: signed by ISSUER.pem, or by itself. `key`: words of openssl(1), also for a digest."""
    command = ["openssl", "req", "-x509", *key, "-nodes", "-utf8"]
    command += ["-days", "30", "-subj", subject, "-keyout", base + ".key", "-out", base + ".pem"]
    for extension in extensions:
        command += ["-addext", extension]
    if issuer:
        command += ["-CA", issuer + ".pem", "-CAkey", issuer + ".key"]
    run(*command)


ONCE, LATER = ("20200101000000Z", "20200201000000Z"), ("20990101000000Z", "20990201000000Z")


def certify_once(base, subject, extensions, issuer, dates=ONCE):
    """As certify(), with the dates of a certificate that has expired, or others: only `openssl ca` takes dates, in each
    version."""
    run("openssl", "req", "-new", *EC, "-nodes", "-utf8", "-subj", subject, "-keyout", base + ".key", "-out", base + ".csr")
    lines = ["[ca]", "default_ca=it", "[it]", "policy=any", "default_md=sha256", "rand_serial=yes"]
    lines += [f"database={base}.index", f"new_certs_dir={os.path.dirname(base)}", "x509_extensions=ext"]
    lines += ["[any]", "commonName=supplied", "[ext]", *extensions]
    with open(base + ".cnf", "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    open(base + ".index", "w", encoding="ascii").close()
    by = ["-cert", issuer + ".pem", "-keyfile", issuer + ".key", "-startdate", dates[0], "-enddate", dates[1]]
    run("openssl", "ca", "-batch", "-notext", "-config", base + ".cnf", *by, "-in", base + ".csr", "-out", base + ".pem")


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

    def leaf(self, names, common_name=None, expired=False, **how):
        """A server certificate for DNS names, one, several or none; returns (chain, key), two paths. The common name is
        the first name, unless another is given or it is too long for one. `expired`: it ended in 2020. `how`: more for
        certify() or, with `dates`, for certify_once()."""
        names = [names] if isinstance(names, str) else list(names)
        common_name = common_name or (names[0] if len(names[0]) <= LONGEST_COMMON_NAME else "a long name")
        with self._lock:
            self._made += 1
            base = os.path.join(self.folder, f"leaf-{self._made}")
        alternative = ("subjectAltName=" + ",".join("DNS:" + name for name in names),) if names else ()
        make = certify_once if expired or "dates" in how else certify
        make(base, f"/CN={common_name}", (*LEAF, *alternative), self.issuer, **how)
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
