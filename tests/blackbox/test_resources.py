"""The system has no more descriptors, threads, memory or stack. The answer is right, or TEMP with words; the log has
one line; and when there is enough again, all works without a restart."""

import os
import resource
import shutil
import subprocess
import unittest

from blackbox import harness
from blackbox.harness import NOTFOUND, SECURE
from pylib.programs import is_sanitized
from pylib.socketmap import Closed, frame
from pylib.waiting import wait_for

TEMP = "TEMP stsmapd: "


class Limited(harness.Case):
    def limit(self, daemon, kind, soft):
        """Sets a limit of the running daemon; returns a function that restores the old one."""
        before = resource.prlimit(daemon.process.pid, kind)
        resource.prlimit(daemon.process.pid, kind, (soft, before[1]))
        return lambda: resource.prlimit(daemon.process.pid, kind, before)


class DescriptorTest(Limited):
    def setUp(self):
        super().setUp()
        if is_sanitized():
            self.skipTest("UBSan takes pipes to look at memory, and complains when there are none")

    def test_none_left_for_dns_and_https(self):
        self.world.policy("good.test")
        self.world.policy("later.test")
        daemon = self.start()
        with daemon.client() as known:
            self.assertEqual(known.ask("good.test"), SECURE)
            used = {int(fd) for fd in os.listdir("/proc/%d/fd" % daemon.process.pid)}
            lowest_free = min(set(range(1000)) - used)
            give_back = self.limit(daemon, resource.RLIMIT_NOFILE, lowest_free)
            for _ in range(3):
                self.assertEqual(known.ask("good.test"), SECURE)
                self.assertTrue(known.ask("later.test").startswith(TEMP), "it is no trouble of the domain's")
            with daemon.client() as newcomer:
                newcomer.send(frame("sts good.test"))
                daemon.wait_log("accept-failed")
                self.assertEqual(known.ask("good.test"), SECURE)
                give_back()
                self.assertEqual(newcomer.reply(), SECURE, "it was not turned away")
            self.assertEqual(known.ask("later.test"), SECURE, "at once")
        self.assertEqual(len(daemon.wait_log("dns-no-socket", "<3>")), 1)
        self.assertEqual(len(daemon.wait_log("accept-failed", "<3>")), 1)
        self.assertEqual([line["reason"] for line in daemon.lookups("later.test")][:3], ["overloaded"] * 3)
        self.assertEqual(daemon.stop(), 0)

    def test_start_with_very_few(self):
        """With any number of descriptors it serves, or says why it does not."""
        self.world.policy("good.test")
        served = refused = 0
        for files in [*range(4, 21), 40]:
            daemon = self.start(files=files, wait=False)
            wait_for(
                lambda d=daemon: d.process.poll() is not None or d.notifications.count("READY=1") > 0
            )
            if daemon.process.poll() is None:
                served += 1
                with daemon.client() as client:
                    answer = client.ask("good.test")
                self.assertTrue(answer == SECURE or answer.startswith(TEMP), answer)
                self.assertEqual(daemon.stop(), 0)
            else:
                refused += 1
                self.assertEqual(daemon.process.returncode, 1)
                # What could not be opened, and why.
                self.assertRegex(daemon.log(), 'cannot-start: .*[a-z1\\\\"][:\\s]+\\(?Too many open files', files)
            shutil.rmtree(daemon.state_dir, ignore_errors=True)
        self.assertGreater(served, 0)
        self.assertGreater(refused, 0)


