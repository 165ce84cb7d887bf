"""Child processes with a log file each, and waiting for events with a limit."""
import os
import signal
import socket
import subprocess
import time


class WorldError(Exception):
    """Something of the world did not start, stop or answer in time; the message says what, with its log."""


def wait_for(condition, what, seconds=15.0, every=0.02):
    """Returns the first true value of condition(); WorldError with `what` when none comes in time."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise WorldError(f"{what} did not happen within {seconds:g} s")
        time.sleep(every)


def run(*command, **options):
    """Runs a short command; WorldError with its output when it fails. Returns its standard output."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)
    if done.returncode != 0:
        raise WorldError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def tail(path, lines=30):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-lines:])
    except OSError as error:
        return f"({error})"


def listening(address, port):
    """Whether a TCP connection to the address is taken."""
    try:
        with socket.create_connection((address, port), 1):
            return True
    except OSError:
        return False


class Process:
    """One long-running child in the foreground. Its output goes to `log`, a path."""

    def __init__(self, name, command, log, **options):
        self.name = name
        self.log = log
        with open(log, "ab") as file:
            self.child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, **options
            )

    def wait_until(self, condition, what, seconds=15.0):
        def alive_and_true():
            if self.child.poll() is not None:
                raise WorldError(f"{self.name} ended with {self.child.returncode}:\n{tail(self.log)}")
            return condition()

        try:
            return wait_for(alive_and_true, what, seconds)
        except WorldError as error:
            raise WorldError(f"{self.name}: {error}\n{tail(self.log)}") from None

    @property
    def running(self):
        return self.child.poll() is None

    def send_signal(self, number):
        self.child.send_signal(number)

    def stop(self, number=signal.SIGTERM, seconds=10.0):
        """Sends the signal and returns the exit status; after `seconds` it is killed and WorldError
        raised."""
        if self.running:
            self.child.send_signal(signal.SIGCONT)
            self.child.send_signal(number)
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise WorldError(f"{self.name} did not stop within {seconds:g} s") from None


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
