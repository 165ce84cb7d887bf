// Overrides: what is taken for one, when it ends, and which of many applies.
#include "decision/override.hpp"

#include "sts/match.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace {

using decision::Action;
using decision::Override;
using decision::Overrides;
using decision::OverrideWords;
using namespace std::chrono_literals;

constexpr base::Instant now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 28} + 12h};

OverrideWords words(std::string_view domain, std::string_view action = "off") {
    return {.domain = domain, .action = action, .reason = "a partner's certificate", .until = "14d"};
}

TEST(Override, UntilIsATimeADateOrALength) {
    const auto at = [](int month, int day, base::seconds later) {
        return base::Instant{std::chrono::sys_days{std::chrono::year{2026} / month / day} + later};
    };
    const std::pair<std::string, base::Instant> good[] = {
        {"30m", now + 30min},
        {"12h", now + 12h},
        {"14d", now + 14 * 24h},
        {"2w", now + 14 * 24h},
        {"0d", now},
        {"2026-12-24", at(12, 25, 0s)}, // to the end of that day
        {"2026-12-31", base::Instant{std::chrono::sys_days{std::chrono::year{2027} / 1 / 1}}},
        {"2026-12-24T18:00:00Z", at(12, 24, 18h)},
        {"2026-12-24t18:00:00z", at(12, 24, 18h)},
        {"2026-12-24 18:00:00Z", at(12, 24, 18h)},
        {"2026-12-24 18:00:00+01:00", at(12, 24, 17h)}, // as stsmap shows it
        {"2026-12-24T18:00:00.999Z", at(12, 24, 18h)},
        {"2026-12-24T18:00:00+01:00", at(12, 24, 17h)},
        {"2026-12-24T00:30:00+01:00", at(12, 23, 23h + 30min)},
        {"2026-12-24T18:00:00-05:30", at(12, 24, 23h + 30min)},
        {"2026-12-24T23:59:60Z", at(12, 25, 0s)},
    };
    for (const auto& [text, want] : good) {
        const auto got = decision::parse_until(text, now);
        ASSERT_TRUE(got) << text << ": " << got.error();
        EXPECT_EQ(*got, want) << text;
    }
    for (const std::string text : {"",
                                   "d",
                                   "14",
                                   "14 d",
                                   "-1d",
                                   "1.5d",
                                   "14days",
                                   "4294967296d",
                                   "2026-02-29",
                                   "2026-13-01",
                                   "2026-00-10",
                                   "26-12-24",
                                   "2026-12-24T",
                                   "2026-12-24T18:00Z",
                                   "2026-12-24T18:00:00",
                                   "2026-12-24T24:00:00Z",
                                   "2026-12-24T18:00:00.Z",
                                   "2026-12-24T18:00:00+1:00",
                                   "2026-12-24T18:00:00+24:00",
                                   "2026-12-24T18:00:00Zx",
                                   "2026-12-24Z",
                                   " 2026-12-24",
                                   "tomorrow"}) {
        const auto got = decision::parse_until(text, now);
        ASSERT_FALSE(got) << text;
        EXPECT_TRUE(got.error().starts_with('"' + text + '"')) << got.error();
    }
}

TEST(Override, IsTakenWhole) {
    OverrideWords given = words("Example.COM.", "secure");
    given.match = {"MX.example.net", "*.mail.example.net", "mx.example.net."};
    given.weakens = true;
    const auto got = parse_override(given, now);
    ASSERT_TRUE(got) << got.error().problem;
    EXPECT_EQ(got->domain, "example.com");
    EXPECT_EQ(got->action, Action::secure);
    EXPECT_EQ(got->match,
              (std::vector<sts::MxPattern>{{"mx.example.net", false}, {"mail.example.net", true}}));
    EXPECT_EQ(got->until, now + 14 * 24h);
    EXPECT_EQ(got->added_at, now);
    EXPECT_TRUE(got->weakens);
    EXPECT_EQ(parse_override(words("b\xc3\xbc"
                                   "cher.example"),
                             now)
                  ->domain,
              "xn--bcher-kva.example");
    EXPECT_EQ(parse_override(words(".partner.example"), now)->domain, ".partner.example");
    for (const std::string_view action : {"off", "observe", "may", "encrypt", "dane-only"})
        EXPECT_EQ(to_string(parse_override(words("a.example", action), now)->action), action);
}

