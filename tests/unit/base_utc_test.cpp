#include "base/utc.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;

TEST(BaseUtc, IsRfc3339) {
    EXPECT_EQ(base::utc(base::Instant{}), "1970-01-01T00:00:00Z");
    EXPECT_EQ(base::utc(base::Instant{1801440000s}), "2027-02-01T00:00:00Z");
    EXPECT_EQ(base::utc(base::Instant{253402300799s}), "9999-12-31T23:59:59Z");
    EXPECT_EQ(base::utc(base::Instant{1709247599s}), "2024-02-29T22:59:59Z");
    EXPECT_EQ(base::utc(base::Instant::max()), "9999-12-31T23:59:59Z");
    EXPECT_EQ(base::utc(base::Instant{-1s}), "1970-01-01T00:00:00Z");
    EXPECT_FALSE(base::is_shown(base::Instant{253402300800s}));
}

} // namespace
