#!/usr/bin/env python3
"""The table of events (src/events/about_*.hpp) has every member of the events (src/events/event.hpp), and each event is
emitted.

Each member of an event is a field of its entry or named as hidden; each event is made somewhere outside src/events;
only the log itself writes lines without the table. What the compiler and the table's unit tests find is not checked
again.

usage: log_events.py        prints file:line of every offence; exit 1 when there is one
"""
import re
import sys

from sources import ROOT, Offences, code_only, files, line_of, read

FOLDER = ROOT / "src" / "events"
STRUCT = re.compile(r"^struct (\w+) \{(.*?)^\};", re.MULTILINE | re.DOTALL)
DECLARATION = re.compile(r"^\s*[\w:]+(?:<[\w:]+>)? (\w[^;()]*);", re.MULTILINE)
ENTRY = re.compile(r"^struct About<(\w+)>( : At<Level::(\w+)>)? \{(.*?)^\};", re.MULTILINE | re.DOTALL)
FIELD = re.compile(r'\bfield\("([a-z_]+)",\s*&E::(\w+)')
HIDDEN = re.compile(r"\bhidden = std::tuple\{([^}]*)\}")
NAME = re.compile(r'\bWords words\{\s*"([a-z-]+)"')
LEVELS = re.compile(r'\blevels =\s*((?:"[^"]*"\s*)+)')
PAST_THE_TABLE = re.compile(r"\bwrite\(\s*(?:base::)?Level::")


def members(text):
    """{event: ([member, ...], line)} of the events in C++ source."""
    text = code_only(text)
    out = {}
    for struct in STRUCT.finditer(text):
        names = []
        for declared in DECLARATION.finditer(struct[2]):
            names += [re.match(r"\s*(\w+)", part)[1] for part in re.sub(r"\{[^}]*\}", "", declared[1]).split(",")]
        out[struct[1]] = (names, line_of(text, struct.start()))
    return out


class Entry:
    def __init__(self, match, text):
        body = match[4]
        self.name = NAME.search(body)[1]
        words = LEVELS.search(body)
        self.levels = {match[3]} if match[3] else set(re.findall(r"\b(debug|info|warning|error)\b", words[1]))
        self.fields = FIELD.findall(body)
        hidden = HIDDEN.search(body)
        self.hidden = re.findall(r"&E::(\w+)", hidden[1]) if hidden else []
        self.line = line_of(text, match.start())


def entries(text):
    """{event: Entry} of a file of the table."""
    text = code_only(text, keep_strings=True)
    return {match[1]: Entry(match, text) for match in ENTRY.finditer(text)}


def check(events, table, sources):
    """Offences of (path, text) of the events, and [(path, text)] of the table and of the sources that emit."""
    found, made = Offences(), set()
    for path, text in sources:
        text = code_only(text)
        made |= set(re.findall(r"\bevents::(\w+)\s*(?:\w+)?\{", text))
        for call in PAST_THE_TABLE.finditer(text):
            found.add(path, line_of(text, call.start()), "a line of the log that is no event of the table")
    told = {}
    for path, text in table:
        for event, entry in entries(text).items():
            told[event] = (path, entry)
    for event, (names, line) in members(events[1]).items():
        if event not in told:
            found.add(events[0], line, f"{event} has no entry in the table")
            continue
        path, entry = told[event]
        in_entry = {member for _, member in entry.fields} | set(entry.hidden)
        for name in names:
            if name not in in_entry:
                found.add(path, entry.line, f"{entry.name}: member {name} is no field and not hidden")
        if event not in made:
            found.add(events[0], line, f"nothing emits {event}")
    return found


def of_the_project():
    """The arguments of check()."""
    events = FOLDER / "event.hpp"
    table = [(path, read(path)) for path in files(".hpp", under=("src/events",)) if path.name.startswith("about_")]
    sources = [(path, read(path)) for path in files(".cpp", under=("src",)) if path.parent != FOLDER]
    return (events, read(events)), table, sources


if __name__ == "__main__":
    sys.exit(check(*of_the_project()).report())
