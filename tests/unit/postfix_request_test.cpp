#include "postfix/request.hpp"

#include "base/text.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <utility>

namespace {

using base::Reason;
using postfix::Dialect;
using namespace std::string_literals;

void good(std::string_view key, std::string_view want) {
    const auto got = postfix::policy_domain(key);
    ASSERT_TRUE(got) << base::printable(key) << ": " << base::to_string(got.error());
    EXPECT_EQ(got->name(), want);
}

void bad(std::string_view key, Reason want) {
    const auto got = postfix::policy_domain(key);
    ASSERT_FALSE(got) << base::printable(key) << " gave " << got->name();
    EXPECT_EQ(base::to_string(got.error()), base::to_string(want)) << base::printable(key);
}

std::string name_of(std::size_t size) {
    std::string out;
    while (size - out.size() > 63) out += std::string(61, 'a') + ".";
    return out + std::string(size - out.size(), 'a');
}

TEST(PolicyDomain, TakesNextHops) {
    good("example.com", "example.com");
    good("GOOD.Test", "good.test"); // Postfix does not fold the key
    good("good.test.", "good.test");
    good("BÜCHER.test", "xn--bcher-kva.test"); // U-label, as Postfix converts it
    good("xn--bcher-kva.test", "xn--bcher-kva.test");
    good("[mx.example.com]", "mx.example.com"); // RFC 8461 section 3.4: a smart host's name
    good("[MX.example.com.]:587", "mx.example.com");
    good("[mx.example.com]:submission", "mx.example.com");
    good("[mx.example.com]:", "mx.example.com"); // default port
    good("example.com:25", "example.com");
    good("example.com:smtp", "example.com");
    good("example.com:65535", "example.com");
    good("example.com:", "example.com");
    good("bücher.test:25", "xn--bcher-kva.test");
    good("a_b.test", "a_b.test");
    good(name_of(244), name_of(244)); // "_mta-sts." still fits
}

TEST(PolicyDomain, TellsWhyThereIsNone) {
    bad(".example.com", Reason::key_parent_domain); // no tree walk
    bad(".com", Reason::key_parent_domain);
    bad(".", Reason::key_parent_domain);
    bad("..", Reason::key_parent_domain);
    bad("[192.0.2.1]", Reason::key_address_literal);
    bad("[192.0.2.1]:25", Reason::key_address_literal);
    bad("192.0.2.1", Reason::key_address_literal);
    bad("192.0.2.1:25", Reason::key_address_literal);
    bad("[IPv6:fd00::2]", Reason::key_address_literal);
    bad("[ipv6:FD00::2]:25", Reason::key_address_literal);
    bad("[fd00::2]", Reason::key_address_literal);
    bad("[fd00::2]:25", Reason::key_address_literal);
    bad("fd00::2", Reason::key_address_literal);
    bad("fe80::1%eth0", Reason::key_address_literal);
    bad("::", Reason::key_address_literal);
    bad("[999.1.1.1]", Reason::key_address_literal); // all digits: never a domain
    bad("localhost", Reason::key_single_label);
    bad("[mx]", Reason::key_single_label);
    bad("[mx]:25", Reason::key_single_label);
    bad("mx:25", Reason::key_single_label);
    bad("com.", Reason::key_single_label);
    bad("bücher", Reason::key_single_label);
    bad("", Reason::key_not_a_domain);
    bad("[]", Reason::key_not_a_domain);
    bad("[]:25", Reason::key_not_a_domain);
    bad(":25", Reason::key_not_a_domain);
    bad("[mx.example.com", Reason::key_not_a_domain);
    bad("mx.example.com]", Reason::key_not_a_domain);
    bad("[mx.example.com]x", Reason::key_not_a_domain);
    bad("[mx.example.com]25", Reason::key_not_a_domain);
    bad("[[mx.example.com]]", Reason::key_not_a_domain);
    bad("[.example.com]", Reason::key_not_a_domain);
    bad("[IPv6:mx.example.com]", Reason::key_not_a_domain);
    bad("[IPv6:]", Reason::key_not_a_domain);
    bad("[fd00::zz]", Reason::key_not_a_domain);
    bad("fd00::2\0"s, Reason::key_not_a_domain); // NUL after an address
    bad("example.com:0", Reason::key_not_a_domain);
    bad("example.com:65536", Reason::key_not_a_domain);
    bad("example.com:99999999999999999999", Reason::key_not_a_domain);
    bad("example.com:2 5", Reason::key_not_a_domain);
    bad("example.com:25:26", Reason::key_not_a_domain);
    bad("inet:mx.example.com:24", Reason::key_not_a_domain); // lmtp(8) next hops
    bad("unix:/run/lmtp", Reason::key_not_a_domain);
    bad("example.com:" + std::string(64, 'a'), Reason::key_not_a_domain);
    bad("a b.example", Reason::key_not_a_domain);
    bad(" example.com", Reason::key_not_a_domain);
    bad("example.com ", Reason::key_not_a_domain);
    bad("example.com/x", Reason::key_not_a_domain);
    bad("user@example.com", Reason::key_not_a_domain);
    bad("*.example.com", Reason::key_not_a_domain);
    bad("{example.com}", Reason::key_not_a_domain);
    bad("example.com\n", Reason::key_not_a_domain);
    bad("example\0.com"s, Reason::key_not_a_domain); // NUL
    bad("b\xfc"
        "cher.test",
        Reason::key_not_a_domain); // Latin-1
    bad("example..com", Reason::key_not_a_domain);
    bad("example.com..", Reason::key_not_a_domain);
    bad("-a.example", Reason::key_not_a_domain);
    bad(name_of(245), Reason::key_not_a_domain); // no room for "_mta-sts."
    bad(name_of(253), Reason::key_not_a_domain);
    bad(std::string(64, 'a') + ".example", Reason::key_not_a_domain);
    bad(std::string(10000, 'a'), Reason::key_not_a_domain);
    bad(std::string(10000, '['), Reason::key_not_a_domain);
    bad(std::string(10000, ':'), Reason::key_not_a_domain);
}

struct Hop {
    const char* key;
    const char* host;
    int port;
    bool brackets;
};

TEST(NextHop, IsHostPortAndBrackets) {
    const postfix::Services services("# none of Postfix's own\nsmtp 2525/tcp\n"
                                     "domain 53/tcp\ntalk 517/udp\nrelay-in 2500/tcp mail-in # x\n");
    for (const Hop& want : {
             Hop{"a.example", "a.example", 25, false},
             Hop{"A.Example.", "a.example", 25, false},
             Hop{"a.example:25", "a.example", 25, false},
             Hop{"a.example:0025", "a.example", 25, false},
             Hop{"a.example:smtp", "a.example", 25, false}, // Postfix's own name comes before the file's
             Hop{"a.example:", "a.example", 25, false},
             Hop{"a.example:587", "a.example", 587, false},
             Hop{"a.example:submission", "a.example", 587, false},
             Hop{"a.example:smtps", "a.example", 465, false},
             Hop{"a.example:submissions", "a.example", 465, false},
             Hop{"a.example:lmtp", "a.example", 24, false},
             Hop{"a.example:65535", "a.example", 65535, false},
             Hop{"a.example:relay-in", "a.example", 2500, false},
             Hop{"a.example:mail-in", "a.example", 2500, false},
             Hop{"a.example:SMTP", "a.example", 0, false}, // Postfix compares case, and is fatal
             Hop{"a.example:talk", "a.example", 0, false}, // not TCP
             Hop{"a.example:25x", "a.example", 0, false},
             Hop{"a.example:no-such", "a.example", 0, false},
             Hop{"[mx.a.example]", "mx.a.example", 25, true},
             Hop{"[mx.a.example]:", "mx.a.example", 25, true},
             Hop{"[mx.a.example]:25", "mx.a.example", 25, true},
             Hop{"[MX.a.example.]:587", "mx.a.example", 587, true},
             Hop{"[mx.a.example]:submission", "mx.a.example", 587, true},
             Hop{"[mx.a.example]:no-such", "mx.a.example", 0, true},
             Hop{"[b\xc3\xbc"
                 "cher.example]:465",
                 "xn--bcher-kva.example", 465, true},
         }) {
        const auto got = postfix::next_hop(want.key, services);
        ASSERT_TRUE(got) << want.key;
        EXPECT_EQ(got->host.name(), want.host) << want.key;
        EXPECT_EQ(got->port, want.port) << want.key;
        EXPECT_EQ(got->brackets, want.brackets) << want.key;
        EXPECT_EQ(got->usual(), want.port == 25 && !want.brackets) << want.key;
    }
}

TEST(NextHop, IsWrittenInOneWay) {
    for (const auto& [key, text] :
         std::initializer_list<std::pair<const char*, const char*>>{{"A.example:smtp", "a.example"},
                                                                    {"a.example:submission", "a.example:587"},
                                                                    {"[a.example]:25", "[a.example]"},
                                                                    {"[a.example]:465", "[a.example]:465"},
                                                                    {"a.example:no-such", "a.example:?"}})
        EXPECT_EQ(to_string(*postfix::next_hop(key)), text) << key;
}

TEST(NextHop, ServiceAsWritten) {
    EXPECT_EQ(postfix::service_of("a.example:no-such"), "no-such");
    EXPECT_EQ(postfix::service_of("[a.example]:no-such"), "no-such");
    for (const char* key : {"a.example", "[a.example]", "a.example:", "[a.example", "fd00::2"})
        EXPECT_EQ(postfix::service_of(key), "") << key;
}

TEST(Services, AreReadAsServices5Says) {
    const postfix::Services services("one 1/tcp\n two\t2/tcp   deux  zwei#comment\r\n"
                                     "#three 3/tcp\nfour 4/udp\nfive 5/tcp\nfive 6/tcp\n"
                                     "six 6\nseven /tcp\neight 0/tcp\nnine 65536/tcp\nten x/tcp\n\n"
                                     "eleven 11/tcp");
    for (const auto& [name, port] : std::initializer_list<std::pair<const char*, int>>{{"one", 1},
                                                                                       {"two", 2},
                                                                                       {"deux", 2},
                                                                                       {"zwei", 2},
                                                                                       {"three", 0},
                                                                                       {"four", 0},
                                                                                       {"five", 5},
                                                                                       {"six", 0},
                                                                                       {"seven", 0},
                                                                                       {"eight", 0},
                                                                                       {"nine", 0},
                                                                                       {"ten", 0},
                                                                                       {"eleven", 11},
                                                                                       {"#three", 0},
                                                                                       {"", 0},
                                                                                       {"One", 0},
                                                                                       {"smtp", 25},
                                                                                       {"lmtp", 24}})
        EXPECT_EQ(services.port(name), port) << name;
}

TEST(Services, OfALongFileTheBeginningCounts) {
    std::string text = "first 1/tcp\n";
    text += std::string(postfix::Services::max_octets, '#') + "\nlast 2/tcp\n";
    const postfix::Services services(text);
    EXPECT_EQ(services.port("first"), 1);
    EXPECT_EQ(services.port("last"), 0);
}

TEST(DialectOf, LooksForTheWord) {
    for (const char* name : {"sts-tlsrpt", "QUERYwithTLSRPT", "tlsrpt", "xTlSrPtx"})
        EXPECT_EQ(postfix::dialect_of(name), Dialect::tlsrpt) << name;
    for (const char* name : {"sts", "postfix", "QUERY", "", "tls-rpt", "tlsrp"})
        EXPECT_EQ(postfix::dialect_of(name), Dialect::plain) << name;
}

TEST(ParseRequest, SplitsAtTheFirstSpace) {
    const auto plain = postfix::parse_request("sts example.com");
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->dialect, Dialect::plain);
    EXPECT_EQ(plain->hop->host.name(), "example.com");
    EXPECT_EQ(postfix::parse_request("sts-TLSRPT [mx.example.com]:25")->dialect, Dialect::tlsrpt);
    EXPECT_EQ(postfix::parse_request("sts-tlsrpt [mx.example.com]:25")->hop->host.name(), "mx.example.com");
    EXPECT_EQ(postfix::parse_request(" example.com")->hop->host.name(), "example.com"); // any map name
    EXPECT_EQ(postfix::parse_request("sts tlsrpt.example")->dialect,
              Dialect::plain); // the key does not count
    for (const char* payload : {"sts ", " ", "sts  example.com", "sts a b"}) {
        const auto request = postfix::parse_request(payload);
        ASSERT_TRUE(request) << payload;
        EXPECT_EQ(request->hop.error(), Reason::key_not_a_domain) << payload;
    }
    for (const char* payload : {"", "sts", "example.com", "sts\texample.com"})
        EXPECT_FALSE(postfix::parse_request(payload)) << payload;
}

} // namespace
