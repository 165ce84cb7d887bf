#!/usr/bin/env python3
"""Shows that each lint can fail: tables of what must and what must not be an offence.

usage: selftest.py      exit 1 when a lint misses an offence or sees one where there is none
"""
import pathlib
import sys
import tempfile

import co_await_lint
import doubled_words
import hardening
import header_alone
import include_direction
import log_events
import logcheck_rules
import named_tests
import packaging
import prose
import tidy
from sources import code_only, read

GOOD_AWAITS = [
    "co_await f(std::move(x));",
    "auto r = co_await f(x);",
    "const auto r = co_await f(x);",
    "auto [a, b] = co_await f(x);",
    "std::size_t n = co_await f(x, y);",
    "base::Expected<dns::Answer, base::Reason> r = co_await resolver.resolve(std::move(name), type);",
    "r = co_await f(g(x), h(y));",
    "result_ = co_await f();",
    "flight->result = co_await work();",
    "results[i] = co_await f();",
    "co_return co_await f(x);",
    "if (ready) co_await f(x);",
    "if (ready) { co_await f(x); }",
    "else co_await f(x);",
    "for (int i = 0; i < 3; ++i) co_await f(i);",
    "auto\n    r = co_await\n    f(x);",
    "// if (co_await f()) is forbidden\nco_await f();",
    'log("co_await {");',
    "co_await f(table[3]);",
    "co_await f(a->b, c < d);",
]
BAD_AWAITS = [
    "if (co_await f()) g();",
    "while (co_await f()) {}",
    "switch (co_await f()) {}",
    "g(co_await f());",
    "auto r = c ? co_await f() : g;",
    "auto r = co_await f() ? a : b;",
    "Agg v{co_await f(), co_await g()};",
    "co_await f(Agg{a, b});",
    "co_await f(h(Agg{a}));",
    "co_await f([k] { return k; });",
    "co_await f([&](int x) -> int { return x; });",
    "co_await f(\n    Agg{a});",
    "auto r = !co_await f();",
    "auto r = 1 + co_await f();",
    "auto r = co_await f() + 1;",
    "auto r = (co_await f()).value();",
    "x = y = z + co_await f();",
    "return g(co_await f());",
    "auto r = co_await f() && g();",
]

# (path below src/, include line)
GOOD_INCLUDES = [
    ("sts/policy.cpp", '#include "base/text.hpp"'),
    ("sts/policy.cpp", '#include "sts/match.hpp"'),
    ("postfix/answer.cpp", '#include "decision/decision.hpp"'),
    ("dane/verdict.cpp", '#include "dns/answer.hpp"'),
    ("dns/message.cpp", "#include <ldns/ldns.h>"),
    ("dns/resolver.hpp", "#include <boost/asio/awaitable.hpp>"),
    ("base/text.cpp", "// #include <boost/asio.hpp>"),
    ("lookup/discover.cpp", '#include "fetch/fetcher.hpp"'),
    ("cache/sqlite_store.cpp", "#include <sqlite3.h>"),
    ("cache/sqlite_store.cpp", '#include "cache/sqlite_store.hpp"'),
    ("app/daemon.cpp", '#include "fetch/https_fetcher.hpp"'),
    ("app/daemon.cpp", '#include "config/config.hpp"'),
    ("stsmapd.cpp", '#include "app/daemon.hpp"'),
]
BAD_INCLUDES = [
    ("sts/policy.cpp", "#include <boost/asio.hpp>"),
    ("base/text.cpp", "#include <boost/beast/core.hpp>"),
    ("decision/decision.hpp", "# include <spdlog/spdlog.h>"),
    ("dane/verdict.cpp", '#include "dns/resolver.hpp"'),
    ("postfix/answer.cpp", "#include <openssl/ssl.h>"),
    ("cache/entry.cpp", "#include <sqlite3.h>"),
    ("fetch/https_fetcher.cpp", "#include <ldns/ldns.h>"),
    ("sts/policy.cpp", '#include "postfix/answer.hpp"'),
    ("base/domain.cpp", '#include "sts/policy.hpp"'),
    ("postfix/request.cpp", '#include "dns/resolver.hpp"'),
    ("dns/stub_resolver.cpp", '#include "lookup/service.hpp"'),
    ("lookup/service.cpp", '#include "server/session.hpp"'),
    ("lookup/service.cpp", '#include "fetch/https_fetcher.hpp"'),
    ("server/session.cpp", '#include "dns/stub_resolver.hpp"'),
    ("metrics/metrics.cpp", '#include "cache/sqlite_store.hpp"'),
    ("control/tool.cpp", '#include "server/server.hpp"'),
    ("fetch/https_fetcher.cpp", '#include "config/config.hpp"'),
    ("server/server.cpp", '#include "app/log.hpp"'),
    ("novel/novel.cpp", '#include "sts/policy.hpp"'),
]

