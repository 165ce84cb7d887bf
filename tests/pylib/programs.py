"""The programs under test, and their environment."""

import glob
import os
import resource

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(TESTS)


def program(name):
    """The path of a built program: $STSMAPD_BIN or $STSMAP_BIN, else from the build folder ($STSMAPD_BUILD_DIR, or
    build/); "" when not built."""
    named = os.environ.get(name.upper() + "_BIN", "")
    built = os.path.join(os.environ.get("STSMAPD_BUILD_DIR", os.path.join(ROOT, "build")), name)
    return os.path.abspath(named) if named else built if os.access(built, os.X_OK) else ""


def without_options():
    """The environment without variables that would be options of the daemon, or taken for some, and without those of
    the service manager that runs the tests."""
    ours = ("STSMAPD_", "LISTEN_", "WATCHDOG_", "NOTIFY_SOCKET")
    return {key: value for key, value in os.environ.items() if not key.startswith(ours)}


def is_sanitized():
    """Does the daemon have its own allocator, to which measurements and limits do not apply?"""
    with open(program("stsmapd"), "rb") as file:
        octets = file.read()
    return b"__asan_init" in octets or b"__tsan_init" in octets


def libfaketime(case):
    """The path of the library that gives a daemon another clock. Skips the test where there can be none."""
    if is_sanitized():
        case.skipTest("a sanitizer wants to be the first library of the process")
    found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    if not found:
        case.skipTest("needs libfaketime (Debian package faketime)")
    return found[0]


def raise_file_limit(count=4096):
    """As many open files as allowed, up to `count`, for us and what we start; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = max(soft, count if hard == resource.RLIM_INFINITY else min(count, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft
