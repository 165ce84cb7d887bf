"""The whole world: starts in a few seconds, and leaves nothing behind.

    with World() as world:
        world.daemon.start()
        print(world.sender.postmap("good.example"))

Only inside the namespaces of namespace.py. Switches: world.nsd, world.unbound and world.policy_hosts have
start() and stop(); set_txt(), set_tlsa() and world.policy_hosts.change() change what a domain publishes.
"""
import dataclasses
import os
import shutil
import subprocess
import tempfile
import time

from pylib.ca import Authority, key_digest
from pylib.daemon import Daemon
from pylib.nameservers import Nsd, SignedZone, Unbound, Zone
from pylib.net import usable
from pylib.process import others
from pylib.waiting import Failed, wait_for
from world import domains, namespace
from world.mail import Receiver, Sender
from world.policyhosts import PolicyHosts

TOOLS = ["nsd", "unbound", "drill", "ldns-keygen", "ldns-signzone", "nginx", "openssl", "postfix", "postmap"]


def why_not():
    """The reason why there can be no world here, or ""."""
    reason = namespace.why_not()
    if reason:
        return reason
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        return "missing programs: " + " ".join(missing)
    return "" if "STSMAPD_WORLD" in os.environ else "not inside tests/world/namespace.py"


class World:
    """`mail`: a sending and a receiving Postfix run; without it, only the sender's folders exist, for postmap and the
    socket. `root`: the folder of another system whose Postfix sends. `settings`: more configuration of the daemon.
    `main_cf`, `master_cf`: more lines for the sending Postfix. `more`: further domains. `ports`: where mail is
    received."""

    def __init__(self, mail=True, root="", settings=None, main_cf=None, master_cf="", more=(), ports=(25,)):
        self.folder = tempfile.mkdtemp(prefix="w-", dir=os.environ["STSMAPD_WORLD"])
        os.chmod(self.folder, 0o755)
        self.mail = mail
        everything = domains.WILD + domains.STATES + domains.DANE + list(more)
        self.domains = {domain.name: domain for domain in everything}
        self.ca = Authority(self.new_folder("ca"))
        mail_hosts = self._make_certificates(everything)
        self.keys = [key_digest(mail_hosts[address][0]) for address in (domains.RIGHT, domains.UNTRUSTED)]
        self._make_dns(everything)
        self._make_policy_hosts(everything)
        self.receiver = Receiver(self.new_folder("receiver"), mail_hosts.items(), ports)
        if root:
            self._mount_into(root)
        trust = self.trust_bundle()
        self.sender = Sender(self.new_folder("sender"), trust, "sts", root, main_cf, master_cf)
        if self.postfix_at_least(3, 10):
            shutil.rmtree(self.sender.folder)
            self.sender = Sender(self.new_folder("sender"), trust, "sts-tlsrpt", root, main_cf, master_cf)
        settings = settings or {}
        self.daemon = Daemon(
            self.new_folder("daemon"),
            {
                "listen": [f"unix:{self.sender.socket}", "tcp:127.0.0.1:8461"],
                "state_dir": self.new_folder("daemon/state"),
                # In another root the group postfix may have another number.
                "socket": {"mode": "0666" if root else "0660", "group": "postfix"},
                "log": {"level": "info", "format": "text", "target": "stderr"},
                "control": {"socket": os.path.join(self.folder, "daemon/control")},
                **settings,
                "dns": {"servers": ["127.0.0.1"], "trust_ad": "yes", **settings.get("dns", {})},
                "fetch": {
                    "ca_file": self.ca.root,
                    "allow_private_addresses": True,
                    **settings.get("fetch", {}),
                },
            },
        )

    def trust_bundle(self):
        """A file with this system's root certificates, as an administrator has them, and the world's."""
        path = os.path.join(self.new_folder("trust"), "bundle.pem")
        with open(path, "w", encoding="utf-8") as bundle:
            for part in ("/etc/ssl/certs/ca-certificates.crt", self.ca.root):
                if os.path.exists(part):
                    with open(part, encoding="utf-8") as file:
                        bundle.write(file.read())
        return path

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self.nsd.start()
        self.unbound.start()
        self.policy_hosts.start()
        if self.mail:
            self.receiver.start()
            self.sender.start()

    def stop(self):
        """Stops everything. Raises Failed when a process is left."""
        self.daemon.stop()
        if self.mail:
            self.sender.stop()
            self.receiver.stop()
        for each in (self.policy_hosts, self.unbound, self.nsd):
            each.stop()
        try:
            wait_for(lambda: not others(), "the end of all processes", 10)
        except Failed as error:
            raise Failed(f"{error}: {others()}") from None

    def set_txt(self, name, txt):
        """Gives the domain another TXT record; returns when the resolver shows it."""
        self._change(name, txt=txt)
        if txt is not None:
            self.unbound.wait_for_answer("_mta-sts." + name, "TXT", txt)

    def set_tlsa(self, name, tlsa):
        """Gives a mail host of the domain other TLSA records, or none, as in domains.Domain."""
        self._change(name, tlsa=tlsa)

    def _change(self, name, **fields):
        domain = self.domains[name]
        zone = self.nsd.zones[domain.zone]
        for line in domains.records(domain, *self.keys):
            zone.records.remove(line)
        # A copy, because the next world of this process must start with the unchanged lists of domains.py.
        self.domains[name] = domain = dataclasses.replace(domain, **fields)
        zone.records += domains.records(domain, *self.keys)
        self.nsd.update(domain.zone)

    def postfix_at_least(self, *version):
        return (
            tuple(int(part) for part in self.sender.version.split("-")[0].split(".")[: len(version)])
            >= version
        )

    def settle(self):
        """Waits until the resolver's cache has expired (it keeps nothing longer than a second)."""
        time.sleep(1.2)

    def new_folder(self, name):
        path = os.path.join(self.folder, name)
        os.makedirs(path, exist_ok=True)
        return path

    def _make_dns(self, everything):
        folder = self.new_folder("dns")
        zones = [
            SignedZone(folder, ".", ["example. NS ns.example.", "ns.example. A 192.0.2.53"]),
            Zone(folder, "example.", ["ns A 192.0.2.53"]),
        ]
        signed = {domain.zone for domain in everything} - {"example."} | {domains.WRONGLY_SIGNED}
        for origin in sorted(signed):
            zones.append(SignedZone(folder, origin, [], domains.DAMAGED))
        for domain in everything:
            zone = next(zone for zone in zones if zone.origin == domain.zone)
            zone.records += domains.records(domain, *self.keys)
        for name in ("mx.good", "mx.signed"):
            zone = "example." if name == "mx.good" else "signed.example."
            next(each for each in zones if each.origin == zone).records.append(
                f"{name.removesuffix('.signed')} AAAA {domains.RIGHT6}"
            )
        self.nsd = Nsd(folder, zones, domains.BROKEN_ZONES)
        self.unbound = Unbound(
            self.new_folder("unbound"), [zone.anchor for zone in zones if isinstance(zone, SignedZone)]
        )

    def _make_policy_hosts(self, everything):
        self.policy_hosts = PolicyHosts(self.new_folder("policyhosts"))
        for domain in everything:
            if domain.policy_host:
                certificate = self.ca.leaf(domain.certificate or domain.host)
                self.policy_hosts.add(domain.host, certificate, domain.policy, domain.instead)

    def _make_certificates(self, everything):
        """What the mail hosts present on STARTTLS: address -> (chain, key), or None for no STARTTLS."""

        def hosts_at(wanted):
            return [host for each in everything for host, address in each.mx.items() if address == wanted]

        right = hosts_at(domains.RIGHT)
        other = Authority(self.new_folder("other-ca"), "Unknown")
        hosts = {
            domains.RIGHT: self.ca.leaf(right),
            domains.RIGHT6: self.ca.leaf(right),
            domains.WRONG_NAME: self.ca.leaf("mail.elsewhere.example"),
            domains.UNTRUSTED: other.leaf(hosts_at(domains.UNTRUSTED)),
            domains.NO_STARTTLS: None,
            domains.OTHER_NAME: self.ca.leaf("mx.allowed.example"),
            domains.EXPIRED: self.ca.leaf(hosts_at(domains.EXPIRED), expired=True),
        }
        if not usable(domains.RIGHT6):
            del hosts[domains.RIGHT6]
        return hosts

    def _mount_into(self, root):
        """Mounts our folder, /proc, /dev and resolv.conf into the other system, in this mount namespace only."""

        def mount(*words):
            subprocess.run(["mount", *words], check=True)

        whole = os.environ["STSMAPD_WORLD"]
        if os.path.ismount(root + whole):
            return  # an earlier world of the same namespace did it
        mount("-t", "tmpfs", "tmpfs", root + "/tmp")
        os.makedirs(root + whole)
        mount("--bind", whole, root + whole)
        mount("-t", "proc", "proc", root + "/proc")
        mount("--rbind", "/dev", root + "/dev")
        mount("--bind", "/etc/resolv.conf", root + "/etc/resolv.conf")
