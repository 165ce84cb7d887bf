#include "base/counter.hpp"

#include "base/duration_bounds.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>
#include <thread>

namespace {

using namespace std::chrono_literals;
using Answers = base::Histogram<base::answer_bounds>;

TEST(Counter, IsReadFromAnyThreadWhileItIsWritten) {
    base::Counter counter;
    base::Gauge gauge;
    Answers histogram;
    constexpr std::uint64_t all = 20'000;
    std::thread writer([&] {
        for (std::uint64_t i = 0; i < all; ++i) {
            counter.add();
            gauge.set(i);
            histogram.observe(30us, 2);
        }
    });
    std::uint64_t before = 0;
    while (before < all) {
        const std::uint64_t now = counter.value();
        EXPECT_GE(now, before) << "it only grows";
        EXPECT_LT(gauge.value(), all);
        Answers::Counts counts;
        histogram.add_to(counts);
        EXPECT_LE(counts.buckets[1], 2 * all);
        before = now;
    }
    writer.join();
    Answers::Counts counts;
    histogram.add_to(counts);
    EXPECT_EQ(counts.buckets[1], 2 * all);
    EXPECT_EQ(counts.sum_us, 2 * all * 30);
}

TEST(Histogram, EachDurationHasItsBucket) {
    Answers histogram;
    for (const auto bound : base::answer_bounds) {
        histogram.observe(bound);       // an upper bound is inclusive
        histogram.observe(bound + 1ns); // the next one
    }
    histogram.observe(-1s);
    Answers::Counts counts;
    histogram.add_to(counts);
    EXPECT_EQ(counts.buckets.front(), 2u);
    EXPECT_EQ(counts.buckets.back(), 1u) << "longer than all bounds";
    for (std::size_t i = 1; i < base::answer_bounds.size(); ++i) EXPECT_EQ(counts.buckets[i], 2u) << i;
}

TEST(Histogram, TheSumKeepsWhatIsShorterThanAMicrosecond) {
    Answers histogram;
    for (int i = 0; i < 1000; ++i) histogram.observe(700ns);
    histogram.observe(-5s);
    Answers::Counts counts;
    histogram.add_to(counts);
    EXPECT_EQ(counts.sum_us, 700u);
    EXPECT_EQ(std::accumulate(counts.buckets.begin(), counts.buckets.end(), std::uint64_t{0}), 1001u);
}

} // namespace
