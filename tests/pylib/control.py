"""A client of the control socket: HTTP with the standard library."""

import http.client
import json
from urllib.parse import quote, urlencode

from pylib.socketmap import connect


class _Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("stsmapd", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = connect("unix:" + self._path, self.timeout)


class Control:
    """control.get("domains", "example.com"), control.post("domains", name, "refresh"): the object of the reply, with its
    status in .status."""

    def __init__(self, path, timeout=60):
        self.path = path
        self.timeout = timeout
        self.status = None

    def open(self, method, *parts, body=None, **query):
        """The connection and its reply, which is still to be read."""
        target = "/v1" + "".join("/" + quote(part, safe="") for part in parts)
        if query:
            target += "?" + urlencode(query)
        connection = _Connection(self.path, self.timeout)
        connection.request(method, target, body=body)
        reply = connection.getresponse()
        self.status = reply.status
        return connection, reply

    def read(self, method, *parts, body=None, **query):
        connection, reply = self.open(method, *parts, body=body, **query)
        try:
            return reply.read()
        finally:
            connection.close()

    def text(self, path):
        """Of a reply outside /v1."""
        connection = _Connection(self.path, self.timeout)
        try:
            connection.request("GET", path)
            reply = connection.getresponse()
            self.status = reply.status
            return reply.read().decode()
        finally:
            connection.close()

    def _object(self, method, *parts, body=None, **query):
        return json.loads(self.read(method, *parts, body=body, **query))

    def get(self, *parts, **query):
        return self._object("GET", *parts, **query)

    def post(self, *parts, body=None, **query):
        return self._object("POST", *parts, body=body, **query)

    def delete(self, *parts, **query):
        return self._object("DELETE", *parts, **query)

    def lines(self, *parts, **query):
        """The objects of a stream."""
        return [json.loads(line) for line in self.read("GET", *parts, **query).splitlines()]
