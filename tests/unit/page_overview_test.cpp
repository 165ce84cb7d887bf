// What /status.json shows, and what is left out of it.
#include "admin/page/overview.hpp"

#include "support/sample_overview.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace std::chrono_literals;
using admin::Json;
using decision::Override;

TEST(PageOverview, IsWholeAsJson) {
    const Json json = page::to_json(test::healthy_overview());
    EXPECT_EQ(json["version"], "0.1.0");
    EXPECT_EQ(json["libraries"]["openssl"], "3.0.17");
    EXPECT_EQ(json["libraries"]["sqlite"], "3.40.1");
    EXPECT_EQ(json["state"], "ok");
    EXPECT_EQ(json["mode"], "enforce");
    EXPECT_EQ(json["minutes"].size(), 60U);
    std::uint64_t in_minutes = 0;
    for (const Json& minute : json["minutes"])
        for (const auto& [answer, count] : minute["answers"].items())
            in_minutes += count.get<std::uint64_t>();
    std::uint64_t in_hour = 0;
    for (const auto& [answer, count] : json["hour"]["answers"].items()) in_hour += count.get<std::uint64_t>();
    EXPECT_GT(in_hour, 0U);
    EXPECT_EQ(in_minutes, in_hour);
    std::uint64_t in_all = 0;
    for (const auto& [answer, count] : json["answers"].items()) in_all += count.get<std::uint64_t>();
    EXPECT_GT(in_all, in_hour);
    std::uint64_t from = 0;
    for (const auto& [source, count] : json["answers_from"].items()) from += count.get<std::uint64_t>();
    EXPECT_EQ(from, in_all);
    EXPECT_EQ(json["requests"], in_all);
    EXPECT_EQ(json["durations"]["bounds_ms"].size() + 1, json["durations"]["memory"].size());
    EXPECT_EQ(json["policies"]["by_mode"]["enforce"], 951);
    EXPECT_EQ(json["policies"]["failing"]["cert-expired"], 1);
    EXPECT_EQ(json["failing"][0]["domain"], "old.example.org");
    EXPECT_EQ(json["overrides"]["next"][0]["domain"], "partner.example");
    EXPECT_EQ(json["dane"]["active"], true);
    EXPECT_EQ(json["resolvers"][0]["validates"], "yes");
}

TEST(PageOverview, SaysWhatIsWrong) {
    const Json json = page::to_json(test::broken_overview());
    EXPECT_EQ(json["state"], "problem");
    EXPECT_EQ(json["troubles"][0]["weight"], "problem");
    EXPECT_EQ(json["dane"]["active"], false);
    EXPECT_NE(json["dane"]["why"], "");
    EXPECT_EQ(json["store"]["failing"], true);
    EXPECT_EQ(json["loaded"], false);
}

/// Whoever connects over TCP learns no domain, unless web.show_domains says so.
TEST(PageOverview, NamesNoDomainWhenItShallNot) {
    for (page::Overview overview : {test::healthy_overview(), test::broken_overview()}) {
        ASSERT_NE(page::to_json(overview).dump().find("example"), std::string::npos);
        page::without_names(overview);
        overview.host.clear(); // the daemon's own
        const Json json = page::to_json(overview);
        EXPECT_EQ(json.dump().find("example"), std::string::npos) << json.dump(1);
        EXPECT_EQ(json.dump().find("ticket"), std::string::npos);
        EXPECT_FALSE(json.contains("failing"));
        EXPECT_EQ(json["overrides"]["next"].size(), overview.overrides.size());
        EXPECT_TRUE(json["overrides"]["next"][0].contains("until"));
    }
}

TEST(PageOverview, ShowsTheOverridesThatEndNext) {
    std::vector<Override> all;
    for (int i = 0; i < 200; ++i) {
        Override one;
        one.domain = "d" + std::to_string(i) + ".example";
        if (i > 0) one.until = test::overview_now + base::seconds{(i * 37) % 200 - 20};
        all.push_back(one);
    }
    std::size_t in_all = 0;
    const auto next = page::next_to_end(all, test::overview_now, in_all);
    EXPECT_EQ(in_all, 179U + 1U); // those up to now have ended; the first never does
    ASSERT_EQ(next.size(), page::max_overrides_shown);
    for (std::size_t i = 0; i < next.size(); ++i) {
        ASSERT_TRUE(next[i].until);
        EXPECT_EQ(*next[i].until, test::overview_now + base::seconds{static_cast<std::int64_t>(i) + 1});
    }
    EXPECT_EQ(page::next_to_end({}, test::overview_now, in_all).size(), 0U);
    EXPECT_EQ(in_all, 0U);
}

TEST(PageOverview, IsSmall) {
    page::Overview overview = test::broken_overview();
    while (overview.failing.size() < page::max_failing_shown) overview.failing.push_back(overview.failing[0]);
    for (page::Failing& one : overview.failing) one.detail.assign(page::max_detail, '"');
    while (overview.overrides.size() < page::max_overrides_shown) {
        overview.overrides.push_back(overview.overrides[0]);
        overview.overrides.back().reason.assign(decision::max_override_reason, '"');
    }
    EXPECT_LT(page::to_json(overview).dump().size(), 256U * 1024);
}

} // namespace
