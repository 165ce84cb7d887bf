"""Root folders of other Debian releases, made with debootstrap once and kept.

    root = debian.root("trixie", "postfix", ["postfix"])    # a path, or Unavailable with the reason

They are kept under $XDG_CACHE_HOME/stsmapd (default: /var/cache/stsmapd-tests, else a temporary folder). A root is
rebuilt when its recipe changes, and once a week if the mirror can be reached. Only read it, or put an overlay over it:
others may use it at the same time.
"""
import fcntl
import glob
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time

from pylib.process import tail
from world.namespace import WITH_US

NUMBERS = {"bookworm": 12, "trixie": 13}
SCRIPTS = "/usr/share/debootstrap/scripts"
RECIPE = "2"  # version of the steps below: another number rebuilds all roots
RENEW_AFTER = 7 * 86400  # seconds
STEP_LIMIT = 3600  # seconds; compiling everything without a compiler cache beside other work takes most of it
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "DEBIAN_FRONTEND": "noninteractive",
    "LC_ALL": "C",
    "HOME": "/root",
}
# No service may start in a root without an init of its own: it would run on the host.
POLICY, NO_SERVICES = "/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n"

# Runs a command in mount and process namespaces that end with this process, even if it is killed.
APART = [*WITH_US, "unshare", "--mount", "--pid", "--fork", "--kill-child=KILL"]

held = []  # lock files of the roots that this process uses


class Unavailable(Exception):
    """The root cannot be made; the message says why."""


def cache():
    if os.environ.get("XDG_CACHE_HOME"):
        return os.path.join(os.environ["XDG_CACHE_HOME"], "stsmapd")
    return "/var/cache/stsmapd-tests" if os.access("/var/cache", os.W_OK) else tempfile.gettempdir()


def why_not():
    """The reason why no root can be made here, or ""."""
    if os.geteuid() != 0:
        return "needs root (debootstrap)"
    return "" if shutil.which("debootstrap") else "debootstrap is not installed"


