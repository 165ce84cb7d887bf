#!/usr/bin/env python3
"""The files of the package: one version everywhere, units that systemd accepts and finds well confined, an AppArmor
profile that its parser accepts.

packaging/debian/copyright says where the project is published, and all other files agree.

usage: packaging.py        prints every offence; exit 1 when there is one
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from sources import ROOT, Offences, line_of, read

EXPOSURE_LIMIT = 11  # the score of `systemd-analyze security`, in tenths
UNITS = ROOT / "packaging" / "systemd"
PROFILE = ROOT / "packaging" / "apparmor" / "usr.sbin.stsmapd"

# The files with the version, and the form it has there.
VERSIONS = {
    "CMakeLists.txt": r"^project\(stsmapd VERSION (\S+) ",
    "CHANGELOG.md": r"^## (\d\S*)",
    "packaging/debian/changelog": r"^stsmapd \((\S+)-[^-\s]+\) ",
}


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def check_versions(texts):
    """Offences of {path: text}. In each text the first version counts."""
    found = Offences()
    versions = {path: re.search(VERSIONS[path], text, re.M) for path, text in texts.items()}
    for path, match in versions.items():
        if not match:
            found.add(path, 1, "no version here")
        elif match[1] != versions["CMakeLists.txt"][1]:
            found.add(path, line_of(texts[path], match.start()),
                      f"version {match[1]}, but {versions['CMakeLists.txt'][1]} in CMakeLists.txt")
    return found


# The one place that says where the project is published: an address, or that there is none yet.
ADDRESS = "packaging/debian/copyright"
NOT_PUBLISHED = "not published yet"
# What must name that address when there is one, and must not exist before.
NAMES_ADDRESS = {
    "packaging/debian/control": r"^(?:Homepage|Vcs-Browser|Vcs-Git): *(\S+)",
    "packaging/debian/watch": r"(https?://\S+)",
    "packaging/debian/upstream/metadata": r"^(?:Repository|Repository-Browse|Bug-Database): *(\S+)",
}


def check_address(texts):
    """Offences of {path: text}; a missing file has the text ""."""
    found = Offences()
    source = re.search(r"^Source: *(.*)$", texts[ADDRESS], re.M)
    if not source:
        found.add(ADDRESS, 1, "no field Source here")
        return found
    address = source[1]
    for path, pattern in NAMES_ADDRESS.items():
        named = re.findall(pattern, texts[path], re.M)
        if address == NOT_PUBLISHED:
            if named or (texts[path] and path not in ("packaging/debian/control",)):
                found.add(path, 1, f"names an address, while {ADDRESS} says \"{NOT_PUBLISHED}\"")
        elif not named:
            found.add(path, 1, f"does not name {address}, as {ADDRESS} does")
        for one in named:
            host = re.match(r"https://[^/]+/", address)
            if address != NOT_PUBLISHED and not (host and one.startswith(host[0])):
                found.add(path, 1, f"{one} is not at {address}")
    if address != NOT_PUBLISHED and not re.fullmatch(r"https://[^/\s]+/\S+", address):
        found.add(ADDRESS, 1, f"\"{address}\" is neither an address nor \"{NOT_PUBLISHED}\"")
    return found


def check_exposure(service):
    """systemd's own score of the unit as shipped."""
    found = Offences()
    status, said = run("systemd-analyze", "--no-pager", "--offline=true", f"--threshold={EXPOSURE_LIMIT}",
                       "security", str(service))
    overall = re.search(r"Overall exposure level for \S+: (\d+\.\d+)", said)
    if status or not overall or float(overall[1]) * 10 > EXPOSURE_LIMIT + 0.01:
        found.add(service, 1, f"too exposed: {overall[0] if overall else said}")
    return found


def check_units(folder, with_drop_in):
    """What `systemd-analyze verify` says about the units in a system that has our programs."""
    found = Offences()
    with tempfile.TemporaryDirectory() as root:
        units = pathlib.Path(root, "usr/lib/systemd/system")
        units.mkdir(parents=True)
        for program in ("usr/sbin/stsmapd", "bin/kill", "usr/libexec/stsmapd/follow-postfix"):
            pathlib.Path(root, program).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy("/bin/true", pathlib.Path(root, program))
        for unit in ("stsmapd.service", "stsmapd.socket", "stsmapd-control.socket", "stsmapd-web.socket"):
            shutil.copy(pathlib.Path(folder, unit), units)
        shutil.copy(UNITS / "stsmapd-follow-postfix.service", units)
        if with_drop_in:
            (units / "stsmapd.service.d").mkdir()
            shutil.copy(pathlib.Path(folder, "notify-reload.conf"), units / "stsmapd.service.d")
        # systemd's own units that ours name.
        for unit in ("sysinit.target", "basic.target", "sockets.target", "shutdown.target", "system.slice", "-.slice"):
            (units / unit).write_text("[Unit]\nDescription=x\n", encoding="utf-8")
        status, said = run("systemd-analyze", f"--root={root}", "--man=no", "verify", "stsmapd.service",
                           "stsmapd.socket", "stsmapd-control.socket", "stsmapd-web.socket",
                           "stsmapd-follow-postfix.service")
        for line in said.splitlines():
            if "stsmapd" in line or status:
                found.add(folder, 1, f"systemd-analyze verify: {line}")
    return found


def check_profile(path):
    found = Offences()
    status, said = run("apparmor_parser", "--skip-kernel-load", "--skip-cache", str(path))
    if status:
        found.add(path, 1, f"apparmor_parser: {said}")
    return found


def systemd_version():
    return int(run("systemctl", "--version")[1].split()[1])


if __name__ == "__main__":
    checks = [
        check_versions({path: read(ROOT / path) for path in VERSIONS}),
        check_address({path: read(ROOT / path) if (ROOT / path).exists() else ""
                       for path in (ADDRESS, *NAMES_ADDRESS)}),
        check_exposure(UNITS / "stsmapd.service"),
        check_units(UNITS, systemd_version() >= 253),
        check_profile(PROFILE),
    ]
    sys.exit(max([offences.report() for offences in checks]))
