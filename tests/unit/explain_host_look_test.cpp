// Whether smtp(8) finds the mail hosts: rows over what its name servers answer, in the order in which the C library
// asks them. tests/e2e/test_resolvers.py compares with a real Postfix.
#include "tool/explain/host_look.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace explain;
using setup::LookupType;
using setup::ServerReply;
using testing::HasSubstr;
using Kind = Found::Kind;

ServerReply data() {
    ServerReply made;
    made.answered = made.data = true;
    return made;
}
ServerReply empty() {
    ServerReply made;
    made.answered = true;
    return made;
}
ServerReply no_name() {
    ServerReply made = empty();
    made.no_name = true;
    return made;
}
ServerReply failure(const char* words) {
    ServerReply made;
    made.trouble = words;
    return made;
}
ServerReply late() {
    ServerReply made = failure("no answer within 2000 ms");
    made.late = true;
    return made;
}
ServerReply formerr() {
    ServerReply made = failure("it answers FORMERR");
    made.last_word = true;
    return made;
}

/// What a server answers.
struct Server {
    ServerReply mx, addresses;
};

HostQuestions questions() {
    HostQuestions made;
    made.domain = "a.example";
    made.hosts = {"mx1.a.example", "mx2.a.example"};
    made.all_hosts = true;
    return made;
}

Found look(const HostQuestions& asked, const std::vector<Server>& all, int patience = 10) {
    setup::ServiceServers servers;
    servers.file = "/etc/resolv.conf";
    servers.patience = std::chrono::seconds(patience);
    std::vector<std::vector<ServerReply>> replies;
    for (const Server& server : all) {
        const auto octet = static_cast<std::uint8_t>(servers.servers.size() + 1);
        servers.servers.push_back({{{false, {127, 0, 0, octet}, 0}, 53}, false});
        replies.emplace_back();
        for (const setup::DnsLookup& lookup : lookups_of(asked))
            replies.back().push_back(lookup.type == LookupType::mx ? server.mx : server.addresses);
    }
    return found_by(asked, servers, replies);
}

TEST(ExplainHostLook, FollowsTheLibrary) {
    const Server good{data(), data()},
        servfail{failure("it answers SERVFAIL"), failure("it answers SERVFAIL")}, silent{late(), late()},
        confused{formerr(), formerr()}, absent{no_name(), no_name()};
    struct {
        const char* why;
        std::vector<Server> servers;
        Kind kind;
        const char* words;
    } const rows[] = {
        {"found", {good}, Kind::hosts, ""},
        {"the next one is asked after SERVFAIL", {servfail, good}, Kind::hosts, ""},
        {"and after silence", {silent, good}, Kind::hosts, ""},
        {"the first answer counts", {absent, good}, Kind::absent, "does not exist"},
        {"FORMERR ends it, and for good",
         {confused, good},
         Kind::absent,
         "127.0.0.1:53 of /etc/resolv.conf: it answers FORMERR"},
        {"FORMERR after SERVFAIL", {servfail, confused}, Kind::absent, "FORMERR"},
        {"all fail",
         {servfail, servfail},
         Kind::fails,
         "127.0.0.1:53 of /etc/resolv.conf: it answers SERVFAIL"},
        {"silence may end later", {silent}, Kind::unknown, "no answer within"},
        {"silence of one, failure of the other", {servfail, silent}, Kind::unknown, "SERVFAIL"},
        {"no MX record, but an address", {{empty(), data()}}, Kind::hosts, ""},
        {"neither", {{empty(), empty()}}, Kind::absent, "a.example has no address"},
        {"MX hosts without address", {{data(), empty()}}, Kind::absent, "no mail host has an address"},
        {"their addresses fail", {{data(), failure("it answers SERVFAIL")}}, Kind::fails, "SERVFAIL"},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.why);
        const Found found = look(questions(), row.servers);
        EXPECT_EQ(found.kind, row.kind);
        EXPECT_THAT(found.words, HasSubstr(row.words));
    }
    EXPECT_EQ(look(questions(), {silent}, 1).kind, Kind::fails); // longer was waited than the library does
}

TEST(ExplainHostLook, FollowsTheSettings) {
    const Server no_mx{failure("it answers SERVFAIL"), data()}, absent{no_name(), no_name()};
    HostQuestions asked = questions();
    EXPECT_EQ(look(asked, {no_mx}).kind, Kind::fails);
    asked.ignores_mx_errors = true;
    EXPECT_EQ(look(asked, {no_mx}).kind, Kind::hosts);
    asked = questions();
    asked.other_sources = true;
    EXPECT_EQ(look(asked, {absent}).kind, Kind::unknown);
    asked = questions();
    asked.mx = false;
    EXPECT_EQ(look(asked, {no_mx}).kind, Kind::hosts);
    asked = questions();
    asked.hosts.clear(); // "MX 0 ." is all there is
    EXPECT_EQ(look(asked, {{data(), data()}}).kind, Kind::no_mail);
    asked.all_hosts = false; // we could not look it up
    EXPECT_EQ(look(asked, {{data(), data()}}).kind, Kind::unknown);
}

TEST(ExplainHostLook, AsksForTheFamiliesInUse) {
    HostQuestions asked = questions();
    EXPECT_EQ(lookups_of(asked).size(), 7U); // MX, and two for each host and the domain
    asked.v6 = false;
    asked.dnssec = true;
    const auto lookups = lookups_of(asked);
    EXPECT_EQ(lookups.size(), 4U);
    for (const setup::DnsLookup& lookup : lookups) {
        EXPECT_NE(lookup.type, LookupType::aaaa);
        EXPECT_TRUE(lookup.dnssec);
    }
}

} // namespace
