"""A TCP proxy in front of an engine that fails as networks and bad peers do, when a test says so."""

import socket
import struct
import threading

from pylib.socketmap import connect

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: a close sends RST


class FaultyProxy:
    """`upstream`: an address as of socketmap.connect(). The switch is `mode`, for all connections, also those that are
    open, from the next octets on:

        pass     what comes is passed on
        delay    each piece `seconds` later
        drip     towards the client, one octet a second
        hold     nothing is passed on, and nothing is lost: it goes on when the mode changes
        drop     what comes is thrown away, both ways
        garbage  the client gets octets that are no replies
        reset    the connection is reset, with the first octets or at once

    `drop` for a while leaves a connection half open: what was lost will never be answered.
    """

    def __init__(self, upstream):
        self.upstream = upstream
        self.seconds = 0.2
        self.connections = 0  # taken so far
        self._mode = "pass"
        self._changed = threading.Condition()
        self._open = set()
        self._closed = False
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = "tcp:127.0.0.1:%d" % self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def mode(self):
        return self._mode

    @mode.setter
    def mode(self, mode):
        with self._changed:
            self._mode = mode
            self._changed.notify_all()
            if mode == "reset":
                self._reset_all()

    def reset(self):
        """Resets the connections that are open; later ones are as the mode says."""
        with self._changed:
            self._reset_all()

    def close(self):
        with self._changed:
            self._closed = True
            self._mode = "reset"
            self._changed.notify_all()
            self._reset_all()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _reset_all(self):
        for each in self._open:
            try:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                each.shutdown(socket.SHUT_RD)  # wakes its thread, which closes it
            except OSError:
                pass

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                engine = connect(self.upstream, 5)
            except OSError:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                client.close()
                continue
            for each in (client, engine):
                each.settimeout(None)
                if each.family == socket.AF_INET:
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._changed:
                self._open |= {client, engine}
                gone = self._closed
            ends = [threading.Event(), threading.Event()]
            for source, target, down in ((client, engine, False), (engine, client, True)):
                threading.Thread(target=self._pump, args=(source, target, down, ends), daemon=True).start()
            if gone:
                self.reset()

    def _pump(self, source, target, down, ends):
        try:
            while True:
                octets = source.recv(65536)
                if not octets or not self._pass(octets, target, down):
                    break
        except OSError:
            pass
        with self._changed:
            reset = self._mode == "reset"
        for each in (source, target):
            try:
                if reset:
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                each.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)
            except OSError:
                pass
        ends[down].set()
        if ends[not down].wait(30) and down:  # the second thread of the two closes both
            with self._changed:
                self._open -= {source, target}
                source.close()
                target.close()

    def _pass(self, octets, target, down):
        """False: the connection is to end."""
        while octets:
            with self._changed:
                self._changed.wait_for(lambda: self._mode != "hold")
                mode = self._mode
            if mode == "reset":
                return False
            if mode == "drop":
                return True
            if mode == "delay":
                with self._changed:
                    self._changed.wait_for(lambda: self._mode != "delay", self.seconds)
            if mode == "garbage" and down:
                target.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n\0\xff" * 3)
                return True
            if mode == "drip" and down:
                target.sendall(octets[:1])
                octets = octets[1:]
                with self._changed:
                    self._changed.wait_for(lambda: self._mode != "drip", 1)
                continue
            target.sendall(octets)
            return True
        return True
