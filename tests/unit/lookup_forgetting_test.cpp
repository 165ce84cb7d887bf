// An order to forget names the row it means. So in any order of disk, flights, refresher and evictions, the
// row that was answered stays, and the one that was withdrawn goes.
#include "lookup/commit.hpp"
#include "lookup/learner.hpp"
#include "lookup/load.hpp"
#include "lookup/refresher.hpp"

#include "cache/disk/write_op.hpp"
#include "support/failing_disk.hpp"
#include "support/learner_world.hpp"
#include "support/store_bench.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using base::Instant;
using base::Reason;
using base::seconds;
using lookup::Outcome;
using lookup::Why;

/// The learner and the refresher over a store whose commits the test times.
class Forgetting : public testing::Test, protected test::LearnerWorld {
protected:
    Forgetting() {
        publish(3600);
        learner.on_new_policy([this](const base::Domain& one) { refresher.add(one); });
        refresher.start();
        time.move_to(2h); // long enough for the clock to be trusted
        (void)learner.clock_trust();
    }
    void learn(Why why = Why::query) {
        learner.learn(domain, why, [this](const Outcome& outcome) { told = outcome; });
        run();
    }
    [[nodiscard]] const cache::Entry* entry() {
        known = table.find(domain);
        return std::get_if<cache::Entry>(&known);
    }

    lookup::Refresher refresher{{learner, table, time, time, [] { return 0.5; }, store}, {}, 8};
    Outcome told;
    cache::Knowledge known;
};

TEST_F(Forgetting, TheRefresherEndsTheOldOneWhileTheNewOneIsUnderWay) {
    learn();
    ASSERT_EQ(store.rows().count("a.example"), 1u);
    refresher.stop(); // its daily GET is not wanted here
    pass(3599s);
    // The policy expires during the commit of the next one.
    store.hold();
    resolver.txt("_mta-sts.a.example", {"v=STSv1; id=2;"});
    learn(Why::txt_check);
    ASSERT_EQ(store.waiting(), 1u);
    pass(2s);
    ASSERT_NE(entry(), nullptr);
    ASSERT_TRUE(cache::expired(*entry(), time.now()));
    EXPECT_TRUE(learner.forget(domain, *entry()));
    store.release();
    run();
    EXPECT_TRUE(told.fetched);
    ASSERT_EQ(store.rows().count("a.example"), 1u) << "told, in memory, and missing on the disk";
    EXPECT_EQ(store.rows().at("a.example").txt_id, "2");
    ASSERT_NE(entry(), nullptr);
    EXPECT_EQ(entry()->txt_id, "2");
}

TEST_F(Forgetting, TheRefresherLeavesAloneWhatIsInTheAir) {
    learn();
    fetcher.fail("mta-sts.a.example", Reason::connect_failed); // no daily GET replaces it
    pass(3590s);
    serve(3600);
    store.hold();
    resolver.txt("_mta-sts.a.example", {"v=STSv1; id=2;"});
    learn(Why::txt_check);
    ASSERT_EQ(store.waiting(), 1u);
    time.move_to(time.passed() + 20s);
    (void)table.update(domain, [&](cache::Entry& e) { e.agenda_at = time.now(); });
    refresher.configure({}, 8);
    EXPECT_NE(entry(), nullptr);
    store.release();
    run();
    ASSERT_NE(entry(), nullptr);
    EXPECT_EQ(entry()->txt_id, "2");
    EXPECT_NE(entry()->agenda_at, Instant{}) << "and it is on the agenda";
    EXPECT_EQ(store.rows().at("a.example").txt_id, "2");
}

TEST_F(Forgetting, AnEvictedPolicyIsNamedToo) {
    table.set_limits({1, 10});
    learn();
    store.hold();
    pass(70s);
    resolver.txt("_mta-sts.a.example", {"v=STSv1; id=2;"});
    learn(Why::txt_check); // a new row of a.example waits for the disk
    const base::Domain other = *base::Domain::parse("b.example");
    resolver.txt("_mta-sts.b.example", {"v=STSv1; id=1;"});
    fetcher.set("mta-sts.b.example", test::policy_text("enforce", {"mx.b.example"}, 3600));
    learner.learn(other, Why::query, {});
    run();
    time.move_to(time.passed() + lookup::commit_patience);
    while (time.next_call() && *time.next_call() <= time.passed()) time.make_next_call(), run();
    store.release();
    run();
    // One of them was evicted, also from the disk. The other one is there in its newest form.
    EXPECT_EQ(table.policy_count(), 1u);
    EXPECT_EQ(store.rows().size(), 1u);
    if (entry() != nullptr) {
        EXPECT_EQ(store.rows().at("a.example").fetched_at, entry()->fetched_at);
    }
}

TEST_F(Forgetting, ALateRowThatIsOverTakesNothingWithIt) {
    learn();
    cache::Row late = store.rows().at("a.example");
    late.fetched_at -= 48h;
    EXPECT_EQ(lookup::load_late(table, late, time.now()), lookup::Loaded::known);
    store.forget(late.domain, late.fetched_at);
    EXPECT_EQ(store.rows().count("a.example"), 1u);
}

TEST_F(Forgetting, AWithdrawnPolicyDoesNotComeBackWithALateRow) {
    learn();
    cache::Row late = store.rows().at("a.example");
    pass(70s);
    serve(0);
    resolver.txt("_mta-sts.a.example", {"v=STSv1; id=2;"});
    learn(Why::txt_check);
    EXPECT_TRUE(store.rows().empty());
    EXPECT_EQ(lookup::load_late(table, late, time.now()), lookup::Loaded::outdated);
    EXPECT_EQ(entry(), nullptr);
}

