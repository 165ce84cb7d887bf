"""A separate Debian for a test: a shared root with a writable layer in memory over it.

    with Machine(folder, [root]) as machine:   # only inside world/namespace.py
        machine.boot()                  # systemd as its first process, by systemd-nspawn; or
        machine.mount()                 # a chroot
        machine.install("postfix")

It shares the network of the namespace, and so the world's resolver, policy hosts and mail hosts. When this process
ends, for whatever reason, the machine ends too, and its mounts go with the namespace.
"""
import os
import shutil
import subprocess

from pylib.process import Process, children, end
from pylib.waiting import Failed
from world import debian

BOOT_LIMIT = 60  # seconds
CGROUPS = "/sys/fs/cgroup"
INSTALL = ["apt-get", "-q", "-y", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0"]


def cgroup_folders(pid="self"):
    """The control groups in which systemd-nspawn makes its own: the unified one, and on older systems systemd's own
    hierarchy."""
    found = []
    with open(f"/proc/{pid}/cgroup", encoding="ascii") as file:
        for line in file:
            number, kind, path = line.rstrip("\n").split(":", 2)
            if kind == "name=systemd":
                found.append(f"{CGROUPS}/systemd{path}")
            elif number == "0":
                unified = f"{CGROUPS}/unified"
                found.append((unified if os.path.isdir(unified) else CGROUPS) + path)
    return [folder.rstrip("/") for folder in found if os.path.exists(folder + "/cgroup.procs")]


def remove_cgroups(folder):
    """Removes a control group and its subgroups, if no process is in them."""
    for path, _, _ in os.walk(folder, topdown=False):
        try:
            os.rmdir(path)
        except OSError:
            pass


class Machine:
    def __init__(self, folder, lower):
        # A valid host name. Names by mkdtemp may have a "_", which systemd-nspawn refuses.
        names = os.path.basename(os.environ["STSMAPD_WORLD"]), os.path.basename(folder)
        self.name = "-".join(names).replace("_", "-")
        self.scratch = os.path.join(folder, "machine")
        self.root = self.scratch + "/root"
        self.console = os.path.join(folder, "console")
        self.spawn = None
        self.leader = 0
        self.cgroups = []
        os.makedirs(self.scratch)
        subprocess.run(["sh", "-c", debian.lay_over(self.scratch, lower)], check=True)
        self.write("/etc/resolv.conf", "nameserver 127.0.0.1\n")
        self.write("/etc/hostname", "sender\n")
        self.write("/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 sender.example sender\n::1 localhost\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.halt()
        subprocess.run(["umount", "--recursive", self.scratch], check=False, capture_output=True)

    # --- life

    def boot(self):
        """Returns when systemd has started everything."""
        if not os.path.ismount("/run"):
            # systemd-nspawn leaves folders there: in a mount of their own they go with the namespace.
            subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"], check=True)
        self.cgroups = [f"{folder}/{self.name}" for folder in cgroup_folders()]
        for folder in self.cgroups:
            os.makedirs(folder, exist_ok=True)
        self.spawn = Process(
            "systemd-nspawn",
            ["systemd-nspawn", "--quiet", "--boot", f"--directory={self.root}", f"--machine={self.name[:64]}"]
            + ["--hostname=sender", "--network-namespace-path=/proc/self/ns/net", "--resolv-conf=off"]
            + ["--register=no", "--keep-unit", "--settings=no", "--link-journal=no", "--console=pipe"],
            self.console,
            preexec_fn=self._enter_cgroups,
            env={**debian.ENVIRONMENT, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
        )
        self.spawn.wait_until(self._is_up, f"the boot of {self.name}", BOOT_LIMIT)

    def halt(self):
        """A clean shutdown."""
        if not self.spawn:
            return
        end(self.spawn, 30)
        self.spawn, self.leader = None, 0
        for folder in self.cgroups:
            remove_cgroups(folder)

    def _is_up(self):
        started = children(self.spawn.pid)
        if not started:
            return False
        self.leader = started[0]
        state = self.run("systemctl", "is-system-running", "--wait").stdout.strip()
        return state in ("running", "degraded")

    def _enter_cgroups(self):
        for folder in self.cgroups:
            with open(folder + "/cgroup.procs", "w", encoding="ascii") as file:
                file.write("0")

    def mount(self):
        """For a machine that is not booted: mounts what most commands need."""
        subprocess.run(["mount", "-t", "proc", "proc", self.root + "/proc"], check=True)
        subprocess.run(["mount", "--rbind", "/dev", self.root + "/dev"], check=True)

    # --- use

    def command(self, *words, user=""):
        """The command line that runs a command in the machine."""
        into = ["nsenter", f"--target={self.leader}", "--all", "--root", "--wd"]
        inside = ["runuser", "-u", user, "--", *words] if user else words
        return [*(into if self.leader else ["chroot", self.root]), *inside]

    def run(self, *words, user="", seconds=300, **options):
        """Runs a command; its result as of subprocess.run()."""
        return subprocess.run(
            self.command(*words, user=user),
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
            env={**debian.ENVIRONMENT, "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"},
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )

    def must(self, *words, **options):
        """Like run(), but returns the standard output. Raises Failed when the command fails."""
        done = self.run(*words, **options)
        if done.returncode != 0:
            raise Failed(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def install(self, *packages):
        """Installs packages by name, or files (paths here). Returns what apt and the packages said."""
        names = []
        for package in packages:
            if package.startswith("/"):
                os.makedirs(self.root + "/var/local/debs", exist_ok=True)
                shutil.copy(package, self.root + "/var/local/debs")
                package = "/var/local/debs/" + os.path.basename(package)
            names.append(package)
        return self.must(*INSTALL, "install", *names, stderr=subprocess.STDOUT)

    def path(self, name):
        return self.root + name

    def read(self, name):
        with open(self.root + name, encoding="utf-8", errors="replace") as file:
            return file.read()

    def write(self, name, text):
        if os.path.islink(self.root + name):
            os.unlink(self.root + name)
        with open(self.root + name, "w", encoding="utf-8") as file:
            file.write(text)
