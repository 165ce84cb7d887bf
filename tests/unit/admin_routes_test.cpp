// Who may do what, and what the target of a request asks for.
#include "admin/limits.hpp"
#include "admin/rights.hpp"
#include "admin/routes.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace {

using namespace admin;

TEST(AdminRights, RootAndTheDaemonsUserChangeAndTheOverflowUidNever) {
    constexpr uid_t own = 110, overflow = 65534, none = static_cast<uid_t>(-1);
    struct Row {
        uid_t peer, own, overflow;
        bool may_change;
    };
    constexpr Row rows[] = {
        {0, own, overflow, true},     // root
        {own, own, overflow, true},   // the daemon's user
        {1000, own, overflow, false}, // of group adm
        {overflow, own, overflow, false},
        {none, own, overflow, false}, // the kernel said nothing
        {none, none, overflow, false},
        {overflow, overflow, overflow, false}, // a daemon that runs as nobody
        {0, overflow, overflow, true},
        {0, own, 0, false}, // overflowuid is 0: who that is cannot be known
        {99, own, 99, false},
        {65534, 65534, 99, true}, // another uid is the overflow uid
    };
    for (const Row& row : rows) {
        EXPECT_EQ(may(Right::change, row.peer, row.own, row.overflow), row.may_change)
            << row.peer << " " << row.own << " " << row.overflow;
        EXPECT_TRUE(may(Right::read, row.peer, row.own, row.overflow));
    }
}

TEST(AdminRights, TheOverflowUidIsThatOfTheKernelOrTheUsualOne) {
    EXPECT_EQ(overflow_uid("65534\n"), 65534u);
    EXPECT_EQ(overflow_uid("99\n"), 99u);
    for (const char* text : {"", "\n", "x", "12x", "-1", "99999999999", "1 2"})
        EXPECT_EQ(overflow_uid(text), 65534u) << text;
}

Target target(std::string_view text) {
    auto parsed = parse_target(text);
    EXPECT_TRUE(parsed.has_value()) << text;
    return parsed ? *parsed : Target{};
}

TEST(AdminTarget, IsDecoded) {
    using Path = std::vector<std::string>;
    EXPECT_EQ(target("/v1/status").path, (Path{"v1", "status"}));
    EXPECT_EQ(target("/").path, (Path{""}));
    EXPECT_EQ(target("/v1/domains/%5Bmx.example.com%5D:25").path,
              (Path{"v1", "domains", "[mx.example.com]:25"}));
    EXPECT_EQ(target("/v1/domains/[mx.example.com]:25").path, (Path{"v1", "domains", "[mx.example.com]:25"}));
    EXPECT_EQ(target("/v1/domains/b%C3%BCcher.example").path.back(), "b\xC3\xBC"
                                                                     "cher.example");
    EXPECT_EQ(target("/v1/overrides/.example.com").path.back(), ".example.com");
    EXPECT_EQ(target("http://any.host:80/v1/status").path, (Path{"v1", "status"})); // RFC 9112 section 3.2.2
    EXPECT_EQ(target("HTTP://any?a=b").path, (Path{""}));
    const Target asked = target("/v1?a=1&b=%26%3d&c&d=x=y&e=2+3");
    const std::map<std::string, std::string, std::less<>> query{
        {"a", "1"}, {"b", "&="}, {"c", ""}, {"d", "x=y"}, {"e", "2+3"}};
    EXPECT_EQ(asked.query, query);
    EXPECT_TRUE(target("/v1?").query.empty());
}

TEST(AdminTarget, IsRefused) {
    struct Row {
        std::string text;
        unsigned status;
    };
    const Row rows[] = {
        {"", 400},
        {"*", 400},
        {"v1/status", 400},
        {"https://x/v1", 400},
        {"/v1/%", 400},
        {"/v1/%4", 400},
        {"/v1/%zz", 400},
        {"/v1/%00", 400}, // NUL
        {"/v1/%0a", 400},
        {"/v1/%7f", 400},
        {"/v1/%ff", 400}, // no UTF-8
        {"/v1/../etc/passwd", 400},
        {"/v1/%2e%2E/x", 400},
        {"/v1/.", 400},
        {"/v1/domains/a%2fb", 400},
        {"/v1#x", 400},
        {"/v1?a=%", 400},
        {"/v1?a=%00", 400},
        {"/v1?%00=1", 400},
        {"/v1?a=1&a=1", 400},
        {"/v1?&", 400}, // two parameters without a name
        {"/" + std::string(max_target, 'a'), 414},
    };
    for (const Row& row : rows) {
        const auto parsed = parse_target(row.text);
        ASSERT_FALSE(parsed.has_value()) << row.text;
        EXPECT_EQ(parsed.error().status, row.status) << row.text;
        EXPECT_FALSE(parsed.error().words.empty());
    }
    EXPECT_TRUE(parse_target("/" + std::string(max_target - 1, 'a')).has_value());
}