TEST_F(Forgetting, EverythingStaysOnTheAgendaAndNothingStaysCounted) {
    learn();
    for (int hour = 0; hour < 200; ++hour) {
        if (hour % 7 == 3) fetcher.fail("mta-sts.a.example", Reason::connect_failed);
        if (hour % 7 == 5) serve(86400);
        (void)table.ask(domain, time.now());
        pass(3600s);
        if (entry() != nullptr) {
            EXPECT_NE(entry()->agenda_at, Instant{}) << hour;
        }
        EXPECT_EQ(refresher.running(), 0u);
        EXPECT_EQ(learner.aloft(), 0u);
        if (entry() == nullptr) learn();
    }
}

cache::Row row_of(const std::string& name, std::int64_t fetched_at, std::size_t octets = 10) {
    cache::Row row = test::row(name);
    row.fetched_at = Instant{seconds{fetched_at}};
    row.policy_text.resize(std::max(row.policy_text.size(), octets), '\n');
    return row;
}

cache::WriteOp save_op(std::int64_t fetched_at, std::size_t octets = 10) {
    return {row_of("a.example", fetched_at, octets), nullptr};
}
cache::WriteOp forget_op(std::optional<std::int64_t> fetched_at) {
    std::optional<Instant> when;
    if (fetched_at) when = Instant{seconds{*fetched_at}};
    return {cache::Removal{*base::Domain::parse("a.example"), when}, nullptr};
}

/// What is on the disk after it: the time of the row, or nothing.
std::optional<std::int64_t> after(const cache::WriteOp& op, std::optional<std::int64_t> on_disk) {
    if (const auto* row = std::get_if<cache::Row>(&op.what))
        return row->fetched_at.time_since_epoch().count();
    const auto& removal = std::get<cache::Removal>(op.what);
    if (!removal.fetched_at || (on_disk && *on_disk == removal.fetched_at->time_since_epoch().count()))
        return std::nullopt;
    return on_disk;
}

TEST(KeptOps, KeepTheOutcomeOfEverySequence) {
    // Sequences of up to four of six operations, from every state of the disk: merged they have the same
    // result as one by one, or the owner is asked for the row again.
    const auto make = [](int n) {
        switch (n) {
        case 0: return save_op(1);
        case 1: return save_op(2);
        case 2: return forget_op(1);
        case 3: return forget_op(2);
        case 4: return forget_op(3);
        default: return forget_op(std::nullopt);
        }
    };
    std::size_t sequences = 0;
    for (const std::optional<std::int64_t> start : {std::optional<std::int64_t>{}, {1}, {2}, {3}})
        for (int length = 1; length <= 4; ++length)
            for (int code = 0; code < (length == 1   ? 6
                                       : length == 2 ? 36
                                       : length == 3 ? 216
                                                     : 1296);
                 ++code) {
                cache::KeptOps kept(10, 100'000);
                auto disk = start;
                bool complete = true;
                for (int i = 0, rest = code; i < length; ++i, rest /= 6) {
                    disk = after(make(rest % 6), disk);
                    complete = kept.keep(make(rest % 6)) && complete;
                }
                ASSERT_EQ(kept.size(), 1u);
                const auto merged = after(kept.take(), start);
                EXPECT_TRUE(merged == disk || (!complete && !merged))
                    << "length " << length << " code " << code;
                EXPECT_EQ(kept.octets(), 0u);
                ++sequences;
            }
    EXPECT_EQ(sequences, 4u * (6 + 36 + 216 + 1296));
}

TEST(KeptOps, AreBoundedInOctets) {
    constexpr std::size_t most = std::size_t{1} << 20;
    cache::KeptOps kept(100'000, most);
    std::size_t refused = 0;
    for (int i = 0; i < 1000; ++i) // rows as large as they can be
        refused += !kept.keep({row_of("d" + std::to_string(i) + ".example", 1, 65'536), nullptr});
    EXPECT_GE(refused, 984u);
    EXPECT_LE(kept.octets(), most + 1000 * 512) << "what stays of a row without room is its removal";
    EXPECT_EQ(kept.size(), 1000u);
}

TEST(StoreBounds, WhatWaitsIsBoundedInOctets) {
    test::StoreBench bench;
    cache::SqliteStore::Options& options = bench.options;
    options.max_octets = std::size_t{1} << 20;
    options.stop_within = base::milliseconds{0};
    test::FailingDisk disk(bench.folder().path()); // before the files are opened: it fails no others
    auto store = bench.open();
    disk.fail(test::Fault::full, 1);
    std::size_t most = 0, most_kept = 0;
    for (int i = 0; i < 2000; ++i) {
        store->save(row_of("d" + std::to_string(i) + ".example", 1, 65'536), nullptr);
        most = std::max<std::size_t>(most, store->counters().waiting_octets);
        most_kept = std::max<std::size_t>(most_kept, store->counters().kept_octets);
    }
    EXPECT_LE(most, options.max_octets);
    EXPECT_LE(most_kept, options.max_octets + 2000 * 512);
    EXPECT_GT(most_kept + most, std::size_t{1} << 19);
    store = nullptr;
    EXPECT_GT(disk.failed(), 0u);
    disk.heal();
}

} // namespace
