#!/usr/bin/env python3
"""Which lines of src/ ran, counted by programs that are built with the preset "coverage". `tests/run coverage` runs
the tests and prints the sums by folder; all files are in coverage.txt of the build folder, and

    tests/coverage.py [BUILD [FILE...]]

prints the lines of files (of src/) that did not run; BUILD is build-coverage unless given.
"""
import collections
import glob
import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
SRC = ROOT / "src"


def llvm(tool):
    """The path of llvm-cov or another tool, of the same version as the clang that builds."""
    beside = pathlib.Path(os.path.realpath(shutil.which("clang++") or "clang++")).parent / tool
    return str(beside) if beside.exists() else shutil.which(tool) or tool


def begin(where, programs):
    """Removes earlier counts; returns the environment for the runs that are counted."""
    folder = pathlib.Path(where, "profiles")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # One file per program: each process adds its counts when it ends. A killed process counts nothing.
    env = {"LLVM_PROFILE_FILE": f"{folder}/%m.profraw"}
    for program in programs:  # tests also run them as other users, who cannot make the files
        subprocess.run([f"{where}/{program}", "--version"], env={**os.environ, **env}, stdout=subprocess.DEVNULL,
                       check=True)
    for path in folder.iterdir():
        path.chmod(0o666)
    return env


def llvm_cov(command, where, programs, *options):
    objects = [word for program in programs[1:] for word in ("-object", f"{where}/{program}")]
    return subprocess.run([llvm("llvm-cov"), command, "-instr-profile", f"{where}/profiles/all", f"{where}/{programs[0]}",
                           *objects, *options], capture_output=True, text=True, check=True).stdout


def percent(lines, ran):
    return f"{lines:7,}{ran:9,}{100 * ran / max(lines, 1):8.1f} %"


def report(where, programs):
    """Adds up the counts; returns the sums as text. The counts of each file go to coverage.txt."""
    raw = glob.glob(f"{where}/profiles/*.profraw")
    subprocess.run([llvm("llvm-profdata"), "merge", "-sparse", *raw, "-o", f"{where}/profiles/all"], check=True)
    with open(f"{where}/profiles/programs", "w", encoding="utf-8") as file:
        file.write("\n".join(programs))
    exported = json.loads(llvm_cov("export", where, programs, "-summary-only", str(SRC)))
    files = {os.path.relpath(file["filename"], SRC): file["summary"]["lines"] for file in exported["data"][0]["files"]}
    folders = collections.Counter(), collections.Counter()
    with open(f"{where}/coverage.txt", "w", encoding="utf-8") as file:
        for name, lines in sorted(files.items()):
            file.write(f"{name:<34}{percent(lines['count'], lines['covered'])}\n")
            for total, what in zip(folders, ("count", "covered")):
                total[os.path.dirname(name) or "(programs)"] += lines[what]
    table = [f"{name:<14}{percent(folders[0][name], folders[1][name])}" for name in sorted(folders[0])]
    table.append(f"{'all of src':<14}{percent(folders[0].total(), folders[1].total())}")
    return "\n".join([f"\n{'folder':<14}{'lines':>7}{'ran':>9}", *table, f"files: {where}/coverage.txt"])


def unreached(where, names):
    """The lines that did not run, with their numbers."""
    programs = pathlib.Path(where, "profiles/programs").read_text(encoding="utf-8").splitlines()
    for name in names:
        print(name)
        for line in llvm_cov("show", where, programs, str(SRC / name)).splitlines():
            number, _, rest = line.partition("|")
            count, _, text = rest.partition("|")
            if count.strip() == "0":
                print(f"{number}|{text}")


if __name__ == "__main__":
    if sys.argv[1:2] in (["-h"], ["--help"]):
        sys.exit(__doc__.strip())
    build = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "build-coverage")
    wanted = sys.argv[2:]
    if not wanted:
        print(pathlib.Path(build, "coverage.txt").read_text(encoding="utf-8"), end="")
    unreached(build, wanted)