TEST(Override, NamesTheFieldThatIsWrong) {
    const auto with = [](auto&& change) {
        OverrideWords given = words("example.com");
        change(given);
        return given;
    };
    const std::string long_reason(decision::max_override_reason + 1, 'x');
    const std::vector<std::string_view> many(decision::max_override_names + 1, "mx.example.net");
    const auto secure = [&](std::vector<std::string_view> match) {
        return with([&](OverrideWords& w) {
            w.action = "secure";
            w.match = std::move(match);
        });
    };
    const std::pair<std::string_view, OverrideWords> bad[] = {
        {"domain", words("")},
        {"domain", words(".")},
        {"domain", words("com")},
        {"domain", words(".com")},
        {"domain", words("..example.com")},
        {"domain", words("*.example.com")},
        {"domain", words("192.0.2.1")},
        {"domain", words("[relay.example.com]:587")},
        {"domain", words("ex ample.com")},
        {"action", with([](OverrideWords& w) { w.action = "OFF"; })},
        {"action", with([](OverrideWords& w) { w.action = "none"; })},
        {"action", with([](OverrideWords& w) { w.action = ""; })},
        {"match", secure({})},
        {"match", secure({"nexthop"})},
        {"match", secure({"HostName"})},
        {"match", secure({"dot-nexthop"})},
        {"match", secure({"mx.example.net", "192.0.2.1"})},
        {"match", secure({"mx.*.example.net"})},
        {"match", secure({".example.net"})},
        {"match", secure({"mx.example.net:mx2.example.net"})},
        {"match", secure(many)},
        {"match", with([](OverrideWords& w) { w.match = {"mx.example.net"}; })},
        {"until", with([](OverrideWords& w) { w.until = ""; })},
        {"until", with([](OverrideWords& w) { w.until = "0d"; })},
        {"until", with([](OverrideWords& w) { w.until = "2026-11-27"; })},
        {"until", with([](OverrideWords& w) { w.until = "367d"; })},
        {"until", with([](OverrideWords& w) { w.until = "soon"; })},
        {"reason", with([](OverrideWords& w) { w.reason = " \t"; })},
        {"reason", with([](OverrideWords& w) { w.reason = "two\nlines"; })},
        {"reason", with([](OverrideWords& w) { w.reason = "not \xff UTF-8"; })},
        {"reason", with([&](OverrideWords& w) { w.reason = long_reason; })},
    };
    for (const auto& [field, given] : bad) {
        const auto got = parse_override(given, now);
        ASSERT_FALSE(got) << field << " " << given.domain << " " << given.until;
        EXPECT_EQ(got.error().field, field) << got.error().problem;
        EXPECT_NE(got.error().problem, "");
    }
    EXPECT_TRUE(parse_override(with([](OverrideWords& w) { w.until = "366d"; }), now));
}

TEST(Override, OfTheConfigurationMayBeWithoutEndOrOver) {
    OverrideWords given = words("example.com");
    given.configured = true;
    for (const std::string_view until : {"", "2020-01-01", "2036-01-01"}) {
        given.until = until;
        const auto got = parse_override(given, now);
        ASSERT_TRUE(got) << got.error().problem;
        EXPECT_EQ(got->until.has_value(), !until.empty());
    }
}

Override one(std::string domain, bool configured = false, std::optional<base::Instant> until = {}) {
    Override o;
    o.domain = std::move(domain);
    o.configured = configured;
    o.until = until;
    return o;
}

