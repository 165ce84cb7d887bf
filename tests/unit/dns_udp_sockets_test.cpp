#include "dns/udp_sockets.hpp"

#include "support/manual_time.hpp"

#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
using asio::ip::udp;
using dns::UdpSocket;
using dns::UdpSockets;
using net::Endpoint;

class DnsUdpSockets : public testing::Test {
protected:
    using Lease = std::unique_ptr<UdpSockets::Lease>;

    static Endpoint server(const std::string& text) { return net::parse_endpoint(text, 53).value(); }
    Lease take(const Endpoint& from) { return std::make_unique<UdpSockets::Lease>(sockets, from); }
    static const UdpSocket* give_back(Lease lease) {
        lease->is_clean();
        return lease->socket().get();
    }

    void ask_much() {
        for (std::size_t i = 0; i < UdpSockets::many; ++i) give_back(take(loopback));
    }

    asio::io_context context;
    test::ManualTime time;
    std::shared_ptr<UdpSockets> sockets = std::make_shared<UdpSockets>(context.get_executor(), time);
    udp::socket peer{context, udp::endpoint{asio::ip::address_v4::loopback(), 0}};
    const Endpoint loopback = server("127.0.0.1:" + std::to_string(peer.local_endpoint().port()));
};

TEST_F(DnsUdpSockets, AreUsedAgainWhileOthersAreInUse) {
    const Lease other = take(loopback);
    ASSERT_FALSE(other->error());
    const UdpSocket* first = give_back(take(loopback));
    EXPECT_EQ(sockets->kept(), 1U);
    const Lease second = take(loopback);
    EXPECT_EQ(second->socket().get(), first);
    EXPECT_EQ(sockets->kept(), 0U);
}

TEST_F(DnsUdpSockets, NoneIsKeptWhenAllIsQuiet) {
    give_back(take(loopback));
    EXPECT_EQ(sockets->kept(), 0U);
    std::vector<Lease> leases;
    for (int i = 0; i < 8; ++i) leases.push_back(take(loopback));
    for (std::size_t left = 8; left-- > 0;) {
        give_back(std::move(leases.back()));
        leases.pop_back();
        EXPECT_LE(sockets->kept(), left);
    }
    EXPECT_EQ(sockets->kept(), 0U);
}

TEST_F(DnsUdpSockets, AreKeptWhileThereIsMuchToAskOneByOne) {
    ask_much();
    ASSERT_EQ(sockets->kept(), 1U);
    const UdpSocket* kept = give_back(take(loopback));
    for (int i = 0; i < 100; ++i) EXPECT_EQ(give_back(take(loopback)), kept);
    time.move_to(2 * UdpSockets::window - base::milliseconds{1}); // the previous window still counts
    EXPECT_EQ(give_back(take(loopback)), kept);
    EXPECT_EQ(sockets->kept(), 1U);
    time.move_to(3 * UdpSockets::window);
    give_back(take(loopback));
    EXPECT_EQ(sockets->kept(), 0U);
}

TEST_F(DnsUdpSockets, AreClosedAfterAQuietWhile) {
    ask_much();
    ASSERT_EQ(sockets->kept(), 1U);
    time.move_to(UdpSockets::quiet);
    context.run(); // until the sweep has run; then nothing is left to wait for
    EXPECT_EQ(sockets->kept(), 0U);
}

TEST_F(DnsUdpSockets, StoppedNothingIsWaitedFor) {
    ask_much();
    sockets->stop();
    EXPECT_EQ(sockets->kept(), 0U);
    EXPECT_EQ(context.run_for(std::chrono::milliseconds{500}), 1U) << "the timer's handler, at once";
    EXPECT_TRUE(context.stopped());
}

TEST_F(DnsUdpSockets, OnlyThoseToTheLoopbackInterface) {
    for (const char* outside : {"192.0.2.53", "10.0.0.1", "[2001:db8::53]:53", "[fe80::1]:53"}) {
        const Lease other = take(loopback);
        give_back(take(server(outside))); // there may be no route, but it is still a socket
        EXPECT_EQ(sockets->kept(), 0U) << outside;
    }
}

TEST_F(DnsUdpSockets, NotThoseThatSawMoreThanTheReply) {
    const Lease other = take(loopback);
    take(loopback).reset(); // nobody has marked it as clean
    EXPECT_EQ(sockets->kept(), 0U);

    Lease closed = take(loopback);
    closed->socket()->socket.close();
    give_back(std::move(closed));
    EXPECT_EQ(sockets->kept(), 0U);
}

TEST_F(DnsUdpSockets, WhatComesLateReachesNoLaterQuestion) {
    const Lease other = take(loopback);
    Lease used = take(loopback);
    const udp::endpoint there = used->socket()->socket.local_endpoint();
    give_back(std::move(used));
    ASSERT_EQ(sockets->kept(), 1U);
    peer.send_to(asio::buffer("late"), there);
    const Lease next = take(loopback);
    EXPECT_NE(next->socket()->socket.local_endpoint(), there);
    next->socket()->socket.non_blocking(true);
    boost::system::error_code error;
    std::uint8_t octet = 0;
    (void)next->socket()->socket.receive(asio::buffer(&octet, 1), 0, error);
    EXPECT_EQ(error, asio::error::would_block);
}

TEST_F(DnsUdpSockets, AnotherServerGetsAFreshOne) {
    const Lease other = take(loopback);
    give_back(take(loopback));
    ASSERT_EQ(sockets->kept(), 1U);
    const Lease elsewhere = take(server("127.0.0.2:" + std::to_string(loopback.port)));
    EXPECT_EQ(elsewhere->socket()->socket.remote_endpoint().address().to_string(), "127.0.0.2");
}

} // namespace
