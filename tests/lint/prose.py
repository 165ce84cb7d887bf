#!/usr/bin/env python3
"""Documents: lines of prose have at most 120 columns, links lead to existing files, and a manual has no empty line
outside a display (man(1) warns of one, and so does lintian).

usage: prose.py          prints every offence; exit 1 when there is one
       prose.py --fix    wraps paragraphs of Markdown that have a line that is too long

Table rows, code, and what cannot be broken (a link) may be longer.
"""
import pathlib
import re
import sys
import textwrap

from sources import ROOT, Offences, files, read

WIDTH = 120
MARKER = re.compile(r"( *)([-*+]|\d+\.) +")
LINK = re.compile(r"(?<!\\)\]\(([^)\s]+)\)")


def documents():
    """Markdown files, Debian's text files, and manuals."""
    found = files(".md", ".README.Debian", ".1", ".5", ".7", ".8", under=(".",))
    return [path for path in found if not path.is_relative_to(ROOT / "tests" / "fuzz" / "corpus")]


def is_markdown(path):
    return path.suffix == ".md"


def is_manual(path):
    return path.suffix[1:].isdigit()


def kinds(text):
    """Yields (line, whether it is prose) for each line of Markdown."""
    fenced = False
    before = ""
    in_item = False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
            prose = False
        else:
            in_item = bool(MARKER.match(line)) or in_item and (not line or line.startswith("  "))
            code = line.startswith("    ") and (not before.strip() or before.startswith("    ")) and not in_item
            prose = not fenced and not code and not line.lstrip().startswith(("|", "#", "<"))
        yield line, prose
        before = line


def breakable(line):
    """Whether there is a blank at which the line can be broken."""
    return " " in line.strip()[:WIDTH]


def check(path, text):
    found = Offences()
    lines = kinds(text) if is_markdown(path) else ((line, True) for line in text.splitlines())
    for number, (line, prose) in enumerate(lines, 1):
        if prose and len(line) > WIDTH and breakable(line):
            found.add(path, number, f"{len(line)} columns; at most {WIDTH}"
                      + (" (prose.py --fix wraps it)" if is_markdown(path) else ""))
    display = False
    for number, line in enumerate(text.splitlines() if is_manual(path) else (), 1):
        display = line.startswith(".Bd") or display and not line.startswith(".Ed")
        if not line.strip() and not display:
            found.add(path, number, "an empty line (.Pp begins a paragraph)")
    if is_markdown(path):
        for number, line in enumerate(text.splitlines(), 1):
            for target in LINK.findall(line):
                target = target.split("#")[0]
                if target and ":" not in target and not (path.parent / target).exists():
                    found.add(path, number, f"a link to {target}, which is not there")
    return found


def wrap(text):
    """The Markdown text, in which paragraphs with a too long line are wrapped."""
    out, paragraph = [], []

    def flush():
        if any(len(line) > WIDTH and breakable(line) for line in paragraph):
            first = MARKER.match(paragraph[0])
            indent = " " * (len(first[0]) if first else len(paragraph[0]) - len(paragraph[0].lstrip()))
            head = first[0] if first else indent
            words = " ".join(line.strip() for line in [paragraph[0][len(head):], *paragraph[1:]])
            out.extend(textwrap.wrap(words, WIDTH, initial_indent=head, subsequent_indent=indent,
                                     break_long_words=False, break_on_hyphens=False))
        else:
            out.extend(paragraph)
        paragraph.clear()

    for line, prose in kinds(text):
        if not prose or not line.strip():
            flush()
            out.append(line)
            continue
        if MARKER.match(line):
            flush()
        paragraph.append(line)
    flush()
    return "\n".join(out) + "\n"


def main():
    if "--fix" in sys.argv[1:]:
        for path in documents():
            text = read(path)
            if is_markdown(path) and wrap(text) != text:
                pathlib.Path(path).write_text(wrap(text), encoding="utf-8")
                print(f"wrapped {path.relative_to(ROOT)}")
    return max([check(path, read(path)).report() for path in documents()], default=0)


if __name__ == "__main__":
    sys.exit(main())
