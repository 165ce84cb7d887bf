"""Half an hour of an ordinary bad day, at a fixed rate. Run by tests/soak-run, and for a minute by test_soak.

Clients ask the real daemon for domains whose answer is known, over connections that come and go. Meanwhile policies
change, policy hosts hang, fail and recover, the resolver fails for a while, others ask for names that do not exist, and
the daemon is reloaded. Every answer is checked. What the process holds (memory, open files, threads) is noted all the
time, and when it is idle before and after.
"""

import random
import re
import sys
import threading
import time

from blackbox import harness
from pylib.logs import CRASHES
from pylib.process import Helper, helper_started, helper_told_to_end, status
from pylib.programs import raise_file_limit
from pylib.socketmap import Client, Closed, frame
from pylib.waiting import wait_for

STABLE, CHANGING, FLAPPING, FAILING = 200, 40, 20, 20
JUNK = 5000  # names; so few that the memory for them soon stops growing
FAULTS = ("hang", "hang-tls", "cut", "refuse", "dribble")
CONNECTIONS = 50  # of the asker
TICK = 0.02  # seconds between two batches of the asker


def patterns(kind, number):
    """The answer that is right for a domain of the fixed load, as a regular expression."""
    name = "%s%d.test" % (kind, number)
    part = r"mx\d+" if kind == "changing" else "mx"
    return name, "OK secure match=%s.%s servername=hostname" % (part, name)


def fixed_load():
    """[(domain, pattern)] of all domains that must always be answered from memory."""
    kinds = (("stable", STABLE), ("changing", CHANGING), ("flapping", FLAPPING))
    return [patterns(kind, number) for kind, count in kinds for number in range(count)]


class Trouble:
    """Clients that ask for names that do not exist: each waits for its reply, as smtp(8) does."""

    def __init__(self, daemon, clients=16):
        self.wrong = []
        self.stopped = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(daemon, n)) for n in range(clients)]
        for thread in self._threads:
            thread.start()

    def _ask(self, daemon, seed):
        rng = random.Random(seed)
        while not self.stopped.is_set():
            try:
                with daemon.client() as client:
                    for _ in range(200):
                        if rng.random() < 0.05:
                            name = "failing%d.test" % rng.randrange(FAILING)
                        else:
                            name = "junk%d.test" % rng.randrange(JUNK)
                        said = client.ask(name)
                        if said != harness.NOTFOUND:
                            self.wrong.append("%s: %s" % (name, said))
                        if self.stopped.wait(0.3):
                            return
            except (OSError, Closed) as error:
                self.wrong.append("a connection: %r" % error)
                return

    def stop(self):
        self.stopped.set()
        for thread in self._threads:
            thread.join()


class World(harness.World):
    """The policy domains, and what happens to them."""

    def __init__(self):
        super().__init__()
        self._rng = random.Random(1)
        names = [name for name, _ in fixed_load()] + ["failing%d.test" % n for n in range(FAILING)]
        self._certificate = self.hosts.context(*["mta-sts." + name for name in names])
        self._changes = 0
        for name in names:
            self._serve(name, "mx1" if name.startswith("changing") else "mx")
        for number in range(FAILING):
            self._serve("failing%d.test" % number, "mx", FAULTS[number % len(FAULTS)])

    def _serve(self, name, host, behaviour="serve"):
        # Most policies expire soon, so that the refresher has work. Those of hosts that break live longer.
        self.policy(
            name,
            mx=("%s.%s" % (host, name),),
            max_age=86400 if name.startswith("flapping") else 600,
            ident=str(self._changes),
            ttl=5,
            context=self._certificate,
            behaviour=behaviour,
        )

    def go_on(self):
        """One policy changes, one policy host breaks, another one recovers."""
        self._changes += 1
        self._serve("changing%d.test" % self._rng.randrange(CHANGING), "mx%d" % self._changes)
        self._serve("flapping%d.test" % self._rng.randrange(FLAPPING), "mx", self._rng.choice(FAULTS))
        self._serve("flapping%d.test" % self._rng.randrange(FLAPPING), "mx")


class Held:
    """The memory, open files and threads of the process now."""

    def __init__(self, daemon):
        self.memory = daemon.memory()
        self.threads = status(daemon.process.pid, "Threads")
        self.files = daemon.files()

    def __str__(self):
        return "%6d KB, %3d open files, %2d threads" % (self.memory, self.files, self.threads)


def at_rest(daemon):
    """What it holds when idle: nobody asks, and the number of open files no longer changes."""
    seen = []

    def settled():
        seen.append(daemon.files())
        return len(seen) > 8 and len(set(seen[-8:])) == 1

    wait_for(settled, 120, every=0.5)
    return Held(daemon)


