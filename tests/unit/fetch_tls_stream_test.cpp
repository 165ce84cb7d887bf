// The stream with a server whose TLS runs in memory, so that a test sees each packet, and may cut it.
#include "fetch/tls_stream.hpp"

#include "fetch/certificate.hpp"
#include "support/fetch_world.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <vector>

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using fetch::TlsStream;

/// One connection's server side: octets in, octets out.
class Server {
public:
    explicit Server(int version) : context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free) {
        SSL_CTX_set_min_proto_version(context_.get(), version);
        SSL_CTX_set_max_proto_version(context_.get(), version);
        test::present(context_.get(), test::ca().leaf({test::policy_host}));
        tls_.reset(SSL_new(context_.get()));
        SSL_set_bio(tls_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        SSL_set_accept_state(tls_.get());
    }
    /// Takes a packet and returns the answer to it.
    std::string feed(const std::string& packet) {
        BIO_write(SSL_get_rbio(tls_.get()), packet.data(), static_cast<int>(packet.size()));
        std::array<char, 4096> plain{};
        const int n = SSL_read(tls_.get(), plain.data(), static_cast<int>(plain.size()));
        if (n > 0)
            read.append(plain.data(), static_cast<std::size_t>(n));
        else if (SSL_get_error(tls_.get(), n) == SSL_ERROR_SSL)
            alert = ERR_reason_error_string(ERR_get_error());
        return out();
    }
    std::string say(std::string_view words) {
        SSL_write(tls_.get(), words.data(), static_cast<int>(words.size()));
        return out();
    }
    std::string ask_for_renegotiation() {
        SSL_renegotiate(tls_.get());
        SSL_do_handshake(tls_.get());
        return out();
    }
    std::string update_key() {
        SSL_key_update(tls_.get(), SSL_KEY_UPDATE_REQUESTED);
        SSL_do_handshake(tls_.get());
        return out();
    }
    std::string say_goodbye() {
        SSL_shutdown(tls_.get());
        return out();
    }
    std::string read, alert;

private:
    std::string out() {
        std::string octets(BIO_ctrl_pending(SSL_get_wbio(tls_.get())), ' ');
        if (!octets.empty())
            BIO_read(SSL_get_wbio(tls_.get()), octets.data(), static_cast<int>(octets.size()));
        return octets;
    }
    struct Free {
        void operator()(SSL* tls) const noexcept { SSL_free(tls); }
    };
    std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
    std::unique_ptr<SSL, Free> tls_;
};

struct TlsStreamTest : testing::Test {
    asio::io_context io;
    tcp::socket peer{io};
    std::shared_ptr<asio::ssl::context> context = fetch::make_client_context(test::ca().file()).value();
    TlsStream stream{connected(), *context};
    std::optional<error_code> shaken;
    std::optional<TlsStream::Read> came;
    std::string octets = std::string(8192, ' ');

