"""Mail servers for tests, up to the certificate: they greet, answer EHLO and STARTTLS, and take no mail."""

import collections
import socket
import ssl
import threading

from pylib.net import Streams


class MailServers:
    """Any number of mail servers at addresses of 127.0.0.0/8, all at one port. Each may misbehave on request, and all
    connections and commands are kept. Use as a context manager, or call close()."""

    def __init__(self, address="127.0.0.1"):
        self._lock = threading.Lock()
        self._servers = []
        self._contexts, self._behaviours = {}, {}
        self.connections = collections.Counter()  # address -> connections
        self.commands = []  # (address, verb), in order
        self.names = []  # (address, SNI, or None)
        self.helo = set()  # what was said with EHLO
        self.open = collections.Counter()  # address -> connections that are open
        self.most_open = collections.Counter()
        self.port = 0
        self.closing = threading.Event()
        self._first = address

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.closing.set()
        for server in self._servers:
            server.close()

    def add(self, address, chain, key, behaviour="serve"):
        """`behaviour`: "serve"; "no-starttls"; "starttls-502"; "hang": no banner; or the banner itself, such as "554 5.7.1 no"."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
        context.sni_callback = lambda tls, name, _: self.names.append((address, name))
        self._contexts[address], self._behaviours[address] = context, behaviour
        listener = socket.create_server((address, self.port), backlog=64)
        self.port = self.port or listener.getsockname()[1]
        self._servers.append(Streams(listener, lambda connection: self._count(connection, address)))

    def behave(self, address, behaviour):
        """From the next connection on."""
        self._behaviours[address] = behaviour

    def total(self):
        with self._lock:
            return sum(self.connections.values())

    def verbs(self):
        with self._lock:
            return {verb for _, verb in self.commands}

    def _count(self, connection, address):
        with self._lock:
            self.connections[address] += 1
            self.open[address] += 1
            self.most_open[address] = max(self.most_open[address], self.open[address])
        streams = [connection]
        try:
            self._talk(streams, address)
        finally:
            streams[-1].close()
            with self._lock:
                self.open[address] -= 1

    def _talk(self, streams, address):
        """The last of `streams` is the one in use."""
        [connection] = streams
        connection.settimeout(60)
        behaviour = self._behaviours[address]
        if behaviour == "hang":
            self.closing.wait(60)
            return
        greets = behaviour in ("serve", "no-starttls", "starttls-502")
        connection.sendall((f"220 {address} ESMTP" if greets else behaviour).encode() + b"\r\n")
        stream, lines = connection, connection.makefile("rb")
        while True:
            line = lines.readline(1000)
            if not line:
                return
            words = line.decode("latin-1").split()
            verb = words[0].upper() if words else ""
            with self._lock:
                self.commands.append((address, verb))
                if verb == "EHLO":
                    self.helo.add(words[1])
            if verb == "EHLO":
                offer = b"" if behaviour == "no-starttls" or stream is not connection else b"250-STARTTLS\r\n"
                stream.sendall(b"250-me\r\n" + offer + b"250 8BITMIME\r\n")
            elif verb == "STARTTLS" and behaviour != "starttls-502":
                stream.sendall(b"220 go on\r\n")
                stream = self._contexts[address].wrap_socket(connection, server_side=True)
                streams.append(stream)
                lines = stream.makefile("rb")
            elif verb == "QUIT":
                stream.sendall(b"221 bye\r\n")
                return
            else:
                stream.sendall(b"502 no such thing here\r\n")