class Day:
    """A daemon in its world. `say` is called with what it holds; `wrong` collects what was not right."""

    def __init__(self, rate, say):
        raise_file_limit(8192)
        self.wrong = []
        self.answers = self.reloads = 0
        self._rate = rate
        self._say = say
        self._world = World()
        # A log line for each lookup would make this a test of the disk.
        self._daemon = self._world.daemon(deadline="2s", fetch={"timeout": "3s"}, log={"level": "warning"})
        self._daemon.start(wait=False, journal=True)

    def close(self):
        self._daemon.clean_up()
        self._world.close()

    def learn(self):
        self._daemon.wait_ready()
        with self._daemon.client() as client:
            self._check(client.ask, fixed_load())

    def _check(self, ask, load):
        for name, pattern in load:
            said = ask(name)
            if not re.fullmatch(pattern, said):
                self.wrong.append("%s: %s" % (name, said))

    def load(self, seconds):
        """Everything at once; then what the daemon holds when idle."""
        asker = Helper("blackbox.soak", self._daemon.address, self._rate, CONNECTIONS)
        trouble = Trouble(self._daemon)
        started = shown = time.monotonic()
        reload_every, outage_every = min(20, seconds / 3), min(150, seconds / 2)
        reloads = outages = 0
        try:
            while time.monotonic() < started + seconds:
                time.sleep(0.5)
                passed = time.monotonic() - started
                self._world.go_on()
                if passed // reload_every > reloads:
                    reloads += 1
                    self._daemon.configure(log={"format": ("text", "json")[reloads % 2]})
                    self._daemon.reload()
                if passed // outage_every > outages:
                    outages += 1
                    self._world.dns.behave("servfail")
                    time.sleep(5)
                    self._world.dns.behave(None)
                if time.monotonic() - shown > 60:
                    shown = time.monotonic()
                    self._say("%5.0f s  %s" % (passed, Held(self._daemon)))
        finally:
            trouble.stop()
            ended, said = asker.finish()
        self.reloads += reloads
        self.wrong += trouble.wrong
        said = said.decode()
        if ended != 0:
            self.wrong.append("the asker: " + said)
        else:
            self.answers += int(said.split()[0])
        held = at_rest(self._daemon)
        self._say("%5.0f s  %s, at rest; %s" % (time.monotonic() - started, held, said.strip()))
        return held

    def end(self):
        """The last questions, and a clean stop."""
        with self._daemon.client() as client:
            self._check(client.ask, fixed_load())
        if self._daemon.process.stop() != 0 or CRASHES.search(self._daemon.log()):
            self.wrong.append("its end:\n" + self._daemon.log()[-2000:])
        # Nothing disturbed its disk.
        self.wrong += [line for line in self._daemon.log_lines("store-") if not line.startswith("<6>")]


def run(seconds, rate, say):
    """A tenth of the time to warm up, then the rest. Returns (held before, held after, the Day)."""
    day = Day(rate, say)
    try:
        day.learn()
        before = day.load(seconds / 10)
        after = day.load(seconds)
        day.end()
    finally:
        day.close()
    return before, after, day


def main():
    """The asker, a process that asks at a fixed rate over this many connections, each reopened from time to time.
    Prints how many answers it got and how late the latest was, or the first wrong one."""
    address, rate, connections = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    load = [(name, re.compile(pattern)) for name, pattern in fixed_load()]
    rng = random.Random(2)
    clients = [Client(address) for _ in range(connections)]
    answers, latest = 0, 0.0
    helper_started()
    began = due = time.monotonic()
    while not helper_told_to_end(due - time.monotonic()):
        batch = [rng.choice(load) for _ in range(round(rate * TICK))]
        for at, (name, _) in enumerate(batch):
            clients[at % connections].send(frame("sts " + name))
        for at, (name, pattern) in enumerate(batch):
            said = clients[at % connections].reply()
            if not pattern.fullmatch(said):
                sys.exit(print("%s: %s" % (name, said)) or 1)
        answers += len(batch)
        latest = max(latest, time.monotonic() - due)
        place = rng.randrange(connections)  # close one connection, open another one
        clients[place].close()
        clients[place] = Client(address)
        due += TICK
    print("%d answers, %.0f a second, a batch of %d took at most %.0f ms"
          % (answers, answers / (time.monotonic() - began), rate * TICK, 1e3 * latest))  # fmt: skip


if __name__ == "__main__":
    main()
