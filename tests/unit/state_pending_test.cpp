// Notes that wait until the disk takes them, and the rows of state.db as values.
#include "state/pending.hpp"

#include "state/rows.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace std::chrono_literals;
using state::Observed;
using state::Pending;

base::Instant at(int seconds) { return base::Instant{std::chrono::seconds{1'800'000'000 + seconds}}; }

Observed seen(const std::string& domain, std::uint64_t lookups, int first, int last,
              const std::string& would = "secure") {
    return {domain, would, lookups, at(first), at(last)};
}

TEST(StatePending, WhatConcernsOneDomainIsOneNote) {
    Pending pending{10};
    EXPECT_TRUE(pending.empty());
    pending.began("a.example", at(5), at(15));
    pending.began("a.example", at(9), at(19)); // refreshed: it is protected since the first
    EXPECT_EQ(pending.notes().at("a.example"), (Pending::Note{false, at(5), at(19)}));
    pending.ended("a.example");
    EXPECT_EQ(pending.notes().at("a.example"), (Pending::Note{true, std::nullopt, {}}));
    pending.began("a.example", at(20), at(30));
    EXPECT_EQ(pending.notes().at("a.example"), (Pending::Note{true, at(20), at(30)}));
    pending.began("a.example", at(31), at(41)); // it had expired
    EXPECT_EQ(pending.notes().at("a.example"), (Pending::Note{true, at(31), at(41)}));
    EXPECT_EQ(pending.notes().size(), 1u);
    pending.clear();
    EXPECT_TRUE(pending.empty());
}

TEST(StatePending, SumsAreAdded) {
    Pending pending{10};
    pending.add(seen("a.example", 2, 5, 6));
    pending.add(seen("a.example", 3, 1, 4, "dane-only"));
    EXPECT_EQ(pending.observed().at("a.example"), seen("a.example", 5, 1, 6, "dane-only"));
}

TEST(StatePending, AboveTheBoundDomainsAreOnlyCounted) {
    Pending pending{2};
    pending.add(seen("a.example", 1, 0, 0));
    pending.add(seen("b.example", 1, 0, 0));
    pending.add(seen("c.example", 1, 0, 0));
    pending.add(seen("a.example", 1, 0, 0));
    EXPECT_EQ(pending.observed().size(), 2u);
    EXPECT_EQ(pending.forgotten(), 1u);
    for (std::size_t i = 0; i < Pending::max_notes + 5; ++i)
        pending.began("d" + std::to_string(i) + ".example", at(0), at(9));
    EXPECT_EQ(pending.notes().size(), Pending::max_notes);
}

decision::Override sample() {
    decision::OverrideWords words{
        .domain = ".partner.example", .action = "secure", .reason = "Müller, #4711"};
    words.match = {"mx.partner.example", "*.partner.example"};
    words.until = "14d";
    words.weakens = true;
    auto made = decision::parse_override(words, at(0)).value();
    made.added_by = "uid 0 (alice, unverified)";
    return made;
}

TEST(StateRows, AnOverrideComesBackAsItWas) {
    const decision::Override entry = sample();
    const std::string match = state::match_column(entry);
    const state::RawOverride row = state::raw(entry, match);
    EXPECT_EQ(row.match, "mx.partner.example *.partner.example");
    EXPECT_EQ(read(row, sum_of(row)), entry);
}

TEST(StateRows, NoChangedColumnIsTaken) {
    const decision::Override entry = sample();
    const std::string match = state::match_column(entry);
    const state::RawOverride row = state::raw(entry, match);
    const std::int64_t sum = sum_of(row);
    EXPECT_FALSE(read(row, sum + 1));
    for (int column = 0; column < 8; ++column) {
        state::RawOverride changed = row;
        switch (column) {
        case 0: changed.domain = ".partner.exampl"; break;
        case 1: changed.action = "may"; break;
        case 2: changed.match = "mx.partner.example"; break;
        case 3: ++changed.until; break;
        case 4: changed.reason = "x"; break;
        case 5: changed.weakens = 0; break;
        case 6: ++changed.added_at; break;
        default: changed.added_by = "uid 1"; break;
        }
        EXPECT_FALSE(read(changed, sum)) << column;
    }
}

TEST(StateRows, WhatNobodyCouldAddIsNotTakenWhateverItsSum) {
    const decision::Override entry = sample();
    const std::string match = state::match_column(entry);
    const std::string long_by(201, 'x');
    for (int which = 0; which < 7; ++which) {
        state::RawOverride row = state::raw(entry, match);
        switch (which) {
        case 0: row.domain = ".example"; break;
        case 1: row.action = "hold"; break;
        case 2: row.match = "nexthop"; break;
        case 3: row.until = row.added_at + 400 * 86400; break;
        case 4: row.reason = ""; break;
        case 5: row.until = std::int64_t{1} << 62; break;
        default: row.added_by = long_by; break;
        }
        EXPECT_FALSE(read(row, sum_of(row))) << which;
    }
    for (const auto& row : {state::RawObserved{"A.example", "secure", 1, 1, 1},
                            {"a.example", "notfound", 1, 1, 1},
                            {"a.example", "secure", -1, 1, 1},
                            {"a.example", "secure", 1, -1, 1}})
        EXPECT_FALSE(read(row, sum_of(row)));
    for (const auto& row :
         {state::RawProtected{"a..example", 1, 1}, {"a.example", -1, 1}, {"a.example", 1, -1}})
        EXPECT_FALSE(read(row, sum_of(row)));
}

TEST(StateRows, SumsOfTheTablesDiffer) {
    const state::RawObserved observed{"a.example", "secure", 7, 1, 2};
    const state::RawProtected since{"a.example", 7, 8};
    EXPECT_TRUE(read(observed, sum_of(observed)));
    EXPECT_TRUE(read(since, sum_of(since)));
    EXPECT_FALSE(read(since, sum_of(observed)));
}

} // namespace
