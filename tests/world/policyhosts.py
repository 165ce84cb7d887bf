"""Policy hosts of the world: one nginx on port 443, one server block (by SNI) per policy host."""
import os
import signal

from pylib.net import usable
from pylib.nginx import Nginx

ADDRESSES = ["192.0.2.44", "2001:db8::44"]
WELL_KNOWN = "/.well-known/mta-sts.txt"


class PolicyHosts:
    def __init__(self, folder):
        self.folder = folder
        self.blocks = []
        self.process = None
        self.addresses = [address for address in ADDRESSES if usable(address)]

    def add(self, host, certificate, policy=None, instead=None):
        """`policy`: the octets of the policy file (None: no file, 404). `instead`: nginx words for the location, for
        hosts that answer with something else."""
        chain, key = certificate
        root = os.path.join(self.folder, "www", host)
        os.makedirs(root + "/.well-known", exist_ok=True)
        if policy is not None:
            self.change(host, policy)
        self.blocks.append(
            f"server {{ {self._listen()} server_name {host};\n"
            f"  ssl_certificate {chain}; ssl_certificate_key {key};\n"
            f"  location = {WELL_KNOWN} {{ root {root}; default_type text/plain; {instead or ''} }}\n"
            "  location / { return 404; } }\n"
        )

    def change(self, host, policy):
        """Replaces the policy file's octets, at once for new requests."""
        path = os.path.join(self.folder, "www", host) + WELL_KNOWN
        with open(path + ".new", "wb") as file:
            file.write(policy)
        os.rename(path + ".new", path)

    def remove(self, host):
        os.remove(os.path.join(self.folder, "www", host) + WELL_KNOWN)

    def start(self):
        self.process = Nginx(
            self.folder,
            'log_format short "$host $request $status";\n'
            f"access_log {self.folder}/access.log short;\n" + "".join(self.blocks),
            [(address, 443) for address in self.addresses],
        )

    def stop(self):
        if self.process:
            self.process.stop()
        self.process = None

    def freeze(self):
        """From now on the kernel accepts connections, but nobody answers on them."""
        self.process.signal_all(signal.SIGSTOP)

    def thaw(self):
        self.process.signal_all(signal.SIGCONT)

    def gets(self, host):
        """How many requests for the host's policy were answered so far."""
        with open(f"{self.folder}/access.log", encoding="utf-8", errors="replace") as file:
            return sum(line.startswith(f"{host} GET {WELL_KNOWN} ") for line in file)

    def _listen(self):
        return " ".join(f"listen {'[' + a + ']' if ':' in a else a}:443 ssl;" for a in self.addresses)
