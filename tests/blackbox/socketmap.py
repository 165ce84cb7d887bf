"""A socketmap client for tests, with access to the bare bytes."""

import socket

LIMIT = 30  # seconds; nothing here waits longer


def frame(payload):
    raw = payload if isinstance(payload, bytes) else payload.encode()
    return b"%d:%s," % (len(raw), raw)


class Closed(Exception):
    """The daemon closed the connection before a whole reply; args[0] is what came."""


class Client:
    """One connection. `address` is "unix:/path" or "tcp:host:port"."""

    def __init__(self, address, limit=LIMIT):
        kind, _, rest = address.partition(":")
        if kind == "unix":
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.settimeout(limit)
            target = rest
        else:
            host, _, port = rest.rpartition(":")
            host = host.strip("[]") or "127.0.0.1"
            self.socket = socket.socket(
                socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM
            )
            self.socket.settimeout(limit)
            target = (host, int(port))
        try:
            self.socket.connect(target)
        except OSError:
            self.socket.close()
            raise
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
            head, colon, rest = self._held.partition(b":")
            if colon:
                length = int(head)
                if len(rest) > length:
                    assert rest[length : length + 1] == b",", self._held
                    self._held = rest[length + 1 :]
                    return rest[:length].decode()
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
