// When an expired policy may be forgotten for good.
#include "cache/clock_trust.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using base::Instant;
using base::seconds;
using base::Steady;
using cache::ClockTrust;

constexpr Instant t0{seconds{1'700'000'000}};
constexpr Steady s0{};

TEST(ClockTrust, TakesAnHourOfAgreement) {
    ClockTrust trust;
    EXPECT_FALSE(trust.trusted(t0, s0 + 10h)) << "nothing was compared yet";
    trust.sample(t0, s0);
    EXPECT_FALSE(trust.trusted(t0 + 1h - 1s, s0 + 1h - 1s));
    EXPECT_EQ(trust.wait(s0 + 40min), 20min);
    EXPECT_TRUE(trust.trusted(t0 + 1h, s0 + 1h));
    EXPECT_EQ(trust.wait(s0 + 2h), 0s);
}

TEST(ClockTrust, AJumpOfMoreThanAMinuteBeginsAnew) {
    for (const seconds by : {seconds{61}, seconds{-61}, seconds{10 * 365 * 24h}, seconds{-10 * 365 * 24h}}) {
        ClockTrust trust;
        trust.sample(t0, s0);
        trust.sample(t0 + 2h, s0 + 2h);
        EXPECT_TRUE(trust.trusted(t0 + 2h, s0 + 2h));
        trust.sample(t0 + 2h + 1s + by, s0 + 2h + 1s);
        EXPECT_FALSE(trust.trusted(t0 + 2h + 1s + by, s0 + 2h + 1s)) << by.count();
        trust.sample(t0 + 2h + 2s, s0 + 2h + 2s); // corrected: that is a jump, too
        EXPECT_FALSE(trust.trusted(t0 + 3h, s0 + 3h));
        trust.sample(t0 + 3h + 2s, s0 + 3h + 2s);
        EXPECT_TRUE(trust.trusted(t0 + 3h + 2s, s0 + 3h + 2s));
    }
    ClockTrust trust;
    trust.sample(t0, s0);
    trust.sample(t0 + 30min + 60s, s0 + 30min);
    EXPECT_TRUE(trust.trusted(t0 + 1h, s0 + 1h)) << "a minute is an adjustment";
}

TEST(ClockTrust, AQuartzThatRunsFastIsNoReason) {
    ClockTrust trust;
    for (int hour = 0; hour < 24 * 60; ++hour) { // 100 ppm for 60 days: nine minutes
        const seconds wall{static_cast<std::int64_t>(hour * 3600 * 1.0001)};
        trust.sample(t0 + wall, s0 + hour * 1h);
        EXPECT_EQ(trust.trusted(t0 + wall, s0 + hour * 1h), hour >= 1) << hour;
    }
}

TEST(ClockTrust, IsNotBeforeTheNewestFetch) {
    ClockTrust trust;
    trust.sample(t0, s0);
    trust.note_fetched(t0 + 24h);
    trust.note_fetched(t0);
    EXPECT_TRUE(trust.agreed(s0 + 1h));
    EXPECT_FALSE(trust.trusted(t0 + 1h, s0 + 1h));
    EXPECT_TRUE(trust.trusted(t0 + 24h, s0 + 24h));
    trust.set_newest(t0);
    EXPECT_TRUE(trust.trusted(t0 + 1h, s0 + 1h));
}

} // namespace
