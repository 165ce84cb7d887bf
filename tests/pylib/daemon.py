"""The real daemon: its configuration, its life, its log, and its messages to the service manager."""

import json
import os
import re
import resource
import shutil
import signal
import socket
import sys

from pylib import settings as toml_settings
from pylib import socketmap
from pylib.logs import fields
from pylib.net import Datagrams
from pylib.process import Process, end, open_files, run, status
from pylib.programs import program, without_options
from pylib.waiting import LIMIT, Failed, wait_for

# Moves the sockets to descriptor 3 and following, as a service manager does, and sets the environment.
INHERIT = """
import fcntl, os, sys
high = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for fd in sys.argv[1].split(',')]
for number, fd in enumerate(high): os.dup2(fd, 3 + number, inheritable=True)
os.closerange(3 + len(high), 256)
os.environ['LISTEN_PID'] = str(os.getpid())
os.environ['LISTEN_FDS'] = str(len(high))
if sys.argv[2]: os.environ['LISTEN_FDNAMES'] = sys.argv[2]
os.execv(sys.argv[3], sys.argv[3:])
"""


class Notifications:
    """The service manager's end of NOTIFY_SOCKET. A thread reads it: the sender waits when the queue is full."""

    def __init__(self, path):
        self.path = path
        self.on_line = None  # called with each line, on the thread that reads
        self._lines = []
        if os.path.exists(path):
            os.unlink(path)
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        bound.bind(path)
        self._server = Datagrams(bound, self._read)

    def _read(self, message, _):
        lines = message.decode().splitlines()
        self._lines += lines
        for line in lines if self.on_line else ():
            self.on_line(line)

    def poll(self):
        """All lines so far."""
        return list(self._lines)

    def count(self, line):
        return self.poll().count(line)

    def close(self):
        """What was sent before is still there to be read with poll()."""
        if self._server:
            self._server.close()
            os.unlink(self.path)
        self._server = None


