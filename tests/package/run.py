#!/usr/bin/env python3
"""The Debian package in clean Debian 12 and Debian 13 systems: built, installed, used, upgraded, removed.

    python3 tests/package/run.py [--release bookworm|trixie] [MODULE[.CLASS[.TEST]]...]

Makes the systems with debootstrap and keeps them (world/debian.py), builds the package in a copy, and runs
tests/package/test_*.py for each release in the network of a world of its own (world/namespace.py). Machines are booted
with systemd-nspawn; where that is not possible, their tests are skipped with the reason, and the rest is run. Last
line: "N passed, N failed[, N skipped]". Needs root; nothing is left behind but the cache.
"""
import argparse
import concurrent.futures
import fcntl
import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.dirname(HERE))

import unittest_json  # noqa: E402
from package import machine  # noqa: E402
from world import debian, namespace  # noqa: E402

# Those that take longest come first.
MODULES = ["test_postfix", "test_instances", "test_service", "test_upgrade", "test_autopkgtest", "test_image", "test_unbooted"]
MODULES += ["test_build"]
MODULE_LIMIT = 1500  # seconds
PREFIX = "stsmapd-package-"  # the beginning of the names of a run's folders
# What the tests install besides the package. They have no network, so it is fetched before.
INSTALLED = ["postfix", "ca-certificates", "autopkgtest", "dnsmasq-base", "dpkg-dev", "openssl"]
IN_IMAGE = ["ca-certificates", "systemd-standalone-sysusers"]
ARCHIVES, LISTS = "/var/cache/apt/archives", "/var/lib/apt/lists"
MODULES.insert(0, "test_walk")
REPRODUCED_ON = "bookworm"  # building again on one release is enough


class Failed(Exception):
    """A step before the tests failed; the message has the end of its log."""


