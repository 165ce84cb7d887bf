#!/usr/bin/env python3
"""Keeps the dependency rule of the folders under src/, by reading the includes.

    app -> server, control, metrics, lookup/refresher -> lookup -> ports -> pure -> base

Pure folders name no library that does I/O; ldns stays in dns/; only app/ and the tests name concrete adapters; nothing but
app/ (and the two mains) includes app/.

usage: include_direction.py         prints file:line of every offence; exit 1 when there is one
"""
import re
import sys

from sources import ROOT, Offences, code_only, files, line_of, read

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)

# Folders (and single files) that are functions of their arguments.
PURE = {"base", "sts", "tlsrpt", "dane", "decision", "postfix"}
PURE_FILES = {"cache/entry", "lookup/record_outcome"}
# base/ also has ports' small helpers over Asio; each one is named here, so that none slips in.
BASE_WITH_ASIO = {"base/event"}

IO_LIBRARIES = re.compile(r"^(boost/(asio|beast)|openssl/|sqlite3|spdlog/|ldns/|systemd/)")
LDNS = re.compile(r"^ldns/")
ADAPTERS = re.compile(
    r"^(fetch/https_fetcher|dns/stub_resolver|cache/sqlite_store|server/server|config/[^/]+)\.hpp$")

# What a folder may include besides itself and base.
ALLOWED = {
    "base": set(),
    "sts": set(),
    "tlsrpt": set(),
    "dane": set(),
    "decision": {"sts", "dane"},
    "postfix": {"sts", "decision"},
    "dns": set(),
    "fetch": {"sts", "dns"},
    "cache": {"sts", "dane", "decision"},
    "lookup": {"sts", "dane", "decision", "postfix", "dns", "fetch", "cache"},
    "server": {"postfix", "lookup"},
    "config": set(),
    "metrics": None,
    "setup": {"postfix"},
    "control": None,
    "diagnose": None,
    "app": None,  # the composition root names everything
}

# Single headers a folder may include besides, each pure itself.
ALLOWED_HEADERS = {
    "dane": {"dns/answer.hpp"},  # the form of an answer: what a verdict is made of
    "setup": {"dns/resolv_conf.hpp"},  # which name servers the C library asks
}


def includes(text):
    """Yields (line, name, quoted)."""
    for match in INCLUDE.finditer(code_only(text, keep_strings=True)):
        yield line_of(text, match.start()), match[2].strip(), match[1] == '"'


def faults(path, text):
    """Yields (line, what) for a file of src/, `path` relative to src/ as "folder/file.hpp" or "main.cpp"."""
    folder = path.split("/")[0] if "/" in path else None
    stem = path.rsplit(".", 1)[0]
    pure = folder in PURE and stem not in BASE_WITH_ASIO or stem in PURE_FILES
    for line, name, quoted in includes(text):
        if pure and IO_LIBRARIES.match(name):
            yield line, f"{stem} is pure and must not include <{name}>"
        elif LDNS.match(name) and folder != "dns":
            yield line, f"ldns belongs to dns/: <{name}>"
        if not quoted or "/" not in name:
            continue
        target = name.split("/")[0]
        main_or_app = folder in (None, "app")
        if target == "app" and not main_or_app:
            yield line, f"nothing but app includes app: {name}"
        elif ADAPTERS.match(name) and not main_or_app and target != folder:
            yield line, f"only app names a concrete adapter: {name}"
        elif folder and target != folder and target != "base" and target != "app":
            allowed = ALLOWED.get(folder, set())
            if folder not in ALLOWED:
                yield line, f"folder {folder} is unknown to this check"
            elif name in ALLOWED_HEADERS.get(folder, set()):
                continue
            elif allowed is not None and target not in allowed:
                yield line, f"{folder} must not depend on {target}: {name}"


def check():
    found = Offences()
    for path in files(".hpp", ".cpp", under=("src",)):
        for line, what in faults(path.relative_to(ROOT / "src").as_posix(), read(path)):
            found.add(path, line, what)
    return found


if __name__ == "__main__":
    sys.exit(check().report())
