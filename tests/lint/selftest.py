#!/usr/bin/env python3
"""Shows that each lint can fail: tables of what must and what must not be an offence.

usage: selftest.py      exit 1 when a lint misses an offence or sees one where there is none
"""
import pathlib
import sys
import tempfile

import citations
import co_await_lint
import doubled_words
import folders
import hardening
import header_alone
import include_direction
import log_events
import logcheck_rules
import monitoring
import named_tests
import packaging
import plain_words
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

# (path below src/, include line); existing and invented paths
GOOD_INCLUDES = [
    ("sts/policy.cpp", '#include "base/text.hpp"'),
    ("sts/policy.cpp", '#include "sts/match.hpp"'),
    ("sts/policy.cpp", "#include <string_view>"),
    ("postfix/answer.cpp", '#include "decision/decision.hpp"'),
    ("dane/verdict.cpp", '#include "dns/answer.hpp"'),
    ("dns/message.cpp", "#include <vector>"),
    ("dns/wire.cpp", "#include <ldns/ldns.h>"),
    ("dns/resolver.hpp", "#include <boost/asio/awaitable.hpp>"),
    ("base/text.cpp", "// #include <boost/asio.hpp>"),
    ("base/event.hpp", "#include <boost/asio/steady_timer.hpp>"),
    ("lookup/discover.cpp", '#include "fetch/fetcher.hpp"'),
    ("sqlite/sqlite.cpp", "#include <sqlite3.h>"),
    ("cache/disk/sqlite_store.cpp", '#include "cache/disk/sqlite_store.hpp"'),
    ("cache/disk/sqlite_store.cpp", '#include "cache/store.hpp"'),
    ("cache/table.cpp", '#include "cache/memory/interner.hpp"'),
    ("daemon/daemon.cpp", '#include "fetch/https_fetcher.hpp"'),
    ("daemon/daemon.cpp", '#include "cache/disk/sqlite_store.hpp"'),
    ("daemon/daemon.cpp", '#include "config/config.hpp"'),
    ("tool/tool_commands.cpp", '#include "tool/doctor/probes.hpp"'),
    ("tool/doctor/probe_state.cpp", '#include "cache/disk/store_check.hpp"'),
    ("stsmapd.cpp", '#include "daemon/daemon.hpp"'),
]
BAD_INCLUDES = [
    ("sts/policy.cpp", "#include <boost/asio.hpp>"),
    ("sts/policy.cpp", "#include <boost/asio/buffer.hpp>"),
    ("base/text.cpp", "#include <boost/beast/core.hpp>"),
    ("base/text.cpp", "#include <curl/curl.h>"),
    ("decision/decision.hpp", "# include <spdlog/spdlog.h>"),
    ("dane/verdict.cpp", '#include "dns/resolver.hpp"'),
    ("postfix/answer.cpp", "#include <openssl/ssl.h>"),
    ("cache/entry.cpp", "#include <sqlite3.h>"),
    ("cache/table.cpp", "#include <sqlite3.h>"),
    ("cache/disk/store_file.cpp", "#include <sqlite3.h>"),
    ("dns/exchange.cpp", "#include <boost/asio/buffer.hpp>"),
    ("fetch/https_fetcher.cpp", "#include <ldns/ldns.h>"),
    ("server/server.cpp", "#include <nlohmann/json.hpp>"),
    ("sts/policy.cpp", '#include "postfix/answer.hpp"'),
    ("base/domain.cpp", '#include "sts/policy.hpp"'),
    ("postfix/request.cpp", '#include "dns/resolver.hpp"'),
    ("dns/stub_resolver.cpp", '#include "lookup/service.hpp"'),
    ("lookup/service.cpp", '#include "server/session.hpp"'),
    ("lookup/service.cpp", '#include "fetch/https_fetcher.hpp"'),
    ("lookup/service.cpp", '#include "cache/memory/policy_table.hpp"'),
    ("lookup/learner.cpp", '#include "cache/disk/sqlite_store.hpp"'),
    ("cache/entry.cpp", '#include "cache/memory/record.hpp"'),
    ("cache/table.cpp", '#include "cache/disk/sqlite_store.hpp"'),
    ("server/session.cpp", '#include "dns/stub_resolver.hpp"'),
    ("tool/tool.cpp", '#include "server/server.hpp"'),
    ("tool/tool.cpp", '#include "tool/doctor/probes.hpp"'),
    ("tool/doctor/judge_state.cpp", '#include "cache/disk/store_check.hpp"'),
    ("tool/doctor/judge_world.cpp", "#include <openssl/x509.h>"),
    ("tool/setup/plan_dane.cpp", "#include <openssl/evp.h>"),
    ("fetch/https_fetcher.cpp", '#include "config/config.hpp"'),
    ("server/server.cpp", '#include "log/log.hpp"'),
    ("lookup/learner.cpp", '#include "wiring/settings.hpp"'),
    ("novel/novel.cpp", '#include "sts/policy.hpp"'),
    ("stsmapd.cpp", '#include "fetch/https_fetcher.hpp"'),
]
MATRIX_SOURCES = [("base/a.hpp", ""), ("dns/a.hpp", '#include "base/a.hpp"\n'),
                  ("dane/a.cpp", '#include "base/a.hpp"\n#include "dns/answer.hpp"\n'), ("dns/b.cpp", "#include <ldns/ldns.h>\n")]
