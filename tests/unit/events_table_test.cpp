// The table of events: every event is a line with all its fields, and every word of it is explained once.
#include "events/recorder.hpp"
#include "events/render.hpp"
#include "events/table.hpp"
#include "support/manual_time.hpp"
#include "support/memory_log.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using base::Level;
using base::Reason;
using namespace events;

/// One event of each kind, with no empty member.
std::vector<Event> one_of_each() {
    Lookup lookup{.domain = "a.example", .answer = "secure", .source = "memory", .age = 5s};
    lookup.why = "dane";
    lookup.next_hop = "[a.example]";
    lookup.would = "secure";
    lookup.detail = "status 404";
    return {
        lookup,
        ServiceUnknown{"a.example:smtps2", "smtps2", 3},
        LookupAborted{"a.example", "out of memory"},
        PolicyLearnt{"a.example", sts::Mode::enforce, 2, 86400s, "1", "shared"},
        PolicyChanged{"a.example", sts::Mode::testing, sts::Mode::enforce, 2, 86400s, "2", "1", true,
                      "shared"},
        PolicyRefreshed{"a.example", sts::Mode::enforce, 86400s, "1", "shared"},
        PolicyFailed{"a.example", Reason::http_status, "status 404", "enforce", 300s, 2, true},
        PolicyRecordVanished{"a.example", sts::Mode::enforce, Reason::record_invalid, "v=STSv1", "1",
                             base::Instant{9s}},
        PolicyExpired{"a.example", sts::Mode::enforce, base::Instant{7s}, Reason::none},
        PolicyEvicted{"a.example", "b.example"},
        PolicyForgotten{"a.example", "enforce", 0, "alice"},
        PoliciesImported{4, 1, 0, "alice"},
        PolicyTooShort{"a.example", sts::Mode::enforce, 5s, "1"},
        PolicyAdmitsNoMx{"a.example", "1", "mx.b.example", "finding"},
        OverrideAdded{"a.example", "may", "yes", "2027-01-31T00:00:00Z", "uid 0", "secure", "a test"},
        OverrideRemoved{"a.example", "may", "yes", "uid 0"},
        OverrideExpired{"a.example", "may", "yes", "run-time", "a test"},
        OverrideWeakens{"a.example", ".example.com", "may", "secure", 2},
        OverridesInUse{1, 2, 3, "a.example"},
        Observing{"no mail is protected"},
        Dane{"active", "it validates"},
        DaneChanged{"a.example", "sts", "dane-only", "no TLSA", 60s, "[a.example]", true},
        DnsServers{"127.0.0.1:53"},
        DnsServerJudged{"127.0.0.1:53", "yes", "AD"},
        DnsServerForm{"127.0.0.1:53", "edns"},
        DnsServerSilent{"127.0.0.1:53", Reason::dns_timeout, "a.example", "udp+edns"},
        DnsServerBack{"127.0.0.1:53"},
        DnsNoSocket{"too many"},
        DnsFailed{"fault"},
        Listening{"unix:/run/x"},
        NotListening{"unix:/run/x", "no such directory"},
        ConnectionsFull{9, "unix:/run/x", "max_connections", 1, 2},
        AcceptFailed{"unix:/run/x", "too many", 9, 2},
        ProtocolViolation{"unix pid=1", "no length", 2},
        ControlListening{"unix:/run/x"},
        ControlNotListening{"unix:/run/x", "no such directory"},
        ControlChange{"forget-domain", "a.example", 1000, "alice"},
        ControlRefused{"forget-domain", 1000, "alice", 2},
        ControlFull{32, 1000, 2},
        WebListening{"tcp:127.0.0.1:9461"},
        WebNotListening{"tcp::9461", "in use"},
        WebHostRefused{"evil.example", 2},
        WebFull{64, 2},
        StoreLoaded{1, 2, 3},
        StoreFailed{"f", "full", 13},
        StoreRecovered{"f", 4, 5s},
        StoreRead{"f", 6},
        StoreDamaged{"f", "malformed", "f.damaged", 7},
        StoreMoved{"f", "renamed", "f-wal"},
        StoreChanged{"f", "written to"},
        StoreRefilled{"f", 8},
        StoreRowsSkipped{"f", 9, "no id"},
        StoreRowRefused{"a.example", "no id"},
        StoreEmpty{"f", "zero octets"},
        StoreUnlocked{"f", "read-only"},
        StoreIncomplete{"f", 10, true},
        FleetUp{"unix:/run/v", "read and written"},
        FleetDown{"unix:/run/v", "timeout", "no reply"},
        FleetUnusable{"shared.key_file: /etc/stsmapd/fleet.keys: cannot be read"},
        FleetKeys{2, "k1"},
        FleetCompared{5, 4, 3, 2, "the engine is away"},
        FleetValueRefused{"stsmapd:1:p:{a.example}", "bad-seal", 6},
        Ready{"1.0", 11},
        CannotStart{"no socket"},
        RunningAsRoot{"use a user"},
        MemoryShort{"none"},
        MemoryBack{"some"},
        Reload{"listen", "threads"},
        ReloadFailed{"line 1", "the old configuration"},
        Stopping{15},
        Stopped{12},
        LogOverrun{13},
        DaneChecked{"a.example", "sts", "sts", "no TLSA", 60s, "[a.example]", false},
        DnsRetry{"127.0.0.1:53", "a.example", "truncated"},
        DnsTryFailed{"127.0.0.1:53", "udp", "a.example", Reason::dns_timeout, "udp+edns"},
        Fetch{"mta-sts.a.example", 100, Reason::none, "nothing", 5},
        PolicySource{"a.example", "192.0.2.1", "TLSv1.3", "CN=CA", base::Instant{7s}},
        StoreStillFailing{"full"},
    };
}