class Release:
    """One release: its roots, the packages built in it, and the tests' results."""

    def __init__(self, name, folder, worlds):
        self.name = name
        self.folder = os.path.join(folder, name)
        # In another folder, because the paths of the sockets in it must be short.
        self.worlds = worlds
        self.results = []
        os.makedirs(self.folder)

    def prepare(self, wanted):
        """Makes what the tests use. Raises Failed or debian.Unavailable when it cannot."""
        self.bare = debian.root(self.name, "bare", [])
        self.clean = debian.root(self.name, "clean", ["systemd", "systemd-sysv", "dbus"], self.bare)
        self.mail = debian.root(self.name, "mail", ["postfix", "ca-certificates"], self.clean)
        with open(f"{ROOT}/packaging/install-dependencies", encoding="utf-8") as how:
            with open(f"{ROOT}/packaging/debian/control", encoding="utf-8") as what:
                key = how.read() + what.read().split("\n\n")[0]
        self.builder = debian.root(
            self.name,
            "builder",
            ["ccache"],
            self.bare,
            ("/mnt/install-dependencies", "package"),
            [(f"{ROOT}/packaging", "/mnt")],
            key,
        )
        # Without unit tests: other runs have them.
        self.build("first", "--no-lintian", "--no-check")
        if wanted & {"test_upgrade", "test_service"}:
            self.build("second", "--no-lintian", "--no-check", "--suffix", "+second")
        if self.name == REPRODUCED_ON and "test_build" in wanted:
            self.build(
                "again",
                "--no-check",
                # Not from the first one's ccache, at another time, and in another environment.
                env={"CCACHE_NAMESPACE": "again", "TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8", "USER": "x"},
                place="/var/tmp/another-and-longer-place",
            )
        self.fetch_archives()

    def build(self, what, *options, env=None, place="/var/tmp/build"):
        """Runs packaging/build-deb, with its results in a folder of that name."""
        started = time.monotonic()
        out, work = self.new_folder(what), self.new_folder(what + "-work")
        # build-deb must remove this old file.
        open(f"{out}/stsmapd_0.0.1-1_amd64.deb", "w", encoding="ascii").close()
        compiled = os.environ.get("CCACHE_DIR", os.path.expanduser("~/.cache/ccache"))
        os.makedirs(compiled, exist_ok=True)
        with open(f"{self.folder}/{what}.log", "wb") as log:
            done = debian.enter(
                self.builder,
                *("/mnt/packaging/build-deb", "--no-install", "--output", "/media", *options),
                log=log,
                bind=[(ROOT, "/mnt"), (out, "/media"), (work, place), (compiled, "/srv")],
                env={"CCACHE_DIR": "/srv", "TMPDIR": place, **(env or {})},
                scratch=self.scratch(),
            )
        shutil.rmtree(work)
        if done.returncode != 0:
            told = read_end(log.name) + read_end(out + "/build.log")
            raise Failed(f"build-deb on {self.name}: {done.returncode}\n{told}")
        print(f"built {self.name}/{what} in {time.monotonic() - started:.0f} s", flush=True)

    def fetch_archives(self):
        """Makes a folder with the .deb files that the tests will install, to be laid over the roots."""
        self.archives = os.path.join(debian.cache(), f"{self.name}-archives")
        with open(self.archives + ".lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for name in (ARCHIVES, LISTS):
                os.makedirs(self.archives + name, exist_ok=True)
            self.fetch(self.clean, INSTALLED)
            self.fetch(self.bare, IN_IMAGE)
            # With recommended packages, as README.md installs it.
            self.fetch(self.mail, [], recommends=True)

    def fetch(self, root, packages, recommends=False):
        # The package lists we have are used as long as everything can be fetched with them.
        script = f"""
            cp -a /mnt{ARCHIVES}/. {ARCHIVES}; cp -a /mnt{LISTS}/. {LISTS}
            fetch() {{
                apt-get -q -y -d {'' if recommends else '--no-install-recommends'} install /media/stsmapd_*.deb {' '.join(packages)}
            }}
            fetch || {{ apt-get -q update; fetch; }} || exit 1
            rm -rf {ARCHIVES}/lock {ARCHIVES}/partial {LISTS}/partial {LISTS}/lock
            cp -au {ARCHIVES}/. /mnt{ARCHIVES} && cp -au {LISTS}/. /mnt{LISTS}"""
        done = debian.enter(
            root,
            *("sh", "-c", script),
            bind=[(self.archives, "/mnt"), (f"{self.folder}/first", "/media")],
            scratch=self.scratch(),
        )
        if done.returncode != 0:
            raise debian.Unavailable(f"the packages for the tests cannot be fetched:\n{done.stdout[-2000:]}")

    def scratch(self):
        return tempfile.mkdtemp(dir=self.folder)

    def new_folder(self, name):
        path = os.path.join(self.folder, name)
        os.makedirs(path)
        return path

    def run_module(self, module, no_boot):
        """Runs one test module; returns (name, output, fates)."""
        out = os.path.join(self.folder, module + ".json")
        started = time.monotonic()
        with open(f"{self.folder}/{module}.log", "wb") as log:
            child = subprocess.Popen(
                [*namespace.WITH_US, sys.executable, f"{ROOT}/tests/world/namespace.py"]
                + [sys.executable, f"{ROOT}/tests/unittest_json.py", out, HERE, module],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={
                    **os.environ,
                    "PYTHONDONTWRITEBYTECODE": "1",
                    "TMPDIR": self.worlds,
                    "STSMAPD_PACKAGE_RELEASE": self.name,
                    "STSMAPD_PACKAGE_BARE": self.bare,
                    "STSMAPD_PACKAGE_CLEAN": self.clean,
                    "STSMAPD_PACKAGE_MAIL": self.mail,
                    "STSMAPD_PACKAGE_BUILDER": self.builder,
                    "STSMAPD_PACKAGE_ARCHIVES": self.archives,
                    "STSMAPD_PACKAGE_DEBS": self.folder,
                    "STSMAPD_PACKAGE_NO_BOOT": no_boot,
                },
            )
            try:
                child.wait(MODULE_LIMIT)
            except subprocess.TimeoutExpired:
                child.terminate()
                child.wait()
        fates = unittest_json.fates(out, module)
        self.results.append((module, fates, time.monotonic() - started))
        return module, log.name, fates


def read_end(path, size=6000):
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()[-size:]


def why_no_boot(release):
    """The reason why no machine can be booted here, or "". Tries to boot one."""
    if not shutil.which("systemd-nspawn"):
        return "systemd-nspawn is not installed"
    done = subprocess.run(
        [*namespace.WITH_US, sys.executable, f"{ROOT}/tests/world/namespace.py"]
        + [sys.executable, __file__, "--boots", release.clean],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=180,
        env={**os.environ, "TMPDIR": release.worlds},
        check=False,
    )
    return (
        ""
        if done.returncode == 0
        else f"systemd-nspawn cannot boot here: {(done.stdout + done.stderr)[-800:]}"
    )


def boots(root):
    with machine.Machine(os.environ["STSMAPD_WORLD"], [root]) as tried:
        tried.boot()


def run_release(release, modules):
    """(passed, failed, skipped), each a number."""
    wanted = {name.split(".")[0] for name in modules}
    try:
        release.prepare(wanted)
    except debian.Unavailable as error:
        print(f"skipped: {release.name}: {error}", flush=True)
        return 0, 0, 1
    except (Failed, subprocess.TimeoutExpired) as error:
        print(f"FAILED {error}", flush=True)
        return 0, 1, 0
    no_boot = why_no_boot(release)
    if no_boot:
        print(f"{release.name}: {no_boot}; the tests that need a booted system are skipped", flush=True)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(release.run_module, name, no_boot) for name in modules]:
            module, log, fates = done.result()
            seconds = release.results[-1][2]
            print(
                f"--- {release.name} {module}: {len(fates['passed'])} passed, {len(fates['failed'])} failed, "
                f"{len(fates['skipped'])} skipped ({seconds:.0f} s)",
                flush=True,
            )
            if fates["failed"]:
                print(read_end(log, 20000), flush=True)
            for reason in sorted(set(fates["skipped"].values())):
                print(f"skipped: {reason}", flush=True)
    return tuple(
        sum(len(fates[fate]) for _, fates, _ in release.results) for fate in ("passed", "failed", "skipped")
    )


