"""How long cached answers take while something else happens, asked for at a fixed rate by a separate process."""

import array
import bisect
import collections
import sys
import time

from pylib.process import Helper, helper_started, helper_told_to_end
from pylib.socketmap import Client

SECURE = "OK secure match=mx1.good.test:.mail.test servername=hostname"


class Probe:
    """Asks for a domain that must be secure. A question's time counts from the moment at which it was due.

    It also notes the processor time that the daemon used between question and answer: that is how long the question
    waited for other work of the daemon, and not for a processor.
    """

    def __init__(self, case, daemon, domain, every=0.005, address=None):
        self._case = case
        self._every = every
        self._status = None
        self._helper = Helper("blackbox.probe", address or daemon.address, domain, every, daemon.process.pid)
        self._marks = [(time.monotonic(), "before")]
        self.times = collections.defaultdict(list)
        self.work = collections.defaultdict(list)  # phase -> the daemon's processor time for each question

    def wait(self, samples=100):
        """Waits until this many questions were asked in the phase."""
        time.sleep(max(0, self._marks[-1][0] + samples * self._every - time.monotonic()))

    def phase(self, name, samples=100):
        """Measures for at least this long, then begins a phase with another name."""
        self.wait(samples)
        self._marks.append((time.monotonic(), name))

    def close(self):
        """Ends the process; the test fails when an answer was wrong."""
        if self._status is None:
            self._status, output = self._helper.finish()
            samples = array.array("d", output[: len(output) // 24 * 24])
            starts = [start for start, _ in self._marks]
            for due, took, work in zip(samples[::3], samples[1::3], samples[2::3]):
                phase = self._marks[max(0, bisect.bisect(starts, due) - 1)][1]
                self.times[phase].append(took)
                self.work[phase].append(work)
            for phase in self.times:
                self.times[phase].sort()
                self.work[phase].sort()
        self._case.assertEqual(self._status, 0, "a wrong answer, or none; see above")

    def report(self, what):
        print("\n%s, cached answers at %d a second:" % (what, 1 / self._every))
        width = max(map(len, self.times))
        for phase, times in self.times.items():
            marks = tuple(1e3 * times[int(len(times) * part)] for part in (0.5, 0.99, 0.999))
            print("    %-*s p50 %7.3f  p99 %7.3f  p99.9 %7.3f  daemon's work, p99 %7.3f ms  (%d)"
                  % (width, phase, *marks, 1e3 * self.work_p99(phase), len(times)))

    def median(self, phase):
        return self.times[phase][len(self.times[phase]) // 2]

    def work_p99(self, phase):
        return self.work[phase][int(len(self.work[phase]) * 0.99)]


def main():
    address, domain, every = sys.argv[1], sys.argv[2], float(sys.argv[3])
    processor_clock = ~int(sys.argv[4]) << 3 | 2  # clock_getcpuclockid(3) of the daemon
    samples = array.array("d")
    with Client(address) as client:
        helper_started()
        due = time.monotonic()
        while not helper_told_to_end(due - time.monotonic()):
            work = time.clock_gettime(processor_clock)
            answer = client.ask(domain)
            samples.extend((due, time.monotonic() - due, time.clock_gettime(processor_clock) - work))
            if answer != SECURE:
                sys.exit("probe: %r" % answer)
            due += every
    sys.stdout.buffer.write(samples.tobytes())


if __name__ == "__main__":
    main()
