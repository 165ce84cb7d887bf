#include "fetch/address.hpp"
#include "fetch/gate.hpp"
#include "fetch/request.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using boost::asio::ip::make_address;
using fetch::Address;
using fetch::Candidates;
using fetch::Gate;

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

TEST(Gate, LetsWaitersInInOrder) {
    const auto gate = std::make_shared<Gate>(2);
    Gate::Place a = gate->try_enter(), b = gate->try_enter();
    EXPECT_TRUE(a && b);
    EXPECT_FALSE(gate->try_enter());
    std::string order;
    const auto first = gate->wait([&] { order += "1"; });
    auto second = gate->wait([&] { order += "2"; });
    const auto third = gate->wait([&] { order += "3"; });
    const auto hasty = gate->wait([&] { order += "0"; }, true);
    EXPECT_EQ(gate->waiting(), 4u);
    a.release();
    EXPECT_EQ(order, "0");
    EXPECT_TRUE(hasty->granted());
    second.reset(); // went away
    b.release();
    EXPECT_EQ(order, "01");
    { const Gate::Place used = hasty->take(); }
    EXPECT_EQ(order, "013");
    EXPECT_EQ(gate->inside(), 2u);
    EXPECT_EQ(gate->waiting(), 0u);
}

TEST(Gate, AGrantedWaiterThatGoesAwayGivesItsPlaceOn) {
    const auto gate = std::make_shared<Gate>(1);
    Gate::Place a = gate->try_enter();
    auto first = gate->wait([] {});
    const auto second = gate->wait([] {});
    a.release();
    EXPECT_TRUE(first->granted());
    first.reset();
    EXPECT_TRUE(second->granted());
}

TEST(Gate, ALimitCanChangeAndAGateCanClose) {
    const auto gate = std::make_shared<Gate>(1);
    Gate::Place a = gate->try_enter();
    const auto waiting = gate->wait([] {});
    gate->set_limit(2);
    EXPECT_TRUE(waiting->granted());
    const auto never = gate->wait([] {});
    gate->close();
    a.release();
    EXPECT_FALSE(never->granted());
    EXPECT_FALSE(gate->try_enter());
}

TEST(AddressGates, AreOneAnAddress) {
    fetch::AddressGates gates{1};
    const Gate::Place a = gates.at(make_address("192.0.2.1"))->try_enter();
    EXPECT_TRUE(a);
    EXPECT_FALSE(gates.at(make_address("192.0.2.1"))->try_enter());
    EXPECT_TRUE(gates.at(make_address("192.0.2.2"))->try_enter());
    for (std::uint32_t i = 0; i < 1000; ++i) (void)gates.at(boost::asio::ip::address_v4(i));
    EXPECT_FALSE(gates.at(make_address("192.0.2.1"))->try_enter()) << "forgotten while somebody is inside";
}

TEST(Proxy, IsAUrlWithAPort) {
    const auto name = fetch::parse_proxy("http://Proxy.Example.net:3128");
    ASSERT_TRUE(name) << name.error();
    EXPECT_EQ(name->host, "proxy.example.net");
    EXPECT_EQ(name->port, 3128);
    EXPECT_FALSE(name->address);
    EXPECT_EQ(fetch::parse_proxy("http://127.0.0.1:80/")->address, make_address("127.0.0.1"));
    EXPECT_EQ(fetch::parse_proxy("http://[::1]:80")->address, make_address("::1"));
    EXPECT_EQ(fetch::parse_proxy("http://proxy.:1")->host, "proxy");
    for (const char* bad :
         {"", "proxy:3128", "https://p:1", "http://p", "http://p:", "http://p:0", "http://p:65536",
          "http://p:80x", "http://:80", "http://u:w@p:80", "http://[::1:80", "http://[x]:80", "http://p:80/x",
          "http://a b:80", "http://p\r\nX:80"})
        EXPECT_FALSE(fetch::parse_proxy(bad)) << bad;
}

TEST(Request, IsTheOneOfTheRfc) {
    EXPECT_EQ(fetch::policy_request("mta-sts.example.com"),
              "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.example.com\r\nUser-Agent: "
              "stsmapd/" STSMAPD_VERSION
              "\r\nAccept: text/plain\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(fetch::connect_request("mta-sts.example.com", 443),
              "CONNECT mta-sts.example.com:443 HTTP/1.1\r\nHost: mta-sts.example.com:443\r\nUser-Agent: "
              "stsmapd/" STSMAPD_VERSION "\r\n\r\n");
}

} // namespace