def sweep():
    """Removes what killed runs have left: folders, and control groups without a process."""
    places = (debian.cache(), tempfile.gettempdir())
    for path in [path for place in places for path in glob.glob(os.path.join(place, PREFIX + "*"))]:
        try:
            with open(path + "/lock", "w", encoding="ascii") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
        except OSError:
            continue  # it runs
    debian.sweep()
    for path in left_cgroups():
        machine.remove_cgroups(path)


def work(folder, worlds, names, modules):
    """The work of the guarded process: everything for these releases. Returns the exit status."""
    releases = [Release(name, folder, worlds) for name in names]
    with concurrent.futures.ThreadPoolExecutor(len(releases)) as pool:
        counts = list(pool.map(lambda release: run_release(release, modules), releases))
    passed, failed, skipped = (sum(column) for column in zip(*counts))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
    return 1 if failed else 0


def guard(names, modules):
    """Runs work() in a process that ends with this one, together with everything it started. Cleans up."""
    folders = [tempfile.mkdtemp(prefix=PREFIX, dir=place) for place in (debian.cache(), None)]
    locks = []
    for folder in folders:
        os.chmod(folder, 0o755)
        locks.append(open(folder + "/lock", "w", encoding="ascii"))
        fcntl.flock(locks[-1], fcntl.LOCK_EX)
    worker = subprocess.Popen(
        [*namespace.WITH_US, sys.executable, __file__, "--work", *folders, ",".join(names), *modules],
        stdin=subprocess.DEVNULL,
    )
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: worker.kill())
    status = worker.wait()
    for _ in range(50):  # killed processes may need a moment to disappear
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        sweep()
        if not any(os.path.exists(folder) for folder in folders) and not left_cgroups():
            break
        time.sleep(0.1)
    return status if status >= 0 else 1


def left_cgroups():
    return [path for each in machine.cgroup_folders() for path in glob.glob(each + "/stsmapd-world-*")]


def main():
    if sys.argv[1:2] == ["--boots"]:
        return boots(sys.argv[2])
    if sys.argv[1:2] == ["--work"]:
        return work(sys.argv[2], sys.argv[3], sys.argv[4].split(","), sys.argv[5:])
    parser = argparse.ArgumentParser()
    parser.add_argument("--release", choices=sorted(debian.NUMBERS), action="append")
    parser.add_argument("modules", nargs="*", default=MODULES)
    options = parser.parse_args()
    reason = namespace.why_not() or debian.why_not()
    if not reason and not namespace.root_is_a_mount():
        reason = "in a chroot, mounts cannot be made private"
    if reason:
        print(f"skipped: {reason}\n0 passed, 0 failed, 1 skipped")
        return 0
    os.makedirs(debian.cache(), exist_ok=True)
    sweep()
    return guard(options.release or list(debian.NUMBERS), options.modules)


if __name__ == "__main__":
    sys.exit(main())
