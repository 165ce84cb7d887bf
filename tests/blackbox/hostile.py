"""What a policy host or a name server can do wrong, as functions for PolicyHosts and DnsServer."""

import socket
import ssl
import struct
import time


LIMIT = 30  # seconds until they end by themselves, if the daemon does not end them


def reset(connection):
    """Ends a TCP connection with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def drain(connection):
    """Waits until the daemon closes the connection."""
    connection.settimeout(LIMIT)
    while connection.recv(65536):
        pass


def dribble(send, octets, every=1.0):
    """One octet a second, until the daemon closes the connection."""
    end = time.monotonic() + LIMIT
    for octet in octets:
        if time.monotonic() > end:
            return
        send(bytes([octet]))
        time.sleep(every)


def ask_all(case, daemon, domains):
    """Asks for all domains at once, each on its own connection: domain -> answer."""
    clients = case.crowd(daemon, domains)
    answers = [client.reply() for client in clients]
    for client in clients:
        client.close()
    return dict(zip(domains, answers))


# Before and during the TLS handshake.


def raw(octets, then=drain):
    """Takes the ClientHello and answers with these octets."""

    def behave(connection, _page, _got):
        connection.recv(65536)
        connection.sendall(octets)
        then(connection)

    return behave


def alert(description, level=2):
    return struct.pack("!BHHBB", 21, 0x0303, 2, level, description)


def server_hello(version):
    body = struct.pack("!H", version) + b"r" * 32 + b"\0" + b"\xc0\x2f" + b"\0"
    message = b"\x02" + struct.pack("!I", len(body))[1:] + body
    return struct.pack("!BHH", 22, min(version, 0x0303), len(message)) + message


def within_handshake(stop, then, tls_1_2=False):
    """Speaks TLS until `stop`, a function of the octets sent so far and of those to send now, gives the number of
    the latter that are still sent; then does `then`. None: continue."""

    def behave(connection, page, _got):
        context = page.context
        if tls_1_2:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=True)
        sent = b""
        while True:
            try:
                tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                done = False
            octets = outgoing.read()
            cut = stop(sent, octets)
            if cut is not None:
                connection.sendall(octets[:cut])
                return then(connection)
            connection.sendall(octets)
            sent += octets
            if done:
                return drain(connection)
            more = connection.recv(65536)
            if not more:
                return None
            incoming.write(more)

    return behave


def first_flight(part):
    """Stops within the server's first flight, after this part of it (0 to 1)."""

    def stop(sent, octets):
        return int(len(octets) * part) if octets and not sent else None

    return stop


def behind_certificate(sent, octets):
    """Stops in TLS 1.2 right after the Certificate message; the messages after it would also be in clear text."""
    if sent or not octets:
        return None
    at = 0
    while at + 5 < len(octets):
        size = struct.unpack("!H", octets[at + 3 : at + 5])[0]
        record_end = at + 5 + size
        message = at + 5
        while message < record_end:
            length = int.from_bytes(octets[message + 1 : message + 4], "big")
            if octets[message] == 11:
                return record_end if message + 4 + length == record_end else len(octets)
            message += 4 + length
        at = record_end
    return len(octets)


# After the handshake.


def inside(respond):
    """Takes the handshake and the GET, then calls respond(tls, page)."""

    def behave(connection, page, got):
        with page.context.wrap_socket(connection, server_side=True) as tls:
            tls.settimeout(LIMIT)
            head = b""
            while b"\r\n\r\n" not in head:
                more = tls.recv(4096)
                if not more:
                    return
                head += more
            got()
            respond(tls, page)

    return behave


def say(octets, clean=True):
    """This response, then the end: with close_notify, or without."""

    def respond(tls, _page):
        tls.sendall(octets)
        if clean:
            tls.unwrap()

    return inside(respond)


def for_ever(head, piece):
    """`piece` again and again until the daemon closes the connection."""

    def respond(tls, _page):
        tls.sendall(head)
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            tls.sendall(piece)

    return inside(respond)


