#!/usr/bin/env python3
"""Every test that tests/THREATS.md, src/README.md and tests/CONFORMANCE.md name exists.

usage: named_tests.py        prints file:line of every offence; exit 1 when there is one

A name is Suite.Name of a unit test, unit/'PATTERN' (each part of it must match one), FOLDER/test_x or
FOLDER/test_x.test_y of a Python test, "fuzz target" names (all names after "fuzz target" or "fuzz targets" up to the end
of the sentence or cell), or tests/FILE.
"""
import fnmatch
import re
import sys

from sources import ROOT, Offences, files, line_of, read

DOCUMENTS = [ROOT / "tests" / "THREATS.md", ROOT / "src" / "README.md", ROOT / "tests" / "CONFORMANCE.md"]
UNIT = re.compile(r"^[A-Z]?\w+\.\w+$")
PYTHON = re.compile(r"^(blackbox|e2e|package)/(test_\w+)(?:\.(test_\w+))?$")
TARGETS = re.compile(r"fuzz targets?((?: and|,| )*(?:`\w+`(?:, | and )?)+)")


def unit_tests():
    """Suite.Name of every unit test."""
    case = re.compile(r"\bTEST(?:_[FP])?\((\w+),\s*(\w+)\)")
    return {f"{suite}.{name}" for path in files(".cpp", under=("tests/unit",)) for suite, name in case.findall(read(path))}


def check(text, units, read_test, targets, document=DOCUMENTS[0]):
    """Offences of the document's text. `read_test`: the text of a path below tests/, or None."""
    found = Offences()
    introduction = text.find("\n## ")  # the names in the introduction are examples
    text = re.sub(r"[^\n]", " ", text[: max(0, introduction)]) + text[max(0, introduction) :]
    fuzzed = set()
    for match in TARGETS.finditer(text):
        for name in re.finditer(r"`(\w+)`", match[1]):
            fuzzed.add(match.start(1) + name.start())
            if name[1] not in targets:
                found.add(document, line_of(text, match.start()), f"no fuzz target {name[1]}")
    for quoted in re.finditer(r"`([^`\n]+)`", text):
        name, line = quoted[1], line_of(text, quoted.start())
        python = PYTHON.match(name)
        if name.startswith("unit/'"):
            for pattern in name[6:].rstrip("'").split(":"):
                if not fnmatch.filter(units, pattern):
                    found.add(document, line, f"no unit test {pattern}")
        elif python:
            folder, module, test = python.groups()
            there = read_test(f"{folder}/{module}.py")
            if there is None or (test and f"def {test}(" not in there):
                found.add(document, line, f"no test {name}")
        elif name.startswith("tests/") and not name.startswith("tests/run "):
            if read_test(name.split()[0].removeprefix("tests/")) is None:
                found.add(document, line, f"no file {name}")
        elif quoted.start() not in fuzzed and UNIT.match(name) and name[0].isupper() | ("_" in name.split(".")[0]):
            if name not in units:
                found.add(document, line, f"no unit test {name}")
    return found


def read_test(name):
    path = ROOT / "tests" / name
    return read(path) if path.is_file() else None


if __name__ == "__main__":
    fuzz_targets = {path.name.removesuffix("_fuzz.cpp") for path in files("_fuzz.cpp", under=("tests/fuzz",))}
    units = unit_tests()
    sys.exit(max([check(read(path), units, read_test, fuzz_targets, path).report() for path in DOCUMENTS]))