GOOD_WORDS = [
    ("a.md", "the cat, the hat"),
    ("a.md", "it said that that is fine"),
    ("a.md", "a word\n\nword in a new paragraph"),
    ("a.md", "the the-word"),
    ("a.cpp", 'f("the the");'),
    ("a.cpp", "int the, a; // the\nint b;    // the"),
    ("a.cpp", "the the;"),
    ("a.py", 'x = "a a the the"'),
]
BAD_WORDS = [
    ("a.md", "what the the cat"),
    ("a.md", "The the cat"),
    ("a.md", "at the\nthe end"),
    ("a.8", "is is"),
    ("a.cpp", "// what the the cat"),
    ("a.hpp", "/// at the end of the\n/// the line"),
    ("a.cpp", "/* is is */"),
    ("a.py", "x = 1  # is is"),
]

EVENTS_MANUAL = """
.Sh DIAGNOSTICS
.Bl -tag
.It Ic begun , ended
.Ar signal , took_ms .
.El
.Pp
Others are
.Cm step
and more.
.Sh SEE ALSO
.Bl -tag
.It Ic elsewhere
.El
"""
EVENTS_BOTH = 'log.write(Level::info, "begun", {{"signal", 3}}); log_.write(x, y ? "ended" : "begun", {{"took_ms", f({1})}});'
GOOD_EVENTS = [
    EVENTS_BOTH,
    EVENTS_BOTH + 'log.write(Level::debug, "step", {{"any", 1}});',
    EVENTS_BOTH + '// log.write(Level::info, "other", {{"a", 1}});',
    EVENTS_BOTH + 'file.write("other", 5); std::vector<int> v{{"other", 1}};',
]
BAD_EVENTS = [
    'log.write(Level::info, "begun", {{"signal", 3}});',
    EVENTS_BOTH + 'log.write(Level::info, "other", {{"signal", 3}});',
    EVENTS_BOTH + 'log.write(Level::info, "elsewhere", {{"signal", 3}});',
    EVENTS_BOTH + 'log.write(bad ? Level::warning : Level::info, bad ? "step" : "other",\n {{"signal", 3}});',
    EVENTS_BOTH + 'log.write(Level::info, "begun", {{"signal", 3}, {"more", g(1)}});',
    EVENTS_BOTH + 'log.write(Level::info, "begun", {{"signal", 3}, a ? base::Field{"more", 1} : b});',
]

LOGCHECK_RULES = r"^[^ ]+ mail stsmapd\[1\]: (begun: signal=7|ended: kept=no|other: .*)$"
GOOD_LOGCHECK = [
    'log.write(Level::info, "begun", {{"signal", 3}}); log.write(Level::error, "died", {{"signal", 3}});',
    'log.write(Level::debug, "step", {{"signal", 3}}); log.write(level, "ended", {{"kept", x}});',
]
BAD_LOGCHECK = [
    'log.write(Level::info, "begun", {{"signal", 3}, {"more", 1}});',
    'log.write(Level::warning, "begun", {{"signal", 3}});',
    'log.write(Level::error, "other", {{"signal", 3}});',
    'log.write(Level::info, "novel", {{"signal", 3}});',
    'log.write(bad ? Level::error : Level::info, "begun", {{"signal", 3}});',
    'log.write(level, "begun", {{"signal", 3}});',
]

NAMED_THERE = {"blackbox/test_a.py": "def test_b(self):", "run-it": ""}
GOOD_NAMES = [
    "`Suite.Name`, `cache_x.name`, `fetch.proxy`, `/etc/x`, `blackbox/test_a`, `blackbox/test_a.test_b`, `tests/run-it 5`",
    "fuzz target `one`, fuzz targets `one`, `two` and `one`",
]
BAD_NAMES = ["`Suite.Other`", "`cache_x.other`", "`blackbox/test_b`", "`e2e/test_a`", "`blackbox/test_a.test_c`",
             "`tests/run-other`", "fuzz targets `one`, `three`"]

