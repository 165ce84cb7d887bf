"""Real engines of a shared cache: Valkey or Redis, and their Sentinel, each in a folder of its own, with the users that
the manual shows.

Those that are installed are used, or those of another system whose root folder is in STSMAPD_ENGINE_ROOT: its programs
run with its own libraries.
"""

import glob
import os
import re
import shutil
import signal

from pylib import resp
from pylib.net import free_port
from pylib.process import Process
from pylib.programs import ROOT
from pylib.waiting import LIMIT, Failed, wait_for

# No word of these may appear in a log or an answer.
USER, PASSWORD = "mail-qx71", "tiger-lily-17"
SENTINEL_USER, SENTINEL_PASSWORD = "asks-wz08", "snowdrop-52"
ADMIN, ADMIN_PASSWORD = "admin", "marsh-marigold-3"
COPY, WATCH = "copy", "watch"  # users of replicas and of Sentinels, as an engine's administrator makes them

# The kernel ends it with the thread that started it, should the test be killed.
WITH_US = ["setpriv", "--pdeathsig", "KILL"]
ACL_LINE = re.compile(r"^user \S+ on >\S+ (.+)$", re.M)


def rights():
    """What stsmapd(8) gives the user of an engine, and that of a Sentinel."""
    with open(os.path.join(ROOT, "man/stsmapd.8"), encoding="utf-8") as file:
        section = file.read().partition("\n.Sh SHARED CACHE\n")[2].partition("\n.Sh ")[0]
    shown = ACL_LINE.findall(section.replace("\\e\n", ""))  # a line that is broken ends with a backslash
    [of_engine] = [words for words in shown if "+get " in words]
    [of_sentinel] = [words for words in shown if "+sentinel|" in words]
    return of_engine, of_sentinel


def command(kind):
    """The words before a configuration file that run the "server" or the "sentinel"; [] when there is none."""
    root = os.environ.get("STSMAPD_ENGINE_ROOT", "")
    for name in ("valkey-" + kind, "redis-" + kind):
        if not root:
            if shutil.which(name):
                return [shutil.which(name)]
        elif os.path.exists(f"{root}/usr/bin/{name}"):
            loader = glob.glob(f"{root}/usr/lib*/ld-linux*.so.*") or glob.glob(f"{root}/usr/lib/*/ld-linux*.so.*")
            libraries = ":".join(glob.glob(f"{root}/usr/lib/*-linux-gnu"))
            # A Sentinel is the server under another name.
            return [loader[0], "--argv0", name, "--library-path", libraries, f"{root}/usr/bin/{name}"]
    return []


def why_not(sentinel=False):
    """The reason why there can be no engine here, or ""."""
    if not command("server"):
        return "neither valkey-server nor redis-server is installed"
    return "" if not sentinel or command("sentinel") else "neither valkey-sentinel nor redis-sentinel is installed"