MATRIX_ROWS = ["base  . ", "dns   x .   ldns", "dane  x o"]
CIRCLES = [({"a": folders.Folder("b"), "b": folders.Folder()}, False), ({"a": folders.Folder("b"), "b": folders.Folder("a")}, True),
           ({"a": folders.Folder("b"), "b": folders.Folder("c"), "c": folders.Folder("a")}, True)]

CITED = citations.Project(
    ["src/base/text.hpp", "src/tool/tool.hpp", "tests/CONFORMANCE.md", "src/README.md", "README.md", "man/stsmapd.8"],
    {"src/README.md": "## Promises\n\n1. **A**\n2. **B**\n\n## Other\n3. no\n", "tests/CONFORMANCE.md": "| 110 | a |\n",
     "README.md": "# x\n\n## Install\n", "man/stsmapd.8": ".Sh POSTFIX\n.Ss What mail sees\n"})
GOOD_CITATIONS = [
    ("src/a.cpp", "// promise 2, tests/CONFORMANCE.md, row 110, and RFC 8461 section 3.1\nint DESIGN;"),
    ("src/a.cpp", '// base/text.hpp, base/text, tool/tool.hpp, tool/tool; README.md, "Install"; stsmapd(8), "What mail sees"'),
    ("tests/a.py", "# socketmap_table(5), TLSRPT_README; folder/test_x.py, tests/unit/<folder>_<file>_test.cpp, NAME_fuzz.cpp"),
    ("a.md", "promises kept; a design; the issue is 5; C#"),
    ("a.txt", "set(HEADERS <vector> <other/a.hpp> <other/b.hpp>)"),
]
BAD_CITATIONS = [
    ("src/a.cpp", '// as DESIGN "what" says'), ("src/a.cpp", "/// (promise 3)"), ("src/a.cpp", "// promise\n// 7"),
    ("src/a.cpp", "// CONFORMANCE 110"), ("src/a.cpp", "// tests/CONFORMANCE.md, row 111"), ("src/a.cpp", "// POSTFIX.md section 4"),
    ("src/a.cpp", "// see base/gone.hpp"), ("src/a.cpp", "// part of cache/gone"), ("man/stsmapd.8", ".\\\" see issue 13"),
    ("tests/a.py", '# README.md, "Gone"'), ("src/a.cpp", '// stsmapd(8), "Gone"'), ("src/a.cpp", "// Peer#113"),
    ("conf/a.toml", "# STYLE.md"), ("a.md", "see GONE.md"),
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

EVENTS = """
struct Begun {
    Text signal, took = {}; ///< words; of ours
    std::optional<base::seconds> age;
};
struct Ended {
    bool lost = false;
};
"""
EVENTS_TABLE = """
template <>
struct About<Begun> : At<Level::info> {
    using E = Begun;
    static constexpr Words words{
        "begun", Section::daemon, "It began.", ""};
    static constexpr auto fields = std::tuple{field("signal", &E::signal), field("took_ms", &E::took),
                                              field("age", &E::age, Show::dash)};
};
template <>
struct About<Ended> {
    using E = Ended;
    static constexpr std::string_view levels =
        "info; warning when lost";
    static constexpr Words words{"ended", Section::daemon, "It ended.", ""};
    static constexpr auto fields = std::tuple{};
    static constexpr auto hidden = std::tuple{&E::lost};
};
"""
EVENTS_MADE = "sink.emit(events::Begun{}); events::Ended event{};"
GOOD_EVENTS = [
    (EVENTS, EVENTS_TABLE, EVENTS_MADE),
    (EVENTS, EVENTS_TABLE, EVENTS_MADE + 'file.write("other", 5);'),
]
BAD_EVENTS = [
    (EVENTS, EVENTS_TABLE, "sink.emit(events::Begun{});"),
    (EVENTS, EVENTS_TABLE, EVENTS_MADE + "log.write(Level::info, name, fields);"),
    (EVENTS, EVENTS_TABLE, EVENTS_MADE + "log_.write(\n base::Level::info, name, fields);"),
    (EVENTS, EVENTS_TABLE.replace('field("took_ms", &E::took),', ""), EVENTS_MADE),
    (EVENTS, EVENTS_TABLE.replace("&E::lost", ""), EVENTS_MADE),
    (EVENTS, EVENTS_TABLE.replace("Begun", "Other"), EVENTS_MADE),
    (EVENTS.replace("Text signal", "Text more, signal"), EVENTS_TABLE, EVENTS_MADE),
]

GOOD_PLAIN = [
    ("a.md", "It starts again, and `SHALL` is quoted. It is told apart by its name. A hand; thusly named."),
    ("a.cpp", 'f("anew"); // "told" is a name\nint anew = 0;'),
    ("a.py", 'x = "anew"  # again'),
    ("a.1", "The owed sum; what it is. To be continued."),
]
BAD_PLAIN = [
    ("a.md", "It is begun anew."),
    ("a.md", "Whilst it runs, lest it end."),
    ("a.md", "Postfix is\ntold so."),
    ("a.cpp", "/// Ends for\n/// want of memory.\nint x;"),
    ("a.hpp", "int x; ///< it shall be reset"),
    ("a.py", 'def f():\n    \"\"\"Waits for ever.\"\"\"\n'),
    ("a.sh", "x=1 # hence"),
    ("a.7", "In whatever order."),
]

LOGCHECK_RULES = r"^[^ ]+ mail stsmapd\[1\]: (begun: signal=7 took_ms=7 age=7|ended: kept=no|other: .*)$"
GOOD_LOGCHECK = [
    EVENTS_TABLE,
    EVENTS_TABLE.replace('"begun"', '"died"').replace("Level::info", "Level::error"),
    EVENTS_TABLE.replace('"begun"', '"step"').replace("Level::info", "Level::debug"),
]
BAD_LOGCHECK = [
    EVENTS_TABLE.replace("tuple{field", 'tuple{field("more", &E::more), field'),
    EVENTS_TABLE.replace("Level::info", "Level::warning"),
    EVENTS_TABLE.replace('"begun"', '"other"').replace("Level::info", "Level::error"),
    EVENTS_TABLE.replace('"begun"', '"novel"'),
    EVENTS_TABLE.replace('"ended"', '"novel"'),
]

NAMED_THERE = {"blackbox/test_a.py": "def test_b(self):", "run-it": ""}
GOOD_NAMES = [
    "`Suite.Name`, `unit/'Suite*:cache_x.*'`, `cache_x.name`, `fetch.proxy`, `/etc/x`, `blackbox/test_a`, `blackbox/test_a.test_b`, `tests/run-it 5`",
    "fuzz target `one`, fuzz targets `one`, `two` and `one`",
]
BAD_NAMES = ["`Suite.Other`", "`unit/'Suite*:Novel*'`", "`cache_x.other`", "`blackbox/test_b`", "`e2e/test_a`", "`blackbox/test_a.test_c`",
             "`tests/run-other`", "fuzz targets `one`, `three`"]

# Git's output about a branch, and the files with new text.
CHANGED = [
    (["M\tsrc/a/x.cpp", "A\tsrc/a/y.hpp", "D\tsrc/a/z.cpp", "M\tsrc/README.md"], ["src/a/x.cpp", "src/a/y.hpp"]),
    (["R100\tsrc/a/x.cpp\tsrc/b/x.cpp", "R087\tsrc/a/y.cpp\tsrc/b/y.cpp"], ["src/b/y.cpp"]),
]
# Changed files, and who includes the headers among them -> the files for clang-tidy, and headers that it does not see.
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
    ("a.8", ".Bd -literal\na\n\nb\n.Ed\n"),
    ("README.md", "[x](SECURITY.md) and [y](https://a.example/x) and [z](#there)\n"),
]
BAD_PROSE = [("a.md", LONG), ("a.md", "* item\n  " + LONG), ("a.8", LONG), ("a.8", ".Bd -literal\na\n.Ed\n\nb\n"), ("x.README.Debian", LONG),
             ("README.md", "[x](NO-SUCH.md)\n")]

