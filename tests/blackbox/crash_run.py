"""Kills the daemon at random moments under load, and checks what it remembers. Run by tests/crash-run, and by
test_crash for a short time.

One round: start the daemon while neither DNS nor HTTPS answers, and ask for every policy that a client got
in the rounds before; start both and let clients ask for domains not asked for yet; kill -9 at a random moment.
Every tenth round begins with an empty store. Sometimes the daemon is killed during its start, too.
"""

import os
import queue
import random
import shutil
import threading
import time

from blackbox import harness
from pylib.logs import CRASHES
from pylib.socketmap import Closed

CLIENTS = 8
ROUNDS_A_STORE = 10
DOMAINS = 400  # a store


def domain(number):
    return "d%d.test" % number


def answer(name):
    return "OK secure match=mx.%s servername=hostname" % name


class Load:
    """Clients that ask until the daemon is gone. What they got is in `told`."""

    def __init__(self, daemon, names):
        self.told = []
        self.wrong = []
        self._names = names
        self._threads = [threading.Thread(target=self._ask, args=(daemon,)) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _ask(self, daemon):
        try:
            with daemon.client() as client:
                while True:
                    name = self._names.get_nowait()
                    said = client.ask(name)
                    if said == answer(name):
                        self.told.append(name)
                    else:
                        self.wrong.append((name, said))
        except (Closed, OSError, queue.Empty):
            pass

    def wait(self):
        for thread in self._threads:
            thread.join()


def kill_while_starting(world, rng):
    daemon = world.daemon()
    daemon.start(wait=False, journal=True)
    time.sleep(rng.random() * 0.08)
    daemon.kill()
    daemon.clean_up()


def run(rounds, seed, say=print):
    """Returns (number of policies checked, lost policies)."""
    rng = random.Random(seed)
    world = harness.World()
    checked, lost = 0, []
    try:
        names = [domain(number) for number in range(DOMAINS)]
        context = world.hosts.context(*["mta-sts." + name for name in names])
        for name in names:
            world.policy(name, mx=("mx." + name,), context=context)
        told, waiting = [], queue.Queue()
        for number in range(rounds):
            if number % ROUNDS_A_STORE == 0:
                shutil.rmtree(world.path("state"), ignore_errors=True)
                told, waiting = [], queue.Queue()
                for name in rng.sample(names, len(names)):
                    waiting.put(name)
            if rng.random() < 0.2:
                kill_while_starting(world, rng)
            world.unplug()
            daemon = world.daemon()
            daemon.start(journal=True)
            with daemon.client() as client:
                for name in told:
                    said = client.ask(name)
                    checked += 1
                    if said != answer(name):
                        lost.append((number, name, said))
            world.plug()
            load = Load(daemon, waiting)
            time.sleep(rng.random() * 0.3)
            daemon.kill()
            load.wait()
            told += load.told
            # A policy that was not answered before the kill may be stored or not.
            for name, said in load.wrong:
                lost.append((number, name, "during the load: " + said))
            log = daemon.log()
            if CRASHES.search(log) or "store-damaged" in log:
                lost.append((number, "-", log))
            daemon.clean_up()
            os.unlink(daemon.log_file)
            if (number + 1) % 50 == 0:
                say("%d rounds, %d policies checked, %d lost" % (number + 1, checked, len(lost)))
    finally:
        world.close()
    return checked, lost