    tcp::socket connected() {
        tcp::acceptor acceptor{io, tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
        tcp::socket client{io};
        client.connect(acceptor.local_endpoint());
        acceptor.accept(peer);
        peer.non_blocking(true);
        return client;
    }
    asio::awaitable<void> shake() {
        const error_code error = co_await stream.handshake();
        shaken = error;
    }
    asio::awaitable<void> read() {
        const TlsStream::Read got = co_await stream.read_some(octets);
        came = got;
    }
    template <class Done>
    bool run_until(Done done) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{10};
        while (std::chrono::steady_clock::now() < end) {
            if (done()) return true;
            io.restart();
            io.run_for(std::chrono::milliseconds{1});
        }
        return false;
    }
    /// The next packet that reaches the peer.
    std::string packet() {
        std::string in(100'000, ' ');
        std::size_t size = 0;
        EXPECT_TRUE(run_until([&] {
            error_code error;
            size = peer.read_some(asio::buffer(in), error);
            return error != asio::error::would_block;
        }));
        in.resize(size);
        return in;
    }
    bool silent() {
        run_until([n = 0]() mutable { return ++n > 20; });
        return peer.available() == 0;
    }
    void to_stream(std::string_view some) { peer.send(asio::buffer(some)); }

    /// A handshake with this server, until the stream reports it as done.
    void shake_hands(Server& server) {
        ASSERT_TRUE(fetch::expect_host(stream.native_handle(), test::policy_host));
        asio::co_spawn(io, shake(), asio::detached);
        for (int flight = 0; !shaken && flight < 3; ++flight) {
            to_stream(server.feed(packet()));
            run_until([&] { return shaken || peer.available() > 0; });
        }
        ASSERT_TRUE(shaken) << server.alert;
        ASSERT_FALSE(*shaken) << shaken->message();
    }
};

TEST_F(TlsStreamTest, SendsTheEndOfTheHandshakeWithTheRequest) {
    Server server{TLS1_3_VERSION};
    shake_hands(server);
    EXPECT_TRUE(silent()) << "nothing to wait for yet";
    EXPECT_FALSE(stream.write("GET /"));
    EXPECT_TRUE(silent());
    asio::co_spawn(io, read(), asio::detached);
    const std::string answer = server.feed(packet());
    EXPECT_EQ(server.read, "GET /") << "in one packet";
    // The server's tickets come with it, in any pieces; they are not part of the answer.
    for (const char octet : answer) to_stream({&octet, 1});
    EXPECT_TRUE(silent());
    EXPECT_FALSE(came);
    to_stream(server.say("policy"));
    ASSERT_TRUE(run_until([&] { return came.has_value(); }));
    EXPECT_FALSE(came->error);
    EXPECT_EQ(octets.substr(0, came->octets), "policy");
}

TEST_F(TlsStreamTest, SpeaksTls12) {
    Server server{TLS1_2_VERSION};
    shake_hands(server);
    EXPECT_FALSE(stream.write("GET /"));
    asio::co_spawn(io, read(), asio::detached);
    to_stream(server.feed(packet()) + server.say("policy"));
    ASSERT_TRUE(run_until([&] { return came.has_value(); }));
    EXPECT_EQ(server.read, "GET /");
    EXPECT_EQ(octets.substr(0, came->octets), "policy");
}

TEST_F(TlsStreamTest, TellsAGoodbyeFromACutConnection) {
    for (const bool goodbye : {true, false}) {
        peer = tcp::socket{io};
        TlsStreamTest::came.reset();
        shaken.reset();
        std::destroy_at(&stream);
        std::construct_at(&stream, connected(), *context);
        Server server{TLS1_3_VERSION};
        shake_hands(server);
        EXPECT_FALSE(stream.write("GET /"));
        asio::co_spawn(io, read(), asio::detached);
        to_stream(server.feed(packet()));
        if (goodbye) to_stream(server.say_goodbye());
        peer.close();
        ASSERT_TRUE(run_until([&] { return came.has_value(); }));
        if (goodbye)
            EXPECT_EQ(came->error, asio::error::eof);
        else
            EXPECT_EQ(came->error, asio::ssl::error::stream_truncated);
    }
}

TEST_F(TlsStreamTest, TellsTheServerWhyItIsRefused) {
    Server server{TLS1_3_VERSION};
    ASSERT_TRUE(fetch::expect_host(stream.native_handle(), "mta-sts.other.example"));
    asio::co_spawn(io, shake(), asio::detached);
    to_stream(server.feed(packet()));
    ASSERT_TRUE(run_until([&] { return shaken.has_value(); }));
    EXPECT_EQ(shaken->category(), asio::error::get_ssl_category());
    server.feed(packet());
    EXPECT_NE(server.alert.find("alert bad certificate"), std::string::npos) << server.alert;
}

TEST_F(TlsStreamTest, EndsWhenClosedWhateverItWaitsFor) {
    asio::co_spawn(io, shake(), asio::detached);
    (void)packet();
    stream.close();
    ASSERT_TRUE(run_until([&] { return shaken.has_value(); }));
    EXPECT_EQ(*shaken, asio::error::operation_aborted);
}

TEST_F(TlsStreamTest, NeverReadsADescriptorThatWasClosedMeanwhile) {
    Server server{TLS1_3_VERSION};
    shake_hands(server);
    EXPECT_FALSE(stream.write("GET /"));
    asio::co_spawn(io, read(), asio::detached);
    to_stream(server.feed(packet()));
    EXPECT_TRUE(silent());
    to_stream(server.say("policy"));
    // The answer has come, and its waiting reader is already scheduled. Before it runs, the stream is closed
    // and its descriptor's number is used again.
    const int number = stream.socket().native_handle();
    stream.close();
    int others[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, others), 0);
    EXPECT_TRUE(others[0] == number || others[1] == number);
    ASSERT_EQ(::write(others[0], "x", 1), 1);
    ASSERT_EQ(::write(others[1], "y", 1), 1);
    ASSERT_TRUE(run_until([&] { return came.has_value(); }));
    EXPECT_EQ(came->error, asio::error::operation_aborted);
    char octet = 0;
    EXPECT_EQ(::recv(others[0], &octet, 1, MSG_DONTWAIT), 1);
    EXPECT_EQ(::recv(others[1], &octet, 1, MSG_DONTWAIT), 1);
    ::close(others[0]);
    ::close(others[1]);
}