NO_THREAD = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
int pthread_create(pthread_t *thread, const pthread_attr_t *with, void *(*run)(void *), void *argument) {
    static int made;
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = dlsym(RTLD_NEXT, "pthread_create");
    return ++made == atoi(getenv("NO_THREAD")) ? EAGAIN : real(thread, with, run, argument);
}
"""


class ThreadTest(harness.Case):
    def test_no_thread(self):
        """Each thread of the start fails in turn: exit 1, with words."""
        if is_sanitized():
            self.skipTest("a sanitizer has its own pthread_create")
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if not compiler:
            self.skipTest("no C compiler here")
        library = self.world.path("no_thread.so")
        command = [compiler, "-x", "c", "-shared", "-fPIC", "-o", library, "-", "-ldl"]
        subprocess.run(command, input=NO_THREAD, text=True, check=True, timeout=60)
        for number in range(1, 7):
            environment = {"LD_PRELOAD": library, "NO_THREAD": str(number)}
            daemon = self.start(wait=False, environment=environment, threads=2)
            wait_for(
                lambda d=daemon: d.process.poll() is not None or d.notifications.count("READY=1") > 0
            )
            if daemon.process.poll() is None:
                self.assertEqual(daemon.stop(), 0)
                self.assertGreater(number, 4, "log, store, state and two for answers")
                break
            self.assertEqual(daemon.process.returncode, 1)
            self.assertRegex(daemon.log(), "cannot.start.*no more threads")
        else:
            self.fail("it never started")


class MemoryTest(Limited):
    def test_none_left(self):
        """Known domains are answered, unknown ones deferred or their connection closed; nothing is lost."""
        if is_sanitized():
            self.skipTest("a sanitizer has its own allocator")
        self.world.policy("good.test")
        self.world.policy("later.test")
        daemon = self.start()
        self.assertEqual(daemon.ask("good.test"), SECURE)
        give_back = self.limit(daemon, resource.RLIMIT_AS, daemon.memory("VmSize") * 1024)
        answers = {"closed": 0, "temp": 0, "notfound": 0}
        crowd = []
        for number in range(20):
            client = daemon.client()
            self.addCleanup(client.close)
            crowd.append(client)
            keys = ["j%d-%d.%s.test" % (number, i, "x" * 60) for i in range(300)]
            client.send(b"".join(frame("sts " + key) for key in keys))
        for client in crowd:
            try:
                for _ in range(300):
                    answer = client.reply()
                    self.assertTrue(answer == NOTFOUND or answer.startswith(TEMP), answer)
                    answers["notfound" if answer == NOTFOUND else "temp"] += 1
            except (Closed, ConnectionError):
                answers["closed"] += 1
        self.assertGreater(answers["temp"] + answers["closed"], 0, answers)
        self.assertEqual(len(daemon.wait_log("<3>memory-short")), 1)
        self.assertLessEqual(len(daemon.log_lines("<3>")), 3, "said once, not once a lookup")
        self.assertIsNone(daemon.process.poll())
        give_back()
        self.assertEqual(daemon.ask("good.test"), SECURE)
        wait_for(lambda: daemon.ask("later.test") == SECURE, every=0.1)
        self.assertEqual(daemon.stop(), 0)
        self.world.unplug()
        again = self.start()
        self.assertEqual((again.ask("good.test"), again.ask("later.test")), (SECURE, SECURE), "nothing is lost")


class StackTest(harness.Case):
    def test_small_stack(self):
        """256 KB, as on systems with small thread stacks."""
        if is_sanitized():
            self.skipTest("sanitizers need large stacks")
        body = "version: STSv1\n" + "mx: m.good.test\n" * 3000 + "mode: enforce\nmax_age: 86400\n"
        self.world.policy("good.test")
        self.world.policy("large.test", body=body)
        self.world.policy("deep.test", body="\n" * 60_000)
        daemon = self.start(wrapper=["sh", "-c", 'ulimit -s 256 && exec "$@"', "sh"])
        self.assertEqual(daemon.ask("good.test"), SECURE)
        self.assertTrue(daemon.ask("large.test").startswith("OK secure match="))
        self.assertEqual(daemon.ask("deep.test"), NOTFOUND)
        self.assertEqual(daemon.ask("x" * 9000), NOTFOUND)
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main()
