#!/usr/bin/env python3
"""Runs a command in a network, process and mount namespace of its own.

    namespace.py COMMAND [ARGUMENT...]

Inside, the command finds: a loopback interface that also answers to every address of 192.0.2.0/24 and to
2001:db8::25, ::44 and ::53; no other network; an /etc/resolv.conf that names 127.0.0.1; and a temporary
folder whose path is in STSMAPD_WORLD. When the command ends, whatever it left running is ended with it (the
kernel ends a process namespace with its first process) and the folder is removed; the same happens when this
process is killed. Exit status: the command's; 125 when the namespaces cannot be made (needs root).

Namespaces without a name are used, not `ip netns`: nothing has to be deleted afterwards, and they also work
in a plain chroot, where `ip netns exec` cannot change the mount propagation of "/".
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile

# Put before a command, makes the kernel kill it when the process (exactly: the thread) that started it ends.
WITH_US = ["setpriv", "--pdeathsig", "KILL"]
IPV6_ADDRESSES = ["2001:db8::25", "2001:db8::44", "2001:db8::53"]


def why_not():
    """The reason why no namespaces can be made here, or "" when they can."""
    if os.geteuid() != 0:
        return "needs root (network and process namespaces)"
    for tool in ("unshare", "setpriv", "ip", "mount"):
        if not shutil.which(tool):
            return f"needs the program {tool}"
    tried = subprocess.run(
        ["unshare", "--net", "--pid", "--fork", "--mount", "--propagation", "unchanged", "true"],
        capture_output=True,
        text=True,
    )
    return "" if tried.returncode == 0 else "namespaces are not allowed here: " + tried.stderr.strip()


def root_is_a_mount():
    """Whether "/" is a mount point. In a plain chroot it is not, and mounts cannot be made private."""
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        return any(line.split()[4] == "/" for line in mounts)


def umount_leftovers(folder):
    """If a chroot's file system is shared with other namespaces, our mounts appear there too: this removes them."""
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        points = [line.split()[4] for line in mounts if folder in line]
    for point in reversed(points):
        subprocess.run(["umount", point], check=False)


def outside(command):
    folder = tempfile.mkdtemp(prefix="stsmapd-world-")
    os.chmod(folder, 0o755)
    propagation = "private" if root_is_a_mount() else "unchanged"
    child = subprocess.Popen(
        [
            *WITH_US,
            "unshare",
            "--net",
            "--pid",
            "--fork",
            "--kill-child=KILL",
            "--mount",
            "--propagation",
            propagation,
            sys.executable,
            os.path.abspath(__file__),
            "--inside",
            *command,
        ],
        env={**os.environ, "STSMAPD_WORLD": folder, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    signal.signal(signal.SIGTERM, lambda *_: child.kill())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to the command as well
    status = child.wait()
    umount_leftovers(folder)
    shutil.rmtree(folder, ignore_errors=True)
    if os.path.exists(folder):
        print(f"{folder} could not be removed", file=sys.stderr)
        status = status or 1
    return status if status >= 0 else 128 - status


def set_up(folder):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "addr", "add", "192.0.2.0/24", "dev", "lo"], check=True)
    for address in IPV6_ADDRESSES:  # without IPv6 in the machine, the others still work
        subprocess.run(
            ["ip", "addr", "add", address + "/128", "dev", "lo", "nodad"],
            check=False,
            stderr=subprocess.DEVNULL,
        )
    if os.path.ismount("/proc"):
        subprocess.run(["mount", "--make-private", "/proc"], check=False, stderr=subprocess.DEVNULL)
        subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True)
    resolv_conf = os.path.join(folder, "resolv.conf")
    with open(resolv_conf, "w", encoding="ascii") as file:
        file.write("nameserver 127.0.0.1\noptions timeout:5 attempts:1\n")
    if not os.path.exists("/etc/resolv.conf"):
        open("/etc/resolv.conf", "w", encoding="ascii").close()
    subprocess.run(["mount", "--bind", resolv_conf, "/etc/resolv.conf"], check=True)


def inside(command):
    """The first process of the namespace: starts the command, reaps orphans, ends with the command."""
    os.umask(0o022)
    set_up(os.environ["STSMAPD_WORLD"])
    main = os.fork()
    if main == 0:
        os.execvp(command[0], command)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        pid, status = os.wait()
        if pid == main:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


def enter():
    """For a program that is started directly: runs it again inside namespaces, unless it is already inside."""
    if "STSMAPD_WORLD" in os.environ or why_not():
        return
    sys.exit(outside([sys.executable, *sys.orig_argv[1:]]))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if sys.argv[1] == "--inside":
        inside(sys.argv[2:])
    reason = why_not()
    if reason:
        print(reason, file=sys.stderr)
        sys.exit(125)
    sys.exit(outside(sys.argv[1:]))
