#!/usr/bin/env python3
"""Keeps the dependency rule of the folders under src/ (tests/lint/folders.py), by reading the includes.

Every folder has a row in the table: a file includes only the folders and libraries of its folder's row. Pure folders
and files include no library that does I/O; only composition roots include adapters. src/README.md shows the matrix.

usage: include_direction.py             prints file:line of every offence; exit 1 when there is one
       include_direction.py --matrix    prints the matrix of the folders
       include_direction.py --fix       writes it into src/README.md
"""
import fnmatch
import re
import sys

import folders
from folders import FOLDERS, folder_of, library_of
from sources import ROOT, Offences, code_only, files, line_of, read

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)
MATRIX = re.compile(r"(<!-- folder matrix: begin -->\n)(.*?)(<!-- folder matrix: end -->)", re.DOTALL)
README = ROOT / "src" / "README.md"


def includes(text):
    """Yields (line, name, quoted)."""
    for match in INCLUDE.finditer(code_only(text, keep_strings=True)):
        yield line_of(text, match.start()), match[2].strip(), match[1] == '"'


def one_of(stem, patterns):
    return any(fnmatch.fnmatchcase(stem, pattern) for pattern in patterns)


def library_fault(stem, folder, header):
    library = library_of(header)
    if library is None:
        return f"<{header}> belongs to no library that tests/lint/folders.py knows"
    if not library or library in folders.LIBRARY_FILES.get(stem, ()):
        return None
    if library in folders.IO and (folder in folders.PURE or one_of(stem, folders.PURE_FILES)):
        return f"{stem} is pure and must not include <{header}>"
    if library not in FOLDERS[folder].libraries:
        return f"{folder or 'a program'} must not use {library}: <{header}>"
    return None


def folder_fault(stem, folder, header):
    """What is wrong when a file at `stem` includes this file of the project."""
    target = folder_of(header)
    if target in ("", folder):
        return None
    if target not in FOLDERS:
        return f"folder {target} is unknown to tests/lint/folders.py"
    if header in FOLDERS[folder].headers:
        return None
    if target != "base" and target not in FOLDERS[folder].includes.split():
        return f"{folder or 'a program'} must not depend on {target}: {header}"
    to = FOLDERS[target]
    name = header[len(target) + 1 :].rsplit(".", 1)[0]
    if to.ports is None or one_of(name, to.ports) or one_of(stem, folders.ROOTS) or name in to.exceptions.get(stem, ()):
        return None
    return f"{header} is an adapter: composition roots alone include it"


def faults(path, text):
    """Yields (line, what) for a file of src/, `path` relative to src/ as "folder/file.hpp" or "main.cpp"."""
    stem = path.rsplit(".", 1)[0]
    folder = folder_of(stem)
    if folder not in FOLDERS:
        yield 1, f"folder {folder} is unknown to tests/lint/folders.py"
        return
    for line, name, quoted in includes(text):
        what = folder_fault(stem, folder, name) if quoted else library_fault(stem, folder, name)
        if what:
            yield line, what


def circle(table):
    """A circle of folders that may include each other, or None. A folder and its own subfolders count as one."""
    top = {name: name.split("/")[0] if name.startswith("cache") else name for name in table}
    edges = {}
    for name, folder in table.items():
        edges.setdefault(top[name], set()).update(top[other] for other in folder.includes.split() if top[other] != top[name])
    for start in edges:
        seen, todo = set(), list(edges[start])
        while todo:
            name = todo.pop()
            if name == start:
                return start
            if name not in seen:
                seen.add(name)
                todo += edges.get(name, ())
    return None


def used(sources):
    """{(folder, folder): whether it includes more than the single headers of its row, (folder, library): True}."""
    found = {}
    for path, text in sources:
        stem = path.rsplit(".", 1)[0]
        folder = folder_of(stem)
        for _, name, quoted in includes(text):
            target = folder_of(name) if quoted else library_of(name)
            if target and target != folder and folder in FOLDERS:
                single = quoted and name in FOLDERS[folder].headers
                found[folder, target] = found.get((folder, target), False) or not single
    return found


def matrix(sources):
    """The matrix of what each folder includes, read from the source: x, or o for single headers only."""
    found = used(sources)
    present = {folder_of(path) for path, _ in sources}
    names = [name for name in FOLDERS if name in present]
    columns = [name for name in names if any(target == name for _, target in found)]
    width = max(len(name) for name in names)
    height = max(len(name) for name in columns)
    lines = []
    for i in range(height):
        lines.append(" " * (width + 2) + " ".join(name.rjust(height)[i] for name in columns))
    for name in names:
        cells = ["." if column == name else {True: "x", False: "o", None: " "}[found.get((name, column))] for column in columns]
        own = ", ".join(library for library in folders.LIBRARIES if (name, library) in found)
        lines.append(f"{name or 'programs':{width}}  {' '.join(cells)}   {own}".rstrip())
    return "```text\n" + "\n".join(line.rstrip() for line in lines) + "\n```\n"


def all_sources():
    return [(path.relative_to(ROOT / "src").as_posix(), read(path)) for path in files(".hpp", ".cpp", under=("src",))]


def matrix_fault(readme, expected):
    shown = MATRIX.search(readme)
    if not shown:
        return 1, "no place for the matrix of the folders"
    if shown[2] != expected:
        return line_of(readme, shown.start()), "not the matrix of today (include_direction.py --fix writes it)"
    return None


def table_faults(readme):
    """Folders of the table that src/README.md does not list, and the reverse."""
    listed = set(re.findall(r"^\| `src/([\w/]*)/?` \|", readme, re.MULTILINE))
    listed = {name.rstrip("/") for name in listed}
    for name in sorted((set(FOLDERS) - {""}) ^ listed):
        yield 1, f"folder {name} stands in one of src/README.md and tests/lint/folders.py only"


def check():
    found = Offences()
    sources = all_sources()
    for path, text in sources:
        for line, what in faults(path, text):
            found.add(ROOT / "src" / path, line, what)
    if circle(FOLDERS):
        found.add(ROOT / "tests" / "lint" / "folders.py", 1, f"folders in a circle, beginning with {circle(FOLDERS)}")
    readme = read(README)
    fault = matrix_fault(readme, matrix(sources))
    for line, what in ([fault] if fault else []) + list(table_faults(readme)):
        found.add(README, line, what)
    return found


def main():
    if "--matrix" in sys.argv[1:]:
        print(matrix(all_sources()), end="")
        return 0
    if "--fix" in sys.argv[1:]:
        new = matrix(all_sources())
        README.write_text(MATRIX.sub(lambda match: match[1] + new + match[3], read(README)), encoding="utf-8")
    return check().report()


if __name__ == "__main__":
    sys.exit(main())
