#include "daemon/process.hpp"

#include <gtest/gtest.h>

#include <ctime>

namespace {

TEST(Process, ReadsTheLineOfTheKernel) {
    // The name has a bracket, a space and digits; some fields are negative, the limit on memory does not matter.
    const auto line = app::parse_stat(
        "4711 (a) 7 (b) S 1 4711 4711 0 -1 4194560 100 0 0 0 50 25 0 0 20 0 6 0 123456 987654321 4321 "
        "18446744073709551615 1 1 0 0 0 0 0 4096 1073\n");
    ASSERT_TRUE(line);
    EXPECT_EQ(line->threads, 6u);
    EXPECT_EQ(line->start, 123456u);
    EXPECT_EQ(line->virtual_bytes, 987654321u);
    EXPECT_EQ(line->resident, 4321u);
    for (const char* bad : {"", "4711 S 1 2 3", "1 (a) S 1 2 3", "1 (a)"})
        EXPECT_FALSE(app::parse_stat(bad)) << bad;
}

TEST(Process, KnowsThisOne) {
    const app::ProcessFigures figures = app::process_figures();
    EXPECT_GT(figures.cpu_seconds, 0);
    EXPECT_GE(figures.threads, 1u);
    EXPECT_GE(figures.open_fds, 3u);
    EXPECT_GT(figures.max_fds, figures.open_fds);
    EXPECT_GT(figures.resident_bytes, 1u << 20);
    EXPECT_GT(figures.virtual_bytes, figures.resident_bytes);
    const auto now = static_cast<double>(::time(nullptr));
    EXPECT_LE(figures.start_time, now + 2);
    EXPECT_GE(figures.start_time, now - 86400);
}

} // namespace
