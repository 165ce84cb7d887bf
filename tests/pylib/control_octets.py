"""HTTP over the control socket (a path) or the web listener (tcp:... or unix:...), with access to the bare octets."""

import json
import socket
import subprocess
import sys

from pylib.socketmap import connect
from pylib.waiting import LIMIT


class Reply:
    """One reply, of its octets."""

    def __init__(self, octets):
        head, _, body = octets.partition(b"\r\n\r\n")
        line, *fields = head.decode().split("\r\n")
        self.octets = octets
        self.status = int(line.split()[1]) if line.startswith("HTTP/1.1 ") else 0
        self.fields = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        self.body = body

    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """That of the error."""
        return self.json()["error"]["code"]


class Client:
    """One connection."""

    def __init__(self, path, limit=LIMIT):
        self.socket = connect(path if path.startswith(("tcp:", "unix:")) else "unix:" + path, limit)
        self._held = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, octets):
        self.socket.sendall(octets)

    def read_until(self, end):
        """What came up to and with it, or up to the end of the connection."""
        while end not in self._held:
            got = self.socket.recv(65536)
            if not got:
                break
            self._held += got
        at = self._held.find(end)
        at = len(self._held) if at < 0 else at + len(end)
        front, self._held = self._held[:at], self._held[at:]
        return front

    def read_all(self):
        """Everything to the end of the connection."""
        try:
            while got := self.socket.recv(65536):
                self._held += got
        except (ConnectionResetError, BrokenPipeError):
            pass
        return self._held

    def reply(self):
        """One that has a length."""
        head = self.read_until(b"\r\n\r\n")
        length = int(Reply(head).fields.get("content-length", 0))
        while len(self._held) < length:
            got = self.socket.recv(65536)
            if not got:
                break
            self._held += got
        body, self._held = self._held[:length], self._held[length:]
        return Reply(head + body)


def request(method, target, body=b"", *fields):
    lines = [f"{method} {target} HTTP/1.1", "Host: stsmapd", *fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def ask(path, method, target, body=b""):
    with Client(path) as client:
        client.send(request(method, target, body, "Connection: close"))
        return Reply(client.read_all())


def talk(path, octets):
    """What comes back for these octets, to the end of the connection."""
    with Client(path) as client:
        try:
            client.send(octets)
            client.socket.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it was refused before all of it was sent
        return Reply(client.read_all())


AS_USER = """
import os, socket, sys
user = int(sys.argv[3])
os.setgroups([])
os.setresgid(user, user, user)
os.setresuid(user, user, user)
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.settimeout(30)
s.connect(sys.argv[1])
s.sendall(sys.argv[2].encode("latin-1"))
while got := s.recv(65536):
    sys.stdout.buffer.write(got)
"""


def ask_as(user, path, method, target):
    """As another user; only for root."""
    octets = request(method, target, b"", "Connection: close").decode("latin-1")
    done = subprocess.run(
        [sys.executable, "-c", AS_USER, path, octets, str(user)],
        capture_output=True,
        timeout=60,
        check=False,
        cwd="/",
    )
    if done.returncode != 0:
        raise ConnectionError(done.stderr.decode())
    return Reply(done.stdout)