# What git says of a branch, and the files whose text is new.
CHANGED = [
    (["M\tsrc/a/x.cpp", "A\tsrc/a/y.hpp", "D\tsrc/a/z.cpp", "M\tsrc/README.md"], ["src/a/x.cpp", "src/a/y.hpp"]),
    (["R100\tsrc/a/x.cpp\tsrc/b/x.cpp", "R087\tsrc/a/y.cpp\tsrc/b/y.cpp"], ["src/b/y.cpp"]),
]
# Files changed, who includes the headers among them: what clang-tidy is run on, and headers it does not see.
INCLUDING = {"src/a/x.hpp": ["src/a/x.cpp", "src/b/y.cpp"], "src/a/only.hpp": ["src/b/y.cpp"]}
TO_CHECK = [
    (["src/b/y.cpp"], (["src/b/y.cpp"], [])),
    (["src/a/x.hpp"], (["src/a/x.cpp"], [])),
    (["src/a/x.hpp", "src/a/x.cpp"], (["src/a/x.cpp"], [])),
    (["src/a/only.hpp"], (["src/b/y.cpp"], [])),
    (["src/a/only.hpp", "src/b/y.cpp"], (["src/b/y.cpp"], [])),
    (["src/a/lone.hpp"], ([], ["src/a/lone.hpp"])),
]

# Flags for a small program, and whether the result is hardened.
UNHARDENED = [
    ["-no-pie"], ["-Wl,-z,norelro"], ["-Wl,-z,lazy"], ["-fno-stack-protector"], ["-U_FORTIFY_SOURCE"],
    ["-Wl,-z,execstack"], ["-fcf-protection=none"], ["-Wl,-rpath,/tmp"],
]

VERSION_TEXTS = {
    "CMakeLists.txt": "project(stsmapd VERSION 1.2.3 LANGUAGES CXX\n",
    "CHANGELOG.md": "# Changes\n\n## 1.2.3 (unreleased)\n",
    "packaging/debian/changelog": "stsmapd (1.2.3-1) UNRELEASED; urgency=medium\n",
}
BAD_VERSIONS = [
    {"CMakeLists.txt": "project(stsmapd VERSION 1.2.4 LANGUAGES CXX\n"},
    {"CHANGELOG.md": "# Changes\n\n## 1.2 (unreleased)\n## 1.2.3\n"},
    {"packaging/debian/changelog": "stsmapd (1.2.3~rc1-1) UNRELEASED; urgency=medium\n"},
    {"packaging/debian/changelog": "\n"},
]
UNPUBLISHED = {"packaging/debian/copyright": "Source: not published yet\n", "packaging/debian/control": "Source: x\n",
               "packaging/debian/watch": "", "packaging/debian/upstream/metadata": ""}
PUBLISHED = {"packaging/debian/copyright": "Source: https://h.example/stsmapd\n",
             "packaging/debian/control": "Homepage: https://h.example/stsmapd\nVcs-Git: https://h.example/stsmapd.git\n",
             "packaging/debian/watch": "version=4\nhttps://h.example/stsmapd/tags x\n",
             "packaging/debian/upstream/metadata": "Repository: https://h.example/stsmapd.git\n"}
BAD_ADDRESSES = [
    {**UNPUBLISHED, "packaging/debian/copyright": "Upstream-Name: x\n"},
    {**UNPUBLISHED, "packaging/debian/copyright": "Source: ask the authors\n"},
    {**UNPUBLISHED, "packaging/debian/control": "Homepage: https://h.example/stsmapd\n"},
    {**UNPUBLISHED, "packaging/debian/watch": "version=4\n"},
    {**PUBLISHED, "packaging/debian/watch": ""},
    {**PUBLISHED, "packaging/debian/control": "Homepage: https://elsewhere.example/stsmapd\n"},
]

LONG = "word " * 30
GOOD_PROSE = [
    ("a.md", "word " * 20 + "\n\n| " + LONG + "|\n\n    " + LONG + "\n\n```\n" + LONG + "\n```\n" + "x" * 200 + "\n"),
    ("a.8", ".It " + "word " * 20 + "\n"),
    ("README.md", "[x](SECURITY.md) and [y](https://a.example/x) and [z](#there)\n"),
]
BAD_PROSE = [("a.md", LONG), ("a.md", "* item\n  " + LONG), ("a.8", LONG), ("x.README.Debian", LONG),
             ("README.md", "[x](NO-SUCH.md)\n")]

# (file of packaging/systemd, what in it, what instead)
EXPOSING_CHANGES = [("stsmapd.service", "PrivateUsers=yes", ""), ("stsmapd.service", "NoNewPrivileges=yes", "")]
BAD_UNIT_CHANGES = [
    ("stsmapd.service", "WatchdogSec=", "WatchDogSec="),
    ("stsmapd.service", "ExecStart=/usr/sbin/stsmapd", "ExecStart=/usr/sbin/stsmap"),
    ("stsmapd.socket", "SocketMode=0660", "SocketMode=rw"),
]


