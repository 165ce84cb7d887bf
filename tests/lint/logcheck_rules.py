#!/usr/bin/env python3
"""The logcheck rules of the package ignore every event of level info, and no other.

usage: logcheck_rules.py        prints file:line of every offence; exit 1 when there is one

A sample line is made for each event of the table. Where an event has two levels, its fields decide which: such events
have their sample lines here. The black-box tests check the real lines with the same rules.
"""
import pathlib
import subprocess
import sys

from log_events import entries, of_the_project
from sources import ROOT, Offences

RULES = ROOT / "packaging" / "debian" / "stsmapd.logcheck.ignore.server"
NUMBERS = {"took_ms", "age", "mx", "max_age", "fetched_at", "expires_at", "next_try_s", "repeated", "ttl", "policies", "expired",
           "unreadable", "caught_up", "after_s", "rows", "signal", "uid", "refused",
           "keys", "compared", "newer", "pushed"}

# event: (fields of a normal line, fields of one that must be seen)
TWO_SIDED = {
    "lookup": (
        "domain=a.test answer=dane-only source=memory age=5 took_ms=0.100 reason=none next_hop=[mx.a.test]:587 why=dane",
        "domain=a.test answer=temp source=memory age=- took_ms=0.100 reason=overloaded"),
    "policy-changed": (
        "domain=a.test mode=enforce mode_before=none mx=1 max_age=86400 id=2 id_before=1",
        "domain=a.test mode=testing mode_before=enforce mx=1 max_age=86400 id=2 id_before=1"),
    "policy-failed": (
        'domain=a.test reason=http-status detail="404 \\"no\\"" kept="no enforce policy" next_try_s=300 repeated=0',
        'domain=a.test reason=http-status detail="x kept=\\"no enforce policy\\" " kept=enforce next_try_s=300 repeated=0'),
    "policy-record-vanished": (
        'domain=a.test mode=testing reason=record-invalid id=1 expires_at=1700000000 detail="v=STSv1 mode=enforce"',
        'domain=a.test mode=enforce reason=no-record id=1 expires_at=1700000000'),
    "policy-forgotten": ("domain=a.test mode=testing uid=0 by=alice", "domain=a.test mode=enforce uid=0 by=alice"),
    "dane-changed": (
        "domain=a.test verdict=dane-only before=sts detail=x ttl=60",
        "domain=a.test verdict=sts before=dane-only detail=x ttl=60"),
    "override-added": (
        'domain=.a.test action=may weakens=no until=2027-01-31T00:00:00Z by="uid 0" hides=notfound note="x y"',
        'domain=.a.test action=may weakens=yes until=2027-01-31T00:00:00Z by="uid 0" hides=secure note="weakens=no"'),
    "override-removed": (
        'domain=a.test action=dane-only weakens=no by="uid 0"',
        'domain=a.test action=off weakens=yes by="uid 0 (weakens=no)"'),
    "override-expired": (
        'domain=a.test action=dane-only weakens=no source=run-time note="x y"',
        'domain=a.test action=off weakens=yes source=run-time note="weakens=no"'),
    "overrides": (
        "configured=1 run_time=2 weakening=0",
        "configured=1 run_time=2 weakening=1 domains=a.test"),
}


def seen(rules, lines):
    """The lines that no rule ignores."""
    done = subprocess.run(["grep", "-E", "-v", "-f", str(rules)], input="".join(line + "\n" for line in lines),
                          capture_output=True, text=True, check=False)
    if done.returncode > 1 or done.stderr:
        sys.exit(f"{rules}: {done.stderr}")
    return set(done.stdout.splitlines())


def check(table, rules, two_sided):
    """Offences of [(path, text)] of the table and the file of rules."""
    found, normal, others = Offences(), {}, {}

    def value(field):
        if field in NUMBERS:
            return "7"
        return '"some \\"words\\""' if field in ("detail", "servers", "file") else "word"

    def line_for(name, fields):
        return f"2026-11-21T12:00:00.000000+00:00 mail stsmapd[1]: {name}: {fields}"

    for path, text in table:
        for entry in entries(text).values():
            name, levels, line = entry.name, entry.levels, entry.line
            if name in two_sided:
                normal[line_for(name, two_sided[name][0])] = others[line_for(name, two_sided[name][1])] = (path, line)
            elif "info" in levels and levels & {"warning", "error"}:
                found.add(path, line, f"event {name} has two levels: what tells them apart?")
            elif levels - {"debug"}:
                shown = line_for(name, " ".join(f"{field}={value(field)}" for field, _ in entry.fields))
                (normal if "info" in levels else others)[shown] = (path, line)
    reported = seen(rules, [*normal, *others])
    for shown, where in normal.items():
        if shown in reported:
            found.add(*where, f"not ignored: {shown}")
    for shown, where in others.items():
        if shown not in reported:
            found.add(*where, f"ignored: {shown}")
    return found


if __name__ == "__main__":
    sys.exit(check(of_the_project()[1], pathlib.Path(RULES), TWO_SIDED).report())