class Daemon:
    """`settings`: the configuration, see settings.document(), with `listen` and `state_dir`; what they are replaced by,
    or changed to by configure(), is for the next write_config() or start(). The folder has its files, which are
    `name`d so. It may be started again and again; its log goes on.
    """

    def __init__(self, folder, settings, name="stsmapd"):
        self.folder = folder
        self.settings = {"control": {"socket": os.path.join(folder, name + ".control")}, **settings}
        self.changes = {}
        self.name = name
        self.config_file = os.path.join(folder, name + ".toml")
        self.log_file = os.path.join(folder, name + ".log")
        self.process = None
        self.notifications = None
        self._told_to_end = False

    # Its configuration.

    @property
    def address(self):
        """The first it listens at by its settings."""
        return self.settings["listen"][0]

    @property
    def socket_path(self):
        return self.address.removeprefix("unix:")

    @property
    def control_path(self):
        """Its control socket."""
        return self.settings["control"]["socket"]

    @property
    def state_dir(self):
        return self.settings["state_dir"]

    def configure(self, **changes):
        """Writes the configuration: the settings, and on top of them these changes and those made before, a table in
        place of the one changed before. None leaves a setting out."""
        self.changes.update(changes)
        self.write_config()

    def write_config(self, text=None):
        """Writes what is set at present, or this text."""
        if text is None:
            text = toml_settings.document(toml_settings.merged(self.settings, self.changes))
        with open(self.config_file, "w", encoding="utf-8") as file:
            file.write(text)

    # Its life.

    def start(
        self,
        wait=True,
        binary=None,
        wrapper=(),
        arguments=None,
        inherited=(),
        fd_names="",
        files=None,
        environment=None,
        journal=False,
    ):
        """Writes the configuration, starts it, and returns when it is ready, or at once without `wait`.

        `wrapper`: words before the command; `arguments`: in place of --config FILE; `inherited`, `fd_names`: sockets
        as of the service manager; `files`: how many it may have open; `environment`: more of it; `journal`: the log
        file poses as the journal, so that lines begin with their priority.
        """
        self.write_config()
        if self.notifications:
            self.notifications.close()
        self.notifications = Notifications(os.path.join(self.folder, "notify." + self.name))
        command = [binary or program("stsmapd")]
        command += ["--config", self.config_file] if arguments is None else list(arguments)
        command = [*wrapper, *command]
        if inherited:
            command = [sys.executable, "-c", INHERIT, ",".join(map(str, inherited)), fd_names or "", *command]
        variables = {**without_options(), "NOTIFY_SOCKET": self.notifications.path}
        if journal:
            with open(self.log_file, "ab") as log:
                held = os.fstat(log.fileno())
            variables["JOURNAL_STREAM"] = f"{held.st_dev}:{held.st_ino}"
        variables.update(environment or {})
        limit = None
        if files is not None:

            def limit():
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

        self._told_to_end = False
        self.process = Process(
            self.name,
            command,
            self.log_file,
            env=variables,
            cwd=self.folder,
            pass_fds=inherited,
            preexec_fn=limit,
        )
        if wait:
            self.wait_ready()

    def wait_ready(self, times=1, seconds=LIMIT):
        self.process.wait_until(lambda: self.notifications.count("READY=1") >= times, "READY=1", seconds)

    def reload(self):
        """SIGHUP, and waits until the daemon says that it is done."""
        before = self.notifications.count("READY=1")
        self.process.send_signal(signal.SIGHUP)
        self.wait_ready(before + 1)

    def stop(self, seconds=LIMIT):
        """An orderly end, by SIGTERM: the exit status, 0, or Failed. Nothing when the daemon was stopped before."""
        if self.process is None or self._told_to_end:
            return 0
        self._told_to_end = True
        ended = self.process.stop(seconds=seconds)
        self.notifications.close()
        if ended != 0:
            raise Failed(f"{self.name} ended with {ended} after SIGTERM\n{self.log()}")
        return ended

    def kill(self):
        """Ends it as a crash or power loss does."""
        self._told_to_end = True
        ended = self.process.stop(signal.SIGKILL)
        self.notifications.close()
        return ended

    def runs(self):
        """It has been started, and neither told to end nor ended."""
        return self.process is not None and not self._told_to_end

    def wait_exit(self, seconds=LIMIT):
        """The exit status, once it has ended by itself."""
        self._told_to_end = True
        return self.process.wait_exit(seconds)

    def clean_up(self):
        """Ends it in any state."""
        if self.process:
            self._told_to_end = True
            end(self.process)
            self.notifications.close()

    def forget_everything(self):
        """Removes its state (while it is stopped)."""
        shutil.rmtree(self.state_dir, ignore_errors=True)
        os.makedirs(self.state_dir)

    # Asking it.

    def client(self, address=None):
        return socketmap.Client(address or self.address)

    def ask(self, key, name="sts", address=None):
        return socketmap.ask(address or self.address, key, name)

    def query(self, domain):
        """What `stsmap query --json` says of the domain."""
        return json.loads(run(program("stsmap"), "--socket", self.address, "query", "--json", domain))

    def addresses(self):
        """What it listens on, as its log says, with the system's choice of ports."""
        self.wait_log("ready")  # the log is written a little later than what it reports
        return re.findall(r"(?<!-)\blistening\b.*?\baddress=\"?((?:unix|tcp):[^\s\"]+)", self.log())

    # What it takes.

    def memory(self, what="VmRSS"):
        """In kilobytes, see process.status()."""
        return status(self.process.pid, what)

    def files(self):
        return open_files(self.process.pid)

    # What it wrote.

    def log(self):
        with open(self.log_file, encoding="utf-8", errors="backslashreplace") as file:
            return file.read()

    def log_lines(self, *parts):
        """The lines that contain all parts."""
        return [line for line in self.log().splitlines() if all(part in line for part in parts)]

    def complaints(self):
        """Errors and warnings (of a log with priorities), but the one about tests that are run by root."""
        lines = self.log_lines("<3>") + self.log_lines("<4>")
        return [line for line in lines if "running-as-root" not in line]

    def wait_log(self, *parts, count=1, seconds=LIMIT):
        """log_lines(), once there are `count`: the log may be written after an answer."""
        try:
            wait_for(lambda: len(self.log_lines(*parts)) >= count, "a log line", seconds)
        except Failed:
            raise Failed(f"no log line with {parts}:\n{self.log()}") from None
        return self.log_lines(*parts)

    def lookups(self, domain, count=1):
        """The fields of the lookup lines of a domain, once there are `count`."""
        lines = self.wait_log("lookup", "domain=" + domain, count=count)
        return [fields(line) for line in lines if fields(line).get("domain") == domain]