def root(release, kind, packages, over="", command=(), bind=(), key=""):
    """Returns the path of a minimal system, or of a copy of the root `over`, with `packages` installed. At the end of
    its making, `command` runs in it, with the folders of `bind` as in enter(); `key` is what the command's result
    depends on."""
    os.makedirs(cache(), exist_ok=True)
    recipe = hashlib.sha256(repr((RECIPE, release, sorted(packages), over, command, key)).encode())
    path = os.path.join(cache(), f"{release}-{kind}-{recipe.hexdigest()[:12]}")
    with open(os.path.join(cache(), f"{release}-{kind}.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _sweep_unfinished(f"{release}-{kind}")
        _sweep_old(f"{release}-{kind}", path)
        if not os.path.exists(path) or _is_stale(path):
            try:
                _make(path, release, packages, over, command, bind)
            except Unavailable:
                if not os.path.exists(path):
                    raise
        held.append(open(path + ".made", encoding="ascii"))
        fcntl.flock(held[-1], fcntl.LOCK_SH)
    return path


def enter(path, *command, log=None, env=None, bind=(), scratch="", seconds=STEP_LIMIT):
    """Runs a command in a root, in mount and process namespaces of its own, with /proc and /dev. `bind`: pairs (path
    here, path in the root). `scratch`: an empty folder for an overlay on the root: the root does not change, and what
    the command writes is dropped. Returns the subprocess' result."""
    script = ["set -e"]
    if scratch:
        script += [lay_over(scratch, [path])]
        path = scratch + "/root"
    script += [f'mount -t proc proc "{path}/proc"', f'mount --rbind /dev "{path}/dev"']
    for here, there in bind:
        script += [f'mkdir -p "{path}{there}"', f'mount --bind "{here}" "{path}{there}"']
    script += [f'exec chroot "{path}" "$@"']
    return subprocess.run(
        [*APART, "sh", "-c", "\n".join(script), "sh", *command],
        stdin=subprocess.DEVNULL,
        stdout=log or subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=not log,
        errors=None if log else "replace",
        timeout=seconds,
        env={**ENVIRONMENT, **(env or {})},
        check=False,
    )


def lay_over(scratch, lower):
    """The shell command that mounts the folders `lower` on scratch/root, the first one on top, writable. Written data
    stays in memory. Without an overlay file system the folders are copied."""
    copies = "".join(f' && cp -a "{each}/." "{scratch}/root"' for each in reversed(lower))
    return (
        f'mount -t tmpfs -o mode=755 tmpfs "{scratch}"'
        f' && mkdir "{scratch}/root" "{scratch}/up" "{scratch}/work"'
        f' && {{ mount -t overlay overlay -o "lowerdir={":".join(lower)},upperdir={scratch}/up,'
        f'workdir={scratch}/work" "{scratch}/root" 2> /dev/null || {{ true{copies}; }}; }}'
    )


def lend_apt_settings(path):
    """Gives the root this machine's way to its mirrors: proxies and name servers."""
    dump = subprocess.run(["apt-config", "dump", "Acquire"], capture_output=True, text=True, check=False)
    wanted = re.findall(r"^Acquire::[^ ]*(?:[Pp]roxy|Check-|Retries|Timeout)[^ ]* .*$", dump.stdout, re.M)
    with open(path + "/etc/apt/apt.conf.d/00host", "w", encoding="utf-8") as file:
        file.write("".join(line + "\n" for line in wanted))
    shutil.copyfile("/etc/resolv.conf", path + "/etc/resolv.conf")


def _mirrors():
    """Returns (archive, security archive or ""): those of this machine's apt if it is a Debian."""
    try:
        done = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(ORIGIN) $(RELEASE) $(REPO_URI)"]
            + ["Created-By: Packages"],
            capture_output=True,
            text=True,
            check=False,
        )
        known = [line.split() for line in done.stdout.splitlines() if line.startswith("Debian ")]
    except OSError:
        known = []
    security = [uri for _, release, uri in known if release.endswith("-security")]
    plain = [uri for _, release, uri in known if "-" not in release]
    return (plain or ["http://deb.debian.org/debian/"])[0], (security or [""])[0]


def _is_stale(path):
    with open(path + ".made", encoding="ascii") as used:
        try:
            fcntl.flock(used, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False  # a run of the tests uses it
        return time.time() - os.fstat(used.fileno()).st_mtime > RENEW_AFTER


def _make(path, release, packages, over, command, bind):
    """Makes the root next to `path`, and renames it to `path` when it is complete."""
    reason = why_not()
    if reason:
        raise Unavailable(reason)
    new = tempfile.mkdtemp(prefix=os.path.basename(path) + ".new-", dir=cache())
    os.chmod(new, 0o755)
    print(f"making {path}", flush=True)
    try:
        with open(new + ".log", "wb") as log:
            done = (
                _steps(new, release, packages, over, log)
                and (not command or _last_step(new, command, bind, log))
                and _tidy(new, log)
            )
        if not done:
            raise Unavailable(f"no Debian {NUMBERS[release]} root could be made:\n{tail(new + '.log', 15)}")
        if os.path.exists(path):
            os.rename(path, new + ".old")
        os.rename(new, path)
        open(path + ".made", "w", encoding="ascii").close()
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(new + ".old", ignore_errors=True)
        os.unlink(new + ".log")


def _steps(new, release, packages, over, log):
    if over:
        first = ["cp", "-a", "--reflink=auto", over + "/.", new]
    else:
        mirror, security = _mirrors()
        known = os.path.exists(f"{SCRIPTS}/{release}")
        first = [*APART, "debootstrap", "--variant=minbase", release, new, mirror]
        first += [] if known else [f"{SCRIPTS}/sid"]
    made = subprocess.run(
        first,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        timeout=STEP_LIMIT,
        check=False,
        env={**os.environ, **ENVIRONMENT},
    )
    if made.returncode != 0:
        return False
    lend_apt_settings(new)
    if not over:
        with open(new + "/etc/apt/sources.list", "w", encoding="ascii") as file:
            file.write(f"deb {mirror} {release} main\n")
            file.write(f"deb {security} {release}-security main\n" if security else "")
    with open(new + POLICY, "w", encoding="ascii") as file:
        file.write(NO_SERVICES)
    os.chmod(new + POLICY, 0o755)
    # No fsync: a root damaged by a power cut can be rebuilt.
    apt = ["apt-get", "-q", "-y", "--no-install-recommends", "-o", "Dpkg::Options::=--force-unsafe-io"]
    for command in (["update"], ["dist-upgrade"], *([["satisfy", ", ".join(packages)]] if packages else [])):
        if enter(new, *apt, *command, log=log).returncode != 0:
            return False
    return True


def _last_step(new, command, bind, log):
    done = enter(new, *command, log=log, bind=bind)
    for _, there in bind:
        if not os.listdir(new + there):
            os.rmdir(new + there)
    return done.returncode == 0


def _tidy(new, log):
    os.unlink(new + POLICY)
    return enter(new, "apt-get", "clean", log=log).returncode == 0


def sweep():
    """Removes half-made roots whose making was interrupted."""
    for path in glob.glob(os.path.join(cache(), "*.lock")):
        with open(path, "w", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # one is being made
            _sweep_unfinished(os.path.basename(path).removesuffix(".lock"))


def _sweep_unfinished(name):
    for path in glob.glob(os.path.join(cache(), f"{name}-*.new-*")):
        if os.path.isdir(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)


def _sweep_old(name, path):
    """Removes roots of older recipes that nobody uses."""
    for other in glob.glob(os.path.join(cache(), f"{name}-*.made")):
        if other == path + ".made":
            continue
        with open(other, encoding="ascii") as used:
            try:
                fcntl.flock(used, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(other.removesuffix(".made"), ignore_errors=True)
            os.unlink(other)
