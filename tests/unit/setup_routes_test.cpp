// Which transports get mail, and by which settings and tables.
#include "tool/setup/routes.hpp"

#include <gtest/gtest.h>

namespace {

using setup::Reading;
using setup::Route;
using setup::Use;

const setup::RouteSource transports{"transport_maps", "hash:/t", ""};
const setup::RouteSource relays{"sender_dependent_relayhost_maps", "hash:/r", ""};
const setup::RouteSource filter{"content_filter", "scan", "smtp/inet"};

TEST(Routes, ReadsOne) {
    EXPECT_EQ(parse_route(transports, "smtp:[mx.example]:2525"),
              (Route{"transport_maps", "smtp", "[mx.example]:2525"}));
    EXPECT_EQ(parse_route(transports, "slow:"), (Route{"transport_maps", "slow", ""}));
    EXPECT_EQ(parse_route(transports, "slow"), (Route{"transport_maps", "slow", ""}));
    EXPECT_EQ(parse_route(transports, ":[mx.example]"), (Route{"transport_maps", "", "[mx.example]"}));
    EXPECT_EQ(parse_route(transports, "error:no mail: never"),
              (Route{"transport_maps", "error", "no mail: never"}));
    EXPECT_EQ(parse_route(relays, "[mx.example]:587"),
              (Route{"sender_dependent_relayhost_maps", "", "[mx.example]:587"}));
    EXPECT_EQ(parse_route(filter, "scan:[127.0.0.1]:10024"),
              (Route{"smtp/inet -o content_filter", "scan", "[127.0.0.1]:10024"}));
}

TEST(Routes, ReadsTables) {
    EXPECT_EQ(setup::parse_routes(transports, "a.example\tsmtp:[x]\nb.example\tsmtp:[x]\n*\tslow:\n"),
              (std::vector<Route>{{"transport_maps", "smtp", "[x]"}, {"transport_maps", "slow", ""}}));
    EXPECT_EQ(setup::parse_routes(transports, "# patterns\n/^a b@x/  smtp:[x]\nif /y/\n/z/ slow:\nendif\n\n"),
              (std::vector<Route>{{"transport_maps", "smtp", "[x]"}, {"transport_maps", "slow", ""}}));
    EXPECT_TRUE(setup::parse_routes(transports, "").empty());
}

TEST(Routes, KnowsHowToReadATable) {
    using How = Reading::How;
    const std::tuple<const char*, How, const char*> table[] = {
        {"hash:/etc/postfix/transport", How::dump, "hash:/etc/postfix/transport"},
        {"proxy:btree:/x", How::dump, "btree:/x"},
        {"inline:{ a=b: }", How::dump, "inline:{ a=b: }"},
        {"texthash:/x", How::dump, "texthash:/x"},
        {"regexp:/x", How::file, "/x"},
        {"pcre:/x", How::file, "/x"},
        {"pcre:{ {/x/ y:} }", How::cannot, "pcre:{ {/x/ y:} }"},
        {"static:slow:", How::value, "slow:"},
        {"mysql:/x", How::cannot, "mysql:/x"},
        {"unionmap:{ hash:/x }", How::cannot, "unionmap:{ hash:/x }"},
        {"hash:$config_directory/x", How::cannot, "hash:$config_directory/x"},
        {"/no/type", How::cannot, "/no/type"},
    };
    for (const auto& [map, how, element] : table) {
        const Reading reading = setup::reading_of(map);
        EXPECT_EQ(reading.how, how) << map;
        EXPECT_EQ(reading.element, element) << map;
    }
}

TEST(Routes, KnowsNextHopsWithoutAPolicy) {
    for (const char* hop :
         {"[mx.example]", "[mx.example]:25", "[192.0.2.1]", "192.0.2.1:25", "localhost:10025", "127.0.0.1"})
        EXPECT_TRUE(setup::is_fixed_hop(hop)) << hop;
    for (const char* hop : {"", "mx.example", "mx.example:25"}) EXPECT_FALSE(setup::is_fixed_hop(hop)) << hop;
}

/// The use of a service named "it", for settings of main.cf, of master.cf and tables.
TEST(Routes, SaysHowAServiceIsUsed) {
    struct Row {
        const char* what;
        setup::Parameters main;
        setup::Parameters of_smtpd;
        std::vector<Route> routes;
        std::vector<std::string> unread;
        Use use;
    };
    const Row rows[] = {
        {"named by nothing", {{"default_transport", "smtp"}}, {}, {}, {}, Use::unused},
        {"by default", {{"default_transport", "it"}}, {}, {}, {}, Use::default_route},
        {"by default, with a colon", {{"default_transport", "it:"}}, {}, {}, {}, Use::default_route},
        {"by default, to one host", {{"default_transport", "it:[relay]"}}, {}, {}, {}, Use::fixed_hop},
        {"for relayed domains",
         {{"relay_transport", "it"}, {"relay_domains", "x"}},
         {},
         {},
         {},
         Use::default_route},
        {"for relayed domains, of which there are none",
         {{"relay_transport", "it"}},
         {},
         {},
         {},
         Use::unused},
        {"for virtual mailboxes", {{"virtual_transport", "it:[10.0.0.1]"}}, {}, {}, {}, Use::fixed_hop},
        {"as a filter", {{"content_filter", "it:[127.0.0.1]:10024"}}, {}, {}, {}, Use::fixed_hop},
        {"as a filter, without brackets",
         {{"content_filter", "it:127.0.0.1:10024"}},
         {},
         {},
         {},
         Use::fixed_hop},
        {"as a filter of one service",
         {},
         {{"content_filter", "it:localhost:10024"}},
         {},
         {},
         Use::fixed_hop},
        {"by a table", {}, {}, {{"transport_maps", "it", ""}}, {}, Use::routed},
        {"by a table, to a domain", {}, {}, {{"transport_maps", "it", "other.example"}}, {}, Use::routed},
        {"by a table, to one host", {}, {}, {{"transport_maps", "it", "[h]"}}, {}, Use::fixed_hop},
        {"by both", {{"content_filter", "it:[h]"}}, {}, {{"transport_maps", "it", ""}}, {}, Use::routed},
        {"a table cannot be read", {}, {}, {}, {"transport_maps = mysql:/x"}, Use::unknown},
        {"by default, and a table cannot be read",
         {{"default_transport", "it"}},
         {},
         {},
         {"transport_maps = mysql:/x"},
         Use::default_route},
        {"patterns that may route", {{"header_checks", "pcre:/x"}}, {}, {}, {}, Use::unknown},
        {"access tables that may route",
         {{"smtpd_recipient_restrictions", "check_recipient_access hash:/x, permit"}},
         {},
         {},
         {},
         Use::unknown},
        {"restrictions that route nothing",
         {{"smtpd_recipient_restrictions", "permit"}},
         {},
         {},
         {},
         Use::unused},
    };
    for (const Row& row : rows) {
        setup::Installed postfix;
        postfix.effective = row.main;
        setup::Service it, smtpd;
        it.name = "it";
        smtpd.name = "smtp";
        it.type = "unix";
        smtpd.type = "inet";
        smtpd.overrides = row.of_smtpd;
        postfix.services = {it};
        postfix.others = {smtpd};
        for (const setup::RouteSource& source : setup::route_sources(postfix))
            postfix.routes.push_back(setup::parse_route(source, source.value));
        postfix.routes.insert(postfix.routes.end(), row.routes.begin(), row.routes.end());
        postfix.unread = row.unread;
        setup::assign_uses(postfix);
        EXPECT_EQ(postfix.services[0].use, row.use) << row.what;
    }
}

} // namespace
