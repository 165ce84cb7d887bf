#!/usr/bin/env python3
"""Finds a word written twice in a row, in documentation and in comments, also across a line end.

usage: doubled_words.py [FILE...]       prints file:line of every offence; exit 1 when there is one
"""
import re
import sys

from sources import NOT_CODE, ROOT, Offences, files, line_of, read

PROSE = (".md", ".1", ".5", ".7", ".8", ".txt")
HASH_COMMENTS = (".py", ".sh", ".toml", ".cmake", ".service", ".socket", "CMakeLists.txt")
CODE = (".hpp", ".cpp")

DOUBLED = re.compile(r"\b([A-Za-z]{2,})(?:[ \t]+|[ \t]*\n[ \t]*(?:///?<?|\#|\*|>)?[ \t]*)\1\b(?![-'.]\w)", re.IGNORECASE)
FINE = {"that", "had", "in"}  # may be doubled in correct English ("those who are let in in turn")


def comments_of(path, text):
    """`text` with everything except comments and prose replaced by a character that is no blank, so that code separates
    comments."""
    def blank(part):
        return re.sub(r"\S", "\0", part)
    if path.endswith(CODE):
        out, end = [], 0
        for match in NOT_CODE.finditer(text):
            out += [blank(text[end:match.start()]), match[0] if match[0][0] == "/" else blank(match[0])]
            end = match.end()
        return "".join(out) + blank(text[end:])
    if path.endswith(HASH_COMMENTS):
        return re.sub(r"^[^#\n]*", lambda m: blank(m[0]), text, flags=re.MULTILINE)
    return text


def faults(path, text):
    text = comments_of(path, text)
    for match in DOUBLED.finditer(text):
        # Capitals name things ("CRLF CRLF"), which do repeat.
        if match[1].lower() not in FINE and not match[1].isupper():
            yield line_of(text, match.start()), f"doubled word: {match[1]}"


def check(paths):
    found = Offences()
    for path in paths:
        for line, what in faults(str(path), read(path)):
            found.add(path, line, what)
    return found


if __name__ == "__main__":
    everything = files(*PROSE, *HASH_COMMENTS, *CODE, under=("src", "tests", "man", "conf", "packaging", "README.md",
                                                             "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "CMakeLists.txt"))
    # Vectors are data; so are the inputs in the lints' own test.
    skipped = (ROOT / "tests" / "vectors", ROOT / "tests" / "lint" / "selftest.py")
    chosen = sys.argv[1:] or [p for p in everything if not any(p.is_relative_to(s) for s in skipped)]
    sys.exit(check(chosen).report())
