// Times of log lines: with and without a year, over new years, and in the order of the file.
#include "tool/preview/times.hpp"

#include "tool/show/times.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace preview {
namespace {

using base::Instant;
using base::seconds;

const tool::Zone utc = [](Instant) { return seconds{0}; };

Instant at(const std::string& text) { return *tool::parse_time(text); }
std::string shown(const std::optional<Instant>& time) { return time ? tool::utc_text(*time) : "none"; }

TEST(PreviewTimes, ReadRfc3339) {
    Times times(at("2026-11-29T00:00:00Z"), utc);
    EXPECT_EQ(shown(times.at("2026-11-28T20:35:20.123456+01:00")), "2026-11-28T19:35:20Z");
    EXPECT_EQ(shown(times.at("2026-11-28T20:35:20+0100")), "2026-11-28T19:35:20Z");
    EXPECT_EQ(shown(times.at("2026-11-28T20:35:20Z")), "2026-11-28T20:35:20Z");
    EXPECT_EQ(shown(times.at("2026-11-28T20:35:20,5-03:30")), "2026-11-29T00:05:20Z");
    for (const char* const bad : {"2026-11-28T20:35:20", "2026-13-28T20:35:20Z", "2026-02-30T20:35:20Z",
                                  "2026-11-28T24:35:20Z", "2026-11-28 20:35:20Z", "2026-11-28T20:35:20.Zz",
                                  "2026-11-28T20:35:20+1:00", "2026-11-28T20:35:2x.1+01:00"})
        EXPECT_EQ(shown(times.at(bad)), "none") << bad;
}

TEST(PreviewTimes, GiveTheYearThatIsMissing) {
    Times times(at("2026-01-03T12:00:00Z"), utc);
    EXPECT_EQ(shown(times.at("Dec 31 23:59:59")), "2025-12-31T23:59:59Z");
    EXPECT_EQ(shown(times.at("Jan  1 00:00:00")), "2026-01-01T00:00:00Z");
    EXPECT_EQ(shown(times.at("Jan  3 12:00:00")), "2026-01-03T12:00:00Z");
    EXPECT_EQ(shown(times.at("Jan  4 11:00:00")), "2026-01-04T11:00:00Z") << "clocks differ by a day at most";
    EXPECT_EQ(shown(times.at("Jan  5 00:00:00")), "2025-01-05T00:00:00Z");
    EXPECT_EQ(shown(times.at("Feb 29 10:00:00")), "2025-02-28T10:00:00Z") << "of no such year";
    for (const char* const bad : {"Foo  1 00:00:00", "Jan 32 00:00:00", "Jan  0 00:00:00", "Jan  1 25:00:00",
                                  "Jan  1 00:00", "", "x"})
        EXPECT_EQ(shown(times.at(bad)), "none") << bad;
}

TEST(PreviewTimes, AreLocalTimesOfTheirDay) {
    const tool::Zone berlin = [](Instant when) {
        return when >= at("2026-03-29T01:00:00Z") && when < at("2026-10-25T01:00:00Z") ? seconds{7200}
                                                                                       : seconds{3600};
    };
    Times times(at("2026-11-29T00:00:00Z"), berlin);
    EXPECT_EQ(shown(times.at("Oct 24 12:00:00")), "2026-10-24T10:00:00Z");
    EXPECT_EQ(shown(times.at("Oct 26 12:00:00")), "2026-10-26T11:00:00Z");
}

TEST(PreviewTimes, FollowAFileOfManyYears) {
    // From March 2024 to November 2026; two new years.
    const std::vector<unsigned> months{3, 7, 11, 1, 6, 12, 2, 8, 11};
    EXPECT_EQ(years(months), 2);
    Times times(at("2026-11-29T00:00:00Z"), utc, months);
    EXPECT_EQ(shown(times.at("Mar  1 00:00:00")), "2024-03-01T00:00:00Z");
    EXPECT_EQ(shown(times.at("Dec 31 23:59:59")), "2024-12-31T23:59:59Z");
    EXPECT_EQ(shown(times.at("Jan  1 00:00:00")), "2025-01-01T00:00:00Z");
    EXPECT_EQ(shown(times.at("Dec 31 23:59:58")), "2024-12-31T23:59:58Z")
        << "lines of two processes, not in order";
    EXPECT_EQ(shown(times.at("Jan  1 00:00:01")), "2025-01-01T00:00:01Z");
    EXPECT_EQ(shown(times.at("Jul  1 00:00:00")), "2025-07-01T00:00:00Z");
    EXPECT_EQ(shown(times.at("Dec 31 00:00:00")), "2025-12-31T00:00:00Z");
    EXPECT_EQ(shown(times.at("Jan  1 00:00:00")), "2026-01-01T00:00:00Z");
    EXPECT_EQ(shown(times.at("Nov 28 00:00:00")), "2026-11-28T00:00:00Z");
}

TEST(PreviewTimes, FollowAFileThatEndsBeforeItsLastChange) {
    Times times(at("2026-02-01T00:00:00Z"), utc, {10, 12});
    EXPECT_EQ(shown(times.at("Oct 28 00:00:00")), "2025-10-28T00:00:00Z");
}

TEST(PreviewTimes, AreNeverLaterThanTheFile) {
    // A quiet host: half a year without a line looks like the step back of a new year.
    const std::vector<unsigned> months{1, 10};
    Times times(at("2026-11-29T00:00:00Z"), utc, months);
    EXPECT_EQ(shown(times.at("Jan 28 00:00:00")), "2026-01-28T00:00:00Z");
    EXPECT_EQ(shown(times.at("Oct 28 00:00:00")), "2026-10-28T00:00:00Z");
}

} // namespace
} // namespace preview