METRICS = {"families": [
    {"name": "a_total", "type": "counter", "labels": [{"name": "x", "values": ["one", "two"]}]},
    {"name": "b", "type": "gauge", "labels": []},
    {"name": "c_seconds", "type": "histogram", "labels": [{"name": "y", "values": ["m"]}], "buckets": [1]}]}
GOOD_QUERIES = [
    'rate(a_total{x="one"}[5m]) > 0.5', 'sum by (x) (increase(a_total[$__rate_interval]))', "b == 0 or b offset 1h > 2", 'up{job="j"} == 0',
    'sum without (x) (rate(a_total{x=~"one|t.*", instance=~"$instance"}[1h30m])) / on (instance) group_left () b',
    'histogram_quantile(0.99, sum by (le) (rate(c_seconds_bucket{y="m"}[5m])))', 'rate(c_seconds_sum[5m]) / rate(c_seconds_count[5m])',
    'max(time() - (b > 0))', 'sum(rate(a_total[5m])) by (x)', "b and on (job) b",
]
BAD_QUERIES = [
    "d > 0", 'rate(a_total{z="one"}[5m])', 'rate(a_total{x="three"}[5m])', 'rate(a_total{x=~"one|three"}[5m])', "a_total > 0", "rate(b[5m])",
    "sum by (z) (rate(a_total[5m]))", "rate(c_seconds[5m])", "rate(a_total_bucket[5m])", "(b", "b)", "b & b", 'b{x="one"}', "1 + 1", "rate(b[5m)]",
    'rate(a_total{le="1"}[5m])', 'up{x="one"}', "sum(b) by (x)", "rate(a_total{x}[5m])",
]
# (file of packaging/monitoring, text in it, replacement)
BAD_MONITORING = [
    ("stsmapd.rules.yml", "alert: StsmapdDown", "alert: stsmapd_down"), ("stsmapd.rules.yml", "alert: StsmapdObserving", "alert: StsmapdDown"),
    ("stsmapd.rules.yml", "severity: critical", "severity: bad"), ("stsmapd.rules.yml", "ALERTS, StsmapdDown", "ALERTS, StsmapdUp"),
    ("stsmapd.rules.yml", "stsmapd on {{ $labels.instance }} only", "stsmapd only"), ("stsmapd.rules.yml", 'validates="no"', 'validates="non"'),
    ("stsmapd.rules.yml", "severity: critical", "severity: info"), ("stsmapd.rules.yml", 'job="stsmapd"', 'job="other"'),
    ("../../man/stsmapd.8", ".It Ic StsmapdObserving", ".It Ic StsmapdObserves"), ("../../man/stsmapd.8", ".Sh ALERTS", ".Sh OTHER"),
    ("stsmapd.rules.test.yml", "alertname: StsmapdObserving\n        exp_alerts:\n", "alertname: StsmapdDown\n        exp_alerts:\n"),
    ("stsmapd-dashboard.json", '"schemaVersion": 39', '"schemaVersion": 12'), ("stsmapd-dashboard.json", '"id": 2,', '"id": 3,'),
    ("stsmapd-dashboard.json", '"x": 3,', '"x": 1,'), ("stsmapd-dashboard.json", '"w": 24', '"w": 25'), ("stsmapd-dashboard.json", "{{answer}}", "{{reply}}"),
    ("stsmapd-dashboard.json", 'job=~\\"$job\\"', 'job=~\\"stsmapd\\"'), ("stsmapd-dashboard.json", "$__rate_interval", "$interval"),
    ("stsmapd-dashboard.json", '"uid": "${datasource}"', '"uid": "mine"'), ("stsmapd-dashboard.json", '"title": "Store"', '"title": "Policies"'),
    ("stsmapd-dashboard.json", "stsmapd_store_rows_waiting", "stsmapd_store_bytes"), ("metrics.json", "stsmapd_flights_waiting", "stsmapd_searches_waiting"),
    ("prometheus.yml", "job_name: stsmapd", "job_name: mail"), ("README.md", "127.0.0.1:9461", "127.0.0.1:9462"),
    ("../systemd/stsmapd-web.socket", "127.0.0.1:9461", "127.0.0.1:9462"), ("../systemd/stsmapd.service", "ipv6:tcp:9461", "ipv6:tcp:9464"),
    ("../systemd/stsmapd-web.socket", "127.0.0.1:9461", "127.0.0.1:8462"), ("../../man/stsmapd.8", "port 9461", "port 9462"),
    ("../debian/stsmapd.README.Debian", "port 9461", "port 9462"), ("../../packaging/container/README.md", "tcp::9461", "tcp::9462"),
    ("../../conf/stsmapd.toml", "tcp:127.0.0.1:9461", "tcp:127.0.0.1:9462"), ("../../src/config/options.cpp", "127.0.0.1:9461", "127.0.0.1:9462"),
    ("../../src/tool/doctor/judge_daemon.cpp", "tcp:127.0.0.1:9461", "tcp:127.0.0.1:9462"), ("../../README.md", "127.0.0.1:9461", "127.0.0.1:9462"),
    ("compose.yaml", "stsmapd.rules.yml:", "rules.yml:"), ("compose.yaml", '"127.0.0.1:9090', '"9090'), ("compose.yaml", "v2.53.0", "latest"),
    ("../container/fleet.yaml", "valkey:8.0.1", "valkey:latest"), ("../container/fleet.yaml", "127.0.0.1:8462:", "8462:"),
    ("../container/fleet.yaml", "  engine:", "  motor:\n    image: x:1.1.1\n  engine:"), ("../container/fleet.yaml", "STSMAPD_SHARED_ENGINE", "STSMAPD_SHARED_MOTOR"),
    ("../container/fleet.yaml", "tcp:engine:6379", "tcp:motor:6379"), ("../container/fleet.yaml", "STSMAPD_SHARED_HOST: second", "STSMAPD_SHARED_HOST: first"),
    ("../container/fleet.yaml", "/run/keys/fleet.keys", "/run/other/fleet.keys"), ("../container/fleet.yaml", "internal: true", "internal: false"),
    ("../container/fleet.yaml", "STSMAPD_DNS_SERVERS: 172.30.84.53", "STSMAPD_DNS_SERVERS: 172.30.84.54"),
]

