// Words of TOML, one row per case.
#include "config/token.hpp"

#include <gtest/gtest.h>

namespace {

TEST(ConfigToken, KnowsWhatNeedsNoQuotes) {
    for (const char* good :
         {"true", "false", "0", "42", "+1_000", "-7", "0xff", "0o660", "0b1", "1e5", "1.5E-3", "-0.5", "inf",
          "-nan", "2026-11-28", "2026-11-28T07:32:00Z", "07:32:00"})
        EXPECT_TRUE(config::is_value(good)) << good;
    for (const char* bad :
         {"", "yes", "True", "info", "10s", "1.2.3.4", "::1", "1.", ".5", "1e", "0x", "/a", "12-34", "--1"})
        EXPECT_FALSE(config::is_value(bad)) << bad;
}

TEST(ConfigToken, TakesBlanksAroundDotsOnly) {
    EXPECT_EQ(config::without_blanks("log.level"), "log.level");
    EXPECT_EQ(config::without_blanks(" log . level "), "log.level");
    EXPECT_EQ(config::without_blanks(""), "");
    EXPECT_EQ(config::without_blanks("log level"), std::nullopt);
}

} // namespace
