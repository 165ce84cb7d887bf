#include "fetch/gathering_socket.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using fetch::GatheringSocket;

struct GatheringSocketTest : testing::Test {
    asio::io_context io;
    tcp::acceptor acceptor{io, tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
    tcp::socket peer{io};
    GatheringSocket socket = connected();

    GatheringSocket connected() {
        tcp::socket client{io};
        client.connect(acceptor.local_endpoint());
        acceptor.accept(peer);
        peer.non_blocking(true);
        return GatheringSocket{std::move(client)};
    }
    void write(std::string_view octets) {
        std::size_t taken = 0;
        asio::async_write(socket, asio::buffer(octets), [&](error_code error, std::size_t n) {
            EXPECT_FALSE(error);
            taken = n;
        });
        run();
        EXPECT_EQ(taken, octets.size());
    }
    void run() {
        io.restart();
        io.poll();
    }
    /// What the peer finds, without waiting.
    std::string at_peer() {
        std::string in(100'000, ' ');
        error_code error;
        in.resize(peer.read_some(asio::buffer(in), error));
        return error == asio::error::would_block ? "nothing" : in;
    }
};

TEST_F(GatheringSocketTest, SendsAllWithTheNextRead) {
    write("Finished, ");
    write("GET");
    EXPECT_EQ(at_peer(), "nothing");

    std::array<char, 10> in{};
    std::string got;
    socket.async_read_some(asio::buffer(in), [&](error_code error, std::size_t n) {
        EXPECT_FALSE(error);
        got.assign(in.data(), n);
    });
    run();
    EXPECT_EQ(at_peer(), "Finished, GET");
    EXPECT_EQ(got, "");
    peer.send(asio::buffer("answer", 6));
    while (got.empty()) io.run_one();
    EXPECT_EQ(got, "answer");

    write("more");
    EXPECT_EQ(at_peer(), "nothing");
}

TEST_F(GatheringSocketTest, FlushesWhenTold) {
    write("alert");
    socket.flush();
    EXPECT_EQ(at_peer(), "alert");
    socket.flush();
    EXPECT_EQ(at_peer(), "nothing");
}

TEST_F(GatheringSocketTest, ReadsWhatWasSaidBeforeThePeerWent) {
    peer.send(asio::buffer("refused", 7));
    peer.close();
    write("too late");
    std::string got;
    asio::async_read(socket, asio::dynamic_buffer(got), [&](error_code error, std::size_t) {
        EXPECT_TRUE(error);
        io.stop();
    });
    io.restart();
    io.run();
    EXPECT_EQ(got, "refused");
}

TEST_F(GatheringSocketTest, EndsWithItsSocket) {
    write("never sent");
    bool failed = false;
    std::array<char, 10> in{};
    socket.async_read_some(asio::buffer(in), [&](error_code error, std::size_t) { failed = bool(error); });
    socket.lowest_layer().close();
    run();
    EXPECT_TRUE(failed);
    socket.flush(); // does nothing, and does not throw
}

} // namespace