def response(body, head="", status="200 OK", kind="text/plain"):
    text = "HTTP/1.1 %s\r\nContent-Type: %s\r\n%sContent-Length: %d\r\n\r\n" % (status, kind, head, len(body))
    return text.encode() + (body if isinstance(body, bytes) else body.encode())


def dribbled(tls, page):
    dribble(tls.sendall, response(page.body))


def hang(tls, _page):
    drain(tls)


def cut_by_reset(tls, page):
    tls.sendall(response(page.body)[:-10])
    # The socket itself: no close_notify, and an RST after the octets already sent.
    reset(socket.socket(fileno=tls.detach()))


# DNS.


def drop(_exchange):
    pass


def late(seconds):
    def behave(exchange):
        time.sleep(seconds)
        answer(exchange, exchange.reply)

    return behave


def answer(exchange, reply):
    framed = reply if exchange.transport == "udp" else struct.pack("!H", len(reply)) + reply
    exchange.send(framed)


def changed(change):
    """The right reply, changed by a function, over both transports."""
    return lambda exchange: answer(exchange, change(bytearray(exchange.reply)))


def wrong_id(reply):
    reply[1] ^= 1
    return reply


def wrong_name(reply):
    reply[13] ^= 1  # changes the first letter of the question's name
    return reply


def wrong_type(reply):
    end = reply.index(b"\0", 12)
    reply[end + 1 : end + 3] = struct.pack("!H", 1)
    return reply


def no_reply_bit(reply):
    reply[2] &= 0x7F
    return reply


def cut_short(reply):
    return reply[: len(reply) // 2]


def garbage(reply):
    return bytes((i * 37 + 11) % 256 for i in range(len(reply)))


def too_many_records(reply):
    reply[6:8] = b"\xff\xff"
    return reply


def looping_pointer(reply):
    at = bytes(reply).index(b"\0", 12) + 5  # the owner name of the first record
    reply[at : at + 2] = struct.pack("!H", 0xC000 | at)
    return bytes(reply[: at + 2]) + bytes(reply[at:])


def from_elsewhere(exchange):
    """The right reply from the wrong address, which the daemon must ignore."""
    if exchange.transport != "udp":
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        other.sendto(exchange.reply, exchange.peer)


def over_tcp(behave):
    """Sets TC over UDP, and does `behave` over TCP."""

    def both(exchange):
        if exchange.transport == "tcp":
            return behave(exchange)
        question_end = exchange.query.index(b"\0", 12) + 5
        reply = bytearray(exchange.query[:question_end])
        reply[2:4] = b"\x83\x80"
        reply[4:12] = struct.pack("!4H", 1, 0, 0, 0)
        exchange.send(bytes(reply))
        return None

    return both


def tcp_reset(exchange):
    reset(exchange.connection)


def tcp_close(_exchange):
    pass


def tcp_close_in_reply(exchange):
    exchange.send((struct.pack("!H", len(exchange.reply)) + exchange.reply)[:-5])


def tcp_silent(exchange):
    drain(exchange.connection)


def tcp_dribble(exchange):
    dribble(exchange.send, struct.pack("!H", len(exchange.reply)) + exchange.reply)


def tcp_empty(exchange):
    exchange.send(b"\0\0")


def still_truncated(exchange):
    reply = bytearray(exchange.reply)
    reply[2] |= 2
    answer(exchange, reply)


def truncated_to_nothing(reply):
    reply = reply[: bytes(reply).index(b"\0", 12) + 5]
    reply[2] |= 2
    reply[6:12] = b"\0" * 6
    return reply


def servfail(reply):
    reply = reply[: bytes(reply).index(b"\0", 12) + 5]
    reply[3] |= 2
    reply[6:12] = b"\0" * 6
    return reply


def unless_edns(behave):
    """The right reply to a question without EDNS, and `behave` to one with it."""
    return lambda exchange: behave(exchange) if exchange.query[11] else answer(exchange, exchange.reply)
