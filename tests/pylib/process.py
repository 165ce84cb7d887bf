"""Child processes, and what the kernel says about a process."""

import os
import select
import signal
import subprocess
import sys

from pylib.programs import TESTS
from pylib.waiting import LIMIT, Failed, wait_for


def run(*command, **options):
    """Runs a short command; Failed with its output when it fails. Returns its standard output."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def tail(path, lines=30):
    try:
        with open(path, encoding="utf-8", errors="backslashreplace") as file:
            return "".join(file.readlines()[-lines:])
    except OSError as error:
        return f"({error})"


def end(child, seconds=10.0, number=signal.SIGTERM):
    """Ends a child, orderly or after `seconds` in another way; returns whether it was orderly."""
    if child.poll() is None:
        child.send_signal(signal.SIGCONT)
        child.send_signal(number)
    try:
        child.wait(seconds)
        return True
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        return False


class Process(subprocess.Popen):
    """One long-running child in the foreground. Its output goes to `log`, a path."""

    def __init__(self, name, command, log, **options):
        self.name = name
        self.log = log
        with open(log, "ab") as file:
            super().__init__(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, **options)

    def wait_until(self, condition, what, seconds=LIMIT):
        """wait_for(), which fails at once when the process ends."""

        def alive_and_true():
            if self.poll() is not None:
                raise Failed(f"{self.name} ended with {self.returncode}:\n{tail(self.log)}")
            return condition()

        try:
            return wait_for(alive_and_true, what, seconds)
        except Failed as error:
            raise Failed(f"{self.name}: {error}\n{tail(self.log)}") from None

    def wait_exit(self, seconds=LIMIT):
        """Its exit status, once it has ended by itself."""
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} still runs after {seconds:g} s\n{tail(self.log)}") from None

    def stop(self, number=signal.SIGTERM, seconds=LIMIT):
        """Sends the signal and returns the exit status; after `seconds` it is killed, and Failed raised."""
        if not end(self, seconds, number):
            raise Failed(f"{self.name} did not stop within {seconds:g} s\n{tail(self.log)}")
        return self.returncode


class Helper:
    """One of our modules in its own process, which runs until helper_told_to_end() and prints what it found."""

    STARTED = b"started\n"

    def __init__(self, module, *arguments):
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            cwd=TESTS,
        )
        self.wait_word(self.STARTED)

    def wait_word(self, word, seconds=LIMIT):
        """Waits for this word, which must be the next one that it prints."""
        said = b""
        while len(said) < len(word):
            if not select.select([self._process.stdout], [], [], seconds)[0]:
                raise Failed(f"{self._process.args} did not say {word} within {seconds:g} s")
            more = self._process.stdout.read(len(word) - len(said))
            if not more:
                raise Failed(f"{self._process.args} ended before it said {word}")
            said += more
        assert said == word, said

    def finish(self):
        """Ends it: (exit status, what it printed)."""
        output, _ = self._process.communicate(timeout=60)
        return self._process.returncode, output


def helper_says(word):
    """For the helper: what wait_word() waits for."""
    sys.stdout.buffer.write(word)
    sys.stdout.buffer.flush()


def helper_started():
    """For the helper: it is ready."""
    helper_says(Helper.STARTED)


def helper_told_to_end(seconds=0.0):
    """For the helper: whether it must end, after waiting up to `seconds` for that."""
    return bool(select.select([sys.stdin], [], [], max(0.0, seconds))[0])


def is_stopped(pid):
    """A signal holds the process (SIGSTOP)."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[0] == "T"


def status(pid, what):
    """A number of /proc/PID/status: Threads; VmRSS (now), VmHWM (at most) and VmSize (address space) in kilobytes."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return int(next(line for line in file if line.startswith(what + ":")).split()[1])


def open_files(pid):
    """How many descriptors are open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def cpu_seconds(pid):
    """Processor time used so far, of all threads."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        values = file.read().rpartition(")")[2].split()
    return (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")


def children(pid):
    """The process numbers of the children that its first thread started."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def others():
    """Processes of this process namespace other than its first one and this one's own line of ancestors."""
    mine, pid = {1}, os.getpid()
    while pid > 1:
        mine.add(pid)
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            pid = int(file.read().rsplit(")", 1)[1].split()[1])
    left = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) not in mine:
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    command = file.read().replace(b"\0", b" ").decode(errors="replace").strip()
            except OSError:
                continue
            if command:  # a zombie has none
                left[int(name)] = command
    return left