def main():
    wrong = []

    def expect(check, case, offences, bad):
        if bool(offences) != bad:
            wrong.append(f"{check}: {'missed' if bad else 'false alarm ' + str(offences)}: {case!r}")

    for cases, bad in ((GOOD_AWAITS, False), (BAD_AWAITS, True)):
        for case in cases:
            body = code_only("awaitable<void> f() {\n    " + case + "\n}\n")
            expect("co_await", case, list(co_await_lint.offences_in(body)), bad)
    for cases, bad in ((GOOD_INCLUDES, False), (BAD_INCLUDES, True)):
        for path, line in cases:
            expect("include_direction", (path, line), list(include_direction.faults(path, line + "\n")), bad)
    for cases, bad in ((GOOD_WORDS, False), (BAD_WORDS, True)):
        for path, text in cases:
            expect("doubled_words", (path, text), list(doubled_words.faults(path, text)), bad)
    for cases, bad in ((GOOD_EVENTS, False), (BAD_EVENTS, True)):
        for text in cases:
            expect("log_events", text, log_events.check([("a.cpp", text)], EVENTS_MANUAL).lines, bad)
    with tempfile.TemporaryDirectory() as folder:
        rules = pathlib.Path(folder) / "rules"
        rules.write_text(LOGCHECK_RULES + "\n")
        for cases, bad in ((GOOD_LOGCHECK, False), (BAD_LOGCHECK, True)):
            for text in cases:
                two_sided = {"ended": ("kept=no", "kept=enforce")}
                expect("logcheck_rules", text, logcheck_rules.check([("a.cpp", text)], rules, two_sided).lines, bad)
        for cases, bad in ((GOOD_NAMES, False), (BAD_NAMES, True)):
            for text in cases:
                found = named_tests.check(text, {"Suite.Name", "cache_x.name"}, NAMED_THERE.get, {"one", "two"})
                expect("named_tests", text, found.lines, bad)
        for flags in [[], *UNHARDENED]:
            expect("hardening", flags, hardening.check_flags(flags, folder), bool(flags))
        good, bad = pathlib.Path(folder) / "good.hpp", pathlib.Path(folder) / "bad.hpp"
        good.write_text("#pragma once\n#include <string>\ninline std::string f() { return {}; }\n")
        bad.write_text("#pragma once\ninline std::string f() { return {}; }\n")
        expect("header_alone", "good.hpp", header_alone.check([good]).lines, False)
        expect("header_alone", "bad.hpp", header_alone.check([bad]).lines, True)
        folder = pathlib.Path(folder)
        for cases, unit_check in ((EXPOSING_CHANGES, lambda: packaging.check_exposure(folder / "stsmapd.service")),
                                  (BAD_UNIT_CHANGES, lambda: packaging.check_units(folder, False))):
            for name, old, new in [("stsmapd.socket", "", ""), *cases]:
                for unit in ("stsmapd.service", "stsmapd.socket"):
                    (folder / unit).write_text(read(packaging.UNITS / unit))
                text = read(packaging.UNITS / name)
                (folder / name).write_text(text.replace(old, new))
                expect("units", (old, new), unit_check().lines, bool(old))
        for old, new in [("", ""), ("network inet stream,", "network inet streem,"), ("abstractions/base", "abstractions/bsse")]:
            (folder / "profile").write_text(read(packaging.PROFILE).replace(old, new))
            expect("AppArmor", (old, new), packaging.check_profile(folder / "profile").lines, bool(old))
    for change in [{}, *BAD_VERSIONS]:
        expect("versions", change, packaging.check_versions({**VERSION_TEXTS, **change}).lines, bool(change))
    for texts, bad in [(UNPUBLISHED, False), (PUBLISHED, False), *((one, True) for one in BAD_ADDRESSES)]:
        expect("address", texts, packaging.check_address(texts).lines, bad)
    for cases, bad in ((GOOD_PROSE, False), (BAD_PROSE, True)):
        for name, text in cases:
            expect("prose", (name, text), prose.check(prose.ROOT / name, text).lines, bad)
    for _, text in GOOD_PROSE + BAD_PROSE:
        wrapped = prose.wrap(text)
        if wrapped.split() != text.split() or prose.wrap(wrapped) != wrapped:
            wrong.append(f"prose: wrapping changes words: {text!r}")
    if prose.check(prose.ROOT / "a.md", prose.wrap("* item\n  " + LONG)).lines:
        wrong.append("prose: wrapping leaves a long line")
    for lines, wanted in CHANGED:
        expect("tidy", lines, tidy.changed_in(lines) != wanted, False)
    for names, wanted in TO_CHECK:
        expect("tidy", names, tidy.to_check(names, lambda header: INCLUDING.get(header, [])) != wanted, False)
    # A lint that finds something has to say where, and to fail.
    found = doubled_words.Offences()
    found.add("a.md", 3, "x")
    if found.lines != ["a.md:3: x"]:
        wrong.append("Offences: not file:line")

    print("\n".join(wrong) if wrong else "every lint finds what it should and nothing else")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
