#!/usr/bin/env python3
"""Puts faults back into a copy of the sources, one after the other, and expects the explorer to find each.

usage: faults.py [-h] [--folder FOLDER] [--list] [--check] [NAME...]

Without names all faults are tried. The copy and its build are made in FOLDER (default: build/explorer-faults) and stay
there, so that only what a fault changes is compiled. A fault is an edit of the source text; one that no longer applies
is a failure, as is one that no search finds. The last line is "N passed, N failed".
"""
import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COPIED = ["CMakeLists.txt", "src", "tests", "packaging", "conf", "man"]

DISCOVERY, FLIGHTS, EXPIRY = "src/lookup/discovery.cpp", "src/lookup/flights.cpp", "src/lookup/expiry.cpp"
REFRESHER, ENTRY = "src/lookup/refresher.cpp", "src/cache/entry.cpp"
DANE, DECIDE = "src/dane/state.cpp", "src/decision/decide.cpp"
LOAD, STEPS, SERVICE = "src/lookup/load.cpp", "src/lookup/steps.cpp", "src/lookup/service.cpp"

# Name: what is wrong then, and the edits: (file, text, text in its place).
FAULTS = {
    # What is answered is on the disk.
    "not-committed": (
        "a policy is told before it is on the disk",
        [(DISCOVERY,
          "    auto committed = commit(parts_.executor, parts_.timers, parts_.store, row(domain, entry));\n"
          "    co_await std::move(committed);\n",
          "    parts_.store.save(row(domain, entry), nullptr);\n")],
    ),
    "forget-by-name": (
        "an expired entry is forgotten by name while the new one's commit is under way",
        [(EXPIRY, "parts_.store.forget(domain, entry.fetched_at);", "parts_.store.forget(domain, std::nullopt);"),
         (REFRESHER, "if (parts_.learner.is_aloft(domain)) return schedule", "if (false) return schedule")],
    ),
    "evict-by-name": (
        "the row of an evicted policy is removed by name, and with it the one that was saved meanwhile",
        [(DISCOVERY, "parts_.store.forget(evicted->domain, evicted->fetched_at);",
          "parts_.store.forget(evicted->domain, std::nullopt);")],
    ),
    "late-row-wins": (
        "a row that is read late takes the place of a newer policy",
        [(LOAD, "if (std::holds_alternative<cache::Entry>(known)) return Loaded::known;", "")],
    ),
    "stale-times": (
        "noting the clock stores an old row over the new one",
        [(REFRESHER, "if (stored && !parts_.learner.is_aloft(domain))", "if (stored)")],
    ),
    # The clock.
    "forgets-untrusted": (
        "what is over by a clock years ahead is deleted for good",
        [(EXPIRY, "if (!trusted && !kept_long_enough(entry, ran, tuning_)) {", "if (false) {")],
    ),
    "trusts-at-once": (
        "the clock is trusted from the start",
        [("src/cache/clock_trust.hpp", "agreement{3600}", "agreement{0}")],
    ),
    "ahead-since-not-stored": (
        "a policy fetched while the clock was ahead lives again after each start",
        [(LOAD, "    entry.ahead_since = row.ahead_since;\n", "")],
    ),
    "ahead-since-not-saved": (
        "the same, as the clock's step is noted in memory only",
        [(REFRESHER, "if (cache::note_time(noted, now)) store_times(domain);",
          "if (cache::note_time(noted, now)) parts_.table.update(domain, [&](cache::Entry& e) { cache::note_time(e, now); });")],
    ),
    "expired-is-served": (
        "an expired policy is answered",
        [(ENTRY, "    if (expired(entry, now)) return QueryPlan::resolve;\n", "")],
    ),
    # DANE.
    "verdict-of-any-age": (
        "an old verdict is not asked anew",
        [(DANE, "if (!never && since(state.known_at, now) < limits.fresh)", "if (!never)")],
    ),
    "bridge-from-proof": (
        "a verdict holds for a day from its proof, not from the first failure",
        [(DANE, "if (has_failed(state)) return since(state.failed_since, now) < limits.bridge;",
          "if (true) return since(state.known_at, now) < limits.bridge;")],
    ),
    "bridge-without-end": (
        "each failure gives an old verdict another day",
        [(DANE, "after.failed_since = has_failed(before) ? std::min(before.failed_since, now) : now;",
          "after.failed_since = now;")],
    ),
    "verdict-lost-with-get": (
        "a new policy begins without the verdict",
        [(STEPS, "        entry.dane = old->dane;", "        // entry.dane = old->dane;"),
         (ENTRY, "    if (is_enforced(entry, tuning) && dane::missing(entry.dane, now, tuning.dane)) return QueryPlan::resolve;\n",
          "")],
    ),
    # One GET a domain and minute.
    "short-spacing": ("five seconds between GETs", [("src/lookup/get_limit.hpp", "spacing{60}", "spacing{5}")]),
    "daily-without-limit": (
        "the daily GET asks nobody",
        [(STEPS, "if (wanted && may_get(id)) return", "if (wanted && (why == Why::daily || may_get(id))) return"),
         (REFRESHER, "    if (parts_.learner.get_wait(domain) > seconds{0}) return add(domain);\n", ""),
         (REFRESHER, "    const Instant open = now + parts_.learner.get_wait(domain);\n",
          "    const Instant open = now;\n    (void)domain;\n")],
    ),
    "stored-get-forgotten": (
        "after a restart the stored fetched_at does not count",
        [(DISCOVERY, "    if (ago > -GetLimit::spacing && ago < GetLimit::spacing)", "    if (ago > ago)")],
    ),
    "limit-by-wall": (
        "the limit follows the wall clock",
        [("src/lookup/discovery.hpp", "return gets_.wait(domain, parts_.clock.steady());",
          "return gets_.wait(domain, base::Steady{parts_.clock.now().time_since_epoch()});"),
         (DISCOVERY, "    gets_.note(domain, parts_.clock.steady());\n",
          "    gets_.note(domain, base::Steady{parts_.clock.now().time_since_epoch()});\n"),
         (DISCOVERY, "        gets_.note(row.domain, parts_.clock.steady() - ",
          "        gets_.note(row.domain, base::Steady{parts_.clock.now().time_since_epoch()} - ")],
    ),
    "life-of-zero-told-twice": (
        "a policy of max_age 0 is told to those who ask later",
        [(DISCOVERY, "    if (entry.policy->policy.max_age.count() == 0) {", "    if (entry.txt_id.empty()) {"),
         ("src/cache/entry.cpp", "    if (expired(entry, now)) return QueryPlan::resolve;",
          "    if (expired(entry, now) && entry.policy->policy.max_age != seconds{0}) return QueryPlan::resolve;")],
    ),
    # Want of memory.
    "turn-kept": (
        "a refresh that could not begin keeps its place for ever",
        [(REFRESHER, "    ~Turn() {\n        give_back();\n", "    ~Turn() {\n")],
    ),
    "check-kept": (
        "a background check that could not begin keeps its place for ever",
        [(SERVICE, "learner->learn(hop, Why::txt_check, [check](const Outcome&) {});",
          "learner->learn(hop, Why::txt_check, [check](const Outcome&) {});\n"
          "        } catch (const std::logic_error&) {\n            return;\n        } catch (const std::bad_alloc&) {\n"
          "            (void)new std::shared_ptr<Check>(check);\n            return;"),
         (SERVICE, "#include <new>\n", "#include <new>\n#include <stdexcept>\n")],
    ),
    "strays-not-looked-for": (
        "what fell off the agenda for want of memory is looked for only when something else is due",
        [(REFRESHER, "    if (strays_) when = std::min", "    if (false) when = std::min")],
    ),
    # The rest.
    "off-the-agenda": (
        "a policy fetched anew loses its place on the agenda",
        [("src/cache/memory/policy_table.cpp", "        merged.agenda_at = unpack(s.pool[i].agenda_at);\n",
          "        merged.agenda_at = {};\n")],
    ),
    "two-flights": (
        "who asks while a flight is in the air starts another",
        [(FLIGHTS, "        Flight& flight = *aloft->second;\n",
          "        Flight& flight = *aloft->second;\n        if (why == Why::query) start(domain, why);\n")],
    ),
    "stranger-defers": (
        "trouble of DNS is TEMP",
        [(DECIDE, "    if (facts.reason == Reason::overloaded) return",
          "    if (facts.reason == Reason::overloaded || facts.reason == Reason::dns_servfail) return")],
    ),
}


