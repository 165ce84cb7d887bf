"""The recipient domains of the world: their DNS records, policies and mail hosts.

The first group has policies like those of real domains; the second, one domain per state that Postfix or its
administrator can meet; the third, domains with TLSA records.
"""
from dataclasses import dataclass, field

# The addresses of mail hosts; world.py has what they present on STARTTLS.
RIGHT, RIGHT6, WRONG_NAME, UNTRUSTED, NO_STARTTLS, OTHER_NAME, EXPIRED = (
    "192.0.2.25", "2001:db8::25", "192.0.2.26", "192.0.2.27", "192.0.2.28", "192.0.2.29", "192.0.2.30")


# Stand for the SHA-256 digests of the public keys of the mail hosts at RIGHT and at UNTRUSTED.
RIGHT_KEY, UNTRUSTED_KEY = "{right}", "{untrusted}"


def policy(mode, mx=(), max_age=604800, end="\n"):
    """A policy file's octets; `end` is the line ending, also of the last line."""
    lines = ["version: STSv1", f"mode: {mode}", *(f"mx: {pattern}" for pattern in mx), f"max_age: {max_age}"]
    return "".join(line + end for line in lines).encode()


@dataclass
class Domain:
    name: str
    policy: bytes | None = None         # None: the policy host has no such file
    txt: str | None = "v=STSv1; id=1;"  # None: no record of the usual form
    mx: dict = field(default_factory=dict)  # mail host -> its address, in order of preference
    records: tuple = ()                 # further records, relative to the zone example.
    certificate: str = ""               # the wrong name in the policy host's certificate, if it has one
    instead: str = ""                   # nginx words that replace serving the file
    policy_host: bool = True
    address: bool = True                # an A record for the policy host (else `records` has a CNAME)
    zone: str = "example."
    tlsa: dict = field(default_factory=dict)  # "host" or "host:port" -> its TLSA records, see RIGHT_KEY

    @property
    def host(self):
        return "mta-sts." + self.name


GOOGLE = ["aspmx.l.google.com", "alt1.aspmx.l.google.com", "alt2.aspmx.l.google.com",
"alt3.aspmx.l.google.com",
          "alt4.aspmx.l.google.com"]
MICROSOFT = ["*.mail.protection.outlook.com", "*.j-v1.mx.microsoft"]

WILD = [
    # Google Workspace, as its help pages recommend.
    Domain("workspace.example", policy("enforce", GOOGLE), txt="v=STSv1; id=20190429T010101;"),
    # Microsoft 365: wildcards of two provider domains, the second for DNSSEC-secured inbound mail.
    Domain("m365.example", policy("enforce", MICROSOFT), txt="v=STSv1; id=20240101000000Z;"),
    # GitHub Pages: the policy host is a CNAME, the file has no final newline.
    Domain("pages.example", policy("testing", ["mx.pages.example"], 86400)[:-1], address=False,
           records=("mta-sts.pages CNAME someone.pages-host", "someone.pages-host A 192.0.2.44")),
    # Apache with a file written on Windows.
    Domain("apache.example", policy("enforce", ["mail.apache.example"], end="\r\n"), txt="v=STSv1;id=42"),
    # A hosting provider runs MTA-STS for its customer: both names are delegated by CNAME.
    Domain("delegated.example", policy("enforce", ["mx.provider.example"]), txt=None, address=False,
           records=("_mta-sts.delegated CNAME _mta-sts.provider",
                    '_mta-sts.provider TXT "v=STSv1; id=provider7;"',
                    "mta-sts.delegated CNAME mta-sts.provider", "mta-sts.provider A 192.0.2.44")),
    Domain("none.example", policy("none")),
    # Some real domains have this: no such mode exists, so the policy is refused.
    Domain("modetest.example", policy("test", ["mx.modetest.example"])),
]

STATES = [
    Domain("good.example", policy("enforce", ["mx.good.example"]), mx={"mx.good.example": RIGHT}),
    Domain("wildcard.example", policy("enforce", ["*.wildcard.example"]), mx={"mx1.wildcard.example": RIGHT}),
    Domain("second.example", policy("enforce", ["*.second.example"]),
           mx={"mx1.second.example": NO_STARTTLS, "mx2.second.example": RIGHT}),
    Domain("signed.example", policy("enforce", ["mx.signed.example"]), mx={"mx.signed.example": RIGHT},
           zone="signed.example."),
    Domain("xn--bcher-kva.example", policy("enforce", ["mx.xn--bcher-kva.example"]),
           mx={"mx.xn--bcher-kva.example": RIGHT}),
    Domain("testing.example", policy("testing", ["mx.testing.example"]),
           mx={"mx.testing.example": WRONG_NAME}),
    # Enforced, and something is wrong with the mail host.
    Domain("wrongname.example", policy("enforce", ["mx.wrongname.example"]),
           mx={"mx.wrongname.example": WRONG_NAME}),
    Domain("untrusted.example", policy("enforce", ["mx.untrusted.example"]),
           mx={"mx.untrusted.example": UNTRUSTED}),
    Domain("expired.example", policy("enforce", ["mx.expired.example"]), mx={"mx.expired.example": EXPIRED}),
    Domain("nostarttls.example", policy("enforce", ["mx.nostarttls.example"]),
           mx={"mx.nostarttls.example": NO_STARTTLS}),
    # The MX name is not in the policy, but its certificate has a name that is.
    Domain("mismatch.example", policy("enforce", ["mx.allowed.example"]),
           mx={"mx.mismatch.example": OTHER_NAME}),
    # No policy can be learnt; the mail hosts would not satisfy any.
    Domain("norecord.example", txt=None, policy_host=False, mx={"mx.norecord.example": WRONG_NAME}),
    Domain("nofile.example", mx={"mx.nofile.example": WRONG_NAME}),
    Domain("nohost.example", policy_host=False, mx={"mx.nohost.example": WRONG_NAME}),
    Domain("html.example", b"<html>Welcome to nginx!</html>\n"),
    Domain("redirect.example", policy("enforce", ["mx.redirect.example"]),
           instead="return 301 https://mta-sts.good.example/.well-known/mta-sts.txt;"),
    Domain("badcert.example", policy("enforce", ["mx.badcert.example"]), certificate="other.example"),
    Domain("tworecords.example", policy("enforce", ["mx.tworecords.example"]),
           records=('_mta-sts.tworecords TXT "v=STSv1; id=2;"',)),
    # The name server fails for _mta-sts.servfail.example and for nothing else.
    Domain("servfail.example", policy("enforce", ["mx.servfail.example"]), txt=None,
           mx={"mx.servfail.example": WRONG_NAME}),
    # A DNSSEC-signed zone whose TXT signature does not verify.
    Domain("bogus.example", policy("enforce", ["mx.bogus.example"]), mx={"mx.bogus.example": WRONG_NAME},
           zone="bogus.example."),
    # For tests that change them; each belongs to one test.
    Domain("change.example", policy("enforce", ["mx.old.example"], 86400), mx={"mx.change.example": RIGHT}),
    Domain("short.example", policy("enforce", ["mx.short.example"], 50), mx={"mx.short.example": WRONG_NAME}),
    Domain("late.example", policy("enforce", ["mx.late.example"]), mx={"mx.late.example": WRONG_NAME}),
]