TEST(AdminRoutes, EveryRowIsFoundByItsMethodAndPath) {
    std::set<Operation> found;
    for (const Route& route : route_table) {
        std::string path(route.path);
        const std::string name = "{domain}";
        if (const auto at = path.find(name); at != path.npos) path.replace(at, name.size(), "a.example");
        const auto matched = match(route.method, target(path));
        ASSERT_TRUE(matched.has_value()) << path;
        EXPECT_EQ(matched->route, &route);
        EXPECT_EQ(matched->parameters.contains("domain"), path != route.path);
        found.insert(matched->route->operation);
        EXPECT_FALSE(to_string(route.operation).empty());
    }
    EXPECT_EQ(found.size(), operations);
    EXPECT_EQ(routes_as_json()["routes"].size(), operations);
}

TEST(AdminRoutes, TakesTheParametersOfTheRowAndNoOthers) {
    const auto listed = match("GET", target("/v1/domains?mode=enforce&sort=asked"));
    ASSERT_TRUE(listed.has_value());
    EXPECT_EQ(listed->parameters.at("mode"), "enforce");
    EXPECT_EQ(listed->parameters.at("sort"), "asked");
    const auto by = match("DELETE", target("/v1/domains/a.example?yes=true&by=al%22ice"));
    ASSERT_TRUE(by.has_value());
    EXPECT_EQ(by->by, "al\\\"ice");
    EXPECT_EQ(by->parameters.at("domain"), "a.example");
    EXPECT_FALSE(by->parameters.contains("by"));
    const auto unknown = match("GET", target("/v1/status?x=1"));
    ASSERT_FALSE(unknown.has_value());
    EXPECT_EQ(unknown.error().error.status, 400u);
    EXPECT_EQ(unknown.error().error.field, "x");
    EXPECT_FALSE(match("GET", target("/v1/status?by=alice")).has_value()) << "it changes nothing";
    const auto long_name = match("POST", target("/v1/overrides?by=" + std::string(500, 'a')));
    ASSERT_TRUE(long_name.has_value());
    EXPECT_LE(long_name->by.size(), max_by);
}

TEST(AdminRoutes, SaysWhatIsNotThere) {
    for (const char* path : {"//", "/v2", "/v1/", "/v1/nothing", "/v1/status/x", "/v1//status", "/v1/domains/",
                             "/v1/domains/a/b", "/v1/domains//refresh", "/V1"}) {
        const auto matched = match("GET", target(path));
        ASSERT_FALSE(matched.has_value()) << path;
        EXPECT_EQ(matched.error().error.status, 404u) << path;
        EXPECT_EQ(matched.error().error.code, "not-found");
    }
    for (const char* method : {"PUT", "get", "OPTIONS", "HEAD", "CONNECT"}) {
        const auto matched = match(method, target("/v1/domains/a.example"));
        ASSERT_FALSE(matched.has_value()) << method;
        EXPECT_EQ(matched.error().error.status, 405u);
        EXPECT_EQ(matched.error().allow, "GET, DELETE");
    }
}

TEST(AdminRoutes, TakesABodyOnlyWhereThereIsOne) {
    Head head{.method = "GET", .target = "/v1/status"};
    EXPECT_TRUE(match(head).has_value());
    head.has_body = true;
    EXPECT_EQ(match(head).error().error.status, 400u);
    head = {.method = "POST", .target = "/v1/overrides", .has_body = true, .length = max_body};
    EXPECT_TRUE(match(head).has_value());
    head.length = max_body + 1;
    EXPECT_EQ(match(head).error().error.status, 413u);
    head.target = "/v1/import";
    EXPECT_TRUE(match(head).has_value());
}

} // namespace
