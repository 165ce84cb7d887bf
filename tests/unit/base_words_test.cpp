// Numbers, sizes and durations as people read them.
#include "base/words.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace {

using namespace std::chrono_literals;

TEST(Words, NumbersAreGrouped) {
    EXPECT_EQ(base::grouped(0), "0");
    EXPECT_EQ(base::grouped(999), "999");
    EXPECT_EQ(base::grouped(1000), "1,000");
    EXPECT_EQ(base::grouped(1'234'567), "1,234,567");
    EXPECT_EQ(base::grouped(std::numeric_limits<std::uint64_t>::max()), "18,446,744,073,709,551,615");
    EXPECT_EQ(base::counted(1, "policy", "policies"), "1 policy");
    EXPECT_EQ(base::counted(0, "policy", "policies"), "0 policies");
    EXPECT_EQ(base::counted(2000, "policy", "policies"), "2,000 policies");
}

TEST(Words, NumbersAreRounded) {
    EXPECT_EQ(base::rounded(0), "0");
    EXPECT_EQ(base::rounded(-1), "0");
    EXPECT_EQ(base::rounded(std::numeric_limits<double>::quiet_NaN()), "0");
    EXPECT_EQ(base::rounded(0.004), "<0.01");
    EXPECT_EQ(base::rounded(0.25), "0.25");
    EXPECT_EQ(base::rounded(0.999), "1");
    EXPECT_EQ(base::rounded(3.14), "3.1");
    EXPECT_EQ(base::rounded(9.96), "10");
    EXPECT_EQ(base::rounded(12.4), "12");
    EXPECT_EQ(base::rounded(12'345.6), "12,346");
    EXPECT_EQ(base::rounded(1e300), "1,000,000,000,000,000,000");
}

TEST(Words, DurationsAndSizesHaveAUnit) {
    EXPECT_EQ(base::duration_words(0us), "0 ms");
    EXPECT_EQ(base::duration_words(-5us), "0 ms");
    EXPECT_EQ(base::duration_words(40us), "0.04 ms");
    EXPECT_EQ(base::duration_words(1200us), "1.2 ms");
    EXPECT_EQ(base::duration_words(350ms), "350 ms");
    EXPECT_EQ(base::duration_words(2500ms), "2.5 s");
    EXPECT_EQ(base::duration_words(60s), "60 s");
    EXPECT_EQ(base::octets_words(0), "0 B");
    EXPECT_EQ(base::octets_words(512), "512 B");
    EXPECT_EQ(base::octets_words(1536), "1.5 KiB");
    EXPECT_EQ(base::octets_words(12UL << 20), "12 MiB");
    EXPECT_EQ(base::octets_words(std::numeric_limits<std::uint64_t>::max()), "16,777,216 TiB");
}

} // namespace
