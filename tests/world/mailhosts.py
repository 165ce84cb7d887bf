"""Mail hosts that answer as their tests want, right or wrong, each at an address of its own on port 25.

They run in threads of this process, take mail and forget it, and remember what each connection said.
"""
import socket
import ssl
import threading
import time
import warnings
from dataclasses import dataclass, field

from pylib.process import run

# What is said, instead of octets, at a point where the connection stays silent, or ends.
SILENCE, CLOSE = "silence", "close"


@dataclass
class MailHost:
    """What one host does. Replies are octets, or SILENCE or CLOSE; `pieces`: the banner in pieces, with a pause of so
    many seconds before each."""

    certificate: tuple = ()  # (chain, key); (): none
    banner: object = b"220 mx ESMTP\r\n"
    pieces: tuple = ()
    ehlo: object = b"250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n"
    helo: object = b"250 mx\r\n"
    starttls: object = b"220 2.0.0 go ahead\r\n"
    instead_of_tls: object = None  # of the handshake: octets, SILENCE or CLOSE
    versions: tuple = ()  # (oldest, newest) of ssl.TLSVersion
    ciphers: str = ""
    named: dict = field(default_factory=dict)  # SNI -> certificate
    wants_certificate: bool = False


class Ended(Exception):
    """The connection is over."""


class MailHosts:
    """`hosts`: address -> MailHost, or None for nobody. `heard(address)`: for each connection the lines that it said."""

    def __init__(self, hosts):
        self.hosts = hosts
        self.listeners = []
        self.added = []  # addresses to the interface, as `ip addr` takes them
        self.said = {address: [] for address in hosts}
        self.peers = {address: [] for address in hosts}  # who connected
        self.lock = threading.Lock()
        self.ended = threading.Event()

    def start(self):
        for address, host in self.hosts.items():
            six = ":" in address
            local = address + ("/128" if six else "/32")
            run("ip", "addr", "add", local, "dev", "lo", *(["nodad"] if six else []))
            self.added.append(local)
            if host is None:
                continue
            listener = socket.socket(socket.AF_INET6 if six else socket.AF_INET)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address, 25))
            listener.listen(64)
            self.listeners.append(listener)
            threading.Thread(target=self._accept, args=(listener, address, host), daemon=True).start()

    def stop(self):
        self.ended.set()
        for listener in self.listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for local in self.added:
            run("ip", "addr", "del", local, "dev", "lo")

    def heard(self, address):
        with self.lock:
            return [list(lines) for lines in self.said[address]]

    def _accept(self, listener, address, host):
        while True:
            try:
                connection, peer = listener.accept()
            except OSError:
                return
            lines = []
            with self.lock:
                self.said[address].append(lines)
                self.peers[address].append(peer[0])
            threading.Thread(target=self._serve, args=(connection, host, lines), daemon=True).start()

    def _serve(self, connection, host, lines):
        talk = Talk(connection, host, lines, self.lock, self.ended)
        try:
            talk.run()
        except (OSError, Ended, ValueError):
            pass
        finally:
            talk.connection.close()


class Talk:
    """One connection."""

    def __init__(self, connection, host, lines, lock, ended):
        self.connection, self.host, self.lines, self.lock, self.ended = connection, host, lines, lock, ended
        self.connection.settimeout(300)
        self.rest = b""
        self.tls = False

    def run(self):
        for pause, piece in self.host.pieces:
            time.sleep(pause)
            self.connection.sendall(piece)
        if not self.host.pieces:
            self.say(self.host.banner)
        while True:
            line = self.line()
            verb = line.upper().split(" ")[0].split(":")[0]
            if verb == "QUIT":
                self.say(b"221 2.0.0 bye\r\n")
                raise Ended
            if verb == "EHLO":
                self.say(b"250 mx\r\n" if self.tls else self.host.ehlo)
            elif verb == "HELO":
                self.say(self.host.helo)
            elif verb == "STARTTLS" and not self.tls:
                self.say(self.host.starttls)
                if self.host.starttls.startswith(b"2"):
                    self.shake()
            elif verb == "DATA":
                self.say(b"354 go on\r\n")
                while self.line() != ".":
                    pass
                self.say(b"250 2.0.0 taken\r\n")
            else:
                self.say(b"250 2.0.0 fine\r\n")

    def say(self, what):
        if what == SILENCE:
            while not self.ended.wait(0.2):
                if not self.connection.recv(4096):
                    break
            raise Ended
        if what == CLOSE:
            raise Ended
        self.connection.sendall(what)

    def line(self):
        while b"\n" not in self.rest:
            octets = self.connection.recv(4096)
            if not octets:
                raise Ended
            self.rest += octets
        line, _, self.rest = self.rest.partition(b"\n")
        text = line.rstrip(b"\r").decode("ascii", "replace")
        with self.lock:
            self.lines.append(("TLS: " if self.tls else "") + text)
        return text

    def shake(self):
        if self.host.instead_of_tls is not None:
            self.connection.recv(1, socket.MSG_PEEK)
            self.say(self.host.instead_of_tls)
            raise Ended
        context = self.context(self.host.certificate)
        others = {name: self.context(certificate) for name, certificate in self.host.named.items()}

        def choose(connection, name, _):
            if name in others:
                connection.context = others[name]

        context.sni_callback = choose
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.tls = True

    def context(self, certificate):
        warnings.simplefilter("ignore", DeprecationWarning)  # of TLS 1.1
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers(self.host.ciphers or "ALL:@SECLEVEL=0")
        if certificate:
            context.load_cert_chain(*certificate)
        if self.host.versions:
            context.minimum_version, context.maximum_version = self.host.versions
        if self.host.wants_certificate:
            context.load_verify_locations(certificate[0])
            context.verify_mode = ssl.CERT_REQUIRED
        return context