def log(*words):
    print(*words, flush=True)


def copy_sources(to):
    os.makedirs(to, exist_ok=True)
    command = ["rsync", "-a", "--delete", "--checksum"] if shutil.which("rsync") else None
    for name in COPIED:
        source, target = os.path.join(ROOT, name), os.path.join(to, name)
        if command:
            subprocess.run([*command, source + ("/" if os.path.isdir(source) else ""), target], check=True)
        elif os.path.isdir(source):
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target)
        else:
            shutil.copy2(source, target)


def build(tree, folder):
    """The explorer's path, or None and the log's end."""
    steps = [["ninja", "-C", folder, "explorer"]]
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        configure = ["cmake", "-S", tree, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"]
        steps.insert(0, [*configure, "-DSTSMAPD_TESTS=ON"])
    env = {"CCACHE_BASEDIR": tree, "CCACHE_NOHASHDIR": "1", **os.environ}
    for command in steps:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
        if done.returncode != 0:
            return None, done.stdout[-3000:]
    return os.path.join(folder, "tests", "explorer"), ""


def edited(tree, edits):
    """Applies the edits; returns what was there before, or the text that was not found."""
    before = {}
    for name, old, new in edits:
        path = os.path.join(tree, name)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        before.setdefault(path, text)
        if text.count(old) == 0:
            return before, f"{name} no longer has: {old.strip()}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))
    return before, ""


def outdated():
    """"NAME: FILE no longer has: TEXT" of every edit that could not be made."""
    found = []
    for name, (_, edits) in FAULTS.items():
        for path, old, _ in edits:
            with open(os.path.join(ROOT, path), encoding="utf-8") as file:
                if old not in file.read():
                    found.append(f"{name}: {path} no longer has: {old.strip()}")
    return found


def try_fault(tree, folder, edits):
    """(found, words)"""
    before, missing = edited(tree, edits)
    try:
        if missing:
            return False, missing
        program, trouble = build(tree, folder)
        if not program:
            return False, "does not compile:\n" + trouble
        done = subprocess.run(
            [program, "--stop", "--random", "20", "--seed", "1"], capture_output=True, text=True, check=False, timeout=1200
        )
        found = re.search(r"  FAILED (.*)\n\s+(explorer --replay .*)", done.stdout)
        if done.returncode == 1 and found:
            return True, f"{found[1]}\n       {found[2]}"
        if done.returncode < 0:  # as of memory that two flights share
            return True, "the explorer itself dies: " + signal.Signals(-done.returncode).name
        return False, "not found:\n" + done.stdout[-2000:] + done.stderr[-1000:]
    finally:
        for path, text in before.items():
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", default=os.path.join(ROOT, "build", "explorer-faults"))
    parser.add_argument("--list", action="store_true", help="say what there is")
    parser.add_argument("--check", action="store_true", help="only see whether every edit can still be made")
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    if arguments.list:
        for name, (words, _) in FAULTS.items():
            log(f"{name:24} {words}")
        return 0
    if arguments.check:
        found = outdated()
        for line in found:
            log(line)
        return 1 if found else 0
    for name in arguments.names:
        if name not in FAULTS:
            parser.error(f"no such fault: {name}")
    tree = arguments.folder
    folder = os.path.join(tree, "build")
    copy_sources(tree)
    program, trouble = build(tree, folder)
    if not program:
        log(trouble, "\n0 passed, 1 failed")
        return 1
    passed = failed = 0
    for name in arguments.names or FAULTS:
        words, edits = FAULTS[name]
        begun = time.monotonic()
        found, said = try_fault(tree, folder, edits)
        passed, failed = passed + found, failed + (not found)
        log(f"{'found ' if found else 'FAILED'} {name}: {words} ({time.monotonic() - begun:.0f} s)\n       {said}")
    log(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
