// Manners on port 25: who may be connected to when.
#include "tool/check/manners.hpp"
#include "tool/check/registrable.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using check::Manners;
using check::Operator;
using namespace std::chrono_literals;
using Turn = Manners::Turn;

const Manners::Time start{1000h};

net::IpAddress ip(std::string_view text) { return *net::parse_ip(text); }

/// Begins and ends a connection at once.
void connect(Manners& manners, const Operator& whose, Manners::Time now, bool refused = false) {
    ASSERT_EQ(manners.next(whose, now).turn, Turn::now);
    manners.begin(whose, now);
    manners.end(whose, refused);
}

TEST(Manners, ANetworkIsA24OrA48) {
    EXPECT_EQ(check::network_of(ip("192.0.2.77")), "192.0.2.0/24");
    EXPECT_EQ(check::network_of(ip("2001:db8:1:2::3")), "2001:db8:1::/48");
    EXPECT_EQ(check::network_of(ip("::ffff:192.0.2.77")), "192.0.2.0/24") << "the same host";
    EXPECT_EQ(check::network_of(ip("::1")), "::/48");
}

TEST(Manners, TheRegistrablePartIsThatOfThePublicSuffixList) {
    EXPECT_EQ(check::registrable_part("mx1.mail.example.com"), "example.com");
    EXPECT_EQ(check::registrable_part("mx.example.co.uk"), "example.co.uk");
    EXPECT_EQ(check::registrable_part("example.com"), "example.com");
    EXPECT_EQ(check::registrable_part("co.uk"), "co.uk") << "nobody's: itself";
    EXPECT_EQ(check::registrable_part("mx.test"), "mx.test") << "an unknown suffix is one label";
    EXPECT_EQ(check::registrable_part("a.b.mx.test"), "mx.test");
}

TEST(Manners, OneConnectionAtATimeToAnOperator) {
    Manners manners;
    const Operator one{"192.0.2.0/24", "a.test"}, same_network{"192.0.2.0/24", "b.test"},
        same_name{"198.51.100.0/24", "a.test"}, other{"203.0.113.0/24", "c.test"};
    manners.begin(one, start);
    for (const Operator& busy : {one, same_network, same_name}) {
        const auto next = manners.next(busy, start + 1h);
        EXPECT_EQ(next.turn, Turn::wait);
        EXPECT_EQ(next.look_again, Manners::Time::max()) << "until it ends";
    }
    EXPECT_EQ(manners.next(other, start).turn, Turn::now);
    manners.end(one, false);
    for (const Operator& free : {one, same_network, same_name})
        EXPECT_EQ(manners.next(free, start).turn, Turn::now);
}

TEST(Manners, TenAMinuteToAnOperatorByNetworkAndByName) {
    Manners manners(1000);
    for (int i = 0; i < 10; ++i)
        connect(manners, {"192.0.2.0/24", std::to_string(i) + ".test"}, start + i * 1s);
    const Operator in_network{"192.0.2.0/24", "new.test"};
    EXPECT_EQ(manners.next(in_network, start + 10s).turn, Turn::wait);
    EXPECT_EQ(manners.next(in_network, start + 10s).look_again, start + 60s) << "when the first is a minute ago";
    EXPECT_EQ(manners.next(in_network, start + 60s).turn, Turn::now);
    EXPECT_EQ(manners.next({"198.51.100.0/24", "0.test"}, start + 10s).turn, Turn::now);
    manners.begin(in_network, start + 60s);
    manners.end(in_network, false);
    EXPECT_EQ(manners.next(in_network, start + 60s).look_again, start + 61s);

    for (int i = 0; i < 10; ++i)
        connect(manners, {"203.0.113." + std::to_string(i), "big.test"}, start + 70s);
    EXPECT_EQ(manners.next({"198.51.100.0/24", "big.test"}, start + 71s).look_again, start + 130s);
}

TEST(Manners, SoManyAMinuteInAll) {
    Manners manners(60);
    for (int i = 0; i < 60; ++i)
        connect(manners, {std::to_string(i), std::to_string(i) + ".test"}, start + i * 100ms);
    const auto next = manners.next({"new", "new.test"}, start + 6s);
    EXPECT_EQ(next.turn, Turn::wait);
    EXPECT_EQ(next.look_again, start + 60s);
    EXPECT_EQ(manners.next({"new", "new.test"}, start + 60s).turn, Turn::now);
    EXPECT_EQ(manners.begun(), 60U);
}

TEST(Manners, WhoRefusesIsLeftAlone) {
    Manners manners;
    connect(manners, {"192.0.2.0/24", "a.test"}, start, true);
    for (const Operator& refused : {Operator{"192.0.2.0/24", "b.test"}, Operator{"198.51.100.0/24", "a.test"}})
        EXPECT_EQ(manners.next(refused, start + 1000h).turn, Turn::never);
    EXPECT_EQ(manners.next({"198.51.100.0/24", "b.test"}, start).turn, Turn::now);
}

TEST(Manners, WhatNeverLeftThisHostDoesNotCount) {
    Manners manners(60);
    const Operator one{"192.0.2.0/24", "a.test"};
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(manners.next(one, start).turn, Turn::now) << i;
        manners.begin(one, start);
        manners.take_back(one);
    }
    EXPECT_EQ(manners.begun(), 0U);
}

TEST(Manners, OperatorsOfLongAgoAreForgottenAndThoseWhoRefusedAreNot) {
    Manners manners(1'000'000);
    connect(manners, {"refused", "refused.test"}, start, true);
    for (int i = 0; i < 5000; ++i)
        connect(manners, {std::to_string(i), std::to_string(i) + ".test"}, start + i * 1s);
    EXPECT_EQ(manners.next({"refused", "x"}, start + 5000s).turn, Turn::never);
    EXPECT_EQ(manners.begun(), 5001U);
}

} // namespace
