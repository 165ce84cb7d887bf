"""Ports, and servers that run in a thread."""

import socket
import threading


def listening(address, port):
    """Whether a TCP connection to the address is taken."""
    try:
        with socket.create_connection((address, port), 1):
            return True
    except OSError:
        return False


def usable(address):
    """Whether the address is there (a machine may have no IPv6)."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((address, 0))
        return True
    except OSError:
        return False


def udp_and_tcp(port=0, address="127.0.0.1"):
    """Two bound sockets with the same port, UDP and TCP (which listens); 0: one of the system's choice."""
    for _ in range(50):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((address, port))
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tcp.bind(udp.getsockname())
            tcp.listen(64)
            return udp, tcp
        except OSError:
            udp.close()
            tcp.close()
    raise RuntimeError("no port is free for UDP and TCP")


def free_port():
    """A port free for UDP and TCP a moment ago; the caller tries again should it be taken meanwhile."""
    udp, tcp = udp_and_tcp()
    with udp, tcp:
        return udp.getsockname()[1]


class Datagrams:
    """Calls handle(datagram, peer) for each datagram that comes to the socket, in a thread; not for empty ones."""

    def __init__(self, bound, handle):
        self.socket = bound
        self._handle = handle
        self._open = True
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            datagram, peer = self.socket.recvfrom(65536)
            if datagram:
                self._handle(datagram, peer)
            elif not self._open:
                return

    def close(self):
        """What came before it is still handled. Once is enough."""
        if self.socket.fileno() < 0:
            return
        self._open = False
        # Wakes the thread: closing a socket that another thread waits on does not.
        with socket.socket(self.socket.family, socket.SOCK_DGRAM) as nudge:
            nudge.sendto(b"", self.socket.getsockname())
        self._thread.join(5)
        self.socket.close()


class Streams:
    """Calls handle(connection) for each connection to the listening socket, in its own thread. What handle() does
    with a peer that leaves, OSError, is its end."""

    def __init__(self, listener, handle):
        self.socket = listener
        self._handle = handle
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection):
        try:
            with connection:
                self._handle(connection)
        except OSError:
            pass

    def close(self):
        """Once is enough."""
        if self.socket.fileno() < 0:
            return
        self.socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self.socket.close()