TEST(Events, EachIsALineWithAllItsFieldsInTheOrderOfTheTable) {
    const std::vector<Event> all = one_of_each();
    ASSERT_EQ(all.size(), kinds);
    for (std::size_t i = 0; i < kinds; ++i) {
        ASSERT_EQ(all[i].index(), i);
        const Entry& about = entry(id(all[i]));
        const Line line = render(all[i]);
        EXPECT_EQ(line.name, about.name);
        EXPECT_EQ(line.level, level(all[i]));
        std::vector<std::string_view> keys;
        for (const base::Field& field : line.fields()) keys.push_back(field.key);
        EXPECT_TRUE(std::ranges::equal(keys, about.fields)) << about.name;
        for (const base::Field& field : line.fields())
            if (const auto* text = std::get_if<std::string_view>(&field.value)) {
                EXPECT_NE(*text, "") << about.name << " " << field.key;
            }
    }
}

TEST(Events, NamesAndFieldsAreWordsOfOneVocabulary) {
    std::set<std::string_view> events, used, explained;
    const auto is_word = [](std::string_view word, char joint) {
        return !word.empty() && std::ranges::all_of(word, [joint](char c) {
            return c == joint || std::islower(static_cast<unsigned char>(c)) != 0;
        });
    };
    for (std::size_t i = 0; i < kinds; ++i) {
        const Entry& about = entry(static_cast<Id>(i));
        EXPECT_TRUE(events.insert(about.name).second) << about.name;
        EXPECT_TRUE(is_word(about.name, '-')) << about.name;
        EXPECT_TRUE(about.meaning.ends_with('.')) << about.name;
        EXPECT_TRUE(about.advice.empty() || about.advice.ends_with('.')) << about.name;
        EXPECT_FALSE(about.fields.empty()) << about.name;
        std::set<std::string_view> own;
        for (const std::string_view field : about.fields) {
            EXPECT_TRUE(own.insert(field).second) << about.name << " has twice " << field;
            EXPECT_TRUE(is_word(field, '_')) << field;
            used.insert(field);
        }
    }
    std::string_view before;
    for (const FieldMeaning& field : field_meanings()) {
        EXPECT_LT(before, field.name) << "alphabetical order";
        before = field.name;
        explained.insert(field.name);
        EXPECT_FALSE(field.meaning.empty()) << field.name;
    }
    EXPECT_EQ(used, explained);
}

TEST(Events, TheLevelIsTheFirstThatTheTableNamesOrAnotherOfIt) {
    for (const Event& event : one_of_each()) {
        static constexpr std::string_view words[] = {"debug", "info", "warning", "error"};
        const std::string_view word = words[static_cast<int>(level(event))];
        EXPECT_NE(entry(id(event)).levels.find(word), std::string_view::npos) << entry(id(event)).name;
        const bool worth_a_look = level(event) >= Level::warning;
        EXPECT_TRUE(!worth_a_look || !entry(id(event)).advice.empty())
            << entry(id(event)).name << ": what is somebody who looks to do?";
    }
}

