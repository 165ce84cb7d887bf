#!/usr/bin/env python3
"""Compiles every header of src/ and tests/ alone, without linking: it must include what it needs.

usage: header_alone.py [HEADER...]      $CXX picks the compiler; exit 1 when a header does not compile alone
"""
import concurrent.futures
import os
import pathlib
import shlex
import subprocess
import sys

from sources import ROOT, Offences, files

FLAGS = ["-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-x", "c++",
         "-DBOOST_ASIO_SEPARATE_COMPILATION", "-DBOOST_BEAST_SEPARATE_COMPILATION", "-DBOOST_ASIO_NO_DEPRECATED",
         f"-I{ROOT / 'src'}", f"-I{ROOT / 'tests'}"]
PACKAGES = ["libidn2", "ldns", "tomlplusplus", "libsystemd", "spdlog", "sqlite3", "openssl"]


def package_flags():
    """Where the libraries' headers are. If a package is not installed, the header that needs it fails later."""
    flags = []
    for package in PACKAGES:
        found = subprocess.run(["pkg-config", "--cflags", package], capture_output=True, text=True)
        if found.returncode == 0:
            flags += shlex.split(found.stdout)
    return flags


def compile_alone(header, flags):
    """The first message of the compiler, or None. Another file includes the header, so #pragma once gives no
    warning."""
    compiler = shlex.split(os.environ.get("CXX", "c++"))
    run = subprocess.run(compiler + FLAGS + flags + ["-"], input=f'#include "{header}"\n', capture_output=True,
                         text=True)
    if run.returncode == 0:
        return None
    errors = [line for line in run.stderr.splitlines() if "error" in line]
    return (errors or run.stderr.splitlines() or ["the compiler failed"])[0]


def check(headers):
    found = Offences()
    flags = package_flags()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for header, why in zip(headers, pool.map(lambda h: compile_alone(h, flags), headers)):
            if why:
                found.add(header, 1, f"does not compile alone: {why}")
    return found


if __name__ == "__main__":
    given = [pathlib.Path(name).resolve() for name in sys.argv[1:]]
    sys.exit(check(given or files(".hpp")).report())
