#include "dns/udp_sockets.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace {

using dns::Server;
using dns::UdpSocket;
using dns::UdpSockets;

class DnsUdpSockets : public testing::Test {
protected:
    static Server server(const std::string& text) { return dns::parse_server(text).value(); }
    std::shared_ptr<UdpSocket> take(const Server& from) {
        boost::system::error_code no_route; // there may be none; the socket is a socket all the same
        return sockets.take(from, no_route);
    }
    boost::asio::io_context context;
    UdpSockets sockets{context.get_executor()};
};

TEST_F(DnsUdpSockets, AreKeptForTheLoopbackInterfaceOnly) {
    for (const char* inside : {"127.0.0.1:53", "127.0.0.53:5300", "[::1]:53"})
        EXPECT_TRUE(UdpSockets::may_keep(server(inside))) << inside;
    for (const char* outside : {"192.0.2.53", "10.0.0.1", "[2001:db8::53]:53", "[fe80::1]:53"})
        EXPECT_FALSE(UdpSockets::may_keep(server(outside))) << outside;

    const Server loopback = server("127.0.0.1:5300");
    auto used = take(loopback);
    const UdpSocket* first = used.get();
    sockets.give_back(loopback, std::move(used));
    EXPECT_EQ(take(loopback).get(), first);

    const Server far = server("192.0.2.53");
    auto spent = take(far);
    const std::weak_ptr<UdpSocket> gone = spent;
    sockets.give_back(far, std::move(spent));
    EXPECT_TRUE(gone.expired());
}

TEST_F(DnsUdpSockets, NobodySharesOneAndNoServerGetsAnothers) {
    const Server one = server("127.0.0.1:5300"), two = server("127.0.0.1:5301");
    auto a = take(one);
    const UdpSocket* of_one = a.get();
    EXPECT_NE(take(one).get(), of_one);
    sockets.give_back(one, std::move(a));
    EXPECT_NE(take(two).get(), of_one);
    EXPECT_EQ(take(one).get(), of_one);
}

TEST_F(DnsUdpSockets, ABoundedNumberIsKeptTheLatest) {
    const Server one = server("127.0.0.1:5300");
    std::vector<std::weak_ptr<UdpSocket>> all;
    std::vector<std::shared_ptr<UdpSocket>> out;
    for (std::size_t i = 0; i < UdpSockets::max_kept + 10; ++i) all.emplace_back(out.emplace_back(take(one)));
    for (auto& socket : out) sockets.give_back(one, std::move(socket));
    for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].expired(), i < 10) << i;
}

TEST_F(DnsUdpSockets, AClosedOneIsNotKept) {
    const Server one = server("127.0.0.1:5300");
    auto socket = take(one);
    const std::weak_ptr<UdpSocket> gone = socket;
    socket->socket.close();
    sockets.give_back(one, std::move(socket));
    EXPECT_TRUE(gone.expired());
}

} // namespace
