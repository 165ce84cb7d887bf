#!/usr/bin/env python3
"""The back end at scale: memory, start, store, unknown names, cold domains, and cached answers meanwhile.

    scale.py [--quick] [--build FOLDER] [--domains N] [--rounds N] [--json FILE] [PART...]

Parts: start store unknown cold meanwhile peer; all when none is named. Runs in namespaces of its own
(tests/world/namespace.py: needs root); starts unbound and nginx there. Prints each figure when it is known
and, at the end, one JSON object. --quick: few domains, one round, to see that everything works; its times
mean nothing. Every part has a limit of time. README.md says what is measured and how.
"""
import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from world import namespace  # noqa: E402  (the path comes first)

if __name__ == "__main__":
    namespace.enter()

from pylib import net  # noqa: E402
from pylib.ca import Authority  # noqa: E402
from pylib.daemon import Daemon  # noqa: E402
from pylib.nameservers import Unbound  # noqa: E402
from pylib.nginx import Nginx  # noqa: E402
from pylib.process import Process, run, status  # noqa: E402
from pylib.programs import ROOT  # noqa: E402
from pylib.socketmap import ask  # noqa: E402
from pylib.waiting import wait_for  # noqa: E402

RESOLVER = "127.0.0.1"
POLICY_HOST = "192.0.2.44"
HANGING_HOST = "192.0.2.45"
NAMES_A_CERTIFICATE = 40
PEER = "mta-sts-daemon"
TICK = os.sysconf("SC_CLK_TCK")


def cpu_us(pid):
    """Processor time of each thread so far, in microseconds: {thread: (name, user, system)}."""
    used = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/stat", encoding="ascii") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except FileNotFoundError:
            continue
        used[int(thread)] = (int(fields[11]) * 1e6 / TICK, int(fields[12]) * 1e6 / TICK)
    return used


def cpu_between(before, after, pid):
    """Microseconds of the main (back) thread, and of all others together."""
    spent = {t: sum(after[t]) - sum(before.get(t, (0, 0))) for t in after}
    return spent.get(pid, 0), sum(us for t, us in spent.items() if t != pid)


def precise_cpu(pid):
    """Processor time of all threads so far, in seconds with nanosecond precision, and how often they were woken."""
    seconds, woken = 0, 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
            fields = file.read().split()
        seconds += int(fields[0]) / 1e9
        woken += int(fields[2])
    return seconds, woken


def rss(pid):
    return status(pid, "VmRSS") * 1024, status(pid, "VmHWM") * 1024


