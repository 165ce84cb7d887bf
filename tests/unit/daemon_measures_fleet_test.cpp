// The metrics of a shared cache: each number comes from the counter that it is about, and all are 0 without.
#include "daemon/measures_fleet.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace {

using namespace std::chrono_literals;
using metrics::Id;
using metrics::Snapshot;

double value(const Snapshot& all, Id id, std::string_view word) {
    const auto place = metrics::value_of(id, 0, word);
    EXPECT_TRUE(place) << word;
    return place ? all.value(id, {*place}) : -1;
}

/// What is counted for the enum's value number `at`: another number for each.
double nth(std::size_t at) { return static_cast<double>(at + 1); }

struct All {
    valkey::Counts engine;
    valkey::FleetCounts fleet;
    lookup::SharedCounts searches;
    [[nodiscard]] Snapshot measured() const {
        Snapshot all;
        app::measure_fleet(all, engine, fleet, &searches);
        return all;
    }
};

template <class Counters, class Enum>
void count_each(Counters& counters, std::size_t size, Enum) {
    for (std::size_t at = 0; at < size; ++at) counters.of(static_cast<Enum>(at)).add(at + 1);
}

TEST(MeasuresFleet, AreZeroAtFirst) {
    const Snapshot all = All{}.measured();
    for (std::size_t id = metrics::index(Id::shared_up);
         id <= metrics::index(Id::shared_last_sync_timestamp_seconds); ++id)
        EXPECT_EQ(all.sum(static_cast<Id>(id)), 0) << metrics::family(static_cast<Id>(id)).name;
}

TEST(MeasuresFleet, CommandsAndQueuedWritesAreCountedTogether) {
    All of;
    of.engine.up.set(1);
    of.engine.commands.add(99);
    of.engine.replies.add(40);
    of.engine.written.add(2);
    count_each(of.engine.failed, valkey::troubles, valkey::Trouble{});
    of.engine.unwritten.of(valkey::Trouble::oom).add(100);
    of.engine.took.observe(300us);
    of.engine.took.observe(51ms);
    of.engine.connections.add(3);
    count_each(of.engine.not_connected, valkey::troubles, valkey::Trouble{});
    of.engine.breaker_opened.add(4);
    const Snapshot all = of.measured();
    EXPECT_EQ(all.value(Id::shared_up), 1);
    EXPECT_EQ(value(all, Id::shared_commands_total, "ok"), 42);
    for (std::size_t at = 0; at < valkey::troubles; ++at) {
        const auto trouble = static_cast<valkey::Trouble>(at);
        EXPECT_EQ(value(all, Id::shared_commands_total, to_string(trouble)),
                  nth(at) + (trouble == valkey::Trouble::oom ? 100 : 0));
        EXPECT_EQ(value(all, Id::shared_connection_failures_total, to_string(trouble)), nth(at));
    }
    const auto& took = all.histograms(Id::shared_command_duration_seconds)[0];
    EXPECT_EQ(took.counts[2], 1U) << "300 microseconds are over 250, and at most 500";
    EXPECT_EQ(took.counts[9], 1U) << "51 ms are over 50, and at most 100";
    EXPECT_EQ(took.sum_us, 51'300U);
    EXPECT_EQ(all.value(Id::shared_connections_total), 3);
    EXPECT_EQ(all.value(Id::shared_breaker_opened_total), 4);
}

TEST(MeasuresFleet, PoliciesOnTheirWayInBothDirections) {
    All of;
    count_each(of.fleet.refused, valkey::refusals, valkey::Refusal{});
    of.fleet.stored.add(1);
    of.fleet.not_stored.add(2);
    of.fleet.dropped.add(3);
    of.fleet.waiting.set(4);
    of.engine.waiting.set(1);
    of.fleet.waiting_octets.set(1000);
    of.engine.waiting_octets.set(300);
    of.engine.messages.add(10);
    of.fleet.unreadable_news.add(3);
    of.fleet.syncs.add(2);
    of.fleet.syncs_broken.add(1);
    of.fleet.compared.add(500);
    of.fleet.newer.add(20);
    of.fleet.pushed.add(30);
    of.fleet.synced_at.set(1'796'000'000);
    const Snapshot all = of.measured();
    for (std::size_t at = 0; at < valkey::refusals; ++at)
        EXPECT_EQ(value(all, Id::shared_values_refused_total, to_string(static_cast<valkey::Refusal>(at))),
                  nth(at));
    EXPECT_EQ(value(all, Id::shared_offers_total, "stored"), 1);
    EXPECT_EQ(value(all, Id::shared_offers_total, "not-stored"), 2);
    EXPECT_EQ(value(all, Id::shared_offers_total, "dropped"), 3);
    EXPECT_EQ(all.value(Id::shared_waiting_writes), 5);
    EXPECT_EQ(all.value(Id::shared_waiting_bytes), 1300);
    EXPECT_EQ(value(all, Id::shared_notifications_total, "ok"), 7);
    EXPECT_EQ(value(all, Id::shared_notifications_total, "unreadable"), 3);
    EXPECT_EQ(value(all, Id::shared_syncs_total, "ok"), 2);
    EXPECT_EQ(value(all, Id::shared_syncs_total, "failed"), 1);
    EXPECT_EQ(value(all, Id::shared_sync_policies_total, "compared"), 500);
    EXPECT_EQ(value(all, Id::shared_sync_policies_total, "newer"), 20);
    EXPECT_EQ(value(all, Id::shared_sync_policies_total, "pushed"), 30);
    EXPECT_EQ(all.value(Id::shared_last_sync_timestamp_seconds), 1'796'000'000);
}

TEST(MeasuresFleet, WhatSearchesGotOfIt) {
    using lookup::SharedFind, lookup::SharedLease, lookup::Worth;
    All of;
    of.searches.finds.of(SharedFind::found).add(1);
    of.searches.finds.of(SharedFind::none).add(2);
    of.searches.finds.of(SharedFind::trouble).add(3);
    of.searches.leases.of(SharedLease::won).add(4);
    of.searches.leases.of(SharedLease::lost).add(5);
    of.searches.leases.of(SharedLease::trouble).add(6);
    count_each(of.searches.values, lookup::worths, Worth{});
    of.searches.waited_in_vain.add(7);
    const Snapshot all = of.measured();
    EXPECT_EQ(value(all, Id::shared_finds_total, "found"), 1);
    EXPECT_EQ(value(all, Id::shared_finds_total, "none"), 2);
    EXPECT_EQ(value(all, Id::shared_finds_total, "trouble"), 3);
    EXPECT_EQ(value(all, Id::shared_leases_total, "won"), 4);
    EXPECT_EQ(value(all, Id::shared_leases_total, "lost"), 5);
    EXPECT_EQ(value(all, Id::shared_leases_total, "trouble"), 6);
    for (std::size_t at = 0; at < lookup::worths; ++at)
        EXPECT_EQ(value(all, Id::shared_values_total, to_string(static_cast<Worth>(at))), nth(at));
    EXPECT_EQ(all.value(Id::shared_waits_in_vain_total), 7);
}

TEST(MeasuresFleet, ALearnerWithoutASharedCacheCountsNothing) {
    const All of;
    Snapshot all;
    app::measure_fleet(all, of.engine, of.fleet, nullptr);
    EXPECT_EQ(all.sum(Id::shared_finds_total), 0);
}

} // namespace
