"""The base of the tests of a fleet: hosts on loopback that share the cache of a real engine.

    class MyTest(FleetCase):
        def test_something(self):
            self.world.policy("a.test")
            a, b = self.member("a"), self.member("b")
            self.assertEqual(a.ask("a.test"), SECURE)
            self.wait_stored("a.test")
            self.assertEqual(b.ask("a.test"), SECURE)
            self.assertEqual(self.world.hosts.count("a.test"), 1)

No word of a password, user or key may be in a log or in what a daemon says of itself: each test ends with a look.
"""

import json
import os
import time

from blackbox import harness
from blackbox.harness import NOTFOUND, SECURE
from pylib import sealing
from pylib.control import Control
from pylib.engine import PASSWORD, SENTINEL_PASSWORD, SENTINEL_USER, USER, Engine, why_not
from pylib.metrics import scrape
from pylib.waiting import Failed, wait_for

# A host that has failed waits up to a minute and a fifth before it tries again.
COMES_BACK = 150
POLICY = "version: STSv1\r\nmode: enforce\r\nmx: mx1.good.test\r\nmx: *.mail.test\r\nmax_age: 86400\r\n"  # as SECURE says
OTHER_POLICY = POLICY.replace("mx1.good", "mx2.good")
OTHER_SECURE = SECURE.replace("mx1.good", "mx2.good")


