// The list of domains: filters, orders, slices.
#include "support/admin_world.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using admin::Json;
using test::AdminWorld;
using test::Answered;
using Parameters = std::map<std::string, std::string, std::less<>>;

std::vector<std::string> names(AdminWorld& world, Parameters parameters) {
    Answered answer = world.answer(world.listing.list(AdminWorld::request(std::move(parameters))));
    if (!answer) return {answer.error().words};
    std::vector<std::string> out;
    for (const Json& line : world.lines(*answer->lines)) out.push_back(line.at("domain"));
    return out;
}

std::vector<std::string> sorted(std::vector<std::string> names) {
    std::ranges::sort(names);
    return names;
}

TEST(AdminListing, ListsEachPolicyOnceInPieces) {
    AdminWorld world;
    for (int i = 0; i < 5000; ++i) world.know("d" + std::to_string(i) + ".example");
    Answered answer = world.answer(world.listing.list(AdminWorld::request({})));
    ASSERT_TRUE(answer);
    std::size_t longest = 0;
    std::set<std::string> seen;
    for (const Json& line : world.lines(*answer->lines, &longest)) {
        EXPECT_EQ(line.at("schema"), 1);
        EXPECT_TRUE(seen.insert(line.at("domain")).second);
    }
    EXPECT_EQ(seen.size(), 5000u);
    EXPECT_LE(longest, admin::Listing::max_piece + 1000);
}

TEST(AdminListing, FiltersByAllConditionsTogether) {
    AdminWorld world;
    world.know("enforce.example", 0s);
    world.know("testing.example", 2h, "testing");
    world.know("old.example", 20h);
    world.know("dane.example", 3h);
    world.table.update(*base::Domain::parse("dane.example"),
                       [](cache::Entry& e) { e.dane.advice = dane::Advice::dane_only; });
    world.table.update(*base::Domain::parse("old.example"), [](cache::Entry& e) {
        e.gets.failures = 2;
        e.gets.reason = base::Reason::http_status;
    });
    using Names = std::vector<std::string>;
    EXPECT_EQ(sorted(names(world, {{"mode", "testing"}})), (Names{"testing.example"}));
    EXPECT_EQ(sorted(names(world, {{"failing", "true"}})), (Names{"old.example"}));
    EXPECT_EQ(sorted(names(world, {{"dane", "true"}})), (Names{"dane.example"}));
    EXPECT_EQ(sorted(names(world, {{"expiring", "6h"}})), (Names{"old.example"}));
    EXPECT_EQ(sorted(names(world, {{"expiring", "82000"}})),
              (Names{"dane.example", "old.example", "testing.example"}));
    EXPECT_EQ(sorted(names(world, {{"asked_since", "150m"}})), (Names{"enforce.example", "testing.example"}));
    EXPECT_EQ(sorted(names(world, {{"asked_since", "2023-11-14T21:00:00Z"}})), (Names{"enforce.example"}));
    EXPECT_EQ(sorted(names(world, {{"asked_since", "2023-11-14 22:00:00+01:00"}})),
              (Names{"enforce.example"}));
    EXPECT_EQ(sorted(names(world, {{"asked_since", "2023-11-14"}})).size(), 4u)
        << "since midnight, and old.example at 2";
    EXPECT_EQ(sorted(names(world, {{"mode", "enforce"}, {"dane", "false"}, {"asked_since", "4h"}})),
              (Names{"dane.example", "enforce.example"}));
}

TEST(AdminListing, RefusesWhatItDoesNotUnderstand) {
    AdminWorld world;
    for (const Parameters& bad : {Parameters{{"mode", "strict"}}, Parameters{{"failing", "yes"}},
                                  Parameters{{"dane", "1"}}, Parameters{{"expiring", "soon"}},
                                  Parameters{{"asked_since", "-1"}}, Parameters{{"sort", "size"}}}) {
        const Answered answer = world.answer(world.listing.list(AdminWorld::request(bad)));
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().status, 400u);
        EXPECT_EQ(answer.error().field, bad.begin()->first);
    }
}

