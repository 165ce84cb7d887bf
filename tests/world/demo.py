#!/usr/bin/env python3
"""`packaging/quickstart --demo`: the daemon in a local world, asked by a real postmap -q. Ends by itself."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from pylib.process import run  # noqa: E402
from pylib.programs import program  # noqa: E402
from pylib.waiting import Failed  # noqa: E402
from world import namespace, world as world_module  # noqa: E402

ASKED = [
    ("workspace.example", "Google Workspace: enforce, five mx lines"),
    ("m365.example", "Microsoft 365: enforce, wildcards"),
    ("apache.example", "a file with CRLF"),
    ("delegated.example", "everything delegated by CNAME"),
    ("pages.example", "mode testing, on a policy host behind a CNAME, no final newline"),
    ("none.example", "mode none"),
    ("modetest.example", "mode test: there is no such mode"),
    ("norecord.example", "no MTA-STS at all"),
]


def asked(world, domain, map_name):
    status, output, errors = world.sender.postmap(domain, map_name)
    if errors:
        raise Failed(errors)
    return f"OK {output}" if status == 0 else "NOTFOUND"


def lines(version):
    """The lines of main.cf for this version of Postfix, as stsmap prints them."""
    return run(program("stsmap"), "postfix-setup", "--print-lines", version)


def main():
    reason = namespace.why_not()
    if reason:
        sys.exit("the demonstration " + reason)
    namespace.enter()
    print("== A local world: nsd behind unbound, nginx as policy hosts, a certificate authority", flush=True)
    refused = []
    with world_module.World(mail=False) as world:
        world.daemon.start()
        print(f"== stsmapd listens on {' and '.join(world.daemon.settings['listen'])}")
        print("== postmap -q DOMAIN socketmap:unix:.../stsmapd/socketmap:sts")
        answers = {domain: asked(world, domain, "sts") for domain, _ in ASKED}
        for domain, what in ASKED:
            print(f"\n{domain} ({what})\n  {answers[domain]}")
            if domain == "modetest.example":
                refused = world.daemon.wait_log(domain, "reason=policy-mode")[:1]
                print("".join(f"  refused, as its log says: {line}" for line in refused))
        print(
            "\n== The same for Postfix 3.10 and newer: map name sts-tlsrpt\n\nm365.example\n  "
            + asked(world, "m365.example", "sts-tlsrpt")
        )
        print(f"\n== For /etc/postfix/main.cf of Postfix before 3.10\n{lines('3.7.0')}")
        print(f"== and of Postfix 3.10 and newer\n{lines('3.10.0')}", end="", flush=True)
    good = answers["workspace.example"].startswith("OK secure match=aspmx.l.google.com:") and refused
    sys.exit(0 if good else "the answers are not what they should be")


if __name__ == "__main__":
    main()
