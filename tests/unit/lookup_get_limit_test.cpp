// One GET per domain and minute of steady time, for any reason: tests of the limit itself, and of all ways to
// a GET through the real learner and refresher.
#include "lookup/get_limit.hpp"

#include "support/lookup_world.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>

namespace {

using namespace std::chrono_literals;
using base::Reason;
using base::seconds;
using base::Steady;
using lookup::GetLimit;
using test::LookupWorld;
using test::policy_text;

constexpr const char* secure = "OK secure match=mx.a.example servername=hostname";
constexpr const char* notfound = "NOTFOUND ";

base::Domain domain(const std::string& name) { return base::Domain::parse(name).value(); }

TEST(GetLimit, OpensAMinuteAfterAGet) {
    GetLimit limit;
    const base::Domain a = domain("a.example"), b = domain("b.example");
    const Steady t0{};
    EXPECT_EQ(limit.wait(a, t0), 0s) << "also right after the machine came up";
    limit.note(a, t0);
    EXPECT_EQ(limit.wait(a, t0), 60s);
    EXPECT_EQ(limit.wait(b, t0), 0s);
    EXPECT_EQ(limit.wait(a, t0 + 59'000'001us), 1s) << "never early";
    EXPECT_EQ(limit.wait(a, t0 + 60s), 0s);
    EXPECT_EQ(limit.size(), 0u) << "and nothing is left of it";
    limit.note(a, t0 + 60s);
    limit.take_back(a);
    EXPECT_EQ(limit.wait(a, t0 + 60s), 0s) << "it was never made";
    limit.note(a, t0 + 61s);
    EXPECT_EQ(limit.wait(a, t0 + 120s), 1s) << "the one taken back ends nothing";
}

TEST(GetLimit, StaysWithinItsMemory) {
    GetLimit limit;
    const Steady t0{};
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < GetLimit::max_remembered + 1000; ++i) {
        const base::Domain one = domain("d" + std::to_string(i) + ".example");
        const Steady at = t0 + std::chrono::microseconds{i};
        EXPECT_EQ(limit.wait(one, at) == 0s, i < GetLimit::max_remembered) << i;
        limit.note(one, at);
    }
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
    std::printf("%.2f us a GET with %zu remembered\n",
                took.count() / static_cast<double>(GetLimit::max_remembered), GetLimit::max_remembered);
    EXPECT_EQ(limit.size(), GetLimit::max_remembered);
    EXPECT_GT(limit.wait(domain("d0.example"), t0 + 59s), 0s) << "nobody's minute is given up for another";
    EXPECT_EQ(limit.wait(domain("other.example"), t0 + 61s), 0s);
    EXPECT_EQ(limit.size(), 0u);
}

/// Asks every second, and calls `each`, which may turn the wall clock. GETs must keep their distance.
std::size_t gets_within(LookupWorld& world, seconds duration, const std::function<void(long second)>& each) {
    std::optional<base::milliseconds> last;
    const std::size_t before = world.gets();
    const auto start = world.time.passed();
    for (auto at = start; at < start + duration; at += 1s) {
        world.pass_to(at);
        if (each) each(std::chrono::floor<seconds>(at - start).count());
        const std::size_t seen = world.gets();
        (void)world.ask("a.example");
        world.pass_to(at);
        if (world.gets() == seen) continue;
        EXPECT_EQ(world.gets(), seen + 1);
        if (last) {
            EXPECT_GE(at - *last, 60s) << "at " << (at - start).count() / 1000 << " s";
        }
        last = at;
    }
    return world.gets() - before;
}

TEST(Politeness, EveryLifeHoweverShortLeadsToOneGetAMinute) {
    for (const long max_age : {0, 1, 5, 30, 59, 60, 61, 100}) {
        SCOPED_TRACE(max_age);
        LookupWorld world;
        world.at("a.example").record("1", 1s);
        world.at("a.example").policy(policy_text("enforce", {"mx.a.example"}, max_age));
        const std::size_t gets = gets_within(world, 600s, {});
        EXPECT_GE(gets, 5u);
        EXPECT_LE(gets, 10u);
        EXPECT_EQ(world.log.count("policy-too-short"), max_age < 60 ? 1u : 0u);
    }
}