class FleetCase(harness.Case):
    """`engine` runs when a test begins, unless START_ENGINE is False. `keys`: what the key file has, the first one
    seals."""

    START_ENGINE = True
    SENTINEL = False

    def setUp(self):
        reason = why_not(self.SENTINEL)
        if reason:
            self.skipTest(reason)
        super().setUp()
        self.keys = [sealing.Key()]
        self.secrets = {USER, PASSWORD, SENTINEL_USER, SENTINEL_PASSWORD, self.keys[0].material.hex()}
        self.addCleanup(self._check_secrets)
        self.write_keys()
        self.secret("password", PASSWORD + "\n")
        self.secret("sentinel-password", SENTINEL_PASSWORD)
        self.engine = Engine(self.world.path("engine"))
        self.addCleanup(lambda: self.engine.clean_up())
        if self.START_ENGINE:
            self.engine.start()

    # What the hosts are given.

    def secret(self, name, text):
        """The path of a file that only its owner may read."""
        path = self.world.path(name)
        with open(path + ".new", "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(text)
        os.rename(path + ".new", path)
        return path

    def write_keys(self, *keys, name="keys"):
        self.secrets |= {key.material.hex() for key in keys}
        return self.secret(name, "# of the tests\n" + "".join(key.line for key in keys or self.keys))

    def shared(self, engine=None, **changes):
        """The table [shared] of a host; an `engine` of "" leaves it out."""
        wanted = {
            "engine": self.engine.address if engine is None else engine or None,
            "user": USER,
            "password_file": self.world.path("password"),
            "key_file": self.world.path("keys"),
            "timeout": "1s",  # the tests' machine is busy
            **changes,
        }
        return {key: value for key, value in wanted.items() if value is not None}

    def member(self, name, wait=True, environment=None, again=False, settings=None, **shared):
        """Starts a host; returns its daemon when its engine answers, or without `wait` when it is ready. `again`: with
        the state of the one with this name before."""
        state = self.world.path("state." + name)
        os.makedirs(state, exist_ok=again)
        socket = self.world.path("socketmap." + name)
        if again and os.path.exists(socket):
            os.unlink(socket)
        daemon = self.world.daemon(shared=self.shared(host=name, **shared), **(settings or {}))
        daemon.settings.update(listen=["unix:" + socket], state_dir=state)
        self.daemons.append(daemon)
        self.addCleanup(daemon.clean_up)
        daemon.start(journal=True, environment=environment)
        if wait:
            self.wait_up(daemon)
        return daemon

    # What they say.

    @staticmethod
    def control(daemon):
        return Control(daemon.control_path)

    def status(self, daemon, hosts=False):
        """What the host knows of the fleet: the JSON of GET /v1/fleet; with `hosts` also what they say of themselves,
        which the engine is asked for."""
        return self.control(daemon).get("fleet", hosts=int(hosts))

    def names(self, daemon):
        """Of the hosts of the fleet."""
        return {host["name"] for host in self.status(daemon, hosts=True).get("hosts", [])}  # none while the engine is slow

    def metrics(self, daemon):
        return scrape(self.control(daemon))

    def commands(self, daemon, result):
        """How many ended with this word."""
        return self.metrics(daemon).value("stsmapd_shared_commands_total", result=result)

    @staticmethod
    def trouble(status):
        """The word of the last trouble, "" if there was none."""
        return status.get("trouble", "").partition(":")[0]

    def refused(self, daemon):
        """How many values were refused, by reason, those with none left out."""
        return {reason: count for reason, count in self.status(daemon)["refused"].items() if count}

    def wait_refused(self, daemon, reason, count=1):
        wait_for(lambda: self.refused(daemon).get(reason, 0) >= count, f"{count} values refused as {reason}")

    def wait_status(self, daemon, holds, what, seconds=COMES_BACK):
        """The status, once holds(status)."""

        def look():
            status = self.status(daemon)
            return status if holds(status) else None

        try:
            return wait_for(look, what, seconds, 0.1)
        except Failed as error:
            raise Failed(f"{error}\n{self.status(daemon)}\n{daemon.log()}") from None

    def wait_up(self, daemon, seconds=COMES_BACK):
        """Until it asks the engine, hears its notifications, and has compared what it has."""

        def holds(status):
            sync = status["sync"]
            compared = not sync["running"] and sync.get("ended", "") >= status.get("since", "9")
            return status["up"] and status["subscribed"] and compared

        return self.wait_status(daemon, holds, "a host that is up", seconds)

    def wait_down(self, daemon, *words):
        """Until its engine is not asked, because of one of these troubles."""
        return self.wait_status(
            daemon, lambda status: not status["up"] and self.trouble(status) in words, f"down, {words}"
        )

    def wait_commands(self, daemon, result, count=1):
        """Until so many commands ended with this word."""
        wait_for(lambda: self.commands(daemon, result) >= count, f"{count} commands with {result}")

    def wait_stored(self, *domains):
        """Until the engine has a policy of each."""
        wanted = set(domains)
        wait_for(lambda: wanted <= self.engine.keys(), f"the engine has {domains}")

    def put(self, name, value, prefix="stsmapd", **expiry):
        """Writes to the engine as somebody who can."""
        words = [word for key, number in expiry.items() for word in (key, number)]
        self.engine.do("SET", sealing.policy_key(name, prefix), value, *words)

    def get(self, name, prefix="stsmapd"):
        return self.engine.do("GET", sealing.policy_key(name, prefix))

    def value(self, domain, text=POLICY, ident="1", **how):
        return self.keys[0].value(domain, text, ident, **how)

    # What must hold of them.

    def expect_ready(self, daemon):
        control = self.control(daemon)
        self.assertTrue(control.text("/ready").startswith("ready"), daemon.log())
        self.assertEqual(control.status, 200)

    def expect_as_alone(self, daemon, known, fresh, absent="absent.test"):
        """It answers as a daemon without a shared cache: what it knows, without a GET; what it does not, after one."""
        before = {domain: self.world.hosts.count(domain) for domain in (known, fresh)}
        self.assertEqual(daemon.ask(known), SECURE, known)
        self.assertEqual(daemon.ask(fresh), SECURE, fresh)
        self.assertEqual(daemon.ask(absent), NOTFOUND)
        self.assertEqual(daemon.ask(fresh), SECURE, fresh)
        self.assertEqual(self.world.hosts.count(known), before[known])
        self.assertEqual(self.world.hosts.count(fresh), before[fresh] + 1)
        self.expect_ready(daemon)

    def policies(self, *domains, **options):
        """Adds domains with one certificate for all."""
        options.setdefault("context", self.world.hosts.context(*["mta-sts." + domain for domain in domains]))
        for domain in domains:
            self.world.policy(domain, **options)
        return list(domains)

    @staticmethod
    def pass_second():
        """Until the second of what happened before is over: hosts keep whole seconds, and of one second prefer the
        greater text."""
        now = int(time.time())
        wait_for(lambda: time.time() >= now + 1.05, "the next second")

    def _check_secrets(self):
        for daemon in self.daemons:
            texts = [daemon.log()]
            if daemon.runs():
                texts += [json.dumps(self.status(daemon, hosts=True)), self.control(daemon).text("/metrics")]
            for text in texts:
                for secret in self.secrets:
                    self.assertNotIn(secret, text, "a secret is shown")


class TroubleCase(FleetCase):
    """`known` is a domain that the hosts have learnt when the trouble begins, and each test takes fresh ones."""

    def setUp(self):
        super().setUp()
        self.known = self.policies("known.test")[0]
        self.fresh = iter(self.policies(*["f%d.test" % number for number in range(8)]))

    def learnt(self, name="a", **how):
        """A host that is up and has learnt `known`."""
        daemon = self.member(name, **how)
        self.assertEqual(daemon.ask(self.known), SECURE)
        return daemon

    def as_alone(self, daemon, times=1):
        for _ in range(times):
            self.expect_as_alone(daemon, self.known, next(self.fresh))

    def expect_shared(self, first, second):
        """What one learns the other one takes."""
        domain = next(self.fresh)
        self.assertEqual(first.ask(domain), SECURE)
        self.wait_stored(domain)
        self.assertEqual(second.ask(domain), SECURE)
        self.assertEqual(self.world.hosts.count(domain), 1)
