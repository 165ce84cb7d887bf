"""Policy hosts for tests: one loopback HTTP proxy that answers CONNECT mta-sts.DOMAIN:443 itself, over TLS.

The daemon reaches it through its option fetch.proxy, so no port 443 and no root is needed. Certificates come
from a test CA made with the openssl command. Every host can misbehave on request; every GET is counted.
"""

import collections
import os
import socket
import ssl
import threading

from pylib.ca import Authority
from pylib.net import Streams


class Page:
    """What one policy host serves, and how."""

    def __init__(self, body, context, **options):
        self.body = body if isinstance(body, bytes) else body.encode()
        self.context = context
        self.status = options.pop("status", "200 OK")
        self.content_type = options.pop("content_type", "text/plain")
        # "serve"; "hang": takes the GET and never answers; "hang-tls": no handshake; "cut": closes within the
        # body; "dribble": an octet at a time; "refuse": the proxy says 502. Or a function that gets the
        # connection (after CONNECT, before TLS), the Page, and a function to call when the GET has come.
        self.behaviour = options.pop("behaviour", "serve")
        assert not options, options


class PolicyHosts:
    """hosts.port is the proxy's port on 127.0.0.1. Use as a context manager, or call close()."""

    def __init__(self, folder):
        self.authority = Authority(os.path.join(folder, "ca"), intermediate=False)
        self._lock = threading.Lock()
        self._pages = {}
        self.gets = collections.Counter()  # domain -> GETs of the policy
        self.connects = collections.Counter()  # domain -> tunnels asked for
        self.paths = []  # (domain, request line)
        self._gates = {}  # domain -> the Event its GETs wait for
        self.unplugged = False  # every CONNECT is refused
        self._closing = threading.Event()
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = listener.getsockname()[1]
        self._server = Streams(listener, self._tunnel)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._closing.set()
        for gate in self._gates.values():
            gate.set()
        self._server.close()

    # Called by the test.

    def context(self, *names, authority=None):
        """A TLS context with a certificate for `names`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # No host has this common name: nobody may look at it.
        context.load_cert_chain(*(authority or self.authority).leaf(names, "policy host"))
        return context

    def add(self, domain, body, context=None, **options):
        """Serves `body` as the policy of `domain`, with the same certificate as before unless `context` is given."""
        with self._lock:
            old = self._pages.get(domain)
        if context is None:
            context = old.context if old else self.context("mta-sts." + domain)
        with self._lock:
            self._pages[domain] = Page(body, context, **options)

    def remove(self, domain):
        with self._lock:
            self._pages.pop(domain, None)

    def hold(self, domain):
        """Makes every GET for the domain wait until the returned event is set."""
        gate = threading.Event()
        with self._lock:
            self._gates[domain] = gate
        return gate

    def count(self, domain):
        with self._lock:
            return self.gets[domain]

    # What the daemon connects to.

    def _tunnel(self, connection):
        connection.settimeout(60)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = self._head(connection)
        words = head.split(b" ")
        if len(words) < 3 or words[0] != b"CONNECT" or not words[1].endswith(b":443"):
            connection.sendall(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n")
            return
        host = words[1][:-4].decode("latin-1").lower()
        domain = host[len("mta-sts.") :] if host.startswith("mta-sts.") else host
        with self._lock:
            self.connects[domain] += 1
            page = None if self.unplugged else self._pages.get(domain)
        if page is None or page.behaviour == "refuse":
            connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            return
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        if callable(page.behaviour):
            page.behaviour(connection, page, lambda: self._count(domain))
        elif page.behaviour == "hang-tls":
            self._closing.wait(60)
        else:
            with page.context.wrap_socket(connection, server_side=True) as tls:
                self._respond(tls, domain)

    def _count(self, domain):
        with self._lock:
            self.gets[domain] += 1

    def _respond(self, tls, domain):
        request = self._head(tls)
        if not request:
            return
        with self._lock:
            self.gets[domain] += 1
            self.paths.append((domain, request.split(b"\r\n")[0].decode("latin-1")))
            gate = self._gates.get(domain)
        if gate:
            gate.wait(60)
        with self._lock:
            page = self._pages.get(domain)
        if page is None or page.behaviour == "hang":
            self._closing.wait(60)
            return
        head = "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (
            page.status,
            page.content_type,
            len(page.body),
        )
        if page.behaviour == "cut":
            tls.sendall(head.encode() + page.body[: len(page.body) // 2])
            return
        if page.behaviour == "dribble":
            for octet in head.encode() + page.body:
                tls.sendall(bytes([octet]))
                if self._closing.wait(0.2):
                    return
            return
        tls.sendall(head.encode() + page.body)
        try:
            tls.unwrap()
        except OSError:
            pass

    @staticmethod
    def _head(stream):
        data = b""
        while b"\r\n\r\n" not in data:
            chunk = stream.recv(4096)
            if not chunk or len(data) > 65536:
                return b""
            data += chunk
        return data
