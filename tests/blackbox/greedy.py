"""Clients that ask without pause and read every answer at once, in a separate process (like probe.py).

    python3 -m blackbox.greedy ADDRESS CONNECTIONS KIND KEY

KIND is `pipeline` (requests go out as long as the daemon takes them), `turns` (one at a time on each connection),
or `reconnect` (as many as fit into 32 KiB, then a new connection). Ends when standard input does, and prints how many
octets of answers came.
"""

import selectors
import sys

from pylib.process import Helper, helper_says, helper_started
from pylib.socketmap import connect, frame

SERVED = b"served\n"
OCTETS = 32 * 1024


class Greedy:
    """The process. Every request asks for `key`; a "%d" in it becomes the request's number."""

    def __init__(self, case, address, connections, kind, key, name="sts"):
        self._helper = Helper("blackbox.greedy", address, connections, kind, name + " " + key)
        case.addCleanup(self.close)
        self.received = None  # octets received; set by close()

    def wait_served(self):
        """Waits for the first octets of an answer."""
        self._helper.wait_word(SERVED)

    def close(self):
        if self.received is None:
            _, output = self._helper.finish()
            self.received = int((output.split() or [b"0"])[-1])
        return self.received


class Requests:
    """Yields requests, a chunk of octets at a time."""

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
        one.setblocking(False)
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
    helper_started()
    while True:
        for key, events in poll.select():
            one = key.fileobj
            if one is sys.stdin:
                print(received)
                return
            try:
                if events & selectors.EVENT_READ:
                    count = one.recv_into(buffer)
                    if count and not received:
                        helper_says(SERVED)
                    received += count
                    if count == 0:
                        end(one)
                        continue
                    # The end of an answer; its text does not matter.
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
