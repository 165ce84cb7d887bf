// When a store that fails is tried again, row by row.
#include "sqlite/retry_times.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using sqlite::RetryTimes;

const RetryTimes::Time t0{1000s};

TEST(RetryTimes, DoubleUpToTheLongest) {
    RetryTimes times{1s, 60s};
    times.failed(t0);
    EXPECT_EQ(times.failing_since(), t0);
    EXPECT_EQ(times.next(), t0 + 1s);
    auto now = t0;
    for (const auto wait : {2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
        now = times.next();
        times.failed_again(now);
        EXPECT_EQ(times.next(), now + wait);
    }
    EXPECT_EQ(times.failing_since(), t0);
}

TEST(RetryTimes, GoOnWhereTheyWereWhenTroubleComesBackSoon) {
    struct Row {
        std::chrono::milliseconds well;
        std::chrono::seconds wait;
        const char* name;
    };
    const Row table[] = {
        {0s, 4s, "at once"},
        {59'999ms, 4s, "within the longest time"},
        {60s, 1s, "after it: new trouble"},
        {1h, 1s, "long after it"},
    };
    for (const Row& row : table) {
        RetryTimes times{1s, 60s};
        times.failed(t0);
        times.failed_again(t0 + 1s);
        times.recovered(t0 + 3s);
        const auto again = t0 + 3s + row.well;
        times.failed(again);
        EXPECT_EQ(times.failing_since(), again) << row.name;
        EXPECT_EQ(times.next(), again + row.wait) << row.name;
    }
}

TEST(RetryTimes, StayWithinTheLongestWhenTroubleComesAndGoes) {
    RetryTimes times{1s, 60s};
    auto now = t0;
    for (int i = 0; i < 20; ++i) {
        times.failed(now);
        EXPECT_LE(times.next(), now + 60s);
        times.recovered(times.next());
        now = times.next() + 1s;
    }
    times.failed(now);
    EXPECT_EQ(times.next(), now + 60s);
}

} // namespace