TEST(Politeness, AShortLifeIsObeyedWhileItLastsAndNotFoundUntilTheMinuteIsOver) {
    LookupWorld world;
    world.at("a.example").record("1", 1s);
    world.at("a.example").policy(policy_text("enforce", {"mx.a.example"}, 20));
    for (int minute = 0; minute < 3; ++minute)
        for (int second = 0; second < 60; ++second) {
            world.pass_to(seconds{60 * minute + second});
            EXPECT_EQ(world.ask("a.example"), second < 20 ? secure : notfound) << minute << ":" << second;
        }
    EXPECT_EQ(world.gets(), 3u);
    EXPECT_LE(world.txt_questions(), 12u);
}

TEST(Politeness, TheWallClockNeitherOpensNorClosesTheMinute) {
    for (const long max_age : {0, 1, 59, 86400}) {
        SCOPED_TRACE(max_age);
        LookupWorld world;
        world.at("a.example").record("1", 1s);
        world.at("a.example").policy(policy_text("enforce", {"mx.a.example"}, max_age));
        const auto jumps = [&](long second) {
            constexpr seconds by[] = {1h, -1h, 24h * 3650, -24h * 3650, 59s, -59s, -3h, 3h};
            if (second % 7 == 0) world.time.jump(by[static_cast<std::size_t>(second / 7) % std::size(by)]);
            world.at("a.example").record(std::to_string(second / 10), 1s);
        };
        const std::size_t gets = gets_within(world, 600s, jumps);
        EXPECT_LE(gets, 10u);
        EXPECT_GE(gets, 8u) << "and it is open when it is over";
    }
}

TEST(Politeness, FailuresChangedIdsAndJunkKeepToTheMinuteToo) {
    LookupWorld world;
    world.table().set_limits({100, 2}); // the absence is evicted at once, with the times of its GETs
    world.at("a.example").https_fails(Reason::http_status, "status 503");
    long n = 0;
    const auto junk = [&](long second) {
        world.at("a.example").record(std::to_string(second), 1s);
        for (int i = 0; i < 3; ++i) (void)world.ask("junk" + std::to_string(n++) + ".example");
    };
    EXPECT_LE(gets_within(world, 600s, junk), 10u);
}

TEST(Politeness, TheDailyGetKeepsToTheMinuteToo) {
    for (const long max_age : {60, 90, 119, 120}) {
        SCOPED_TRACE(max_age);
        LookupWorld world;
        world.at("a.example").record("1", 1s);
        world.at("a.example").policy(policy_text("enforce", {"mx.a.example"}, max_age));
        EXPECT_LE(gets_within(world, 1800s, {}), 30u);
        EXPECT_LE(world.txt_questions(), 100u) << "nor is DNS asked all the time";
    }
}

TEST(Politeness, ARestartKeepsTheMinuteOfWhatIsStored) {
    LookupWorld world;
    world.at("a.example").record("1", 1s);
    world.at("a.example").policy(policy_text("enforce", {"mx.a.example"}, 30));
    EXPECT_EQ(world.ask("a.example"), secure);
    world.pass(31s);
    world.restart();
    EXPECT_EQ(world.ask("a.example"), notfound);
    EXPECT_EQ(world.gets(), 1u);
    world.pass(29s);
    EXPECT_EQ(world.ask("a.example"), secure);
    EXPECT_EQ(world.gets(), 2u);
}

TEST(Politeness, WithdrawalByMaxAgeZeroIsSaidAloud) {
    LookupWorld world;
    world.at("a.example").record("1", 60s);
    world.at("a.example").policy(policy_text("enforce", {"mx.a.example"}, 86400));
    EXPECT_EQ(world.ask("a.example"), secure);
    world.at("a.example").record("2", 60s);
    world.at("a.example").policy(policy_text("enforce", {"mx.a.example"}, 0));
    world.pass(61s);
    EXPECT_EQ(world.ask("a.example"), secure) << "the check goes on behind the answer";
    world.pass(1s);
    EXPECT_EQ(world.ask("a.example"), notfound);
    EXPECT_EQ(world.log.count("warning policy-changed domain=a.example"), 1u);
    world.restart();
    world.at("a.example").no_record();
    EXPECT_EQ(world.ask("a.example"), notfound) << "nor does a restart bring it back";
}

} // namespace