TEST_F(TlsStreamTest, RefusesToRenegotiate) {
    Server server{TLS1_2_VERSION};
    shake_hands(server);
    EXPECT_FALSE(stream.write("GET /"));
    asio::co_spawn(io, read(), asio::detached);
    server.feed(packet());
    EXPECT_EQ(server.read, "GET /");
    to_stream(server.ask_for_renegotiation());
    const std::string answer = packet();
    EXPECT_EQ(answer.at(0), SSL3_RT_ALERT) << "a new ClientHello would be of another type";
    server.feed(answer);
    EXPECT_EQ(server.alert, "no renegotiation");
    EXPECT_FALSE(came) << "a server may do without";
}

TEST_F(TlsStreamTest, CountsWhatNobodyAskedFor) {
    Server server{TLS1_3_VERSION};
    shake_hands(server);
    EXPECT_FALSE(stream.write("GET /"));
    asio::co_spawn(io, read(), asio::detached);
    to_stream(server.feed(packet())); // with two tickets
    for (int i = 2; i < fetch::max_unasked_messages; ++i) to_stream(server.update_key());
    EXPECT_TRUE(run_until([&] { return peer.available() > 0; })) << "as it must, each is answered";
    EXPECT_FALSE(came);
    to_stream(server.update_key());
    ASSERT_TRUE(run_until([&] { return came.has_value(); }));
    EXPECT_EQ(came->error, asio::error::no_buffer_space);
    EXPECT_EQ(stream.refusal(), "over 16 HelloRequest, KeyUpdate and NewSessionTicket messages");
}

asio::awaitable<void> read_all(TlsStream* stream, std::size_t* ended) {
    std::string octets(8192, ' ');
    for (bool more = true; more;) {
        const TlsStream::Read read = co_await stream->read_before(octets);
        more = !read.error;
    }
    ++*ended;
}

// Many connections with much to read: in one turn of the loop all of them together use no more time than a
// turn has, plus one read.
TEST(TlsStreams, ShareTheOctetsOfATurn) {
    asio::io_context io{1};
    const auto context = fetch::make_client_context(test::ca().file()).value();
    const auto turns = std::make_shared<fetch::Turns>(io.get_executor());
    constexpr std::size_t connections = 32, piece = 8192, all = std::size_t{128} * 1024;
    static_assert(connections * piece > 2 * fetch::max_turn_octets);
    const auto left = std::make_shared<std::size_t>(connections * all);
    tcp::acceptor acceptor{io, tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
    std::vector<tcp::socket> peers;
    std::vector<std::unique_ptr<TlsStream>> streams;
    const std::string sent(all, 'x');
    std::size_t ended = 0;
    for (std::size_t i = 0; i < connections; ++i) {
        tcp::socket client{io};
        client.open(tcp::v4());
        client.set_option(asio::socket_base::receive_buffer_size(static_cast<int>(2 * all)));
        client.connect(acceptor.local_endpoint());
        peers.push_back(acceptor.accept());
        peers.back().set_option(asio::socket_base::send_buffer_size(static_cast<int>(2 * all)));
        ASSERT_EQ(asio::write(peers.back(), asio::buffer(sent)), all);
        peers.back().shutdown(tcp::socket::shutdown_send);
        TlsStream::Shared shared;
        shared.turns = turns;
        shared.octets_left = left;
        streams.push_back(std::make_unique<TlsStream>(std::move(client), *context, std::move(shared)));
        asio::co_spawn(io, read_all(streams.back().get(), &ended), asio::detached);
    }
    std::size_t most = 0, before = *left;
    const std::function<void()> visit = [&] {
        most = std::max(most, before - *left);
        before = *left;
        if (ended < connections) asio::post(io, visit);
    };
    asio::post(io, visit);
    io.run_for(std::chrono::seconds{20});
    EXPECT_EQ(ended, connections);
    EXPECT_EQ(*left, 0U) << "all was read";
    EXPECT_LE(most, fetch::max_turn_octets + piece);
}

} // namespace
