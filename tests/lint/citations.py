#!/usr/bin/env python3
"""Everything that comments and documents cite exists: files, headings, promises, rows, sections of our manuals.

A reader only has the project, RFCs and the published documentation of Postfix and the libraries. Known forms:
"promise N" (src/README.md), "CONFORMANCE.md, row N" (tests/), NAME.md, folder/file with and without its suffix, NAME.md
and a heading in quotes, stsmapd(8) and a section in quotes. Documents that were never in the project, and other
projects' issue trackers, are offences.

usage: citations.py        prints file:line of every offence; exit 1 when there is one
"""
import re
import sys

from doubled_words import CODE, comments_of
from folders import FOLDERS
from sources import ROOT, Offences, files, line_of, read

ELSEWHERE = [
    (re.compile(r"\bDESIGN\b|\b(?:STYLE|STACK|PEERS|POSTFIX_LOG_TLSRPT)(?:\.md)?\b(?! (?:OF|and))|\bPOSTFIX\.md\b|/work/"),
     "a document that is not in the project"),
    (re.compile(r"\b(?:issue|ticket|session) #?\d+\b", re.IGNORECASE), "a tracker that is not in the project"),
    (re.compile(r"\b[A-Z][a-z]\w*#\d+\b"), "a tracker of another project"),
]
PROMISE = re.compile(r"\b[Pp]romises?\s+(?:///?\s+)?(\d+)")
ROW = re.compile(r"\bCONFORMANCE\b(\.md)?(?:,?\s+(?:///?\s+)?(?:row\s+)?(\d+))?")
# <x/y.hpp> is of another library.
FILE = re.compile(r"(?<![\w/.~{$*<-])((?:[\w.-]+/)*\w[\w-]*\.(?:md|hpp|cpp|py|cmake))\b(?![\w/*(-])")
# "smtp/unix" is a service of master.cf.
MODULE = re.compile(r"(?<![\w/.~{$*'-])((?:%s)/(?!unix\b|inet\b)[a-z]\w*)\b(?![\w/.*-])" % "|".join(
    sorted((name for name in FOLDERS if name), key=len, reverse=True)))
HEADING = re.compile(r'\b(\w+\.md)\)?,?\s+(?:///?\s+|#\s+)?"([^"\n]+)"')
SECTION = re.compile(r'\b(stsmapd?(?:\.toml|-postfix)?)\((\d)\),?\s+(?:///?\s+|#\s+)?"([^"\n]+)"')
# Placeholders, no real names: "NAME_fuzz.cpp", "folder/file.hpp", "_test.cpp".
PLACEHOLDER = re.compile(r"^(?:\w*[A-Z]{2,}\w*_\w+|_\w+|[a-z]|test_x)\.(?:hpp|cpp|py)$|^folder/")


class Project:
    """What may be cited."""

    def __init__(self, paths, texts):
        self.paths = set(paths)
        sources = {path.removeprefix("src/") for path in paths if path.startswith("src/")}
        self.sources = sources
        self.modules = {path.rsplit(".", 1)[0] for path in self.sources}
        self.names = {path.rsplit("/", 1)[-1] for path in self.paths | self.sources}
        self.texts = texts
        section = texts.get("src/README.md", "").partition("## Promises")[2].partition("\n## ")[0]
        self.promises = set(re.findall(r"^(\d+)\. ", section, re.MULTILINE))
        self.rows = set(re.findall(r"^\| (\d+) \|", texts.get("tests/CONFORMANCE.md", ""), re.MULTILINE))

    def has_file(self, name, folder):
        if "/" not in name:
            return name in self.names
        tops = ("", "src/", "tests/", "tests/blackbox/", "tests/e2e/", "packaging/", folder)
        return name.removeprefix("src/") in self.sources or any(re.sub(r"[^/]+/\.\./", "", top + name) in self.paths for top in tops)

    def has_heading(self, name, heading, folder):
        wanted = re.compile(r"^(#+ |\*\*)%s" % re.escape(heading), re.MULTILINE)
        candidates = [p for p in self.texts if p == name or p.endswith("/" + name)]
        return not candidates or any(wanted.search(self.texts[p]) for p in candidates)

    def has_section(self, name, number, section):
        text = self.texts.get(f"man/{name}.{number}")
        wanted = re.sub(r"\s+", " ", section)
        return text is not None and any(
            re.sub(r"\s+", " ", line[4:]) == wanted for line in text.splitlines() if line.startswith((".Sh ", ".Ss ")))


def faults(path, text, project):
    """Yields (line, what) for a file at `path`, relative to the root."""
    text = comments_of(path, text) if path.endswith(CODE) else text
    folder = path.rpartition("/")[0]
    folder += "/" if folder else ""
    for pattern, what in ELSEWHERE:
        for match in pattern.finditer(text):
            yield line_of(text, match.start()), f"{match[0]}: {what}"
    for match in PROMISE.finditer(text):
        if match[1] not in project.promises:
            yield line_of(text, match.start()), f"promise {match[1]} is not in src/README.md"
    for match in ROW.finditer(text):
        if not match[1] or match[2] and match[2] not in project.rows:
            yield line_of(text, match.start()), f"{match[0]!r} leads to no row of tests/CONFORMANCE.md"
    for match in FILE.finditer(text):
        if not PLACEHOLDER.search(match[1].rsplit("/", 1)[-1] if match[1][:7] != "folder/" else match[1]) and not project.has_file(match[1], folder):
            yield line_of(text, match.start()), f"{match[1]} is not there"
    for match in MODULE.finditer(text if path.endswith((*CODE, ".md")) else ""):
        if match[1] not in project.modules and match[1] not in FOLDERS and not project.has_file(match[1], folder):
            yield line_of(text, match.start()), f"{match[1]} is not there"
    for match in HEADING.finditer(text):
        if not project.has_heading(match[1], match[2], folder):
            yield line_of(text, match.start()), f"no heading {match[2]!r} in {match[1]}"
    for match in SECTION.finditer(text):
        if not project.has_section(*match.groups()):
            yield line_of(text, match.start()), f"no section {match[3]!r} in {match[1]}({match[2]})"


def chosen():
    """The texts that people write: not vectors, inputs of fuzzers, or the inputs in the lints' own test."""
    everything = files(".md", ".hpp", ".cpp", ".py", ".1", ".5", ".7", ".8", ".sh", ".toml", ".cmake", ".service", ".socket",
                       ".yml", ".yaml", ".conf", ".Debian", "CMakeLists.txt", "run", "quickstart", "rules", under=(".",))
    skipped = [ROOT / "tests" / "vectors", ROOT / "tests" / "fuzz" / "corpus", ROOT / "tests" / "lint" / "selftest.py",
               ROOT / "tests" / "lint" / "citations.py"]
    return [path for path in everything if not any(path.is_relative_to(other) for other in skipped)]


def check():
    found = Offences()
    paths = [path.relative_to(ROOT).as_posix() for path in files("", under=(".",))]
    texts = {path.relative_to(ROOT).as_posix(): read(path) for path in files(".md", ".1", ".5", ".7", ".8", under=(".",))}
    project = Project(paths, texts)
    for path in chosen():
        for line, what in faults(path.relative_to(ROOT).as_posix(), read(path), project):
            found.add(path, line, what)
    return found


if __name__ == "__main__":
    sys.exit(check().report())
