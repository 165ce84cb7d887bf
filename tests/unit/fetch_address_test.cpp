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
        {"192.0.1.0", ""},
        {"192.0.2.1", "documentation"},
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
        {"2001:30::1", ""},
        {"2001:db8::1", "documentation"},
        {"2001:db9::1", ""},
        {"2002:808:808::1", ""},
        {"2002:a00:1::1", "private"},
        {"2002:7f00:1::", "loopback"},
        {"3fff:fff::1", "documentation"},
        {"5f00::1", "segment routing"},
        {"fbff::1", ""},
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