class Bench:
    def __init__(self, arguments):
        self.domains = arguments.domains
        self.rounds = arguments.rounds
        self.some = 4000 if arguments.quick else 200_000  # names, rows
        self.folder = os.path.join(os.environ["STSMAPD_WORLD"], "scale")
        os.makedirs(self.folder)
        self.tools = os.path.join(os.environ["STSMAPD_BUILD_DIR"], "tests", "bench")
        self.figures = {}

    # -- pieces

    def tool(self, name):
        return os.path.join(self.tools, "bench_" + name)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def say(self, part, **figures):
        self.figures.setdefault(part, {}).update(figures)
        words = " ".join(f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}"
                         for key, value in figures.items())
        print(f"{part}: {words}", flush=True)

    def filled(self, count, age=1000):
        """The path of a state folder with `count` stored domains; made once."""
        state = self.path(f"state-{count}-{age}")
        if not os.path.isdir(state):
            os.makedirs(state)
            if count:
                run(self.tool("fill_store"), os.path.join(state, "stsmapd.sqlite"), str(count), str(age))
        return state

    def daemon(self, name, state, **settings):
        folder = self.path("daemon-" + name)
        os.makedirs(folder, exist_ok=True)
        return Daemon(folder, {
            "listen": [f"unix:{folder}/socket"],
            "state_dir": state,
            "socket": {"mode": "0600", "group": "root"},
            "log": {"level": "info", "format": "text", "target": "stderr"},
            **settings,
            "dns": {"servers": [RESOLVER], **settings.get("dns", {})},
        })

    def keys(self, name, lines):
        with open(self.path(name), "w", encoding="ascii") as file:
            file.write("".join(line + "\n" for line in lines))
        return self.path(name)

    def load(self, daemon, keys, *options):
        done = subprocess.run(
            [self.tool("load"), "--to", daemon.address, "--keys", keys, *options],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=300, check=True)
        return json.loads(done.stdout)

    def unbound(self, local_data=()):
        """A resolver that answers everything from memory: "." is empty but for `local_data`."""
        settings = (
            'local-zone: "test." static',
            'local-data: "test. 3600 SOA ns.test. host.test. 1 3600 600 86400 900"',
            *local_data,
        )
        folder = self.path("unbound")
        resolver = Unbound(folder, address=RESOLVER, stubs=(), known="test.", settings=settings,
                           control=f"{folder}/control")
        resolver.start(60)
        resolver.process.wait_until(lambda: self.questions() is not None, "control", 60)
        return resolver

    def questions(self):
        """How many questions the resolver was asked since the last call."""
        done = subprocess.run(["unbound-control", "-c", self.path("unbound", "unbound.conf"), "stats"],
                              capture_output=True, text=True, check=False, timeout=30)
        for line in done.stdout.splitlines():
            if line.startswith("total.num.queries="):
                return int(line.split("=")[1])
        return None

    @staticmethod
    def known(names, host):
        """Local data for unbound: these domains have a policy at the host's address."""
        return [line for name in names for line in (
            f"local-data: '_mta-sts.{name}. 3600 TXT \"v=STSv1; id=1;\"'",
            f'local-data: "mta-sts.{name}. 3600 A {host}"')]

    def policy_hosts(self, names):
        """nginx with a policy and a certificate for each of the domains, and a resolver that knows them:
        (certificate authority, function that stops both)."""
        hosts = ["mta-sts." + name for name in names]
        ca = Authority(self.path("ca"))
        policy = "version: STSv1\\nmode: enforce\\nmx: *.cold.test\\nmax_age: 604800\\n"
        # Policy hosts speak TLS 1.3, but not every nginx does so by default.
        http = "access_log off; server_names_hash_max_size 65536; ssl_protocols TLSv1.2 TLSv1.3;\n"
        for at in range(0, len(names), NAMES_A_CERTIFICATE):
            some = hosts[at : at + NAMES_A_CERTIFICATE]
            chain, key = ca.leaf(some, "policy hosts")
            http += (f"server {{ listen {POLICY_HOST}:443 ssl; server_name {' '.join(some)};\n"
                     f"ssl_certificate {chain}; ssl_certificate_key {key};\n"
                     f'location = /.well-known/mta-sts.txt {{ return 200 "{policy}"; }} }}\n')
        nginx = Nginx(self.path("nginx"), http, [(POLICY_HOST, 443)], connections=4096)
        resolver = self.unbound(self.known(names, POLICY_HOST))

        def stop():
            nginx.stop(signal.SIGQUIT)
            resolver.stop()
            shutil.rmtree(self.path("nginx"))
            shutil.rmtree(self.path("ca"))

        return ca, stop

    # -- parts

    def start(self):
        """RSS with 0 and with all domains; the first answer of a daemon that has them stored; the idle daemon."""
        empty = self.daemon("empty", self.filled(0))
        empty.start()
        time.sleep(1)
        base = rss(empty.process.pid)[0]
        empty.stop()
        state = self.filled(self.domains)
        some = run(self.tool("keys"), "uniform", "200", str(self.domains)).split()
        firsts, lasts, readies, cpu = [], [], [], []
        for turn in range(self.rounds):
            daemon = self.daemon("full", state)
            begun = self.start_early(daemon)
            address = daemon.address
            wait_for(lambda: self.answers(address), "an answer", 60, every=0.001)
            firsts.append(time.monotonic() - begun)
            # Any stored domain: questions for domains that are not read yet wait.
            if not ask(address, some[turn], limit=60).startswith(("OK", "NOTFOUND")):
                raise SystemExit("a stored domain was not answered")
            lasts.append(time.monotonic() - begun)
            daemon.wait_ready(seconds=60)
            readies.append(time.monotonic() - begun)
            pid = daemon.process.pid
            cpu.append(sum(sum(used) for used in cpu_us(pid).values()) / 1e6)
            if turn + 1 < self.rounds:
                daemon.stop()
        time.sleep(2)
        now, peak = rss(pid)
        self.say("memory", domains=self.domains, rss=now, rss_empty=base, rss_peak=peak,
                 octets_a_domain=(now - base) / max(self.domains, 1))
        self.say("start", first_answer_s=statistics.median(firsts),
                 any_stored_domain_s=statistics.median(lasts), ready_s=statistics.median(readies),
                 cpu_s=statistics.median(cpu))
        seconds = 20 if self.some > 4000 else 2
        before, woken = precise_cpu(pid)
        time.sleep(seconds)
        after, woken_after = precise_cpu(pid)
        self.say("idle", seconds=seconds, cpu_percent=(after - before) / seconds * 100,
                 wakeups=woken_after - woken)
        daemon.stop()

    def start_early(self, daemon):
        """Starts it without waiting for READY=1; returns when that was."""
        if os.path.exists(daemon.socket_path):
            os.unlink(daemon.socket_path)
        begun = time.monotonic()
        daemon.start(wait=False)
        return begun

    @staticmethod
    def answers(address):
        try:
            return ask(address, ".test", limit=60)
        except OSError:
            return None

    def store(self):
        """Durable commits a second, through the store's API, with all domains in the file already."""
        state = self.path("store-copy")
        shutil.copytree(self.filled(self.domains), state)
        done = run(self.tool("scale_store"), os.path.join(state, "stsmapd.sqlite"), str(self.domains),
                   str(self.some // 2))
        figures = json.loads(done)
        shutil.rmtree(state)
        self.say("store", known=figures["known"], new_per_second=figures["new"]["per_second"],
                 again_per_second=figures["again"]["per_second"],
                 rows_a_commit=figures["new"]["rows_a_commit"])

    def unknown(self):
        """Names without MTA-STS, each asked for once, through a resolver that knows at once."""
        resolver = self.unbound()
        count = self.some
        daemon = self.daemon("unknown", self.filled(0), cache={"max_absences": 10_000_000})
        daemon.start()
        rates, back, others, asked = [], [], [], []
        for turn in range(self.rounds):
            keys = self.keys("unknown", (f"u{turn}-{n:x}.nobody{n % 977}.test" for n in range(count)))
            pid = daemon.process.pid
            self.questions()
            before = cpu_us(pid)
            result = self.load(daemon, keys, "--once", "--connections", "400")
            after = cpu_us(pid)
            asked.append(self.questions() / count)
            if result["notfound"] != count:
                raise SystemExit(f"unknown names were not all NOTFOUND: {result}")
            rates.append(result["per_second"])
            of_back, of_others = cpu_between(before, after, pid)
            back.append(of_back / count)
            others.append(of_others / count)
        daemon.stop()
        resolver.stop()
        self.say("unknown", per_second=statistics.median(rates), questions_each=statistics.median(asked),
                 back_cpu_us=statistics.median(back), front_cpu_us=statistics.median(others))

    def cold(self):
        """Domains with an enforced policy that is not known yet, compared with handshakes alone with the same hosts."""
        count = 100 * NAMES_A_CERTIFICATE
        names = [f"d{n}.cold.test" for n in range(count)]
        hosts = ["mta-sts." + name for name in names]
        ca, stop = self.policy_hosts(names)
        keys = self.keys("cold", names)
        host_file = self.keys("hosts", hosts)
        bare, bare_cpu, rates, back, store, asked = [], [], [], [], [], []
        for turn in range(self.rounds):
            done = json.loads(
                run(self.tool("scale_handshakes"), ca.root, f"tcp:{POLICY_HOST}:443", host_file, "3"))
            bare.append(done["per_second"])
            bare_cpu.append(done["cpu_us"])
            state = self.path(f"cold-state-{turn}")
            os.makedirs(state)
            daemon = self.daemon("cold", state, fetch={"ca_file": ca.root, "allow_private_addresses": True})
            daemon.start()
            pid = daemon.process.pid
            self.questions()
            before = cpu_us(pid)
            result = self.load(daemon, keys, "--once", "--connections", "64")
            of_back, of_others = cpu_between(before, cpu_us(pid), pid)
            asked.append(self.questions() / count)
            daemon.stop()
            if result["ok"] != count:
                raise SystemExit(f"cold domains were not all OK: {result}")
            rates.append(result["per_second"])
            back.append(of_back / count)
            store.append(of_others / count)
        stop()
        self.say("cold", per_second=statistics.median(rates), handshakes_per_second=statistics.median(bare),
                 ratio=statistics.median(r / b for r, b in zip(rates, bare)),
                 back_cpu_us=statistics.median(back), handshake_cpu_us=statistics.median(bare_cpu),
                 cpu_ratio=statistics.median(h / b for h, b in zip(bare_cpu, back)),
                 front_and_store_cpu_us=statistics.median(store), questions_each=statistics.median(asked))

    def peer(self):
        """Answers from memory over 16 TCP connections, one question in flight on each: an echo server, Debian's
        postfix-mta-sts-resolver, and stsmapd, in turns, each alone on one processor."""
        if not shutil.which(PEER):
            print(f"peer: {PEER} is not installed (Debian package postfix-mta-sts-resolver)", flush=True)
            return
        name = "d0.cold.test"
        ca, stop = self.policy_hosts([name])
        core = sorted(os.sched_getaffinity(0))
        servers_on = ["taskset", "-c", str(core[0])]
        ports = {who: 8461 + at for at, who in enumerate(("echo", "peer", "we"))}
        config = self.path("peer.yml")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"host: 127.0.0.1\nport: {ports['peer']}\nreuse_port: true\nshutdown_timeout: 20\n"
                       "cache:\n  type: internal\n  options:\n    cache_size: 10000\n"
                       "proactive_policy_fetching:\n  enabled: false\n"
                       "default_zone:\n  strict_testing: false\n  timeout: 4\n")
        we = self.daemon("we", self.filled(0), fetch={"ca_file": ca.root, "allow_private_addresses": True},
                         listen=[f"tcp:127.0.0.1:{ports['we']}"], log={"level": "info"})
        we.start()
        run("taskset", "-a", "-c", "-p", str(core[0]), str(we.process.pid))
        peer = Process("peer", [*servers_on, PEER, "-c", config], self.path("peer.log"),
                       env={**os.environ, "SSL_CERT_FILE": ca.root})
        answers = {}
        for who in ("peer", "we"):
            address = f"tcp:127.0.0.1:{ports[who]}"
            wait_for(lambda address=address, who=who: self.secure(address, name, answers, who),
                     f"a policy from {who}", 30)
        echo = Process("echo", [*servers_on, self.tool("echo"), f"tcp:127.0.0.1:{ports['echo']}",
                                str(len(answers["peer"]))], self.path("echo.log"))
        echo.wait_until(lambda: net.listening("127.0.0.1", ports["echo"]), "listening", 10)
        keys = self.keys("peer-keys", [name])
        rates = {who: [] for who in ports}
        lates = {who: [] for who in ports}
        for turn in range(5 * self.rounds):
            for who in sorted(ports, reverse=turn % 2 == 1):
                result = json.loads(run(
                    "taskset", "-c", str(core[-1]), self.tool("load"), "--to", f"tcp:127.0.0.1:{ports[who]}",
                    "--keys", keys, "--connections", "16", "--warm-up", "0.1", "--seconds", "0.5"))
                if result["ok"] != result["replies"]:
                    raise SystemExit(f"{who} did not answer with the policy: {result}")
                rates[who].append(result["per_second"])
                lates[who].append(result["p99"])
        for process in (peer, echo):
            process.stop()
        we.stop()
        stop()
        for who in ports:
            self.say("peer_" + who, per_second=statistics.median(rates[who]), p99_us=statistics.median(lates[who]),
                     of_echo=statistics.median(r / e for r, e in zip(rates[who], rates["echo"])))

    @staticmethod
    def secure(address, name, answers, who):
        try:
            answers[who] = ask(address, name, limit=10) or ""
        except OSError:
            return False
        return answers[who].startswith("OK secure")

    def meanwhile(self):
        """Cached answers on 16 connections: idle; while 1,000 fetches hang; while the policies of 100,000
        domains are overdue; while the back end is saturated with unknown names. In turn."""
        hanging = socket.socket()
        hanging.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        hanging.bind((HANGING_HOST, 443))
        hanging.listen(4096)  # the kernel accepts the connections, nobody answers on them
        names = [f"h{n}.hang.test" for n in range(1000)]
        resolver = self.unbound(self.known(names, HANGING_HOST))
        overdue = min(self.domains, 100_000)
        figures = {"idle": [], "hang": [], "refresh": [], "saturated": []}
        cached = self.keys("cached", run(self.tool("keys"), "uniform", "50000", str(overdue)).split())
        quiet = {"log": {"level": "warning"},
                 "fetch": {"allow_private_addresses": True, "max_per_address": 2000}}
        for turn in range(self.rounds):
            daemon = self.daemon("meanwhile", self.fresh_copy(overdue, 1000), **quiet)
            daemon.start()
            figures["idle"].append(self.measure(daemon, cached))
            flood = self.keys("flood", (f"f{turn}-{n:x}.flood.test" for n in range(1_000_000)))
            noise = subprocess.Popen(
                [self.tool("load"), "--to", daemon.address, "--keys", flood, "--cold",
                 "--connections", "400", "--seconds", "6"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(0.5)
            figures["saturated"].append(self.measure(daemon, cached))
            noise.wait(60)
            noise = subprocess.Popen(
                [self.tool("load"), "--to", daemon.address, "--keys", self.keys("hang", names),
                 "--once", "--connections", "1000"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_for(lambda: self.connections_to(HANGING_HOST) >= 900, "900 hanging fetches", 30)
            figures["hang"].append(self.measure(daemon, cached))
            noise.kill()
            noise.wait()
            daemon.stop()
            # A day and a half old: every policy is due, and its host refuses the connection.
            daemon = self.daemon("meanwhile", self.fresh_copy(overdue, 130_000), **quiet)
            daemon.start()
            figures["refresh"].append(self.measure(daemon, cached))
            daemon.stop()
        resolver.stop()
        hanging.close()
        idle = figures["idle"]
        for name, results in figures.items():
            self.say("meanwhile_" + name, p99_us=statistics.median(r["p99"] for r in results),
                     p999_us=statistics.median(r["p999"] for r in results),
                     per_second=statistics.median(r["per_second"] for r in results),
                     p99_ratio=statistics.median(r["p99"] / i["p99"] for r, i in zip(results, idle)))

    def measure(self, daemon, keys):
        return self.load(daemon, keys, "--connections", "16", "--warm-up", "1", "--seconds", "3")

    def fresh_copy(self, count, age):
        shutil.rmtree(self.path("copy"), ignore_errors=True)
        shutil.copytree(self.filled(count, age), self.path("copy"))
        return self.path("copy")

    @staticmethod
    def connections_to(address):
        wanted = "%08X:01BB" % int.from_bytes(socket.inet_aton(address), "little")
        with open("/proc/net/tcp", encoding="ascii") as file:
            lines = [line.split() for line in file.readlines()[1:]]
        return sum(fields[2] == wanted and fields[3] == "01" for fields in lines)


PARTS = ["start", "store", "unknown", "cold", "meanwhile", "peer"]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build-bench"))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--domains", type=int)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--json", default="")
    parser.add_argument("parts", nargs="*", metavar="PART")
    arguments = parser.parse_args()
    arguments.domains = arguments.domains or (20_000 if arguments.quick else 1_000_000)
    arguments.rounds = arguments.rounds or (1 if arguments.quick else 3)
    if "STSMAPD_WORLD" not in os.environ:
        sys.exit("scale.py: " + (namespace.why_not() or "no namespaces"))
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    os.environ["STSMAPD_BUILD_DIR"] = os.path.abspath(arguments.build)
    bench = Bench(arguments)
    for part in arguments.parts or PARTS:
        getattr(bench, part)()
    text = json.dumps(bench.figures, indent=1)
    if arguments.json:
        with open(arguments.json, "w", encoding="ascii") as file:
            file.write(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
