#!/usr/bin/env python3
"""Programs are hardened: position independent, read-only relocations, bound at start, stack protector, fortified
libc calls, no executable stack, no search path of their own, and on amd64 landing pads for indirect branches.

usage: hardening.py PROGRAM...        prints every offence; exit 1 when there is one
       hardening.py --cmake           a plain Release build, configured with CMake, has the flags for it
"""
import json
import pathlib
import platform
import re
import subprocess
import sys
import tempfile

HARDENED = ["-O2", "-fstack-protector-strong", "-D_FORTIFY_SOURCE=2", "-fPIE", "-fcf-protection",
            "-pie", "-Wl,-z,relro", "-Wl,-z,now"]
# Has something for each flag to show: an array on the stack, a libc call that can be checked, functions.
SOURCE = """#include <cstdio>
#include <cstring>
int f(char* to, const char* from) { return std::snprintf(to, 64, "%s", from); }
int main(int argc, char** argv) { char a[64]; std::strcpy(a, argv[argc - 1]); return f(a, argv[0]) + a[5]; }
"""
ENDBR64 = bytes.fromhex("f30f1efa")


def readelf(path, *options):
    return subprocess.run(["readelf", "--wide", *options, str(path)], capture_output=True, text=True, check=True).stdout


def landing_pads(path):
    """Whether the functions of the program begin with endbr64: more of them than the C runtime alone has."""
    text = re.search(r" \.text +PROGBITS +[0-9a-f]+ ([0-9a-f]+) ([0-9a-f]+)", readelf(path, "--sections"))
    begin, size = int(text[1], 16), int(text[2], 16)
    return pathlib.Path(path).read_bytes()[begin:begin + size].count(ENDBR64) > 3


def check(path):
    """The hardening features that the program does not have."""
    header, segments, dynamic, symbols = (
        readelf(path, option) for option in ("--file-header", "--segments", "--dynamic", "--dyn-syms"))
    stack = re.search(r"GNU_STACK.* (R..) +0x", segments)
    wanted = {
        "position independent": re.search(r"Type: +DYN", header),
        "RELRO": "GNU_RELRO" in segments,
        "bound at start": re.search(r"\bBIND_NOW\b|Flags:.*\bNOW\b", dynamic),
        "stack protector": "__stack_chk_fail" in symbols,
        "fortified calls": re.search(r"\b__\w+_chk\b(?<!__stack_chk)", symbols),
        "stack not executable": stack and "E" not in stack[1],
        "no search path": not re.search(r"R(UN)?PATH", dynamic),
        "landing pads": "X86-64" not in header or landing_pads(path),
    }
    return [f"{path}: not so: {what}" for what, there in wanted.items() if not there]


def check_flags(flags, folder):
    """The features that a small program does not have, when these flags are added to the right ones."""
    program = pathlib.Path(folder) / "program"
    subprocess.run(["c++", "-x", "c++", "-", *HARDENED, *flags, "-o", str(program)], input=SOURCE, text=True,
                   capture_output=True, check=True)
    return check(program)


def check_commands(compiled, linked):
    """The flags that a build's commands do not have: those that compile, and those that link the programs."""
    parts = {
        flag: linked if flag == "-pie" or flag.startswith("-Wl,") else compiled
        for flag in HARDENED
        if not flag.startswith("-O") and (flag != "-fcf-protection" or platform.machine() == "x86_64")}
    return [f"a plain build lacks {flag}" for flag, commands in parts.items()
            if not commands or not all(flag in command.split() for command in commands)]


def check_cmake(root=pathlib.Path(__file__).resolve().parents[2]):
    """The same for a Release build of the project."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["cmake", "-S", str(root), "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                        "-DSTSMAPD_TESTS=OFF"], capture_output=True, check=True)
        compiled = [command["command"] for command in json.loads(pathlib.Path(folder, "compile_commands.json").read_text())]
        # build.ninja has a line of link flags for each program.
        return check_commands(compiled, re.findall(r"^  LINK_FLAGS = (.*)$", pathlib.Path(folder, "build.ninja").read_text(),
                                                   re.MULTILINE))


if __name__ == "__main__":
    if sys.argv[1:] == ["--cmake"]:
        offences = check_cmake()
        print("\n".join(offences or ["a plain build has the flags"]))
        sys.exit(1 if offences else 0)
    offences = [offence for program in sys.argv[1:] for offence in check(program)]
    print("\n".join(offences or ["hardened: " + " ".join(sys.argv[1:])]))
    sys.exit(1 if offences else 0)