def _dane(label, mx, tlsa, **more):
    """An enforcing domain in a signed zone. `mx` and `tlsa`: by the first label of the mail host."""
    name = f"{label}.dane.example"
    return Domain(name, policy("enforce", [f"*.{name}"]), zone="dane.example.",
                  mx={f"{host}.{name}": address for host, address in mx.items()},
                  tlsa={f"{host}.{name}": records for host, records in tlsa.items()}, **more)


DANE = [
    # For these two MTA-STS alone would decide the opposite.
    _dane("right", {"mx": UNTRUSTED}, {"mx": ["3 1 1 " + UNTRUSTED_KEY]}),
    _dane("wrong", {"mx": RIGHT}, {"mx": ["3 1 1 " + UNTRUSTED_KEY]}),
    # Only DANE would accept the host with TLSA.
    _dane("partial", {"mx1": UNTRUSTED, "mx2": RIGHT}, {"mx1": ["3 1 1 " + UNTRUSTED_KEY]}),
    # The TLSA lookup of the first host fails: a delegated zone cannot be served, or a signature is wrong.
    _dane("servfail", {"mx1": RIGHT, "mx2": UNTRUSTED}, {"mx2": ["3 1 1 " + UNTRUSTED_KEY]},
          records=("_25._tcp.mx1.servfail NS ns.example.",)),
    _dane("bogus", {"mx1": RIGHT, "mx2": UNTRUSTED},
          {"mx1": ["3 1 1 " + RIGHT_KEY], "mx2": ["3 1 1 " + UNTRUSTED_KEY]}),
    # TLSA records that no SMTP client can use.
    _dane("pkix", {"mx": RIGHT}, {"mx": ["1 1 1 " + RIGHT_KEY, "0 0 1 " + RIGHT_KEY]}),
    _dane("length", {"mx": RIGHT}, {"mx": ["3 1 1 " + 20 * "ab"]}),
    # TLSA records and a secure address, but the MX record is not signed.
    Domain("unsignedmx.example", policy("enforce", ["mx.right.dane.example"]),
           records=("unsignedmx MX 10 mx.right.dane",)),
    _dane("nosts", {"mx": RIGHT}, {"mx": ["3 1 1 " + RIGHT_KEY]}, txt=None, policy_host=False),
    # For a test that changes them.
    _dane("leaving", {"mx": RIGHT}, {"mx": ["3 1 1 " + RIGHT_KEY]}),
    _dane("coming", {"mx": RIGHT}, {}),
]

BROKEN_ZONES = ["_mta-sts.servfail.example.", "_25._tcp.mx1.servfail.dane.example."]
# A signed zone with nothing but its SOA, whose signature does not verify.
WRONGLY_SIGNED = "wrongly-signed.example."
DAMAGED = [("_mta-sts.bogus.example.", "TXT"), ("_25._tcp.mx1.bogus.dane.example.", "TLSA"),
           (WRONGLY_SIGNED, "SOA")]


def records(domain, right_key, untrusted_key):
    """The zone file lines of a domain, relative to its zone."""
    def relative(name):
        return (name + ".").removesuffix(domain.zone).removesuffix(".") or "@"
    lines = list(domain.records)
    if domain.txt is not None:
        lines.append(f'{relative("_mta-sts." + domain.name)} TXT "{domain.txt}"')
    if domain.policy_host and domain.address:
        lines += [f"{relative(domain.host)} A 192.0.2.44", f"{relative(domain.host)} AAAA 2001:db8::44"]
    for number, (host, address) in enumerate(domain.mx.items()):
        kind = "AAAA" if ":" in address else "A"
        lines += [f"{relative(domain.name)} MX {10 + number} {host}.", f"{relative(host)} {kind} {address}"]
    for where, tlsa in domain.tlsa.items():
        host, _, port = where.partition(":")
        lines += [f"{relative(f'_{port or 25}._tcp.{host}')} TLSA "
                  + one.format(right=right_key, untrusted=untrusted_key) for one in tlsa]
    return lines
