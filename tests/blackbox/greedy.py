"""Clients that ask without end and take every answer at once, in a process of its own (as probe.py).

    greedy.py ADDRESS CONNECTIONS KIND KEY

KIND is `pipeline` (requests go out as long as the daemon takes them), `turns` (one at a time on each connection),
or `reconnect` (as many as fit into 32 KiB, then a new connection). Ends when standard input does, and prints how many octets
of answers came.
"""

import selectors
import socket
import subprocess
import sys

from socketmap import frame

STARTED = b"started\n"
OCTETS = 32 * 1024


class Greedy:
    """The process. `key` goes into every request; with a "%d" in it each request has a number of its own."""

    def __init__(self, case, address, connections, kind, key, name="sts"):
        self._case = case
        self._process = subprocess.Popen(
            [sys.executable, __file__, address, str(connections), kind, name + " " + key],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        case.addCleanup(self.close)
        assert self._process.stdout.read(len(STARTED)) == STARTED
        self.received = None  # octets, once closed

    def close(self):
        if self.received is None:
            output, _ = self._process.communicate(timeout=60)
            self.received = int(output or b"0")
        return self.received


def connect(address):
    kind, _, rest = address.partition(":")
    if kind == "unix":
        one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        one.connect(rest)
    else:
        host, _, port = rest.rpartition(":")
        one = socket.create_connection((host.strip("[]"), int(port)))
    one.setblocking(False)
    return one


class Requests:
    """Octets of requests, a chunk at a time."""

    def __init__(self, payload):
        self._payload = payload
        self._number = 0
        self._same = None if "%d" in payload else frame(payload) * (OCTETS // len(frame(payload)))

    def one(self):
        self._number += 1
        return frame(self._payload % self._number if "%d" in self._payload else self._payload)

    def chunk(self):
        if self._same:
            return self._same
        many = b""
        while len(many) < OCTETS:
            many += self.one()
        return many


def main():
    address, connections, kind, payload = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    requests = Requests(payload)
    buffer = bytearray(1 << 20)
    received = 0
    poll = selectors.DefaultSelector()
    left = {}  # connection -> octets that are still to be sent

    def begin():
        one = connect(address)
        left[one] = requests.one() if kind == "turns" else requests.chunk()
        poll.register(one, selectors.EVENT_READ | (0 if kind == "turns" else selectors.EVENT_WRITE))
        if kind == "turns":
            one.send(left[one])

    def end(one):
        poll.unregister(one)
        del left[one]
        one.close()
        begin()

    for _ in range(connections):
        begin()
    poll.register(sys.stdin, selectors.EVENT_READ)
    sys.stdout.buffer.write(STARTED)
    sys.stdout.buffer.flush()
    while True:
        for key, events in poll.select():
            one = key.fileobj
            if one is sys.stdin:
                print(received)
                return
            try:
                if events & selectors.EVENT_READ:
                    count = one.recv_into(buffer)
                    received += count
                    if count == 0:
                        end(one)
                        continue
                    # The end of an answer; what it is does not matter.
                    if kind == "turns" and buffer[count - 1] == ord(","):
                        one.send(requests.one())
                if events & selectors.EVENT_WRITE:
                    left[one] = left[one][one.send(left[one]) :]
                    if not left[one] and kind == "reconnect":
                        end(one)
                    elif not left[one]:
                        left[one] = requests.chunk()
            except BlockingIOError:
                pass
            except ConnectionError:
                end(one)


if __name__ == "__main__":
    main()