class Engine:
    """`lines`: more of its configuration. It listens on a unix socket, `socket`; with `tcp` also on a port. With `tls`,
    (chain, key, path of the CA that its clients' certificates are from), it listens on a second port. It may be started
    again and again, and keeps nothing unless `lines` say so."""

    KIND = "server"

    def __init__(self, folder, lines="", tcp=False, tls=None, acl=True):
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.socket = "unix:" + os.path.join(folder, "s")
        self.log_file = os.path.join(folder, "log")
        self.process = None
        self._lines, self._tcp, self._tls, self._acl = lines, tcp, tls, acl
        self.port = self.tls_port = 0

    @property
    def address(self):
        """In the form of shared.engine."""
        return "tcp:127.0.0.1:%d" % self.port if self._tcp else self.socket

    @property
    def tls_address(self):
        return "tls:127.0.0.1:%d" % self.tls_port

    def start(self):
        """Returns when it answers, at the latest when it has loaded its data."""
        for _ in range(20):
            first = not self.port
            if self._tcp or self._tls:
                self.port = self.port or free_port()
                self.tls_port = self.tls_port or (free_port() if self._tls else 0)
            if first:
                self._write()
            words = [*WITH_US, *command(self.KIND), self._config()]
            self.process = Process("engine", words, self.log_file)
            try:
                self.process.wait_until(self._answers, "an answer to PING")
                return self
            except Failed:
                if self.process.poll() is None or "in use" not in self.log() or not first:
                    self.clean_up()
                    raise
                self.port = self.tls_port = 0  # somebody was faster
        raise Failed("no port is free for an engine\n" + self.log())

    def clean_up(self):
        """Ends it in any state."""
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = None

    kill = clean_up

    def freeze(self):
        """From now on the kernel takes connections and octets, and nobody answers."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def admin(self):
        """A connection of the engine's administrator."""
        return resp.Client(self.socket, ADMIN, ADMIN_PASSWORD)

    def do(self, *words):
        """One command of the administrator, and its reply."""
        with self.admin() as client:
            return client.ask(*words)

    def keys(self, kind="p"):
        """The names in the keys of a kind: {"example.com"}."""
        found = self.do("KEYS", "*:1:%s:{*}" % kind)
        return {key.decode().partition("{")[2].rstrip("}") for key in found}

    def log(self):
        with open(self.log_file, encoding="utf-8", errors="replace") as file:
            return file.read()

    def _config(self):
        return os.path.join(self.folder, "conf")

    def _answers(self):
        try:
            return self.do("PING") == b"PONG"
        except (OSError, EOFError):
            return False
        except resp.Refused as error:
            if str(error).startswith(("LOADING", "MASTERDOWN")):
                return True
            raise

    def _users(self):
        return (
            "user default off\n"
            f"user {USER} on >{PASSWORD} {rights()[0]}\n"
            f"user {ADMIN} on >{ADMIN_PASSWORD} ~* &* +@all\n"
            f"user {COPY} on >{COPY} +psync +replconf +ping\n"
            f"user {WATCH} on >{WATCH} allchannels +multi +slaveof +ping +exec +subscribe +config|rewrite +role +publish"
            " +info +client|setname +client|kill +script|kill\n"
            f"masteruser {COPY}\nmasterauth {COPY}\n"
        )

    def _write(self):
        lines = [
            f"dir {self.folder}",
            f"unixsocket {self.socket.removeprefix('unix:')}",
            "unixsocketperm 700",
            f"port {self.port if self._tcp else 0}",
            "bind 127.0.0.1",
            "protected-mode no",
            "daemonize no",
            'logfile ""',
            'save ""',
            "appendonly no",
            "repl-diskless-sync-delay 0",
            "repl-timeout 5",
        ]
        if self._tls:
            chain, key, ca = self._tls
            lines += [f"tls-port {self.tls_port}", f"tls-cert-file {chain}", f"tls-key-file {key}"]
            lines += [f"tls-ca-cert-file {ca}", "tls-auth-clients yes"]
        self._put(lines)

    def _put(self, lines):
        with open(self._config(), "w", encoding="ascii") as file:
            file.write("\n".join(line for line in lines if line) + "\n" + (self._users() if self._acl else ""))
            file.write(self._lines + "\n")


class Replica(Engine):
    """Of another engine, which listens on TCP."""

    def __init__(self, folder, primary, lines="", **how):
        super().__init__(folder, f"replicaof 127.0.0.1 {primary.port}\n{lines}", **how)

    def wait_in_step(self):
        """Until it has a copy, and gets what changes."""
        wait_for(lambda: b"master_link_status:up" in self.do("INFO", "replication"), "a replica in step", LIMIT)


class Sentinel(Engine):
    """Alone it decides that `primary` is down, after a second, and what takes its place."""

    KIND = "sentinel"
    NAME = "fleet"

    def __init__(self, folder, primary):
        super().__init__(folder, tcp=True, acl=False)
        self._primary = primary

    def _users(self):
        return ""

    def _answers(self):
        try:
            with resp.Client(self.address, SENTINEL_USER, SENTINEL_PASSWORD) as client:
                return client.ask("PING") == b"PONG"
        except (OSError, EOFError):
            return False

    def knows_replicas(self, count=1):
        """Whether it could replace the primary now."""
        with resp.Client(self.address, SENTINEL_USER, SENTINEL_PASSWORD) as client:
            return len(client.ask("SENTINEL", "REPLICAS", self.NAME)) >= count

    def fail_over(self):
        """As its administrator orders it."""
        with resp.Client(self.address, ADMIN, ADMIN_PASSWORD) as client:
            client.ask("SENTINEL", "FAILOVER", self.NAME)

    def primary(self):
        """The port of the one it takes for the primary."""
        with resp.Client(self.address, SENTINEL_USER, SENTINEL_PASSWORD) as client:
            return int(client.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.NAME)[1])

    def _write(self):
        self._put([
            f"dir {self.folder}",
            f"port {self.port}",
            "bind 127.0.0.1",
            "protected-mode no",
            "daemonize no",
            'logfile ""',
            f"sentinel monitor {self.NAME} 127.0.0.1 {self._primary.port} 1",
            f"sentinel down-after-milliseconds {self.NAME} 1000",
            f"sentinel failover-timeout {self.NAME} 5000",
            f"sentinel auth-user {self.NAME} {WATCH}",
            f"sentinel auth-pass {self.NAME} {WATCH}",
            "user default off",
            f"user {SENTINEL_USER} on >{SENTINEL_PASSWORD} {rights()[1]}",
            f"user {ADMIN} on >{ADMIN_PASSWORD} ~* &* +@all",
        ])
