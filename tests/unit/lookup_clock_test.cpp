// The wall clock jumps, the machine was suspended (steady time stood still), counters of seconds overflow:
// policies that have not expired are served, and refreshes continue, but not all at once.
#include "support/lookup_world.hpp"

#include <gtest/gtest.h>

#include <random>

namespace {

using namespace std::chrono_literals;
using base::Reason;
using base::seconds;
using test::LookupWorld;
using test::policy_text;

constexpr const char* secure = "OK secure match=mx.a.example servername=hostname";
constexpr seconds year = 365 * 24h;

void serve(LookupWorld& world, const std::string& domain, long max_age = 30 * 86400) {
    world.at(domain).record("1");
    world.at(domain).policy(policy_text("enforce", {"mx.a.example"}, max_age));
}

TEST(Clock, AnUnexpiredPolicyIsServedThroughJumpsAndRefreshedAfterThem) {
    for (const seconds by : {seconds{1h}, seconds{24h}, seconds{-1h}, seconds{-24h}, -10 * year}) {
        SCOPED_TRACE("a jump of " + std::to_string(by.count()) + " s");
        LookupWorld world;
        serve(world, "a.example");
        EXPECT_EQ(world.ask("a.example"), secure);
        world.time.jump(by);
        EXPECT_EQ(world.ask("a.example"), secure);
        const std::size_t before = world.gets();
        world.pass(2 * 24h);
        EXPECT_GE(world.gets(), before + 1) << "the daily GET goes on";
        EXPECT_LE(world.gets(), before + 4);
        world.at("a.example").https_fails(Reason::connect_failed);
        EXPECT_EQ(world.ask("a.example"), secure);
    }
}

TEST(Clock, NobodyAsksAndTheRefreshGoesOnAfterAJumpBack) {
    LookupWorld world;
    serve(world, "a.example");
    world.ask("a.example");
    world.time.jump(-10 * year);
    const std::size_t before = world.gets();
    world.pass(2 * 24h);
    EXPECT_GE(world.gets(), before + 1);
}

TEST(Clock, TenYearsAheadAPolicyIsOverAndLearntAnewOnce) {
    LookupWorld world;
    serve(world, "a.example");
    world.ask("a.example");
    world.time.jump(10 * year);
    EXPECT_EQ(world.ask("a.example"), "NOTFOUND ") << "a set clock does not end the minute after a GET";
    world.pass(60s);
    EXPECT_EQ(world.ask("a.example"), secure);
    EXPECT_EQ(world.ask("a.example"), secure);
    EXPECT_EQ(world.gets(), 2U);
    world.at("a.example").dns_fails(Reason::dns_timeout);
    world.time.jump(10 * year);
    EXPECT_EQ(world.ask("a.example"), "NOTFOUND ");
}

TEST(Clock, WrongAtBootAndThenPutRightAPolicyLivesAsLongAsItShould) {
    LookupWorld world;
    serve(world, "a.example", 7 * 86400);
    serve(world, "b.example", 7 * 86400);
    EXPECT_EQ(world.ask("a.example"), secure);
    EXPECT_EQ(world.ask("b.example"), secure);
    const auto fetched = world.time.now();
    for (const char* domain : {"a.example", "b.example"}) {
        world.at(domain).no_record();
        world.at(domain).https_fails(Reason::connect_failed);
    }
    for (int boot = 0; boot < 3; ++boot) {
        const seconds off = world.time.now().time_since_epoch() - seconds{30 + boot};
        world.time.jump(-off);
        world.restart();
        EXPECT_EQ(world.ask("a.example"), secure) << "in 1970";
        world.pass(600s);
        EXPECT_EQ(world.ask("a.example"), secure);
        world.time.jump(off);
        EXPECT_EQ(world.ask("a.example"), secure) << "put right";
        EXPECT_EQ(world.ask("b.example"), secure) << "nobody asked meanwhile";
        world.pass(600s);
        EXPECT_EQ(world.ask("a.example"), secure);
    }
    world.pass(fetched + 7 * 24h - world.time.now() - 60s);
    EXPECT_EQ(world.ask("a.example"), secure);
    world.restart();
    EXPECT_EQ(world.ask("b.example"), secure) << "what is stored has not changed";
    world.pass(120s);
    EXPECT_EQ(world.ask("a.example"), "NOTFOUND ") << "max_age after the fetch, not later";
    EXPECT_EQ(world.ask("b.example"), "NOTFOUND ");
}

TEST(Clock, WrongFromBootOnAPolicyEndsAllTheSame) {
    LookupWorld world;
    serve(world, "a.example", 7 * 86400);
    EXPECT_EQ(world.ask("a.example"), secure);
    world.at("a.example").no_record();
    world.at("a.example").https_fails(Reason::connect_failed);
    world.time.jump(-world.time.now().time_since_epoch() + 30s);
    world.restart();
    world.pass(6 * 24h);
    EXPECT_EQ(world.ask("a.example"), secure);
    world.pass(2 * 24h);
    EXPECT_EQ(world.ask("a.example"), "NOTFOUND ") << "max_age after the boot at the latest";
}

TEST(Clock, WrongOnlyForTheMomentOfAFetchAPolicyEndsAllTheSame) {
    LookupWorld world;
    serve(world, "a.example", 86400);
    world.pass(1h);
    world.time.jump(3 * year);
    EXPECT_EQ(world.ask("a.example"), secure);
    world.time.jump(-3 * year); // before any code reads the clock again
    world.at("a.example").no_record();
    world.at("a.example").https_fails(Reason::connect_failed);
    world.pass(23h);
    EXPECT_EQ(world.ask("a.example"), secure);
    world.pass(2h);
    EXPECT_EQ(world.ask("a.example"), "NOTFOUND ");
}

TEST(Clock, WhatAJumpMakesDueIsSpreadOut) {
    for (const seconds by : {seconds{24h}, seconds{7 * 24h}}) {
        LookupWorld world;
        std::mt19937 generator{1};
        world.draw = [&] { return static_cast<double>(generator() % 1000) / 1000; };
        constexpr std::size_t domains = 300;
        for (std::size_t i = 0; i < domains; ++i) {
            const std::string name = "d" + std::to_string(i) + ".example";
            serve(world, name);
            ASSERT_EQ(world.ask(name), secure);
        }
        world.pass(1h);
        world.time.jump(by);
        std::size_t most = 0;
        for (int minute = 0; minute < 16; ++minute) {
            const std::size_t before = world.gets();
            world.pass(60s);
            most = std::max(most, world.gets() - before);
        }
        EXPECT_GE(world.gets(), domains + domains / 2) << "those that are due, within a second each";
        EXPECT_LE(world.gets(), 2 * domains);
        EXPECT_LE(most, 100U) << "not all at once";
    }
}

TEST(Clock, SecondsSince1970Outgrow31And32Bits) {
    for (const std::int64_t end : {std::int64_t{1} << 31, std::int64_t{1} << 32}) {
        SCOPED_TRACE(end);
        LookupWorld world;
        world.time.jump(seconds{end} - 300s - world.time.now().time_since_epoch());
        serve(world, "a.example");
        serve(world, "b.example");
        EXPECT_EQ(world.ask("a.example"), secure);
        world.pass(600s);
        EXPECT_EQ(world.ask("a.example"), secure);
        EXPECT_EQ(world.ask("b.example"), secure) << "learnt after it";
        const std::size_t before = world.gets();
        world.pass(1h);
        EXPECT_EQ(world.ask("b.example"), secure);
        EXPECT_LE(world.gets(), before + 4) << "no storm";
        world.at("a.example").dns_fails(Reason::dns_timeout);
        world.at("b.example").dns_fails(Reason::dns_timeout);
        world.restart();
        EXPECT_EQ(world.ask("a.example"), secure);
        EXPECT_EQ(world.ask("b.example"), secure);
    }
}

// A policy that expired by an untrusted clock is not answered, but not lost.

TEST(Clock, StartedYearsAheadNothingIsLost) {
    LookupWorld world;
    serve(world, "a.example");
    serve(world, "b.example");
    EXPECT_EQ(world.ask("a.example"), secure);
    EXPECT_EQ(world.ask("b.example"), secure);
    world.at("a.example").dns_fails(Reason::dns_timeout);
    world.at("b.example").no_record();
    world.time.jump(10 * year);
    for (int start = 0; start < 3; ++start) {
        world.restart();
        EXPECT_EQ(world.ask("a.example"), "NOTFOUND ") << "expired, so far as anybody knows";
        EXPECT_EQ(world.ask("b.example"), "NOTFOUND ");
        world.pass(50min);
        EXPECT_EQ(world.ask("a.example"), "NOTFOUND ");
    }
    world.time.jump(-10 * year);
    EXPECT_EQ(world.ask("a.example"), secure) << "at once";
    EXPECT_EQ(world.ask("b.example"), secure);
    world.pass(1h);
    world.restart();
    EXPECT_EQ(world.ask("a.example"), secure);
    EXPECT_EQ(world.ask("b.example"), secure);
}

TEST(Clock, AMinuteYearsAheadLosesNothingWhoeverAsksMeanwhile) {
    LookupWorld world;
    serve(world, "a.example");
    EXPECT_EQ(world.ask("a.example"), secure);
    world.pass(2h);
    world.at("a.example").https_fails(Reason::connect_failed);
    world.time.jump(10 * year);
    for (int second = 0; second < 60; ++second) {
        EXPECT_EQ(world.ask("a.example"), "NOTFOUND ");
        world.pass(1s);
    }
    world.restart();
    world.time.jump(-10 * year);
    EXPECT_EQ(world.ask("a.example"), secure);
    world.kill();
    EXPECT_EQ(world.ask("a.example"), secure);
}

TEST(Clock, WhatIsExpiredIsNeverAnsweredAndGoesWhenTheClockIsTrusted) {
    LookupWorld world;
    serve(world, "a.example", 86400);
    serve(world, "b.example", 86400);
    EXPECT_EQ(world.ask("a.example"), secure);
    EXPECT_EQ(world.ask("b.example"), secure);
    for (const char* domain : {"a.example", "b.example"}) world.at(domain).dns_fails(Reason::dns_timeout);
    world.at("b.example").https_fails(Reason::connect_failed);
    world.at("a.example").https_fails(Reason::connect_failed);
    world.restart();
    world.time.jump(86400s - 60s);
    EXPECT_EQ(world.ask("a.example"), secure) << "a minute is left";
    world.pass(60s);
    EXPECT_EQ(world.table().policy_count(), 2u) << "kept: the clock was set a minute ago";
    for (int minute = 0; minute < 120; ++minute) {
        EXPECT_EQ(world.ask("a.example"), "NOTFOUND ") << minute;
        world.pass(60s);
    }
    EXPECT_EQ(world.table().policy_count(), 0u) << "trusted by now";
    world.time.jump(-2 * 86400s);
    world.restart();
    EXPECT_EQ(world.ask("a.example"), "NOTFOUND ") << "gone for good";
}

TEST(Clock, WhatIsExpiredAndKeptIsNotToldAtTheDeadlineEither) {
    LookupWorld world;
    serve(world, "a.example", 3600);
    EXPECT_EQ(world.ask("a.example"), secure);
    world.restart();
    world.time.jump(3600s);
    world.at("a.example").txt_delay = 60s;
    for (int i = 0; i < 3; ++i) EXPECT_EQ(world.ask("a.example"), "NOTFOUND ");
    EXPECT_EQ(world.table().policy_count(), 1u);
    EXPECT_EQ(world.log.count("answer=secure"), 1u);
}

TEST(Clock, FetchedWhileTheClockWasAheadAPolicyEndsOverRestarts) {
    LookupWorld world;
    world.time.jump(10 * year);
    serve(world, "a.example", 7 * 86400);
    EXPECT_EQ(world.ask("a.example"), secure);
    world.time.jump(-10 * year);
    world.at("a.example").no_record();
    world.at("a.example").https_fails(Reason::connect_failed);
    world.restart();
    EXPECT_EQ(world.ask("a.example"), secure);
    for (int day = 0; day < 6; ++day) {
        world.pass(86400s);
        world.restart();
        EXPECT_EQ(world.ask("a.example"), secure) << day;
    }
    world.pass(86400s + 60s);
    EXPECT_EQ(world.ask("a.example"), "NOTFOUND ") << "max_age after the clock was put right";
    world.restart();
    EXPECT_EQ(world.ask("a.example"), "NOTFOUND ");
}

TEST(Clock, NeverTrustedExpiredPoliciesGoAfterAMonthOfRunningTime) {
    LookupWorld world;
    serve(world, "a.example", 7 * 86400);
    EXPECT_EQ(world.ask("a.example"), secure);
    world.at("a.example").dns_fails(Reason::dns_timeout);
    world.at("a.example").https_fails(Reason::connect_failed);
    // A policy from the future keeps the clock from being trusted; nobody refreshes it.
    world.time.jump(10 * year);
    serve(world, "future.example", 31557600);
    EXPECT_EQ(world.ask("future.example"), secure);
    world.at("future.example").dns_fails(Reason::dns_timeout);
    world.at("future.example").https_fails(Reason::connect_failed);
    world.time.jump(-10 * year + 8 * 86400s);
    world.restart();
    EXPECT_EQ(world.ask("a.example"), "NOTFOUND ");
    for (int week = 0; week < 4; ++week) {
        world.pass(7 * 86400s);
        world.restart();
        EXPECT_EQ(world.table().policy_count(), 2u) << week;
        EXPECT_EQ(world.ask("a.example"), "NOTFOUND ");
    }
    world.pass(7 * 86400s);
    EXPECT_EQ(world.table().policy_count(), 1u);
    EXPECT_EQ(world.ask("future.example"), secure) << "a year is not over";
}

} // namespace
