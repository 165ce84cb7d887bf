// What `stsmap top` shows.
#include "tool/control/top_screen.hpp"

#include "admin/page/overview.hpp"
#include "support/sample_overview.hpp"
#include "tool/show/safe_text.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using tool::Json;

const tool::Zone utc = [](base::Instant) { return 0s; };
const tool::Moment moment{test::overview_now, utc};

Json reply_of(const page::Overview& overview) {
    Json reply = page::to_json(overview);
    reply["schema"] = 1;
    return reply;
}
std::string screen(const Json& reply, const tool::Earlier* earlier = nullptr, tool::ScreenSize size = {},
                   bool colour = false) {
    return tool::top_screen(reply, earlier, moment, size, colour);
}
bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

TEST(TopScreen, FirstShowsTheLastHour) {
    const std::string text = screen(reply_of(test::healthy_overview()));
    EXPECT_TRUE(text.starts_with("stsmapd 0.1.0 on mx1.example.net, running for 12 days\n")) << text;
    for (const char* part :
         {"nothing is wrong", "secure            8,258         1,912,469", "last hour",
          "from memory        0.02 ms", "951 enforce, 208 testing, 41 none; 2 failing",
          "38 of 4,096 connections", "DANE       is looked for", "127.0.0.1:53 (validates)",
          "old.example.org", "cert-expired", "in 2 days", "the next one ends in 9 days", "3.4 MiB"})
        EXPECT_TRUE(has(text, part)) << part << "\n" << text;
    EXPECT_FALSE(has(text, "\x1b"));
}

TEST(TopScreen, ThenShowsWhatHappenedSinceTheOneBefore) {
    const Json before = reply_of(test::healthy_overview());
    Json now = before;
    now["answers"]["secure"] = before["answers"]["secure"].get<std::uint64_t>() + 30;
    now["answers"]["temp"] = before["answers"]["temp"].get<std::uint64_t>() + 1;
    now["durations"]["key"][0] = before["durations"]["key"][0].get<std::uint64_t>() + 10;
    now["process"]["cpu_s"] = before["process"]["cpu_s"].get<double>() + 0.5;
    const tool::Earlier earlier{before, 2000ms};
    const std::string text = screen(now, &earlier);
    for (const char* part : {"a second", "secure               15", "temp                0.5",
                             "all                  16", "from memory        0.01 ms      0.02 ms         10",
                             "after search             -", "last 2 s", "processor 25 %"})
        EXPECT_TRUE(has(text, part)) << part << "\n" << text;
}

TEST(TopScreen, AnotherProcessCountsFromZero) {
    const Json before = reply_of(test::healthy_overview());
    for (const char* member : {"pid", "started"}) {
        Json now = before;
        now[member] = member == std::string{"pid"} ? Json(1) : Json("2027-01-15T07:59:58Z");
        const tool::Earlier earlier{before, 2000ms};
        EXPECT_TRUE(has(screen(now, &earlier), "last hour\n"));
    }
}

TEST(TopScreen, ShowsFirstWhatIsWrong) {
    const std::string text = screen(reply_of(test::broken_overview()));
    const auto lines = lines_of(text);
    EXPECT_TRUE(lines.at(1).starts_with("PROBLEM    242 questions were answered TEMP")) << text;
    EXPECT_TRUE(has(text, "warning "));
    EXPECT_TRUE(has(text, "9 more"));
    EXPECT_TRUE(has(text, "SILENT"));
    EXPECT_TRUE(has(text, "FAILING"));
    EXPECT_TRUE(has(screen(reply_of(test::observing_overview())), "only observes"));
}

TEST(TopScreen, NamesFailingDomainsOnASmallScreen) {
    for (const auto& overview : {test::healthy_overview(), test::broken_overview()}) {
        const std::string text = screen(reply_of(overview), nullptr, {80, 23});
        EXPECT_TRUE(has(text, overview.failing.front().policy.domain.name())) << text;
    }
    Json many = reply_of(test::healthy_overview());
    for (int i = 0; i < 28; ++i) many["failing"].push_back(many["failing"][0]);
    EXPECT_TRUE(has(screen(many, nullptr, {80, 24}), "\nand 27 more: stsmap list --failing\n"))
        << screen(many, nullptr, {80, 24});
    EXPECT_TRUE(has(screen(many, nullptr, {80, 24}), "\npolicies "));
    EXPECT_FALSE(has(screen(many), "stsmap list --failing"));
}

/// What strangers wrote is text, and nothing else to the terminal; no line is longer than the screen is wide.
TEST(TopScreen, FitsTheTerminalAndLeavesItAlone) {
    Json reply = reply_of(test::broken_overview());
    reply["host"] = "\x1b[31m\x1b]0;title\x07" + std::string(300, 'w');
    reply["dane"]["why"] = "\x1b[2J \xe2\x80\xae evil";
    reply["failing"][0]["domain"] = "\x1b[H" + std::string(200, 'd');
    for (const std::size_t columns : {0U, 40U, 80U, 200U})
        for (const std::size_t rows : {0U, 1U, 10U, 24U, 100U}) {
            const std::string text = screen(reply, nullptr, {columns, rows});
            const auto lines = lines_of(text);
            EXPECT_LE(lines.size(), rows > 0 ? rows : 1000);
            EXPECT_TRUE(std::ranges::all_of(
                text, [](char c) { return c == '\n' || (c >= ' ' && c != 0x7f) || c < 0; }));
            EXPECT_FALSE(has(text, "\xe2\x80\xae"));
            for (const std::string& line : lines)
                EXPECT_LE(tool::columns(line), std::max<std::size_t>(columns, 40)) << line;
        }
    EXPECT_TRUE(has(screen(reply, nullptr, {}, true), "\x1b[31m"));
}

TEST(TopScreen, TakesWhateverComes) {
    for (const char* text :
         {"{}", R"({"troubles": 1, "answers": [], "hour": "x", "durations": {"bounds_ms": [1, "a"]}})",
          R"({"troubles": [1, null, {"weight": "problem"}], "failing": [{}, 2], "resolvers": [[]]})",
          R"({"answers": {"secure": -5, "temp": 1e30}, "durations": {"bounds_ms": [-1, 1e30],
                                 "memory": [1, 2], "network": [1, 2, 3]}})"}) {
        const Json reply = Json::parse(text);
        const Json before = reply_of(test::healthy_overview());
        const tool::Earlier earlier{before, 1ms}, same{reply, 1000ms};
        EXPECT_FALSE(screen(reply).empty());
        EXPECT_FALSE(screen(reply, &earlier).empty());
        EXPECT_FALSE(screen(reply, &same).empty());
    }
}

} // namespace
