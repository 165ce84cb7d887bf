#!/usr/bin/env python3
"""Builds and runs the test suites and adds up their test cases. Called by tests/run, which lists the suites."""
import concurrent.futures
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time

import coverage as line_coverage

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.abspath(os.environ.get("STSMAPD_BUILD_DIR", os.path.join(ROOT, "build")))
WORKERS = os.cpu_count() or 2
FIRST_THREE = ["lint", "unit", "vectors", "explorer", "blackbox", "e2e"]
REST = ["debian13", "package", "monitoring", "asan", "tsan", "tidy", "live", "fuzz"]
ALONE = ["clang", "coverage"]  # not part of --all; clang also compiles and runs everything for tsan
SHOWN_LINES = 80  # of a failed step's log
STEP_LIMIT = 2400  # seconds for one step; all of --all must stay under an hour
PACKAGE_LIMIT = 4500  # seconds; without a compiler cache most of it is that of compiling in two systems
FUZZ_SECONDS = "10"  # for each fuzz target
TIDY_SECONDS = "600"  # for clang-tidy on what a branch changes

# gtest's lines about passing tests.
UNTELLING = r"\[( RUN      |       OK |-+)\]|$"
# The beginning of what gtest, unittest and the compiler say of one failure.
FAILURE = r"\[  FAILED  \] \S+ \(|(FAIL|ERROR): |\S+: (fatal )?error: |\S+:\d+: Failure$|==\d+==ERROR: "
NAMED_FAILURES = 8  # of a step, in the summary

say_lock = threading.Lock()


def say(*words):
    with say_lock:
        print(*words, flush=True)


