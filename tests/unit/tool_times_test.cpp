// Times as the tool reads and shows them.
#include "tool/show/times.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace {

using base::Instant;
using base::seconds;

constexpr Instant at{seconds{1795898120}}; // 2026-11-28T20:35:20Z

tool::Zone fixed(int offset) {
    return [offset](Instant) { return seconds{offset}; };
}

TEST(Times, AreReadAsRfc3339) {
    const std::pair<const char*, std::optional<Instant>> table[] = {
        {"2026-11-28T20:35:20Z", at},
        {"2026-11-28t20:35:20z", at},
        {"2026-11-28 20:35:20Z", at},
        {"2026-11-28T21:35:20+01:00", at},
        {"2026-11-28T15:05:20-05:30", at},
        {"2026-11-28T20:35:20.999Z", at},
        {"1970-01-01T00:00:00Z", Instant{}},
        {"2024-02-29T00:00:00Z", Instant{seconds{1709164800}}},
        {"2026-02-29T00:00:00Z", std::nullopt},
        {"2026-11-28T20:35:20", std::nullopt}, // no zone
        {"2026-11-28T20:35:20.Z", std::nullopt},
        {"2026-11-28T24:00:00Z", std::nullopt},
        {"2026-11-28", std::nullopt},
        {"2026-11-28T20:35:20Zx", std::nullopt},
        {"2026-11-28T20:35:20+0100", std::nullopt},
        {"", std::nullopt},
    };
    for (const auto& [text, want] : table) EXPECT_EQ(tool::parse_time(text), want) << text;
    EXPECT_EQ(tool::utc_text(at), "2026-11-28T20:35:20Z");
    EXPECT_EQ(tool::parse_time(tool::utc_text(Instant{seconds{-1}})), Instant{seconds{-1}});
}

TEST(Times, AreShownWithZoneAndAge) {
    using tool::time_and_age;
    EXPECT_EQ(time_and_age(at, at + seconds{310}, fixed(3600)), "2026-11-28 21:35:20+01:00, 5 min ago");
    EXPECT_EQ(time_and_age(at, at - seconds{3 * 86400}, fixed(-5 * 3600 - 1800)),
              "2026-11-28 15:05:20-05:30, in 3 days");
    EXPECT_EQ(time_and_age(at, at, fixed(0)), "2026-11-28 20:35:20+00:00, now");
    EXPECT_EQ(time_and_age("2026-11-28T20:35:20Z", at + seconds{1}, fixed(0)),
              "2026-11-28 20:35:20+00:00, 1 s ago");
    EXPECT_EQ(tool::parse_time(tool::local_text(at, fixed(3600))), at) << "can be given back";
    EXPECT_EQ(time_and_age("\x1b[2J", at, fixed(0)), "\\x1b[2J");
}

TEST(Times, OfAProcessFollowItsZone) {
    const char* const before = std::getenv("TZ");
    const std::string kept = before == nullptr ? "" : before;
    ::setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    ::tzset();
    EXPECT_EQ(tool::local_zone()(at), seconds{3600});
    EXPECT_EQ(tool::local_zone()(*tool::parse_time("2026-07-01T00:00:00Z")), seconds{7200});
    if (before == nullptr)
        ::unsetenv("TZ");
    else
        ::setenv("TZ", kept.c_str(), 1);
    ::tzset();
}

TEST(Times, LengthsAreRoundedDown) {
    const std::tuple<std::int64_t, const char*, const char*> table[] = {
        {0, "0 s", "0s"},
        {1, "1 s", "1s"},
        {119, "119 s", "119s"},
        {120, "2 min", "2m"},
        {7199, "119 min", "119m"},
        {7200, "2 hours", "2h"},
        {172799, "47 hours", "47h"},
        {172800, "2 days", "2d"},
        {-600, "10 min", "10m"},
        {31557600, "365 days", "365d"},
    };
    for (const auto& [length, words, brief] : table) {
        EXPECT_EQ(tool::length_words(seconds{length}), words);
        EXPECT_EQ(tool::length_short(seconds{length}), brief);
    }
}

TEST(Times, LengthsAreRead) {
    const std::pair<const char*, std::optional<seconds>> table[] = {
        {"90s", seconds{90}},
        {"30m", seconds{1800}},
        {"12h", seconds{43200}},
        {"14d", seconds{14 * 86400}},
        {"2w", seconds{14 * 86400}},
        {"0d", seconds{0}},
        {"d", std::nullopt},
        {"1", std::nullopt},
        {"-1d", std::nullopt},
        {"1dd", std::nullopt},
        {"1y", std::nullopt},
        {"4294967296s", std::nullopt},
        {"4294967295w", seconds{std::int64_t{4294967295} * 604800}},
    };
    for (const auto& [text, want] : table) EXPECT_EQ(tool::parse_length(text), want) << text;
}

} // namespace
