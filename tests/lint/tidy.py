#!/usr/bin/env python3
"""Runs clang-tidy (.clang-tidy) on the sources that changed since the branch left main, or on those given. For a
changed header it takes the .cpp of the same name, or else one that includes it. On main itself: what the last commit
changed.

usage: tidy.py [--build DIR] [--limit SECONDS] [FILE...]

DIR has a compile_commands.json for clang (default: build-clang, see CMakePresets.json). Prints what is found and, as
"left: FILE", what the time was not enough for, then "N passed, N failed, N skipped"; exit 1 when something is found.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time

from sources import ROOT

SOURCE = re.compile(r"src/.*\.[ch]pp$")


def git(*arguments):
    """The lines of git's output, or None when git fails."""
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.splitlines() if done.returncode == 0 else None


def base():
    """The commit with which the tree is compared, or None without a history."""
    for main in ("origin/main", "main"):
        found = git("merge-base", "HEAD", main)
        if found:
            on_main = found == git("rev-parse", "HEAD")
            return (git("rev-parse", "--verify", "-q", "HEAD^1") or [None])[0] if on_main else found[0]
    return None


def changed_in(status):
    """The files of `git diff --name-status -M` that have new text: not those that were removed or only renamed."""
    rows = [line.split("\t") for line in status]
    return [row[-1] for row in rows if row[0] not in ("D", "R100") and SOURCE.match(row[-1])]


def own_source(header):
    return header.removesuffix(".hpp") + ".cpp"


def to_check(changed, including):
    """(sources, headers without any source); `including` gives the sources that include a header."""
    sources = [name for name in changed if name.endswith(".cpp")]
    alone = []
    for header in (name for name in changed if name.endswith(".hpp")):
        known = including(header)
        if not known:
            alone.append(header)
        elif known[0] == own_source(header) or not set(known) & set(sources):
            sources += [name for name in known[:1] if name not in sources]
    return sources, alone


def including(header):
    """Sources of src/ that include a header, the header's own source first."""
    name = header.removeprefix("src/")
    found = git("grep", "--untracked", "-l", "-F", f'#include "{name}"', "--", "src/*.cpp") or []
    return sorted(found, key=lambda path: (path != own_source(header), path))


def tidy(source, build, end):
    """(source, what was found); None instead of the findings when the time was up."""
    left = end - time.monotonic()
    if left <= 0:
        return source, None
    try:
        done = subprocess.run(["clang-tidy", "--quiet", "-p", build, source], cwd=ROOT, capture_output=True, text=True,
                              timeout=left, check=False)
    except subprocess.TimeoutExpired:
        return source, None
    return source, done.stdout if done.returncode else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=str(ROOT / "build-clang"))
    parser.add_argument("--limit", type=float, default=600)
    parser.add_argument("files", nargs="*")
    given = parser.parse_args()
    end = time.monotonic() + given.limit
    changed = given.files
    if not changed:
        since = base()
        if since is None:
            print("left: everything, there is no history to compare with\n0 passed, 0 failed, 1 skipped")
            return 0
        status = git("diff", "--name-status", "-M", since, "--", "src") or []
        fresh = git("ls-files", "--others", "--exclude-standard", "--", "src") or []
        changed = changed_in([*status, *(f"A\t{name}" for name in fresh)])
    sources, left = to_check(changed, including)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for source, found in pool.map(lambda name: tidy(name, given.build, end), sources):
            if found is None:
                left.append(source)
            elif found:
                failed += 1
                print(found, flush=True)
    for name in left:
        print(f"left: {name}")
    print(f"{len(sources) - failed - len([name for name in left if name in sources])} passed, {failed} failed, {len(left)} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
