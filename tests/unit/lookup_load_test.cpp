// Stored rows to entries and back.
#include "lookup/load.hpp"

#include <gtest/gtest.h>

#include <string>
#include <variant>

namespace {

using base::Domain;
using base::Instant;
using base::seconds;
using cache::Entry;
using cache::Row;
using lookup::Loaded;

constexpr Instant t0{seconds{1'700'000'000}};
constexpr seconds day{86400};

cache::Row row(Instant fetched) {
    Row r{Domain::parse("a.example").value(),
          "version: STSv1\nmode: enforce\nmx: mx.example\nmax_age: 604800\n", "20231114", fetched,
          fetched + seconds{60}};
    return r;
}

Entry entry_of(cache::Table& table) {
    return std::get<Entry>(table.find(Domain::parse("a.example").value()));
}

TEST(Load, EveryColumnComesBackAsItWas) {
    Row r = row(t0);
    r.dane_at = t0 + seconds{5};
    r.dane_failed_at = t0 + seconds{125}; // whole minutes after it
    r.ahead_since = t0 - seconds{9};
    r.over_since = seconds{11};
    cache::Table table{cache::Limits{}};
    EXPECT_EQ(lookup::load(table, r, t0 + day), Loaded::kept);
    const Entry e = entry_of(table);
    EXPECT_EQ(e.dane.advice, dane::Advice::dane_only);
    const Row again = lookup::row(r.domain, e);
    EXPECT_EQ(again.domain, r.domain);
    EXPECT_EQ(again.policy_text, r.policy_text);
    EXPECT_EQ(again.txt_id, r.txt_id);
    EXPECT_EQ(again.fetched_at, r.fetched_at);
    EXPECT_EQ(again.last_asked, r.last_asked);
    EXPECT_EQ(again.dane_at, r.dane_at);
    EXPECT_EQ(again.dane_failed_at, r.dane_failed_at);
    EXPECT_EQ(again.over_since, r.over_since);
}

TEST(Load, TheGetOfARowCountsAfterARestart) {
    cache::Table table{cache::Limits{}};
    EXPECT_EQ(lookup::load(table, row(t0), t0 + seconds{1}), Loaded::kept);
    EXPECT_EQ(entry_of(table).gets.last, t0);
    EXPECT_EQ(entry_of(table).gets.failures, 0U);
}

TEST(Load, SaysWhichAreOver) {
    const auto loaded = [](Instant fetched, Instant now) {
        cache::Table table{cache::Limits{}};
        return lookup::load(table, row(fetched), now);
    };
    EXPECT_EQ(loaded(t0, t0 + 7 * day - seconds{1}), Loaded::kept);
    EXPECT_EQ(loaded(t0, t0 + 7 * day), Loaded::expired);
    EXPECT_EQ(loaded(t0 + day, t0), Loaded::kept) << "fetched in the future";
}

TEST(Load, AVerdictThatIsNoneStaysNone) {
    cache::Table table{cache::Limits{}};
    EXPECT_EQ(lookup::load(table, row(t0), t0), Loaded::kept);
    EXPECT_EQ(entry_of(table).dane.advice, dane::Advice::no_verdict);
    Entry e = entry_of(table);
    e.dane = {dane::Advice::sts, t0, {}, t0};
    EXPECT_EQ(lookup::row(row(t0).domain, e).dane_at, Instant{});
    EXPECT_EQ(lookup::row(row(t0).domain, e).dane_failed_at, Instant{});
}

TEST(Load, WhatIsNoPolicyIsUnreadable) {
    cache::Table table{cache::Limits{}};
    Row r = row(t0);
    r.policy_text = "version: STSv2\n";
    EXPECT_EQ(lookup::load(table, r, t0), Loaded::unreadable);
    EXPECT_EQ(table.policy_count(), 0U);
}

TEST(Load, ALateRowNeverReplacesWhatIsKnown) {
    cache::Table table{cache::Limits{}};
    EXPECT_EQ(lookup::load_late(table, row(t0), t0 + day), Loaded::kept);
    Row older = row(t0 - day);
    older.txt_id = "older";
    EXPECT_EQ(lookup::load_late(table, older, t0 + day), Loaded::known);
    EXPECT_EQ(entry_of(table).txt_id, "20231114");

    cache::Table other{cache::Limits{}};
    cache::Absence withdrawn{base::Reason::no_record, t0 + day, {}};
    withdrawn.gets.last = t0 + seconds{100};
    other.put(row(t0).domain, withdrawn);
    EXPECT_EQ(lookup::load_late(other, row(t0 + seconds{100}), t0 + day), Loaded::outdated);
    EXPECT_EQ(lookup::load_late(other, row(t0 + seconds{101}), t0 + day), Loaded::kept);
}

TEST(Load, FailedGetsOutlastALateRow) {
    cache::Table table{cache::Limits{}};
    cache::Absence failed{base::Reason::http_status, t0 + day, {}};
    failed.gets = {t0 + seconds{50}, 3, base::Reason::http_status, "20231114"};
    table.put(row(t0).domain, failed);
    EXPECT_EQ(lookup::load_late(table, row(t0), t0 + seconds{60}), Loaded::kept);
    EXPECT_EQ(entry_of(table).gets, failed.gets);
}

} // namespace
