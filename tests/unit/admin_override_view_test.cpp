// What an override hides, whether it is still needed, and how it is read from JSON.
#include "admin/override_view.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace {

using namespace std::chrono_literals;
using admin::Hidden;
using decision::Action;
using decision::Override;

constexpr base::Instant now{1'800'000'000s};

cache::Entry policy(sts::Mode mode, base::seconds left = 3600s) {
    cache::Entry entry;
    entry.policy = std::make_shared<sts::PolicyText>(
        sts::PolicyText{"text", {mode, 86400s, {{"mx.example.com", false}}}});
    entry.fetched_at = now - 86400s + left;
    return entry;
}

Override entry(const std::string& domain, Action action, bool weakens = false) {
    Override made;
    made.domain = domain;
    made.action = action;
    made.weakens = weakens;
    made.until = now + 60s;
    made.reason = "a test";
    return made;
}

struct Row {
    Action action;
    bool weakens;
    cache::Knowledge known;
    std::string hides, needed;
    bool loses;
};

TEST(HiddenByAnOverride, Table) {
    const cache::Absence absence{};
    const Row rows[]{
        {Action::off, true, policy(sts::Mode::enforce), "secure", "unknown", true},
        {Action::observe, false, policy(sts::Mode::enforce), "secure", "unknown", true},
        {Action::may, false, policy(sts::Mode::enforce), "secure", "unknown", true},
        {Action::encrypt, true, policy(sts::Mode::enforce), "secure", "unknown", true},
        {Action::dane_only, false, policy(sts::Mode::enforce), "secure", "unknown", false},
        {Action::off, true, policy(sts::Mode::testing), "notfound", "no", false},
        {Action::may, true, policy(sts::Mode::none), "notfound", "no", false},
        {Action::encrypt, false, absence, "notfound", "yes", false},
        {Action::encrypt, true, absence, "notfound", "no", false},
        {Action::off, false, policy(sts::Mode::enforce, 0s), "notfound", "no", false}, // expired
        {Action::off, false, std::monostate{}, "", "unknown", false},
    };
    const lookup::ServiceOptions options;
    for (const Row& row : rows) {
        const Override one = entry("example.com", row.action, row.weakens);
        Hidden hidden{one, options, now};
        hidden.add("example.com", row.known);
        EXPECT_EQ(hidden.hides(), row.hides) << to_string(row.action) << row.weakens;
        EXPECT_EQ(hidden.need().word, row.needed) << to_string(row.action) << row.weakens;
        EXPECT_EQ(hidden.weakened() == 1, row.loses) << to_string(row.action) << row.weakens;
    }
}

TEST(HiddenByAnOverride, IsAddedUpBelowASuffix) {
    const lookup::ServiceOptions options;
    const Override one = entry(".example.com", Action::may);
    Hidden hidden{one, options, now};
    for (int i = 0; i < 8; ++i)
        hidden.add("d" + std::to_string(i) + ".example.com", policy(sts::Mode::enforce));
    hidden.add("t.example.com", policy(sts::Mode::testing));
    EXPECT_EQ(hidden.known(), 9u);
    EXPECT_EQ(hidden.weakened(), 8u);
    const std::string loss = hidden.loss();
    EXPECT_TRUE(loss.starts_with("d0.example.com is protected by an enforced policy until 2027-01-15T"))
        << loss;
    EXPECT_TRUE(loss.ends_with("; and 3 domains more")) << loss;
    const admin::Json json = hidden.json();
    EXPECT_EQ(json.at("domains_known"), 9);
    EXPECT_EQ(json.at("domains_weakened"), 8);
    EXPECT_EQ(json.at("weakened").size(), Hidden::max_named);
    EXPECT_EQ(json.at("hides"), "secure");
}

TEST(HiddenByAnOverride, OneThatIsHeldBackDoesNotApply) {
    const lookup::ServiceOptions options;
    for (const bool weakens : {false, true}) {
        const Override one = entry("example.com", Action::may, weakens);
        Hidden hidden{one, options, now};
        hidden.add("example.com", policy(sts::Mode::enforce));
        EXPECT_EQ(hidden.json().at("applies"), weakens);
    }
    Override over = entry("example.com", Action::may, true);
    over.until = now;
    const Hidden hidden{over, options, now};
    EXPECT_EQ(hidden.json().at("applies"), false);
    EXPECT_EQ(hidden.json().at("ended"), true);
    EXPECT_EQ(hidden.need().word, "no");
}

TEST(OverrideText, IsReadFromJson) {
    const auto read = admin::read_override(
        R"({"schema":1,"domain":"A.example","action":"secure","match":["mx.a.example"],"until":"2d","reason":"x"})");
    ASSERT_TRUE(read);
    const auto made = admin::parse_override(*read, true, "uid 0", now);
    ASSERT_TRUE(made);
    EXPECT_EQ(made->domain, "a.example");
    EXPECT_EQ(made->match.size(), 1u);
    EXPECT_EQ(made->until, now + 48h);
    EXPECT_EQ(made->added_by, "uid 0");
    for (const auto& [body, field] : {std::pair{"", ""},
                                      {"[1]", ""},
                                      {R"({"domain":1})", "domain"},
                                      {R"({"match":"x"})", "match"},
                                      {R"({"match":[1]})", "match"},
                                      {R"({"yes":true})", "yes"}}) {
        const auto refused = admin::read_override(body);
        ASSERT_FALSE(refused) << body;
        EXPECT_EQ(refused.error().status, 400u);
        EXPECT_EQ(refused.error().field, field) << body;
    }
}

TEST(OverrideText, OfAnExportIsTakenWithItsTime) {
    admin::Json json{{"domain", "a.example"},
                     {"action", "may"},
                     {"until", "2027-01-20T00:00:00Z"},
                     {"reason", "x"},
                     {"weakens", true},
                     {"source", "run-time"},
                     {"added_at", "2027-01-10T00:00:00Z"},
                     {"hides", "secure"}};
    const auto taken = admin::parse_listed(json, "uid 0, imported", now);
    ASSERT_TRUE(taken) << taken.error();
    EXPECT_TRUE(taken->weakens);
    EXPECT_FALSE(taken->configured);
    EXPECT_EQ(taken->added_at, base::Instant{1799539200s});
    json["added_at"] = "2031-01-10T00:00:00Z"; // the future counts as now
    EXPECT_EQ(admin::parse_listed(json, "", now)->added_at, now);
    json["until"] = "2031-01-10T00:00:00Z";
    EXPECT_FALSE(admin::parse_listed(json, "", now)) << "more than a year";
}

TEST(OverrideScope, IsWrittenInItsUsualForm) {
    EXPECT_EQ(admin::usual_scope("A.Example."), "a.example");
    EXPECT_EQ(admin::usual_scope(".A.Example"), ".a.example");
    EXPECT_EQ(admin::usual_scope("a b"), "");
    EXPECT_EQ(admin::usual_scope(""), "");
}

} // namespace
