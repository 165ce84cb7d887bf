// How long most durations were, out of a histogram.
#include "base/quantiles.hpp"

#include <gtest/gtest.h>

#include <array>

namespace {

using namespace std::chrono_literals;

constexpr std::array<std::chrono::microseconds, 3> bounds{1ms, 2ms, 10ms};

base::Quantiles of(std::array<std::uint64_t, 4> counts) { return base::quantiles(bounds, counts); }

TEST(Quantiles, LieWithinTheBucketThatHoldsThem) {
    const base::Quantiles none = of({0, 0, 0, 0});
    EXPECT_EQ(none.count, 0U);
    EXPECT_EQ(none.p99, 0us);
    const base::Quantiles one = of({0, 1, 0, 0});
    EXPECT_EQ(one.p50, 1500us);
    EXPECT_EQ(one.p99, 1990us);
    const base::Quantiles two = of({98, 0, 2, 0});
    EXPECT_LT(two.p50, 1ms);
    EXPECT_EQ(two.p99, 6ms); // the middle of the bucket from 2 to 10 ms
    EXPECT_FALSE(two.beyond);
    const base::Quantiles long_ones = of({10, 0, 0, 10});
    EXPECT_EQ(long_ones.p99, 10ms);
    EXPECT_TRUE(long_ones.beyond);
    EXPECT_FALSE(of({1000, 0, 0, 1}).beyond); // one in a thousand does not make the 99th
}

} // namespace
