#!/usr/bin/env python3
"""The end-to-end tests with the Postfix of Debian 13 as sender, which enforces MX patterns and uses the TLSRPT dialect.

    python3 tests/e2e/debian13.py [MODULE...]

Sends from the Postfix of a minimal Debian 13 (world/debian.py) in the network of the same world; the daemon runs
outside. Tests of a fleet use its Valkey, also those of blackbox/. Where that is not possible, it prints the reason and
skips the tests. Last line: "N passed, N failed[, N
skipped]".
"""
import concurrent.futures
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import unittest_json  # noqa: E402
from world import debian, namespace  # noqa: E402

PACKAGES = ["postfix", "valkey-server", "valkey-sentinel"]


def skip(reason):
    print(f"skipped: {reason}\n0 passed, 0 failed, 1 skipped")
    sys.exit(0)


def run_module(root, module, folder):
    """`module`: of e2e/, or "blackbox/NAME"."""
    kind, _, name = module.rpartition("/")
    out = os.path.join(folder, name + ".json")
    done = subprocess.run(
        [
            sys.executable,
            os.path.join(os.path.dirname(HERE), "world", "namespace.py"),
            sys.executable,
            os.path.join(os.path.dirname(HERE), "unittest_json.py"),
            out,
            os.path.join(os.path.dirname(HERE), kind or "e2e"),
            name,
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**os.environ, "STSMAPD_E2E_ROOT": root, "STSMAPD_ENGINE_ROOT": root},
        timeout=900,
        check=False,
    )
    return module, done.stdout, unittest_json.fates(out, module)


def main():
    reason = namespace.why_not()
    reason = reason or debian.why_not()
    if not reason and not namespace.root_is_a_mount():
        reason = "in a chroot, mounts cannot be made private"
    if reason:
        skip(reason)
    try:
        root = debian.root("trixie", "postfix", PACKAGES, debian.root("trixie", "bare", []))
    except debian.Unavailable as error:
        skip(str(error))
    version = subprocess.run(
        ["chroot", root, "postconf", "-h", "mail_version"], capture_output=True, text=True, check=False
    ).stdout.strip()
    print(f"sending with Postfix {version} of {root}", flush=True)
    names = sys.argv[1:] or ["test_setup_maps", "test_setup_files", "test_resolvers", "test_setup", "test_services",
                             "test_values", "test_instances", "test_mx", "test_delivery", "test_answers", "test_dane",
                             "test_next_hops", "test_outages", "test_explain", "test_check", "test_preview",
                             "test_overrides", "test_fleet", "blackbox/test_fleet", "blackbox/test_fleet_failover",
                             "blackbox/test_fleet_states", "blackbox/test_fleet_troubles",
                             "blackbox/test_fleet_values"]
    passed = failed = skipped = 0
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(2) as pool:
        for module, text, fates in pool.map(lambda name: run_module(root, name, folder), names):
            passed, failed, skipped = (
                passed + len(fates["passed"]),
                failed + len(fates["failed"]),
                skipped + len(fates["skipped"]),
            )
            print(f"--- {module}: {len(fates['passed'])} passed, {len(fates['failed'])} failed")
            if fates["failed"] or fates["skipped"]:
                print(text)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
