"""Test certificate authorities, made with the openssl command: a root, an intermediate, and leaves."""
import hashlib
import os
import subprocess

from .process import run

LEAF = "basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n"


class Authority:
    """`root` is the path of the trust anchor; leaf() gives the paths of a chain (leaf + intermediate) and a
    key."""

    def __init__(self, folder, name="Test"):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.root = self._path("root.pem")
        run(
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "30",
            "-subj",
            f"/CN={name} Root",
            "-keyout",
            self._path("root.key"),
            "-out",
            self.root,
            "-addext",
            "keyUsage=critical,keyCertSign",
        )
        self._sign(
            "intermediate",
            f"/CN={name} Intermediate",
            "root",
            "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n",
        )

    def leaf(self, file, names, common_name=None):
        """A certificate for DNS names; returns (chain, key), two paths."""
        names = [names] if isinstance(names, str) else list(names)
        alternative = "subjectAltName=" + ",".join("DNS:" + name for name in names) + "\n"
        self._sign(file, f"/CN={common_name or names[0]}", "intermediate", LEAF + alternative)
        chain = self._path(file + ".chain.pem")
        with open(chain, "w", encoding="ascii") as out:
            for part in (file, "intermediate"):
                with open(self._path(part + ".pem"), encoding="ascii") as pem:
                    out.write(pem.read())
        return chain, self._path(file + ".key")

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _sign(self, file, subject, issuer, extensions):
        with open(self._path(file + ".ext"), "w", encoding="ascii") as out:
            out.write(extensions)
        run(
            "openssl",
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            subject,
            "-keyout",
            self._path(file + ".key"),
            "-out",
            self._path(file + ".csr"),
        )
        run(
            "openssl",
            "x509",
            "-req",
            "-in",
            self._path(file + ".csr"),
            "-days",
            "30",
            "-CAcreateserial",
            "-CA",
            self._path(issuer + ".pem"),
            "-CAkey",
            self._path(issuer + ".key"),
            "-extfile",
            self._path(file + ".ext"),
            "-out",
            self._path(file + ".pem"),
        )


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
