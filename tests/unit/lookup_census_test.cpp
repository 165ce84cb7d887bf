// How many policies there are of each kind, counted at once and in slices.
#include "lookup/census_walk.hpp"

#include "support/manual_time.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <numeric>
#include <string>
#include <utility>

namespace {

using namespace std::chrono_literals;
using base::Instant;
using base::Reason;
using lookup::Census;
using lookup::CensusWalk;
using sts::Mode;

base::Domain domain(const std::string& name) { return base::Domain::parse(name).value(); }

struct World {
    void add(const std::string& name, std::string_view mode, base::seconds max_age, base::seconds age,
             std::function<void(cache::Entry&)> change = {}) {
        cache::Entry entry;
        const std::string mx = mode == "none" ? "" : "mx: mx.example.net\n";
        entry.policy = table
                           .intern("version: STSv1\nmode: " + std::string{mode} + "\n" + mx +
                                   "max_age: " + std::to_string(max_age.count()) + "\n")
                           .value();
        entry.fetched_at = time.now() - age;
        entry.last_asked = time.now();
        entry.gets.last = entry.fetched_at;
        if (change) change(entry);
        (void)table.put(domain(name), entry, time.now());
    }
    void fail(cache::Entry& entry, Reason reason) const { entry.gets = {time.now() - 600s, 3, reason, "1"}; }
    /// Makes the calls that were put off; the number of them.
    std::size_t work() {
        std::size_t calls = 0;
        for (; !later.empty(); ++calls) {
            const auto call = std::move(later.front());
            later.pop_front();
            call();
        }
        return calls;
    }

    test::ManualTime time;
    cache::Table table{{}};
    cache::Tuning tuning;
    std::deque<std::function<void()>> later;
    CensusWalk walk{{table, time, [this] { return tuning; },
                     [this](std::function<void()> call) { later.push_back(std::move(call)); }}};
};

std::size_t of(const Census& census, Mode mode) { return census.by_mode[static_cast<std::size_t>(mode)]; }
std::size_t of(const Census& census, Reason reason) {
    return census.failing[static_cast<std::size_t>(reason)];
}

TEST(Census, CountsModesAgesAndTrouble) {
    World world;
    world.add("fresh.example", "enforce", 7 * 86400s, 60s);
    world.add("old.example", "enforce", 30 * 86400s, 5 * 86400s);
    world.add("unwanted.example", "testing", 90 * 86400s, 40 * 86400s, [&](cache::Entry& entry) {
        entry.last_asked = entry.fetched_at; // nobody asks for it any more: it is not fetched daily
    });
    world.add("none.example", "none", 86400s, 3600s);
    world.add("expired.example", "enforce", 86400s, 2 * 86400s);
    world.add("ends.example", "enforce", 7 * 86400s, 7 * 86400s - 3600s,
              [&](cache::Entry& entry) { world.fail(entry, Reason::connect_timeout); });
    world.add("later.example", "enforce", 7 * 86400s, 3 * 86400s,
              [&](cache::Entry& entry) { world.fail(entry, Reason::http_status); });
    world.add("testing.example", "testing", 7 * 86400s, 7 * 86400s - 60s,
              [&](cache::Entry& entry) { world.fail(entry, Reason::http_status); });
    const Census& census = world.walk.latest();
    EXPECT_TRUE(world.later.empty()) << "so few are counted at once";
    EXPECT_EQ(census.at, world.time.now());
    EXPECT_EQ(of(census, Mode::enforce), 4u);
    EXPECT_EQ(of(census, Mode::testing), 2u);
    EXPECT_EQ(of(census, Mode::none), 1u);
    EXPECT_EQ(census.kept_expired, 1u);
    EXPECT_EQ(census.overdue, 1u) << "old.example; the failing ones are tried again and again";
    EXPECT_EQ(census.expiring, 1u) << "ends.example";
    EXPECT_EQ(of(census, Reason::connect_timeout), 1u);
    EXPECT_EQ(of(census, Reason::http_status), 2u);
    EXPECT_EQ(census.oldest_fetch, world.time.now() - 40 * 86400s);
    EXPECT_EQ(census.by_age, (std::array<std::size_t, 5>{2, 0, 0, 1, 4}));
    ASSERT_EQ(census.first_to_expire.size(), 3u);
    EXPECT_EQ(census.first_to_expire[0].domain.name(), "ends.example");
    EXPECT_EQ(census.first_to_expire[1].domain.name(), "later.example");
    EXPECT_EQ(census.first_to_expire[2].domain.name(), "testing.example") << "the enforced ones come first";
    EXPECT_EQ(census.first_to_expire[0].failures, 3u);

    world.tuning.enforce_testing = true;
    EXPECT_EQ(world.walk.latest().expiring, 2u);
}

TEST(Census, TheListOfFailingOnesIsBounded) {
    World world;
    for (int i = 0; i < 120; ++i)
        world.add("d" + std::to_string(i) + ".example", "enforce", 7 * 86400s, 86400s + base::seconds{i},
                  [&](cache::Entry& entry) { world.fail(entry, Reason::http_status); });
    const Census& census = world.walk.latest();
    ASSERT_EQ(census.first_to_expire.size(), Census::most_failing);
    EXPECT_EQ(census.first_to_expire.front().domain.name(), "d119.example");
    EXPECT_EQ(census.first_to_expire.back().domain.name(), "d70.example");
    EXPECT_EQ(of(census, Reason::http_status), 120u);
}

TEST(Census, ManyAreCountedInSlicesAndAgainAfterAMinute) {
    World world;
    constexpr std::size_t all = 2 * CensusWalk::few;
    for (std::size_t i = 0; i < all; ++i)
        world.add("d" + std::to_string(i) + ".example", i % 2 == 0 ? "enforce" : "none", 7 * 86400s, 60s);
    EXPECT_EQ(world.walk.latest().at, Instant{}) << "not yet";
    EXPECT_EQ(world.walk.latest().at, Instant{});
    EXPECT_EQ(world.later.size(), 1u) << "one walk, whoever asks";
    EXPECT_GT(world.work(), 2u) << "slices";
    const Instant first = world.time.now();
    EXPECT_EQ(world.walk.latest().at, first);
    EXPECT_EQ(of(world.walk.latest(), Mode::enforce), all / 2);
    EXPECT_EQ(of(world.walk.latest(), Mode::none), all / 2);

    world.time.move_to(59s);
    EXPECT_EQ(world.walk.latest().at, first);
    EXPECT_TRUE(world.later.empty());
    world.time.move_to(60s);
    world.table.erase(domain("d0.example"));
    EXPECT_EQ(world.walk.latest().at, first) << "the last count, until the next is done";
    world.work();
    EXPECT_EQ(of(world.walk.latest(), Mode::enforce), all / 2 - 1);
}

TEST(Census, AWalkMayOutliveItsOwner) {
    World world;
    for (std::size_t i = 0; i <= CensusWalk::few; ++i)
        world.add("d" + std::to_string(i) + ".example", "enforce", 7 * 86400s, 60s);
    {
        CensusWalk walk{{world.table, world.time, [&] { return world.tuning; },
                         [&](std::function<void()> call) { world.later.push_back(std::move(call)); }}};
        (void)walk.latest();
    }
    EXPECT_EQ(world.work(), 1u);
}

} // namespace
