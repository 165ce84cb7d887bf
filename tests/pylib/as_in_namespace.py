"""Runs a command in a new user namespace that knows several users, as one of them: only for root.

usage: as_in_namespace.py USER[,USER...] COMMAND...     the first is the one it runs as; each keeps its number
"""

import ctypes
import os
import sys

CLONE_NEWUSER = 0x10000000


def main():
    users = [int(user) for user in sys.argv[1].split(",")]
    entered, told = os.pipe(), os.pipe()
    process = os.getpid()
    if os.fork() == 0:  # stays outside, and writes the maps
        os.close(entered[1])
        os.read(entered[0], 1)
        for file in ("uid_map", "gid_map"):
            with open(f"/proc/{process}/{file}", "w", encoding="ascii") as maps:
                maps.write("".join(f"{user} {user} 1\n" for user in users))
        os.write(told[1], b"x")
        os._exit(0)
    os.close(told[1])
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER) != 0:
        sys.exit("unshare: " + os.strerror(ctypes.get_errno()))
    os.write(entered[1], b"x")
    if os.read(told[0], 1) != b"x":
        sys.exit("the maps could not be written")
    os.wait()
    os.setgroups([])
    os.setresgid(users[0], users[0], users[0])
    os.setresuid(users[0], users[0], users[0])
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