# (file of packaging/systemd, text in it, replacement)
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
    matrix = include_direction.matrix(MATRIX_SOURCES)
    if [row.rstrip() for row in matrix.splitlines()[-4:-1]] != [row.rstrip() for row in MATRIX_ROWS]:
        wrong.append(f"include_direction: not the matrix: {matrix}")
    shown = f"<!-- folder matrix: begin -->\n{matrix}<!-- folder matrix: end -->\n"
    for text, bad in ((shown, False), (shown.replace("x o", "x x"), True), (matrix, True)):
        expect("include_direction", text, include_direction.matrix_fault(text, matrix), bad)
    rows = "".join(f"| `src/{name}/` | x |\n" for name in folders.FOLDERS if name)
    for text, bad in ((rows, False), (rows + "| `src/novel/` | x |\n", True), (rows.replace("`src/dane/`", "dane"), True)):
        expect("include_direction", text, list(include_direction.table_faults(text)), bad)
    for table, bad in CIRCLES:
        expect("include_direction", list(table), include_direction.circle(table), bad)
    for cases, bad in ((GOOD_CITATIONS, False), (BAD_CITATIONS, True)):
        for path, text in cases:
            expect("citations", (path, text), list(citations.faults(path, text, CITED)), bad)
    for cases, bad in ((GOOD_WORDS, False), (BAD_WORDS, True)):
        for path, text in cases:
            expect("doubled_words", (path, text), list(doubled_words.faults(path, text)), bad)
    for cases, bad in ((GOOD_PLAIN, False), (BAD_PLAIN, True)):
        for path, text in cases:
            expect("plain_words", (path, text), list(plain_words.faults(path, text)), bad)
    if list(plain_words.faults("a.md", "x\nfor want\nof it")) != [(2, '"for want of": write a usual word (because there is no ..., without)')]:
        wrong.append("plain_words: not the line, the words and the advice")
    for cases, bad in ((GOOD_EVENTS, False), (BAD_EVENTS, True)):
        for events, table, made in cases:
            found = log_events.check(("event.hpp", events), [("about_a.hpp", table)], [("a.cpp", made)])
            expect("log_events", (events, table, made), found.lines, bad)
    with tempfile.TemporaryDirectory() as folder:
        rules = pathlib.Path(folder) / "rules"
        rules.write_text(LOGCHECK_RULES + "\n")
        for cases, bad in ((GOOD_LOGCHECK, False), (BAD_LOGCHECK, True)):
            for text in cases:
                two_sided = {"ended": ("kept=no", "kept=enforce")}
                expect("logcheck_rules", text, logcheck_rules.check([("about_a.hpp", text)], rules, two_sided).lines, bad)
        for cases, bad in ((GOOD_NAMES, False), (BAD_NAMES, True)):
            for text in cases:
                found = named_tests.check(text, {"Suite.Name", "cache_x.name"}, NAMED_THERE.get, {"one", "two"})
                expect("named_tests", text, found.lines, bad)
        for flags in [[], *UNHARDENED]:
            expect("hardening", flags, hardening.check_flags(flags, folder), bool(flags))
        every = " ".join(hardening.HARDENED)
        for compiled, linked, bad in (([every], [every], False), ([every, "-O2"], [every], True), ([every], ["-pie"], True),
                                      ([every], [], True)):
            expect("hardening", (compiled, linked), hardening.check_commands(compiled, linked), bad)
        good, bad = pathlib.Path(folder) / "good.hpp", pathlib.Path(folder) / "bad.hpp"
        good.write_text("#pragma once\n#include <string>\ninline std::string f() { return {}; }\n")
        bad.write_text("#pragma once\ninline std::string f() { return {}; }\n")
        expect("header_alone", "good.hpp", header_alone.check([good]).lines, False)
        expect("header_alone", "bad.hpp", header_alone.check([bad]).lines, True)
        folder = pathlib.Path(folder)
        for cases, unit_check in ((EXPOSING_CHANGES, lambda: packaging.check_exposure(folder / "stsmapd.service")),
                                  (BAD_UNIT_CHANGES, lambda: packaging.check_units(folder, False))):
            for name, old, new in [("stsmapd.socket", "", ""), *cases]:
                for unit in ("stsmapd.service", "stsmapd.socket", "stsmapd-control.socket", "stsmapd-web.socket"):
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
    table = monitoring.Table(METRICS)
    for cases, bad in ((GOOD_QUERIES, False), (BAD_QUERIES, True)):
        for text in cases:
            expect("monitoring", text, monitoring.faults(text, table), bad)
    texts = monitoring.of_the_project()
    for name, old, new in [("README.md", "", ""), *BAD_MONITORING]:
        if old not in texts[name]:
            wrong.append(f"monitoring: {name} has no longer {old!r}")
        expect("monitoring", (name, old, new), monitoring.check({**texts, name: texts[name].replace(old, new, 1)}).lines, bool(old))
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
    # A lint that finds something must say where, and must fail.
    found = doubled_words.Offences()
    found.add("a.md", 3, "x")
    if found.lines != ["a.md:3: x"]:
        wrong.append("Offences: not file:line")

    print("\n".join(wrong) if wrong else "every lint finds what it should and nothing else")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