TEST(Events, LevelsFollowWhatHappened) {
    EXPECT_EQ(level(PolicyFailed{.domain = {}, .detail = {}, .kept = "enforce"}), Level::warning);
    EXPECT_EQ(level(PolicyFailed{.domain = {}, .detail = {}, .kept = "no enforce policy"}), Level::info);
    EXPECT_EQ(level(Event{PolicyChanged{}}), Level::info);
    EXPECT_EQ(level(Event{DaneChanged{}}), Level::info);
    DaneChecked first;
    EXPECT_EQ(level(Event{first}), Level::debug);
    first.is_first = true;
    EXPECT_EQ(level(Event{first}), Level::info);
    Lookup lookup;
    EXPECT_EQ(level(lookup), Level::info);
    lookup.is_parent = true;
    EXPECT_EQ(level(lookup), Level::debug);
}

TEST(Events, WhatIsEmptyIsLeftOutWhereTheTableSaysSo) {
    test::MemoryLog log;
    log.emit(Lookup{.domain = "a.example", .answer = "notfound", .source = "network", .age = {}});
    log.emit(Fetch{.host = "h", .octets = 5, .reason = {}, .detail = {}});
    log.emit(StoreDamaged{.file = "f", .problem = "p", .moved_to = "m", .salvaged = {}});
    const std::vector<std::string> lines{
        "info lookup domain=a.example answer=notfound source=network age=- took_ms=0.000000 reason=none",
        "debug fetch host=h octets=5 took_ms=0", "error store-damaged file=f problem=p moved_to=m"};
    EXPECT_EQ(log.lines(), lines);
}

TEST(Events, TheManualIsTheTable) {
    std::ifstream in{STSMAPD_SOURCE_DIR "/man/stsmapd.8"};
    ASSERT_TRUE(in);
    std::ostringstream read;
    read << in.rdbuf();
    const std::string manual = read.str();
    constexpr std::string_view
        begin = ".\\\" The list up to END EVENTS is the output of stsmapd --print-man-events.\n",
        end = ".\\\" END EVENTS\n";
    const std::size_t start = manual.find(begin);
    ASSERT_NE(start, std::string::npos);
    const std::size_t from = start + begin.size(), to = manual.find(end, from);
    ASSERT_NE(to, std::string::npos);
    EXPECT_EQ(manual.substr(from, to - from), man_events())
        << "Write it again between its two markers with: stsmapd --print-man-events";
}

TEST(Recorder, CountsAllAndHoldsLinesBackAsTheTableSays) {
    test::MemoryLog log;
    test::ManualTime time;
    Recorder recorder{log, time};
    const auto fail = [&](std::string_view domain) {
        recorder.emit(PolicyFailed{.domain = domain, .detail = "d", .kept = "enforce"});
    };
    fail("a.example");
    fail("a.example");
    fail("b.example");
    recorder.emit(PolicyFailed{
        .domain = "a.example", .reason = Reason::http_status, .detail = "another", .kept = "enforce"});
    EXPECT_EQ(log.lines().size(), 2u) << "one a domain and hour, whatever the reason";
    time.move_to(1h);
    fail("a.example");
    EXPECT_EQ(log.count("policy-failed domain=a.example reason=none detail=d kept=enforce next_try_s=0 "
                        "repeated=2"),
              1u);
    EXPECT_EQ(recorder.counts().of(id_of<PolicyFailed>()), 5u) << "held back or not";
    recorder.count(id_of<DnsRetry>());
    EXPECT_EQ(recorder.counts().of(id_of<DnsRetry>()), 1u);
    EXPECT_EQ(recorder.counts().of(id_of<DnsTryFailed>()), 0u);
}

TEST(Recorder, ALineForTheRecordHoldsBackNoneToBeLookedAt) {
    test::MemoryLog log;
    test::ManualTime time;
    Recorder recorder{log, time};
    const auto fail = [&](Reason reason) {
        recorder.emit(PolicyFailed{
            .domain = "a.example", .reason = reason, .detail = "d", .kept = "enforce", .repeated = 0});
    };
    fail(Reason::dns_timeout);
    fail(Reason::no_record);
    fail(Reason::dns_servfail);
    fail(Reason::http_status);
    const auto line = [](std::string_view level, std::string_view reason, int repeated) {
        return std::string{level} + " policy-failed domain=a.example reason=" + std::string{reason} +
               " detail=d kept=enforce next_try_s=0 repeated=" + std::to_string(repeated);
    };
    EXPECT_EQ(log.lines(), (std::vector{line("info", "dns-timeout", 0), line("warning", "no-record", 0)}));
    time.move_to(1h);
    fail(Reason::host_unresolvable);
    EXPECT_EQ(log.lines().back(), line("warning", "host-unresolvable", 1)) << "counted of its own kind";
}

} // namespace