class Totals:
    """Test cases by suite, in the order in which suites were first named."""

    def __init__(self):
        self.suites = {}
        self.failures = []
        self.lock = threading.Lock()

    def add(self, suite, passed, failed, skipped, seconds):
        with self.lock:
            old = self.suites.get(suite, (0, 0, 0, 0.0))
            self.suites[suite] = tuple(a + b for a, b in zip(old, (passed, failed, skipped, seconds)))

    def name_failures(self, step_name, text):
        """For the summary: what failed in the output of a step."""
        lines = [line.strip()[:200] for line in text.splitlines() if re.match(FAILURE, line)]
        if not lines:
            lines = text.strip().splitlines()[-1:]
        with self.lock:
            self.failures += [f"{step_name}: {line}" for line in lines[:NAMED_FAILURES]]

    def report(self):
        """Prints what failed, one line per suite and the total; True when nothing failed."""
        say()
        for line in self.failures:
            say("failed: " + line)
        for suite, (passed, failed, skipped, seconds) in self.suites.items():
            more = f", {skipped} skipped" if skipped else ""
            say(f"{suite:<18} {passed:5} passed, {failed} failed{more}  ({seconds:.1f} s)")
        passed, failed, skipped, _ = (sum(column) for column in zip((0, 0, 0, 0), *self.suites.values()))
        say(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
        return failed == 0


totals = Totals()


def counts_in(text):
    """(passed, failed, skipped) of the last "N passed, N failed" in the text, or None."""
    found = re.findall(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?", text, re.M)
    return tuple(int(number or 0) for number in found[-1]) if found else None


def gtest_counts(path):
    with open(path, encoding="utf-8") as file:
        report = json.load(file)
    skipped = sum(
        case.get("result") == "SKIPPED" for suite in report["testsuites"] for case in suite["testsuite"]
    )
    ran = sum(case.get("status") == "RUN" for suite in report["testsuites"] for case in suite["testsuite"])
    failed = report["failures"] + report.get("errors", 0)
    return ran - failed - skipped, failed, skipped


def gtest_counts_in(text):
    """For a test program that died: counts what passed and failed before, and the death as one more failure."""
    passed = len(re.findall(r"^\[       OK \] ", text, re.M))
    return passed, len(re.findall(r"^\[  FAILED  \] \S+ \(\d+ ms\)", text, re.M)) + 1, 0


def unittest_counts(path):
    with open(path, encoding="utf-8") as file:
        fates = json.load(file)
    for reason in sorted(set(fates["skipped"].values())):
        say(f"       skipped: {reason}")
    return len(fates["passed"]), len(fates["failed"]), len(fates["skipped"])


def step(suite, name, command, counts=None, env=None, build=BUILD, limit=STEP_LIMIT):
    """Runs a command with its output in a log file. `counts`: a function without arguments that returns (passed,
    failed, skipped). Without it the last "N passed, N failed" of the output counts; if there is none, the step is one
    test case. Returns whether it succeeded."""
    logs = os.path.join(build, "test-logs")
    os.makedirs(logs, exist_ok=True)
    log = os.path.join(logs, re.sub(r"[^\w.-]", "_", name) + ".log")
    started = time.monotonic()
    with open(log, "wb") as file:
        try:
            status = subprocess.run(
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env={**os.environ, **(env or {})},
                timeout=limit,
                check=False,
            ).returncode
        except (OSError, subprocess.TimeoutExpired) as error:
            file.write(f"{error}\n".encode())
            status = 124
    with open(log, encoding="utf-8", errors="replace") as file:
        text = file.read()
    seconds = time.monotonic() - started
    result = None
    try:
        result = counts() if counts else counts_in(text)
    except (OSError, ValueError, KeyError) as error:  # it died before it wrote its counts
        text += f"no counts: {error}\n"
        result = gtest_counts_in(text) if "[ RUN      ]" in text else None
    if result is None:
        result = (1, 0, 0) if status == 0 else (0, 1, 0)
    if status != 0 and result[1] == 0:
        result = (result[0], 1, result[2])
    totals.add(suite, *result, seconds)
    passed, failed, skipped = result
    good = failed == 0
    say(
        f"{'ok    ' if good else 'FAILED'} {name}: {passed} passed, {failed} failed"
        + (f", {skipped} skipped" if skipped else "")
        + f" ({seconds:.1f} s)"
    )
    if not good:
        totals.name_failures(name, text)
        lines = [line for line in text.splitlines() if not re.match(UNTELLING, line)]
        left_out = (
            f"... {len(lines) - SHOWN_LINES} lines more are in {log}\n" if len(lines) > SHOWN_LINES else ""
        )
        say(f"------ {name}\n" + left_out + "\n".join(lines[-SHOWN_LINES:]) + f"\n------ end of {name}")
    return good


def skip(suite, name, reason):
    totals.add(suite, 0, 0, 1, 0.0)
    say(f"skip   {name}: {reason}")


def build(folder, preset="", suite="build", targets=()):
    """Configures with a preset of CMakePresets.json and builds. Without a preset it uses the folder for development; if
    that is configured already, only its tests are switched on. A failure counts as one failed case of the suite, a
    success as none. Without targets everything is built; with None nothing."""
    name = f"build {os.path.basename(folder)}"
    started = time.monotonic()
    os.makedirs(folder, exist_ok=True)
    log = os.path.join(folder, "build.log")
    configured = os.path.exists(os.path.join(folder, "CMakeCache.txt"))
    how = ["-DSTSMAPD_TESTS=ON"] if configured and not preset else ["--preset", preset or "dev"]
    steps = [["cmake", "-S", ROOT, "-B", folder, *how]]
    if targets is not None:
        steps.append(["ninja", "-C", folder, *targets])
    env = {"CCACHE_BASEDIR": ROOT, "CCACHE_NOHASHDIR": "1", **os.environ}
    with open(log, "wb") as file:
        for command in steps:
            try:
                done = (
                    subprocess.run(
                        command,
                        stdin=subprocess.DEVNULL,
                        stdout=file,
                        stderr=file,
                        env=env,
                        timeout=STEP_LIMIT,
                        check=False,
                    ).returncode
                    == 0
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                file.write(f"{error}\n".encode())
                done = False
            if not done:
                break
    seconds = time.monotonic() - started
    say(f"{'ok    ' if done else 'FAILED'} {name} ({seconds:.1f} s)")
    if not done:
        totals.add(suite, 0, 1, 0, seconds)
        with open(log, encoding="utf-8", errors="replace") as file:
            text = file.read()
        totals.name_failures(name, text)
        errors = [line for line in text.splitlines() if re.search(r"error|FAILED:", line, re.I)][:20]
        say("\n".join([f"------ {log}", *errors, "...", *text.splitlines()[-30:], "------"]))
    return done


def modules(folder):
    return sorted(os.path.basename(path)[:-3] for path in glob.glob(f"{ROOT}/tests/{folder}/test_*.py"))


def unittest_job(suite, folder, module, prefix=(), env=None, where=BUILD):
    name = f"{suite}/{module}"
    out = os.path.join(where, "test-logs", name.replace("/", "_") + ".json")
    if os.path.exists(out):
        os.unlink(out)
    command = [
        *prefix,
        sys.executable,
        f"{ROOT}/tests/unittest_json.py",
        out,
        f"{ROOT}/tests/{folder}",
        module,
    ]
    env = {"PYTHONDONTWRITEBYTECODE": "1", **binaries(where), **(env or {})}
    return lambda: step(suite, name, command, lambda: unittest_counts(out), env, where, 900)


def binaries(where):
    return {"STSMAPD_BIN": f"{where}/stsmapd", "STSMAP_BIN": f"{where}/stsmap", "STSMAPD_BUILD_DIR": where}


def unit_job(suite, where, prefix=(), env=None, only=""):
    out = os.path.join(where, "test-logs", "unit.json")
    if os.path.exists(out):
        os.unlink(out)
    command = [*prefix, f"{where}/tests/unit_tests", f"--gtest_output=json:{out}"]
    command += [f"--gtest_filter={only}"] if only else []
    return lambda: step(
        suite,
        f"{suite}/unit" if suite != "unit" else "unit",
        command,
        lambda: gtest_counts(out),
        env,
        where,
        900,
    )


def vectors_job(suite, where, prefix=(), env=None):
    return lambda: step(
        suite,
        f"{suite}/vectors" if suite != "vectors" else "vectors",
        [*prefix, f"{where}/tests/vectors_runner", f"{ROOT}/tests/vectors"],
        None,
        env,
        where,
        900,
    )


def explorer_job(_=""):
    # Tries every sequence of events on one processor, for about two minutes; once, not again under the sanitizers.
    return lambda: step("explorer", "explorer", [f"{BUILD}/tests/explorer"])


def e2e_jobs(only=""):
    # The longest ones come first: several minutes each.
    longest = ["test_setup_maps", "test_doctor", "test_setup_files", "test_resolvers", "test_setup", "test_changes"]
    names = [only] if only else sorted(modules("e2e"), key=lambda name: (longest + [name]).index(name))
    sys.path.insert(0, f"{ROOT}/tests")
    from world import namespace

    reason = namespace.why_not()
    prefix = () if reason else (sys.executable, f"{ROOT}/tests/world/namespace.py")
    return [unittest_job("e2e", "e2e", name, prefix) for name in names]


def lint_jobs(_=""):
    return [
        lambda: step("lint", "lint", ["sh", f"{ROOT}/tests/lint/run.sh"], env={"STSMAPD_BUILD_DIR": BUILD})
    ]


def blackbox_jobs(suite="blackbox", where=BUILD, prefix=(), env=None, only=""):
    return [
        unittest_job(suite, "blackbox", name, prefix, env, where)
        for name in ([only] if only else modules("blackbox"))
    ]


def run_together(jobs, workers=WORKERS):
    """Runs the jobs in parallel."""
    with concurrent.futures.ThreadPoolExecutor(max(1, workers)) as pool:
        for job in [pool.submit(job) for job in jobs]:
            job.result()


def sanitized(suite, env, prefix=()):
    where = f"{BUILD}-{suite}"
    if build(where, suite, suite):
        run_together(
            [
                unit_job(suite, where, prefix, env),
                vectors_job(suite, where, prefix, env),
                *blackbox_jobs(suite, where, prefix, env),
            ]
        )


def asan():
    sanitized("asan", {"UBSAN_OPTIONS": "print_stacktrace=1"})


def tsan():
    # Without a fixed address layout ThreadSanitizer may find its shadow memory taken.
    fixed = ("setarch", os.uname().machine, "-R")
    works = subprocess.run([*fixed, "true"], capture_output=True, check=False).returncode == 0
    sanitized("tsan", {"TSAN_OPTIONS": "second_deadlock_stack=1"}, fixed if works else ())


def clang():
    if not shutil.which("clang++"):
        return skip("clang", "clang", "no clang++ here")
    where = f"{BUILD}-clang"
    if build(where, "clang", "clang"):
        run_together([unit_job("clang", where), vectors_job("clang", where)])


def tidy():
    """clang-tidy on what the branch changes. It needs the compiler's command lines, but no build."""
    where = f"{BUILD}-clang"
    if not (shutil.which("clang++") and shutil.which("clang-tidy")):
        return skip("tidy", "tidy", "no clang-tidy here")
    if build(where, "clang", "tidy", targets=None):
        command = [sys.executable, f"{ROOT}/tests/lint/tidy.py", "--build", where, "--limit", TIDY_SECONDS]
        step("tidy", "tidy", command, build=where)
        with open(f"{where}/test-logs/tidy.log", encoding="utf-8", errors="replace") as file:
            say("".join(f"       {line}" for line in file if line.startswith("left: ")).rstrip() or "       all seen")


def coverage():
    """Which lines of src/ the unit tests, vectors and black box tests run, in a build of its own."""
    if not shutil.which("clang++"):
        return skip("coverage", "coverage", "no clang++ here")
    where = f"{BUILD}-coverage"
    programs = ["stsmapd", "stsmap", "tests/unit_tests", "tests/vectors_runner"]
    if build(where, "coverage", "coverage", targets=[*programs, "tests/tls_flooder"]):
        env = line_coverage.begin(where, programs[:2])
        jobs = [unit_job("coverage", where, env=env), vectors_job("coverage", where, env=env)]
        for name in modules("blackbox"):
            if name != "test_turns":  # it measures time, and counting lines takes time
                jobs += blackbox_jobs("coverage", where, env=env, only=name)
        run_together(jobs, WORKERS + 1)
        say(line_coverage.report(where, programs))


def fuzz():
    if not shutil.which("clang++") or not os.path.exists(f"{ROOT}/tests/fuzz-run"):
        return skip("fuzz", "fuzz", "no clang++ here")
    where = f"{BUILD}-fuzz"
    if build(where, "fuzz", "fuzz", targets=["fuzz"]):
        command = [sys.executable, f"{ROOT}/tests/fuzz-run", "--no-build", "--build", where]
        step("fuzz", "fuzz", [*command, "-j", str(WORKERS), FUZZ_SECONDS], build=where)


def live():
    step("live", "live DNS", [sys.executable, f"{ROOT}/tests/live/dns_live.py", f"{BUILD}/tests/dns_query"])
    step("live", "DNS forms", [sys.executable, f"{ROOT}/tests/live/dns_forms.py", f"{BUILD}/tests/dns_judge"])


def debian13():
    step("debian13", "debian13", [sys.executable, f"{ROOT}/tests/e2e/debian13.py"], env=binaries(BUILD))


def package(only=""):
    # "bookworm" or "trixie", a module, or both: bookworm/test_service
    release, _, module = only.rpartition("/") if "test_" in only else (only, "", "")
    command = [sys.executable, f"{ROOT}/tests/package/run.py", *(["--release", release] if release else [])]
    step("package", "package", command + ([module] if module else []), limit=PACKAGE_LIMIT)


def monitoring(only=""):
    names = [only] if only else modules("monitoring")
    run_together([unittest_job("monitoring", "monitoring", name) for name in names])


def chosen(names):
    """Returns the jobs of suites 1 to 3 and the functions of the others, for names as on the command line."""
    kinds = {
        "lint": lint_jobs,
        "blackbox": lambda only: blackbox_jobs(only=only),
        "e2e": e2e_jobs,
        "unit": lambda only: [unit_job("unit", BUILD, only=only)],
        "vectors": lambda _: [vectors_job("vectors", BUILD)],
        "explorer": lambda _: [explorer_job()],
    }
    rest = {"asan": asan, "tsan": tsan, "clang": clang, "tidy": tidy, "live": live, "fuzz": fuzz}
    rest |= {"debian13": debian13, "package": package, "monitoring": monitoring, "coverage": coverage}
    jobs, later = [], []
    for name in names:
        kind, _, only = name.removeprefix("tests/").removesuffix(".py").partition("/")
        if kind in kinds:
            # The end-to-end tests mostly wait, so they start first; the longest ones come first.
            jobs = kinds[kind](only) + jobs if kind == "e2e" else jobs + kinds[kind](only)
        elif kind in ("package", "monitoring") and only:
            later.append(lambda job=rest[kind], only=only: job(only))
        elif kind in rest and not only:
            later.append(rest[kind])
        else:
            sys.exit(f"no such test: {name}. There are: {' '.join([*FIRST_THREE, *REST, *ALONE])}")
    return jobs, later


def main():
    arguments = sys.argv[1:]
    everything = "--all" in arguments
    names = [name for name in arguments if name != "--all"] or (
        FIRST_THREE + REST if everything else FIRST_THREE
    )
    jobs, later = chosen(names)
    started = time.monotonic()
    needs_build = jobs or {debian13, live, monitoring} & set(later) or any("monitoring/" in name for name in names)
    if not needs_build or build(BUILD):
        # Many tests wait more than they work: one worker more than there are processors.
        run_together(jobs, WORKERS + 1)
        # Suites with systems of their own wait for downloads, boots and mail, and that with Prometheus for the minutes
        # of politeness: meanwhile the builds use the processors.
        waiting = {debian13, package, monitoring}
        beside = [threading.Thread(target=job) for job in later if job in waiting]
        for thread in beside:
            thread.start()
        for job in later:
            if job not in waiting:
                job()
        for thread in beside:
            thread.join()
    say(f"\ntook {time.monotonic() - started:.0f} s")
    sys.exit(0 if totals.report() else 1)


if __name__ == "__main__":
    main()
