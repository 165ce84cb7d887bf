#!/usr/bin/env python3
"""The end-to-end tests with the Postfix of Debian 13 as sender: MX patterns are enforced, the TLSRPT dialect
is used.

    python3 tests/e2e/debian13.py [MODULE...]

Makes a minimal Debian 13 with debootstrap and Postfix, once, under $XDG_CACHE_HOME/stsmapd (default:
/var/cache or a temporary folder), and sends from its Postfix in the network of the same world; the daemon
runs outside. Where that cannot be, it prints the reason and is skipped. Last line: "N passed,
N failed[, N skipped]".
"""
import concurrent.futures
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from world import namespace  # noqa: E402
from world.process import tail  # noqa: E402

SUITE = "trixie"
MIRROR = "http://deb.debian.org/debian"
VERSION = "1"  # of the recipe below: another number makes the root anew


def skip(reason):
    print(f"skipped: {reason}\n0 passed, 0 failed, 1 skipped")
    sys.exit(0)


def cache():
    if os.environ.get("XDG_CACHE_HOME"):
        return os.path.join(os.environ["XDG_CACHE_HOME"], "stsmapd")
    return "/var/cache/stsmapd-tests" if os.access("/var/cache", os.W_OK) else tempfile.gettempdir()


def shell(log, *command):
    with open(log, "ab") as file:
        return (
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                timeout=1200,
                check=False,
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"},
            ).returncode
            == 0
        )


def make_root():
    """The path of the root; it is moved to its final name when it is complete."""
    root = os.path.join(cache(), f"{SUITE}-{VERSION}")
    if os.path.exists(root + "/usr/sbin/postfix"):
        return root
    os.makedirs(cache(), exist_ok=True)
    new = tempfile.mkdtemp(prefix=f"{SUITE}-new-", dir=cache())
    os.chmod(new, 0o755)
    log = new + ".log"
    print(f"making a Debian 13 root in {root}", flush=True)
    script = f"/usr/share/debootstrap/scripts/{SUITE}"
    made = (
        shell(
            log,
            "debootstrap",
            "--variant=minbase",
            SUITE,
            new,
            MIRROR,
            *([] if os.path.exists(script) else ["/usr/share/debootstrap/scripts/sid"]),
        )
        and copy_apt_settings(new)
        and shell(log, "chroot", new, "apt-get", "-q", "update")
        # No service may start: there is no init here, and the host's would be none of our business.
        and shell(
            log,
            "chroot",
            new,
            "sh",
            "-c",
            "printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d && " "chmod 755 /usr/sbin/policy-rc.d",
        )
        and shell(log, "chroot", new, "apt-get", "-q", "-y", "--no-install-recommends", "install", "postfix")
    )
    if not made:
        words = tail(log, 15)
        shutil.rmtree(new, ignore_errors=True)
        os.unlink(log)
        skip(f"no Debian 13 root could be made:\n{words}")
    os.unlink(log)
    os.rename(new, root)
    return root


def copy_apt_settings(root):
    """How this machine reaches its mirrors (proxies and the like)."""
    for path in glob.glob("/etc/apt/apt.conf.d/*prox*"):
        shutil.copy(path, root + "/etc/apt/apt.conf.d/")
    shutil.copy("/etc/resolv.conf", root + "/etc/resolv.conf")
    return True


def run_module(root, module, folder):
    out = os.path.join(folder, module + ".json")
    done = subprocess.run(
        [
            sys.executable,
            os.path.join(os.path.dirname(HERE), "world", "namespace.py"),
            sys.executable,
            os.path.join(os.path.dirname(HERE), "unittest_json.py"),
            out,
            HERE,
            module,
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**os.environ, "STSMAPD_E2E_ROOT": root},
        timeout=900,
        check=False,
    )
    try:
        with open(out, encoding="utf-8") as file:
            fates = json.load(file)
    except OSError:
        fates = {"passed": [], "failed": [module], "skipped": {}}
    return module, done.stdout, fates


def main():
    reason = namespace.why_not()
    if not reason and not shutil.which("debootstrap"):
        reason = "debootstrap is not installed"
    if not reason and not namespace.root_is_a_mount():
        reason = "in a chroot, mounts cannot be made private"
    if reason:
        skip(reason)
    root = make_root()
    version = subprocess.run(
        ["chroot", root, "postconf", "-h", "mail_version"], capture_output=True, text=True, check=False
    ).stdout.strip()
    print(f"sending with Postfix {version} of {root}", flush=True)
    names = sys.argv[1:] or ["test_delivery", "test_answers", "test_dane", "test_outages", "test_setup"]
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
