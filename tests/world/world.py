"""The whole world: started in a few seconds, taken down without leftovers.

    with World() as world:
        world.daemon.start()
        print(world.sender.postmap("good.example"))

Only inside the namespaces of namespace.py. Switches: world.nsd, world.unbound and world.policy_hosts have
start() and stop(); set_txt() and world.policy_hosts.change() alter what a domain publishes.
"""
import os
import shutil
import subprocess
import tempfile
import time

from . import domains, namespace
from .ca import Authority
from .daemon import Daemon
from .dns import Nsd, SignedZone, Unbound, Zone
from .mail import Receiver, Sender
from .policyhosts import PolicyHosts
from .process import WorldError, others, wait_for

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
    """`mail`: with a sending and a receiving Postfix running; without, the sender's folders are there for
    postmap and the socket. `root`: the folder of another system whose Postfix sends. `settings`: more
    configuration of the
    daemon."""

    def __init__(self, mail=True, root="", settings=None):
        self.folder = tempfile.mkdtemp(prefix="w-", dir=os.environ["STSMAPD_WORLD"])
        os.chmod(self.folder, 0o755)
        self.mail = mail
        everything = domains.WILD + domains.STATES
        self.domains = {domain.name: domain for domain in everything}
        self.ca = Authority(self._new("ca"))
        self._make_dns(everything)
        self._make_policy_hosts(everything)
        self._make_mail_hosts(everything)
        if root:
            self._mount_into(root)
        self.sender = Sender(self._new("sender"), self.ca.root, "sts", root)
        if self.postfix_at_least(3, 10):
            self.sender = self._again_with_tlsrpt(root)
        settings = settings or {}
        self.daemon = Daemon(
            self._new("daemon"),
            {
                "listen": [f"unix:{self.sender.socket}", "tcp:127.0.0.1:8461"],
                "state_dir": self._new("daemon/state"),
                # Within another root the group postfix may have another number.
                "socket": {"mode": "0666" if root else "0660", "group": "postfix"},
                "log": {"level": "info", "format": "text", "target": "stderr"},
                **settings,
                "dns": {"servers": ["127.0.0.1"], "trust_ad": "yes", **settings.get("dns", {})},
                "fetch": {
                    "ca_file": self.ca.root,
                    "allow_private_addresses": True,
                    **settings.get("fetch", {}),
                },
            },
        )

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
        """Stops everything; WorldError when a process is left."""
        self.daemon.stop()
        if self.mail:
            self.sender.stop()
            self.receiver.stop()
        for each in (self.policy_hosts, self.unbound, self.nsd):
            each.stop()
        try:
            wait_for(lambda: not others(), "the end of all processes", 10)
        except WorldError as error:
            raise WorldError(f"{error}: {others()}") from None

    def set_txt(self, name, txt):
        """Gives the domain another TXT record; returns when the resolver shows it."""
        domain = self.domains[name]
        zone = self.nsd.zones[domain.zone]
        for line in domains.records(domain):
            zone.records.remove(line)
        domain.txt = txt
        zone.records += domains.records(domain)
        self.nsd.update(domain.zone)
        if txt is not None:
            self.unbound.wait_for_answer("_mta-sts." + name, "TXT", txt)

    def postfix_at_least(self, *version):
        return (
            tuple(int(part) for part in self.sender.version.split("-")[0].split(".")[: len(version)])
            >= version
        )

    def settle(self):
        """Lets what the resolver may still remember run out (it keeps nothing longer than a second)."""
        time.sleep(1.2)

    def _new(self, name):
        path = os.path.join(self.folder, name)
        os.makedirs(path, exist_ok=True)
        return path

    def _make_dns(self, everything):
        folder = self._new("dns")
        zones = [
            Zone(folder, ".", ["ns.example. A 192.0.2.53"]),
            Zone(folder, "example.", ["ns A 192.0.2.53"]),
        ]
        for domain in everything:
            if domain.zone != "example.":
                zones.append(SignedZone(folder, domain.zone, [], domains.DAMAGED_TXT))
        for domain in everything:
            next(zone for zone in zones if zone.origin == domain.zone).records += domains.records(domain)
        for name in ("mx.good", "mx.signed"):
            zone = "example." if name == "mx.good" else "signed.example."
            next(each for each in zones if each.origin == zone).records.append(
                f"{name.removesuffix('.signed')} AAAA {domains.RIGHT6}"
            )
        self.nsd = Nsd(folder, zones, domains.BROKEN_ZONES)
        self.unbound = Unbound(
            self._new("unbound"), [zone.anchor for zone in zones if isinstance(zone, SignedZone)]
        )

    def _make_policy_hosts(self, everything):
        self.policy_hosts = PolicyHosts(self._new("policyhosts"))
        for domain in everything:
            if domain.policy_host:
                certificate = self.ca.leaf(domain.host, domain.certificate or domain.host)
                self.policy_hosts.add(domain.host, certificate, domain.policy, domain.instead)

    def _make_mail_hosts(self, everything):
        right = [
            host for domain in everything for host, address in domain.mx.items() if address == domains.RIGHT
        ]
        other = Authority(self._new("other-ca"), "Unknown")
        hosts = [
            (domains.RIGHT, self.ca.leaf("mx-right", right)),
            (domains.RIGHT6, self.ca.leaf("mx-right6", right)),
            (domains.WRONG_NAME, self.ca.leaf("mx-wrong-name", "mail.elsewhere.example")),
            (domains.UNTRUSTED, other.leaf("mx-untrusted", "mx.untrusted.example")),
            (domains.NO_STARTTLS, None),
            (domains.OTHER_NAME, self.ca.leaf("mx-other-name", "mx.allowed.example")),
        ]
        if domains.RIGHT6.split("::")[0] not in " ".join(self.policy_hosts.addresses):
            hosts = [(address, certificate) for address, certificate in hosts if ":" not in address]
        self.receiver = Receiver(self._new("receiver"), hosts)

    def _again_with_tlsrpt(self, root):
        shutil.rmtree(self.sender.folder)
        return Sender(self._new("sender"), self.ca.root, "sts-tlsrpt", root)

    def _mount_into(self, root):
        """Shows our folder, /proc, /dev and the resolver to the other system, in this mount namespace
        only."""

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
