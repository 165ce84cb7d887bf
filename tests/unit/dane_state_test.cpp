#include "dane/state.hpp"

#include "dane/verdict.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using dane::Advice;
using dane::after_lookup;
using dane::due;
using dane::missing;
using dane::secures;
using dane::State;
using dane::Verdict;

constexpr dane::Instant t0{dane::seconds{1'700'000'000}};
constexpr dane::Limits active{.active = true};

Verdict found(Advice advice, dane::seconds ttl = 300s, bool on_failures = false) {
    Verdict verdict;
    verdict.advice = advice;
    verdict.on_failures = on_failures;
    verdict.ttl = ttl;
    return verdict;
}

const Verdict failed = found(Advice::no_verdict, 60s, true);

TEST(DaneState, SaysNothingBeforeALookup) {
    EXPECT_FALSE(secures({}, t0, active));
    EXPECT_TRUE(due({}, t0, active));
    EXPECT_TRUE(missing({}, t0, active));
    for (const dane::Limits& off : {dane::Limits{}, dane::Limits{.remembered = true}}) {
        EXPECT_FALSE(due({}, t0, off)) << "nobody looks for DANE";
        EXPECT_FALSE(missing({}, t0, off));
    }
}

TEST(DaneState, FollowsALookup) {
    for (const Advice advice : {Advice::dane_only, Advice::sts}) {
        const State state = after_lookup({}, found(advice), t0, active);
        EXPECT_EQ(state, (State{advice, t0, t0 + 300s, {}}));
        EXPECT_EQ(secures(state, t0 + 1s, active), advice == Advice::dane_only);
        EXPECT_FALSE(due(state, t0 + 299s, active));
        EXPECT_TRUE(due(state, t0 + 300s, active));
        EXPECT_FALSE(missing(state, t0 + 36h - 1s, active));
        EXPECT_TRUE(missing(state, t0 + 36h, active)) << "too old to be used unasked";
    }
    EXPECT_FALSE(secures(after_lookup({}, found(Advice::dane_only), t0, active), t0, {})) << "switched off";
}

TEST(DaneState, AFailedFirstLookupIsNoVerdict) {
    const State state = after_lookup({}, failed, t0, active);
    EXPECT_FALSE(secures(state, t0 + 10s, active));
    EXPECT_FALSE(missing(state, t0 + 10s, active)) << "MTA-STS for now";
    EXPECT_TRUE(due(state, t0 + 60s, active));
}

TEST(DaneState, AVerdictBridgesFailuresForADay) {
    State state = after_lookup({}, found(Advice::dane_only), t0, active);
    for (dane::seconds t = 300s; t <= 36h; t += 60s) state = after_lookup(state, failed, t0 + t, active);
    EXPECT_EQ(state.known_at, t0);
    EXPECT_EQ(state.failed_since, t0 + 300s) << "counted from the first of them";
    EXPECT_TRUE(secures(state, t0 + 24h + 299s, active));
    EXPECT_FALSE(secures(state, t0 + 24h + 300s, active));
    state = after_lookup(state, found(Advice::sts), t0 + 1h, active);
    EXPECT_FALSE(secures(state, t0 + 1h, active)) << "a verdict replaces a verdict at once";
}

TEST(DaneState, AnOldVerdictHoldsForADayFromTheFirstFailure) {
    for (const Advice advice : {Advice::dane_only, Advice::sts}) {
        const bool is = advice == Advice::dane_only;
        State state = after_lookup({}, found(advice), t0, active);
        EXPECT_EQ(secures(state, t0 + 36h - 1s, active), is) << "a day old and never failed";
        const dane::Instant first = t0 + 100h;
        for (dane::seconds t = 0s; t < 25h; t += 60s) {
            state = after_lookup(state, failed, first + t, active);
            EXPECT_EQ(secures(state, first + t + 59s, active), is && t + 59s < 24h) << t.count();
            EXPECT_FALSE(missing(state, first + t + 60s, active));
        }
        EXPECT_EQ(state.failed_since, first);
        EXPECT_TRUE(missing(state, first + 72h, active)) << "nobody has looked for long";
        state = after_lookup(state, found(advice), first + 72h, active);
        EXPECT_EQ(state.failed_since, dane::Instant{});
        EXPECT_EQ(secures(state, first + 73h, active), is);
    }
}

TEST(DaneState, AVerdictBuiltOnFailuresLivesForItsTtl) {
    const Verdict doubtful = found(Advice::dane_only, 60s, true);
    State state = after_lookup({}, doubtful, t0, active);
    EXPECT_TRUE(secures(state, t0 + 59s, active));
    EXPECT_FALSE(secures(state, t0 + 60s, active)) << "nothing was proven that could bridge anything";
    state = after_lookup(state, failed, t0 + 30s, active);
    EXPECT_FALSE(secures(state, t0 + 60s, active));
    // It does not remove a proof of an hour ago.
    state = after_lookup({}, found(Advice::dane_only), t0, active);
    state = after_lookup(state, doubtful, t0 + 1h, active);
    EXPECT_EQ(state.known_at, t0);
    EXPECT_TRUE(secures(state, t0 + 23h, active));
}

TEST(DaneState, AClockSetBackAsksAgain) {
    const State state = after_lookup({}, found(Advice::dane_only), t0, active);
    EXPECT_TRUE(due(state, t0 - 24h, active));
}

TEST(DaneState, ARememberedVerdictEndsWhenNobodyCanLook) {
    const dane::Limits unknown_resolver{.remembered = true};
    const State state{Advice::dane_only, t0, {}, {}};
    EXPECT_TRUE(secures(state, t0 + 60h - 1s, unknown_resolver));
    EXPECT_FALSE(secures(state, t0 + 60h, unknown_resolver));
}

} // namespace
