#!/usr/bin/env python3
"""The manual names every event of the log with its fields, and no other (man/stsmapd.8, DIAGNOSTICS).

usage: log_events.py        prints file:line of every offence; exit 1 when there is one

Events that are entries of the list have every field named in their entry; events of level debug need only be
named in a paragraph, as ".Cm name".
"""
import re
import sys

from sources import ROOT, Offences, code_only, files, line_of, read

MANUAL = ROOT / "man" / "stsmapd.8"

# write(LEVEL, "event", {{"field", ...}, ...}), and the line that the log writes about itself.
CALL = re.compile(r"\b(?:write|line)\(([^;{]*?)\{(?=\s*\{)")
NAME = re.compile(r'"([a-z][a-z-]*)"')
FIELD = re.compile(r'(?:\{|\bField\{)\s*"([a-z_]+)"\s*,')


def fields_of(text, begin):
    """The keys of the braced list that begins at `begin`."""
    depth = 0
    for end in range(begin, len(text)):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        if depth == 0:
            break
    return FIELD.findall(text[begin + 1:end + 1])


def written(path, text):
    """(event, fields, path, line) of every call in C++ source."""
    text = code_only(text, keep_strings=True)
    for call in CALL.finditer(text):
        for name in NAME.findall(call[1]):
            yield name, fields_of(text, call.end() - 1), path, line_of(text, call.start())


def diagnosed(text):
    """What the manual has: {event: (words of its entry, line)} of the list, and the events named in paragraphs."""
    start = text.index("\n.Sh DIAGNOSTICS\n") + 1
    body = text[start:text.index("\n.Sh ", start)]
    listed, named = {}, set()
    entries = []
    for number, line in enumerate(body.splitlines(), line_of(text, start)):
        if line.startswith(".It Ic "):
            entries = line.removeprefix(".It Ic ").replace(",", " ").split()
            for name in entries:
                listed[name] = ([], number)
        elif line.startswith((".El", ".Pp")):
            entries = []
        elif entries:
            for name in entries:
                listed[name][0].extend(re.findall(r"[a-z_]+", line) if line.startswith(".Ar ") else [])
        elif line.startswith(".Cm "):
            named.update(line.removeprefix(".Cm ").replace(",", " ").split())
    return listed, named


def check(sources, manual):
    """Offences of [(path, text)] against the text of the manual."""
    found, events = Offences(), set()
    listed, named = diagnosed(manual)
    for path, text in sources:
        for name, fields, where, line in written(path, text):
            events.add(name)
            if name not in listed and name not in named:
                found.add(where, line, f"event {name} is not in the manual's DIAGNOSTICS")
            for field in fields:
                if name in listed and field not in listed[name][0]:
                    found.add(where, line, f"field {field} of event {name} is not in its entry of the manual")
    for name, (_, line) in listed.items():
        if name not in events:
            found.add(MANUAL, line, f"no source writes an event {name}")
    return found


if __name__ == "__main__":
    sys.exit(check([(path, read(path)) for path in files(".cpp", under=("src",))], read(MANUAL)).report())