TEST(AdminListing, SortsMoreThanASliceInEachOrder) {
    AdminWorld world;
    constexpr int all = 4000;
    for (int i = 0; i < all; ++i) {
        const std::string name = "d" + std::to_string(i * 7919 % all) + ".example";
        world.know(name, base::seconds{i % 600}, "enforce", base::seconds{100'000 + i * 31 % 5000});
        world.table.update(*base::Domain::parse(name),
                           [i](cache::Entry& e) { e.gets.failures = static_cast<std::uint32_t>(i % 7); });
    }
    const auto listed = [&](const char* order) {
        Answered answer = world.answer(world.listing.list(AdminWorld::request({{"sort", order}})));
        return world.lines(*answer->lines);
    };
    const auto is_sorted = [](const std::vector<Json>& lines, const char* member, bool descending) {
        std::vector<Json> values;
        for (const Json& line : lines) values.push_back(line.at(member));
        if (descending) std::ranges::reverse(values);
        return values.size() == all && std::is_sorted(values.begin(), values.end());
    };
    EXPECT_TRUE(is_sorted(listed("domain"), "domain", false));
    EXPECT_TRUE(is_sorted(listed("expires"), "expires_at", false)) << "the soonest first";
    EXPECT_TRUE(is_sorted(listed("asked"), "last_asked", true)) << "the latest first";
    EXPECT_TRUE(is_sorted(listed("failures"), "failures", true)) << "the most first";
    EXPECT_EQ(names(world, {{"sort", "domain"}, {"failing", "true"}}).size(),
              std::size_t{all} - (all + 6) / 7);
}

TEST(AdminListing, WhatIsForgottenBeforeItsTurnIsLeftOut) {
    AdminWorld world;
    for (int i = 0; i < 3000; ++i) world.know("d" + std::to_string(i) + ".example");
    for (const char* order : {"domain", "expires"}) {
        Answered answer = world.answer(world.listing.list(AdminWorld::request({{"sort", order}})));
        ASSERT_TRUE(answer);
        const base::Domain gone =
            *base::Domain::parse("d999.example"); // the last but for 0 in the order by domain
        world.table.erase(gone);
        world.know("e.example");
        std::set<std::string> seen;
        for (const Json& line : world.lines(*answer->lines))
            EXPECT_TRUE(seen.insert(line.at("domain")).second);
        EXPECT_FALSE(seen.contains("d999.example"));
        EXPECT_GE(seen.size(), 2999u);
        world.know("d999.example");
    }
}

TEST(AdminListing, HasABoundForKeys) {
    AdminWorld world;
    for (int i = 0; i < 3000; ++i) world.know("d" + std::to_string(i) + ".example");
    admin::Listing small{{world.io.get_executor(), world.table, world.time, [&] { return world.options; }},
                         20'000};
    const Answered refused = world.answer(small.list(AdminWorld::request({{"sort", "expires"}})));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().status, 503u);
    EXPECT_TRUE(world.answer(small.list(AdminWorld::request({})))) << "without an order there is none";
    EXPECT_TRUE(world.answer(small.list(AdminWorld::request({{"sort", "expires"}, {"mode", "none"}}))));
    // All lists together: the second has no room while the first is read.
    admin::Listing one{{world.io.get_executor(), world.table, world.time, [&] { return world.options; }},
                       50'000};
    const admin::Request sorted = AdminWorld::request({{"sort", "domain"}});
    {
        const Answered first = world.answer(one.list(sorted));
        ASSERT_TRUE(first);
        const Answered second = world.answer(one.list(sorted));
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error().status, 503u);
        EXPECT_EQ(world.lines(*first->lines).size(), 3000u) << "which the first does not notice";
    }
    EXPECT_TRUE(world.answer(one.list(sorted)));
    static_assert(admin::Listing::max_key_octets >= 1'000'000 * std::size_t{12} + 1000 * std::size_t{24});
}

} // namespace
