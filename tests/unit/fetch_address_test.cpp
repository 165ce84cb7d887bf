#include "fetch/address.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using boost::asio::ip::make_address;
using fetch::Address;
using fetch::Candidates;

TEST(Address, OnlyPublicOnesMayBeConnectedTo) {
    struct Row {
        const char* address;
        const char* what; // "" for public
    };
    const Row rows[] = {
        {"8.8.8.8", ""},
        {"1.0.0.1", ""},
        {"0.0.0.0", "this network"},
        {"0.255.255.255", "this network"},
        {"9.255.255.255", ""},
        {"10.0.0.0", "private"},
        {"10.255.255.255", "private"},
        {"11.0.0.0", ""},
        {"100.63.255.255", ""},
        {"100.64.0.0", "shared (CGNAT)"},
        {"100.127.255.255", "shared (CGNAT)"},
        {"100.128.0.0", ""},
        {"127.0.0.1", "loopback"},
        {"127.255.255.254", "loopback"},
        {"128.0.0.0", ""},
        {"169.254.169.254", "link-local"},
        {"169.255.0.0", ""},
        {"172.15.255.255", ""},
        {"172.16.0.0", "private"},
        {"172.31.255.255", "private"},
        {"172.32.0.0", ""},
        {"192.0.0.9", "protocol assignments"},
        {"192.0.0.170", "protocol assignments"},
        {"192.0.1.0", ""},
        {"192.0.2.1", "documentation"},
        {"192.31.195.255", ""},
        {"192.31.196.1", "AS112"},
        {"192.31.197.0", ""},
        {"192.52.192.255", ""},
        {"192.52.193.1", "multicast relay"},
        {"192.52.194.0", ""},
        {"192.175.47.255", ""},
        {"192.175.48.1", "AS112"},
        {"192.175.49.0", ""},
        {"192.88.99.1", "6to4 relay"},
        {"192.168.255.255", "private"},
        {"192.169.0.0", ""},
        {"198.17.255.255", ""},
        {"198.18.0.0", "benchmarking"},
        {"198.19.255.255", "benchmarking"},
        {"198.20.0.0", ""},
        {"198.51.100.7", "documentation"},
        {"203.0.113.7", "documentation"},
        {"223.255.255.255", ""},
        {"224.0.0.1", "multicast"},
        {"239.255.255.255", "multicast"},
        {"240.0.0.1", "reserved"},
        {"255.255.255.255", "reserved"},
        {"2606:4700::1", ""},
        {"2a00:1450::1", ""},
        {"::", "unspecified"},
        {"::1", "loopback"},
        {"::2", "IPv4-compatible"},
        {"::8.8.8.8", "IPv4-compatible"},
        {"::ffff:8.8.8.8", ""},
        {"::ffff:127.0.0.1", "loopback"},
        {"::ffff:10.1.2.3", "private"},
        {"64:ff9b::8.8.8.8", ""},
        {"64:ff9b::192.168.0.1", "private"},
        {"64:ff9b:1::1", "local-use translation"},
        {"100::1", "discard"},
        {"2001::1", "Teredo"},
        {"2001:2::1", "benchmarking"},
        {"2001:10::1", "ORCHID"},
        {"2001:2f:ffff::1", "ORCHID"},
        {"2001:30::1", "protocol assignments"},
        {"2001:1::1", "protocol assignments"},
        {"2001:3::1", "protocol assignments"},
        {"2001:4:112::1", "protocol assignments"},
        {"2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "protocol assignments"},
        {"2001:200::1", ""},
        {"2001:db7:ffff::1", ""},
        {"2000::1", ""},
        {"1fff:ffff::1", "reserved"},
        {"3ffe::1", ""},
        {"3fff:1000::1", ""},
        {"4000::", "reserved"},
        {"4000::1", "reserved"},
        {"1::1", "reserved"},
        {"200::1", "reserved"},
        {"3ff:ffff::1", "reserved"},
        {"400::1", "reserved"},
        {"8000::1", "reserved"},
        {"fe00::1", "reserved"},
        {"::ffff:0:127.0.0.1", "reserved"},
        {"::ffff:0:8.8.8.8", "reserved"},
        {"::1:0:0:8.8.8.8", "reserved"},
        {"::fffe:8.8.8.8", "reserved"},
        {"64:ff9b:0:0:0:1::1", "reserved"},
        {"64:ff9b:2::1", "reserved"},
        {"100:0:0:1::1", "reserved"},
        {"2620:4f:8000::1", "AS112"},
        {"2620:4f:8001::1", ""},
        {"2001:db8::1", "documentation"},
        {"2001:db9::1", ""},
        {"2002:808:808::1", ""},
        {"2002:a00:1::1", "private"},
        {"2002:7f00:1::", "loopback"},
        {"2002:e000:1::", "multicast"},
        {"2002:c0a8:101:1::1", "private"},
        {"3fff:fff::1", "documentation"},
        {"5f00::1", "segment routing"},
        {"fbff::1", "reserved"},
        {"fc00::1", "private"},
        {"fdff::1", "private"},
        {"fe80::1", "link-local"},
        {"febf::1", "link-local"},
        {"fec0::1", "private"},
        {"ff02::1", "multicast"},
    };
    for (const Row& row : rows)
        EXPECT_EQ(fetch::not_public(make_address(row.address)), row.what) << row.address;
}

std::vector<base::Nat64Prefix> prefixes(const std::vector<std::string>& texts) {
    std::vector<base::Nat64Prefix> all;
    for (const std::string& text : texts) all.push_back(base::parse_nat64_prefix(text).value());
    return all;
}

// RFC 6052 section 2.4 has 192.0.2.33 behind prefixes of every length; here it is 8.8.8.8, and 10.0.0.1.
TEST(Address, WithinANat64PrefixIsJudgedByItsIPv4) {
    struct Row {
        const char* prefix;
        const char* address;
        const char* what; // with the prefix
        const char* without;
    };
    const Row rows[] = {
        {"2a00:db8::/32", "2a00:db8:808:808::", "", ""},
        {"2a00:db8::/32", "2a00:db8:a00:1::", "private", ""},
        {"2a00:db8:100::/40", "2a00:db8:108:808:8::", "", ""},
        {"2a00:db8:100::/40", "2a00:db8:10a:0:1::", "private", ""},
        {"2a00:db8:122::/48", "2a00:db8:122:808:8:800::", "", ""},
        {"2a00:db8:122::/48", "2a00:db8:122:a00:0:100::", "private", ""},
        {"2a00:db8:122:300::/56", "2a00:db8:122:308:8:808::", "", ""},
        {"2a00:db8:122:300::/56", "2a00:db8:122:30a:0:1::", "private", ""},
        {"2a00:db8:122:344::/64", "2a00:db8:122:344:8:808:800::", "", ""},
        {"2a00:db8:122:344::/64", "2a00:db8:122:344:a:0:100::", "private", ""},
        {"2a00:db8:122:344::/96", "2a00:db8:122:344::8.8.8.8", "", ""},
        {"2a00:db8:122:344::/96", "2a00:db8:122:344::10.0.0.1", "private", ""},
        {"2a00:db8:122:344::/96", "2a00:db8:122:344::127.0.0.1", "loopback", ""},
        // Octet 8 is not part of the IPv4 address.
        {"2a00:db8:122::/48", "2a00:db8:122:808:108:800::", "no IPv4 address behind a NAT64 prefix", ""},
        // The octets after the IPv4 address belong to the translator.
        {"2a00:db8::/32", "2a00:db8:a00:1::7777", "private", ""},
        // Not in the prefix.
        {"2a00:db8:122:344::/96", "2a00:db8:122:344:0:1:10.0.0.1", "", ""},
        // Prefixes that are not globally reachable.
        {"64:ff9b:1::/48", "64:ff9b:1:808:8:800::", "", "local-use translation"},
        {"64:ff9b:1::/96", "64:ff9b:1::8.8.8.8", "", "local-use translation"},
        {"64:ff9b:1::/96", "64:ff9b:1::169.254.169.254", "link-local", "local-use translation"},
        {"64:ff9b:1::/96", "64:ff9b:1:1::8.8.8.8", "local-use translation", "local-use translation"},
        {"fd64::/96", "fd64::8.8.8.8", "", "private"},
        {"fd64::/96", "fd64::192.168.0.1", "private", "private"},
        {"fd64::/96", "fd65::8.8.8.8", "private", "private"},
        {"2001:db8:64::/96", "2001:db8:64::8.8.8.8", "", "documentation"},
        // In 6to4 both IPv4 addresses must be public.
        {"2002:a00:1::/96", "2002:a00:1::8.8.8.8", "private", "private"},
        {"2002:808:808::/96", "2002:808:808::10.0.0.1", "private", ""},
        {"2002:808:808::/96", "2002:808:808::8.8.8.8", "", ""},
        // The well-known prefix, which is always used.
        {"64:ff9b:1::/96", "64:ff9b::8.8.8.8", "", ""},
        {"64:ff9b:1::/96", "64:ff9b::10.0.0.1", "private", "private"},
        {"64:ff9b:1::/96", "::ffff:10.0.0.1", "private", "private"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(std::string(row.address) + " with " + row.prefix);
        const Address address = make_address(row.address);
        EXPECT_EQ(fetch::not_public(address, prefixes({row.prefix})), row.what);
        EXPECT_EQ(fetch::not_public(address), row.without);
        if (std::string_view(row.what).empty() != std::string_view(row.without).empty() && *row.what != 'n') {
            EXPECT_TRUE(fetch::nat64_decides(address));
        }
    }
    // An address in two prefixes must be public by both.
    EXPECT_EQ(fetch::not_public(make_address("2a00:0:808:808::10.0.0.1"),
                                prefixes({"2a00::/32", "2a00:0:808:808::/96"})),
              "private");
    EXPECT_EQ(fetch::not_public(make_address("2a00:0:808:808::10.0.0.1"), prefixes({"2a00::/32"})), "");
}

TEST(Address, Nat64DecidesOnFewRealAddresses) {
    for (const char* text :
         {"2606:4700::6810:84e5", "2a00:1450:4001:80b::200e", "2620:1ec:bdf::45", "2a01:4f8:c0c:1234::1",
          "2001:41d0:303:3a2f::1", "8.8.8.8", "10.0.0.1", "::1", "fe80::1", "ff02::1", "::ffff:8.8.8.8",
          "64:ff9b::8.8.8.8", "fe80::8.8.8.8", "::8.8.8.8"})
        EXPECT_FALSE(fetch::nat64_decides(make_address(text))) << text;
    for (const char* text : {"fd64::8.8.8.8", "64:ff9b:1::8.8.8.8", "64:ff9b:1:808:8:800::", "2a00::10.0.0.1",
                             "2a00:db8:7f00:1::", "2001:db8:64::8.8.8.8"})
        EXPECT_TRUE(fetch::nat64_decides(make_address(text))) << text;
}

TEST(Address, ComesFromRdata) {
    EXPECT_EQ(fetch::from_rdata(std::string("\xc0\x00\x02\x01", 4)), make_address("192.0.2.1"));
    EXPECT_EQ(fetch::from_rdata(std::string(15, '\0') + "\x01"), make_address("::1"));
    EXPECT_FALSE(fetch::from_rdata(""));
    EXPECT_FALSE(fetch::from_rdata("12345"));
}

std::string all(Candidates& candidates) {
    std::string text;
    while (const auto next = candidates.next([](const Address&) { return true; }))
        text += next->to_string() + " ";
    return text;
}

TEST(Candidates, AlternateBeginningWithIPv6) {
    Candidates c;
    c.add({make_address("192.0.2.1"), make_address("192.0.2.2"), make_address("192.0.2.3")});
    c.add({make_address("2001:db8::1"), make_address("2001:db8::2")});
    EXPECT_EQ(c.front(), make_address("2001:db8::1"));
    EXPECT_EQ(all(c), "2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2 192.0.2.3 ");
    EXPECT_TRUE(c.empty());
}

TEST(Candidates, LateIPv6TakesItsTurn) {
    Candidates c;
    c.add({make_address("192.0.2.1"), make_address("192.0.2.2")});
    EXPECT_EQ(c.next([](const Address&) { return true; }), make_address("192.0.2.1"));
    c.add({make_address("2001:db8::1")});
    EXPECT_EQ(all(c), "2001:db8::1 192.0.2.2 ");
}

TEST(Candidates, DuplicatesAreTriedOnceAndTooManyNotAtAll) {
    Candidates c;
    c.add({make_address("192.0.2.1"), make_address("192.0.2.1")});
    EXPECT_EQ(all(c), "192.0.2.1 ");
    c.add({make_address("192.0.2.1")});
    EXPECT_TRUE(c.empty());
    std::vector<Address> many;
    for (int i = 1; i < 100; ++i) many.push_back(make_address("198.51.100." + std::to_string(i)));
    c.add(many);
    EXPECT_EQ(c.seen(), Candidates::max_per_family);
}

TEST(Candidates, UnusableOnesStayWhereTheyAre) {
    Candidates c;
    c.add({make_address("192.0.2.1"), make_address("192.0.2.2")});
    EXPECT_EQ(c.next([](const Address& a) { return a == make_address("192.0.2.2"); }),
              make_address("192.0.2.2"));
    EXPECT_FALSE(c.next([](const Address&) { return false; }));
    c.put_back(make_address("192.0.2.2"));
    EXPECT_EQ(all(c), "192.0.2.2 192.0.2.1 ");
}

} // namespace
