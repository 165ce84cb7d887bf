#!/usr/bin/env python3
"""Finds odd or archaic words in documentation and comments, and names the usual word.

usage: plain_words.py [FILE...]         prints file:line of every offence; exit 1 when there is one
"""
import re
import sys

from doubled_words import CODE, HASH_COMMENTS, PROSE, comments_of
from sources import ROOT, Offences, files, line_of, read

# The odd words, as a regular expression in which a blank also matches a line end, and what to write instead.
WORDS = {
    r"anew": "again, new",
    r"(?:is|are|was|were|been) told(?! apart)": "gets, is answered, is reported",
    r"for want of": "because there is no ..., without",
    r"for ever": "forever, without end",
    r"lest": "so that ... not",
    r"thus|hence|thereby|whereby|therein|wherein|thereof": "so, therefore, by which",
    r"amongst": "among",
    r"whilst": "while",
    r"upon": "on",
    r"unto": "to",
    r"save for": "except",
    r"in whatever (?:way|form|order|spelling)": "in any ...",
    r"whatsoever": "any",
    r"nobody's business": "say who must not know or change it",
    r"none such": "none",
    r"had better": "should",
    r"shall": "must, will",
    r"(?:is|are) to be": "must be, will be",
    r"(?:reply|replies|answer|answers|is|are) owed": "pending",
    r"winding up": "ending",
    r"(?:is|are|was|were) let go": "is released, is dropped",
    r"by way of": "through, with",
    r"of late": "recently",
    r"heed(?:s|ed)?": "obey, respect",
    r"bear(?:s)? on": "affect",
}
PATTERNS = {re.compile(r"\b(?:" + odd.replace(" ", r"(?:[ \t]+|[ \t]*\n[ \t]*(?:///?<?|\#|\*|>)?[ \t]*)") + r")\b", re.IGNORECASE): usual
            for odd, usual in WORDS.items()}
DOCSTRING = re.compile(r'"""(.*?)"""', re.DOTALL)


def prose_of(path, text):
    """`text` without code; unlike comments_of() with the docstrings of Python."""
    kept = comments_of(path, text)
    if path.endswith(".py"):
        for match in DOCSTRING.finditer(text):
            kept = kept[:match.start(1)] + match[1] + kept[match.end(1):]
    return kept


def faults(path, text):
    text = prose_of(path, text)
    for pattern, usual in PATTERNS.items():
        for match in pattern.finditer(text):
            if match[0].isupper():  # a requirement word of an RFC
                continue
            odd = " ".join(re.sub(r"[/#<>*]", " ", match[0]).split())
            yield line_of(text, match.start()), f'"{odd}": write a usual word ({usual})'


def check(paths):
    found = Offences()
    for path in paths:
        for line, what in sorted(faults(str(path), read(path))):
            found.add(path, line, what)
    return found


if __name__ == "__main__":
    everything = files(*PROSE, *HASH_COMMENTS, *CODE, under=(".",))
    # Vectors and the fuzzers' corpus are data; this file and the lints' own test contain the odd words.
    skipped = ("tests/vectors", "tests/fuzz/corpus", "tests/lint/selftest.py", "tests/lint/plain_words.py")
    chosen = sys.argv[1:] or [p for p in everything if not any(p.is_relative_to(ROOT / s) for s in skipped)]
    sys.exit(check(chosen).report())
