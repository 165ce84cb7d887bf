"""A daemon's control socket that a test plays: it answers each request with what the test laid in for it, however
hostile that is.

    peer = ControlPeer(folder)
    peer.answer("GET", "/v1/overrides", peer.json({"overrides": []}))
    peer.requests[0].target
"""

import json
import os
import socketserver
import threading
from dataclasses import dataclass

NOW = "2026-11-28T20:35:20Z"
# GET /v1/fleet of a daemon with a shared cache, and the last comparison in it.
SYNC = {"running": False, "begun": NOW, "ended": NOW, "compared": 1, "newer": 0, "pushed": 1, "unreadable": 0}
FLEET_HOST = {"name": "a.test", "presence": "here", "version": "1", "at": NOW, "policies": 1, "counters": {}}
FLEET = {
    **{"configured": True, "version": "2", "now": NOW, "engine": "tls:a.test:6379", "up": True, "since": NOW},
    **{"subscribed": True, "lag_ms": 3, "host": "a.test", "prefix": "stsmapd", "hidden": False, "read_only": False},
    **{"keys": ["k2", "k1"], "waiting": {"writes": 1, "octets": 1, "dropped": 1}, "sync": SYNC},
    **{"refused": {"bad-seal": 1}, "hosts": [FLEET_HOST]},
}


@dataclass
class Request:
    method: str
    target: str
    headers: dict
    body: bytes


class _Handler(socketserver.StreamRequestHandler):
    def handle(self):
        try:
            while self.one():
                pass
        except (BrokenPipeError, ConnectionResetError):
            pass

    def one(self):
        line = self.rfile.readline().decode()
        if not line:
            return False
        method, target, _ = line.split(" ")
        headers = {}
        for field in iter(lambda: self.rfile.readline().decode().strip(), ""):
            name, value = field.split(":", 1)
            headers[name.lower()] = value.strip()
        if headers.get("transfer-encoding") == "chunked":
            body = b"".join(iter(self.chunk, b""))
        else:
            body = self.rfile.read(int(headers.get("content-length", 0)))
        return self.server.peer.serve(Request(method, target, headers, body), self.wfile.write)

    def chunk(self):
        size = int(self.rfile.readline(), 16)
        piece = self.rfile.read(size)
        self.rfile.readline()
        return piece


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        raise


class ControlPeer:
    def __init__(self, folder, name="control"):
        self.path = os.path.join(folder, name)
        self.requests = []
        self.answers = {}
        self.changed = threading.Condition()
        self.server = _Server(self.path, _Handler)
        self.server.peer = self
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, method, path, reply):
        """`reply`: octets, or a function of (request, write) that returns whether the connection goes on."""
        self.answers[method, path] = reply

    def serve(self, request, write):
        with self.changed:
            self.requests.append(request)
            self.changed.notify_all()
        path = request.target.split("?")[0]
        reply = self.answers.get((request.method, path))
        if reply is None:
            reply = self.error(404, "not-found", "no such path")
        if callable(reply):
            return reply(request, write)
        write(reply)
        return True

    def wait_requests(self, count, limit=20):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.requests) >= count, limit), self.requests
            return list(self.requests)

    @staticmethod
    def raw(body, status="200 OK", kind="application/json"):
        if isinstance(body, str):
            body = body.encode()
        return b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (
            status.encode(),
            kind.encode(),
            len(body),
            body,
        )

    @staticmethod
    def json(members, status="200 OK"):
        return ControlPeer.raw(json.dumps({"schema": 1, **members}), status)

    @staticmethod
    def error(status, code, words, **members):
        return ControlPeer.json({"error": {"code": code, "words": words, **members}}, "%d X" % status)

    @staticmethod
    def lines(objects, end=True):
        """A stream of objects, or of octets as they are; without the final chunk unless `end`."""
        out = b"HTTP/1.1 200 OK\r\nContent-Type: application/jsonl\r\nTransfer-Encoding: chunked\r\n\r\n"
        for one in objects:
            line = one if isinstance(one, bytes) else json.dumps({"schema": 1, **one}).encode() + b"\n"
            out += b"%x\r\n%s\r\n" % (len(line), line)
        return out + (b"0\r\n\r\n" if end else b"")


def broken(octets):
    """An answer after which the connection ends."""

    def serve(_, write):
        write(octets)
        return False

    return serve
