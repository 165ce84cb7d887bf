"""The protocol of Valkey and Redis (RESP2), both ends of it: a client, and a server in which a test says each reply."""

import socket

from pylib.net import Streams
from pylib.socketmap import connect
from pylib.waiting import LIMIT


class Refused(Exception):
    """An error reply: "WRONGPASS ..."."""


def command(*words):
    """The octets of a command."""
    raw = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(raw) + b"".join(b"$%d\r\n%s\r\n" % (len(each), each) for each in raw)


def read(lines):
    """The next reply, or as a list of octets the next command, from a file; octets, int, list, None, or Refused as a
    value. EOFError at the end."""
    line = lines.readline()
    if not line.endswith(b"\r\n"):
        raise EOFError
    kind, rest = line[:1], line[1:-2]
    if kind == b"+":
        return rest
    if kind == b"-":
        return Refused(rest.decode(errors="replace"))
    if kind == b":":
        return int(rest)
    if int(rest) < 0:
        return None
    if kind == b"$":
        octets = lines.read(int(rest) + 2)
        if len(octets) < int(rest) + 2:
            raise EOFError
        return octets[:-2]
    return [read(lines) for _ in range(int(rest))]


class Client:
    """One connection to an address as of socketmap.connect()."""

    def __init__(self, address, user="", password="", limit=LIMIT):
        self._socket = connect(address, limit)
        self._lines = self._socket.makefile("rb")
        if password:
            self.ask("AUTH", *([user] if user else []), password)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._lines.close()
        self._socket.close()

    def ask(self, *words):
        """The reply; an error reply is raised as Refused."""
        self._socket.sendall(command(*words))
        reply = self.hear()
        if isinstance(reply, Refused):
            raise reply
        return reply

    def hear(self):
        """The next that comes: a message, after SUBSCRIBE."""
        return read(self._lines)


class FakeEngine:
    """An engine that does what a test says. `answer`: gets the words of a command, as text, and returns the octets of
    the reply; "" leaves it unanswered. It may be replaced at any time."""

    OK, NIL = b"+OK\r\n", b"$-1\r\n"

    def __init__(self, answer=None):
        self.answer = answer or self.usual
        self.seen = []  # the words of all commands, without passwords
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = "tcp:127.0.0.1:%d" % listener.getsockname()[1]
        self._server = Streams(listener, self._serve)

    def close(self):
        self._server.close()

    @classmethod
    def usual(cls, words):
        """As an empty engine answers, whatever was written to it."""
        verb = words[0].upper()
        if verb == "ROLE":
            return b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"
        if verb == "SET" and words[-2:] == ["PXAT", "0"]:
            return b"-ERR invalid expire time in 'set' command\r\n"
        if verb in ("GET", "HGET"):
            return cls.NIL
        if verb == "MGET":
            return b"*%d\r\n" % (len(words) - 1) + cls.NIL * (len(words) - 1)
        if verb == "HGETALL":
            return b"*0\r\n"
        if verb == "SUBSCRIBE":
            name = words[1].encode()
            return b"*3\r\n$9\r\nsubscribe\r\n$%d\r\n%s\r\n:1\r\n" % (len(name), name)
        if verb in ("DEL", "HSET", "HDEL", "PUBLISH"):
            return b":0\r\n"
        return b"+PONG\r\n" if verb == "PING" else cls.OK

    def _serve(self, connection):
        connection.settimeout(120)
        with connection.makefile("rb") as lines:
            while True:
                try:
                    words = [word.decode("latin-1") for word in read(lines)]
                except (EOFError, ValueError, TypeError):
                    return
                self.seen.append(words[:1] if words[0].upper() == "AUTH" else words)
                connection.sendall(self.answer(words))