TEST(Overrides, TheMoreSpecificAppliesThenTheOneOfRunTime) {
    const auto all =
        Overrides::of({one("example.com", true), one(".example.com", true), one(".sub.example.com"),
                       one("a.sub.example.com"), one("a.sub.example.com", true), one(".example.org"),
                       one(".example.org", true, now)});
    ASSERT_TRUE(all) << all.error();
    struct Row {
        std::string_view domain, applies; ///< "" none
        bool configured = false;
    };
    const Row rows[] = {
        {"example.com", "example.com", true},
        {"www.example.com", ".example.com", true},
        {"x.y.example.com", ".example.com", true},
        {"sub.example.com", ".example.com", true}, // not below itself
        {"b.sub.example.com", ".sub.example.com"},
        {"c.b.sub.example.com", ".sub.example.com"},
        {"a.sub.example.com", "a.sub.example.com"},
        {"example.org", ""},
        {"a.example.org", ".example.org"},
        {"notexample.com", ""},
        {"com", ""},
        {"", ""},
    };
    for (const Row& row : rows) {
        const Override* found = all->find(row.domain, now);
        ASSERT_EQ(found != nullptr, !row.applies.empty()) << row.domain;
        if (found == nullptr) continue;
        EXPECT_EQ(found->domain, row.applies) << row.domain;
        EXPECT_EQ(found->configured, row.configured) << row.domain;
    }
}

TEST(Overrides, OneThatHasEndedAppliesToNothing) {
    const auto all = Overrides::of(
        {one("example.com", false, now), one("example.com", true, now + 1s), one(".com.example", true)});
    ASSERT_TRUE(all) << all.error();
    EXPECT_FALSE(all->find("example.com", now - 1s)->configured);
    EXPECT_TRUE(all->find("example.com", now)->configured) << "the one of the configuration is left";
    EXPECT_EQ(all->find("example.com", now + 1s), nullptr);
}

TEST(Overrides, TwoForOneDomainAreRefused) {
    const auto twice =
        Overrides::of({one("b.example"), one("a.example"), one("a.example", true), one("b.example")});
    ASSERT_FALSE(twice);
    EXPECT_EQ(twice.error(), "two overrides for b.example in run time");
    std::vector<Override> many;
    for (std::size_t i = 0; i <= decision::max_overrides; ++i)
        many.push_back(one(std::to_string(i) + ".example"));
    EXPECT_FALSE(Overrides::of(many));
    many.pop_back();
    const auto most = Overrides::of(std::move(many));
    ASSERT_TRUE(most);
    for (std::size_t i = 0; i < decision::max_overrides; ++i) {
        const std::string name = std::to_string(i) + ".example";
        const Override* found = most->find(name, now);
        ASSERT_NE(found, nullptr) << i;
        ASSERT_EQ(found->domain, name);
        ASSERT_EQ(most->find(name + "s", now), nullptr) << i;
        ASSERT_EQ(most->find("a." + name, now), nullptr) << i;
    }
}

TEST(Overrides, ACopyFindsItsOwn) {
    auto all = Overrides::of({one("a.example"), one(".example.com")}).value();
    const Overrides copy = all;
    const Overrides moved = std::move(all);
    all = Overrides{};
    EXPECT_EQ(all.find("a.example", now), nullptr);
    EXPECT_EQ(copy.find("a.example", now), copy.all().data() + 1);
    EXPECT_EQ(moved.find("b.example.com", now), moved.all().data());
    EXPECT_EQ(Overrides::of({}).value().find("a.example", now), nullptr);
}

TEST(Overrides, NamesWithinAPolicyAreNoLooser) {
    const sts::Policy policy{sts::Mode::enforce, 1s, {{"mx.example.com", false}, {"mail.example.com", true}}};
    const auto within = [&](std::vector<std::string_view> names) {
        std::vector<sts::MxPattern> match;
        for (const std::string_view name : names) match.push_back(sts::parse_mx(name).value());
        return decision::is_within(match, policy);
    };
    EXPECT_TRUE(within({"mx.example.com"}));
    EXPECT_TRUE(within({"a.mail.example.com", "*.mail.example.com", "mx.example.com"}));
    EXPECT_FALSE(within({"mx.example.com", "mx2.example.com"}));
    EXPECT_FALSE(within({"*.example.com"}));
    EXPECT_FALSE(within({"a.b.mail.example.com"}));
    EXPECT_FALSE(within({"*.mx.example.com"}));
}

} // namespace
