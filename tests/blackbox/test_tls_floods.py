"""Many policy hosts at once send, as fast as they can, what keeps a TLS client busy. Known domains are answered as
usual, honest new ones are learnt, memory does not grow, and the daemon's watchdog messages go on.

The floods come from build/tests/tls_flooder. The times here are for a run of seconds; tests/hostile-run sets longer
ones in the environment.
"""

import os
import subprocess
import threading
import time
import unittest

from blackbox import harness
from blackbox.harness import NOTFOUND, SECURE
from blackbox.probe import Probe
from pylib.programs import is_sanitized
from pylib.socketmap import Closed, frame
from pylib.waiting import LATE, wait_for

SECONDS = float(os.environ.get("STSMAPD_FLOOD_SECONDS", 2))  # of each flood
FLOODER = os.path.join(os.path.dirname(harness.STSMAPD), "tests", "tls_flooder")
OPEN = 64  # pending questions for flooding hosts: as many as there are places for fetches
WATCHDOG = 2  # seconds
COLD = float(os.environ.get("STSMAPD_FLOOD_COLD", 3))  # seconds; 1 where nothing else runs


class Feeder:
    """Asks for one flooding domain after the other, so that OPEN of them are always being looked up."""

    def __init__(self, case, daemon):
        self._world, self._daemon = case.world, daemon
        self.asked, self.answers = 0, {}
        self._lock = threading.Lock()
        self._closing = False
        self._clients = [daemon.client() for _ in range(8)]
        self._threads = [threading.Thread(target=self._feed, args=(one,), daemon=True) for one in self._clients]
        for thread in self._threads:
            thread.start()

    def _next(self):
        with self._lock:
            self.asked += 1
            domain = "f%d.flood.test" % self.asked
        self._world.record(domain, "1")
        return frame("sts " + domain)

    def _feed(self, client):
        try:
            for _ in range(OPEN // len(self._clients)):
                client.send(self._next())
            while not self._closing:
                answer = client.reply()
                with self._lock:
                    self.answers[answer] = self.answers.get(answer, 0) + 1
                client.send(self._next())
        except (OSError, Closed):
            pass  # the daemon has ended

    def close(self):
        self._closing = True
        for client in self._clients:
            client.close()


@unittest.skipUnless(os.path.exists(FLOODER), "no " + FLOODER)
class TlsFloodTest(harness.Case):
    def flood(self, kind):
        flooder = subprocess.Popen(
            # Low priority: the flooder's work must not slow down the daemon.
            ["nice", "-n", "19", FLOODER, kind, str(self.world.hosts.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.addCleanup(flooder.wait)
        self.addCleanup(flooder.stdout.close)
        self.addCleanup(flooder.kill)
        port, ca_file = flooder.stdout.readline().split()
        bundle = self.world.path("bundle.pem")
        with open(bundle, "w") as file:
            for part in (ca_file, self.world.hosts.authority.root):
                with open(part) as one:
                    file.write(one.read())
        return {"proxy": "http://127.0.0.1:" + port, "ca_file": bundle, "timeout": "20s"}

    def check(self, kind):
        names = ["c%d.test" % number for number in range(int(SECONDS * 4) + 4)]
        context = self.world.hosts.context(*["mta-sts." + name for name in names[:100]], "mta-sts.good.test")
        for name in names[:100]:
            self.world.policy(name, context=context)
        self.world.policy("good.test", context=context)
        daemon = self.start(
            deadline="9s", fetch=self.flood(kind), environment={"WATCHDOG_USEC": str(WATCHDOG * 1000000)}
        )
        self.assertEqual(daemon.ask("good.test"), SECURE)
        probe = Probe(self, daemon, "good.test")
        self.addCleanup(probe.close)
        probe.phase("during")
        feeder = Feeder(self, daemon)
        self.addCleanup(feeder.close)
        wait_for(lambda: feeder.asked >= OPEN)
        time.sleep(0.3)
        memory, cold = [daemon.memory()], []
        fed = daemon.notifications.count("WATCHDOG=1")
        end = time.monotonic() + SECONDS
        began = time.monotonic()
        while time.monotonic() < end and len(cold) < len(names[:100]):
            asked = time.monotonic()
            self.assertEqual(daemon.ask(names[len(cold)]), SECURE, kind)
            cold.append(time.monotonic() - asked)
            memory.append(daemon.memory())
            time.sleep(max(0, min(SECONDS / 40 + 0.05, end - time.monotonic())))
        lasted = time.monotonic() - began
        wait_for(lambda: daemon.notifications.count("WATCHDOG=1") - fed >= int(lasted / WATCHDOG))
        # SIGTERM during the flood.
        probe.close()
        began = time.monotonic()
        daemon.process.terminate()
        self.assertEqual(daemon.wait_exit(LATE), 0, daemon.log())
        stopped = time.monotonic() - began
        cold.sort()
        probe.report(
            "%s: %d hosts flooded in %.0f s; cold p50 %.0f max %.0f ms (%d); RSS MB %.0f, at most %.0f; stopped in %.2f s"
            % (
                kind,
                feeder.asked,
                lasted,
                cold[len(cold) // 2] * 1e3,
                cold[-1] * 1e3,
                len(cold),
                memory[0] / 1024,
                max(memory) / 1024,
                stopped,
            )
        )
        self.assertLess(cold[-1], COLD * (1 if not is_sanitized() else 5), kind)
        if not is_sanitized():
            # A few hundred octets for each failed name, and what the allocator keeps.
            self.assertLess(max(memory) - memory[0], 30_000 + feeder.asked, "kilobytes")
            self.assertLess(probe.work_p99("during"), 0.02, "seconds of the daemon's own, back end included")
        self.assertEqual(set(feeder.answers) - {NOTFOUND}, set(), "a stranger's trouble is no TEMP")


def add(kind):
    setattr(TlsFloodTest, "test_" + kind, lambda self: self.check(kind))


KINDS = (
    "hello_requests fragments empty_records alerts cipher_changes junk certificates key_updates tickets "
    "renegotiations one_octet head interim chunks body proxy_head"
)
for name in os.environ.get("STSMAPD_FLOODS", KINDS).split():
    add(name)


if __name__ == "__main__":
    unittest.main()
