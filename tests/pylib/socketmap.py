"""A socketmap client for tests, with access to the bare octets."""

import socket

from pylib.waiting import LIMIT


def frame(payload):
    raw = payload if isinstance(payload, bytes) else payload.encode()
    return b"%d:%s," % (len(raw), raw)


def split(octets):
    """(payload, what follows) of a netstring, or None when it is not whole yet."""
    length, colon, rest = octets.partition(b":")
    if not colon or len(rest) <= int(length):
        return None
    assert rest[int(length) : int(length) + 1] == b",", octets
    return rest[: int(length)], rest[int(length) + 1 :]


class Closed(ConnectionError):
    """The connection was closed before a whole reply; args[0] is what came."""


def connect(address, limit=LIMIT):
    """A connected socket. `address` is "unix:/path" or "tcp:host:port"."""
    kind, _, where = address.partition(":")
    if kind == "unix":
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stream.settimeout(limit)
        try:
            stream.connect(where)
        except OSError:
            stream.close()
            raise
        return stream
    host, _, port = where.rpartition(":")
    return socket.create_connection((host.strip("[]") or "127.0.0.1", int(port)), limit)


class Client:
    """One connection."""

    def __init__(self, address, limit=LIMIT):
        self.socket = connect(address, limit)
        self._held = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, raw):
        self.socket.sendall(raw)

    def reply(self):
        """The next reply's payload as text."""
        while True:
            found = split(self._held)
            if found:
                self._held = found[1]
                return found[0].decode()
            chunk = self.socket.recv(65536)
            if not chunk:
                raise Closed(self._held)
            self._held += chunk

    def ask(self, key, name="sts"):
        raw = key if isinstance(key, bytes) else key.encode()
        self.send(frame(name.encode() + b" " + raw))
        return self.reply()

    def until_closed(self):
        """Everything that still comes."""
        while True:
            chunk = self.socket.recv(65536)
            if not chunk:
                return self._held
            self._held += chunk


def ask(address, key, name="sts", limit=LIMIT):
    """The reply to one request over a connection of its own."""
    with Client(address, limit) as client:
        return client.ask(key, name)
