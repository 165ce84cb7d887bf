// A fetch through an HTTP proxy, over real sockets.
#include "config/values.hpp"
#include "support/fetch_world.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <cstdlib>
#include <utility>

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;
using test::ca;
using test::good;
using test::reason;
using test::Script;
using test::show;
using test::TlsServer;

const std::string host = test::policy_host;
using ExchangeTest = test::FetchTest;

/// A proxy that answers CONNECT with `reply` and then passes octets on to 127.0.0.1:port, if there is a port.
class Proxy {
public:
    Proxy(asio::io_context& io, std::string reply, std::uint16_t port)
        : acceptor_(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)), reply_(std::move(reply)),
          port_(port) {
        asio::co_spawn(io, serve(), asio::detached);
    }
    [[nodiscard]] std::string url() const {
        return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
    }
    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    std::string request;

private:
    static asio::awaitable<void> pass(std::shared_ptr<tcp::socket> from, std::shared_ptr<tcp::socket> to) {
        std::string octets(4096, '\0');
        for (;;) {
            auto [error, n] =
                co_await from->async_read_some(asio::buffer(octets), asio::as_tuple(asio::use_awaitable));
            if (error) break;
            auto [failed, m] = co_await asio::async_write(*to, asio::buffer(octets.data(), n),
                                                          asio::as_tuple(asio::use_awaitable));
            if (failed) break;
        }
        boost::system::error_code ignored;
        to->shutdown(tcp::socket::shutdown_send, ignored);
    }
    asio::awaitable<void> serve() {
        auto client = std::make_shared<tcp::socket>(acceptor_.get_executor());
        auto [error] = co_await acceptor_.async_accept(*client, asio::as_tuple(asio::use_awaitable));
        if (error) co_return;
        auto [bad, n] = co_await asio::async_read_until(*client, asio::dynamic_buffer(request), "\r\n\r\n",
                                                        asio::as_tuple(asio::use_awaitable));
        auto [failed, m] =
            co_await asio::async_write(*client, asio::buffer(reply_), asio::as_tuple(asio::use_awaitable));
        if (bad || failed || port_ == 0) co_return;
        auto server = std::make_shared<tcp::socket>(acceptor_.get_executor());
        const tcp::endpoint remote(asio::ip::address_v4::loopback(), port_);
        auto [refused] = co_await server->async_connect(remote, asio::as_tuple(asio::use_awaitable));
        if (refused) co_return;
        asio::co_spawn(acceptor_.get_executor(), pass(client, server), asio::detached);
        asio::co_spawn(acceptor_.get_executor(), pass(server, client), asio::detached);
    }

    tcp::acceptor acceptor_;
    std::string reply_;
    std::uint16_t port_;
};

const std::string established = "HTTP/1.1 200 Connection established\r\n\r\n";

TEST_F(ExchangeTest, GoesThroughAProxy) {
    TlsServer server{ca().leaf({host}), good()};
    Proxy proxy{io, established, server.port()};
    options.proxy = config::parse_proxy(proxy.url()).value();
    options.allow_private_addresses = false; // the proxy itself may be private
    EXPECT_EQ(show(get()), "body");
    EXPECT_TRUE(proxy.request.starts_with("CONNECT " + host + ":443 HTTP/1.1\r\nHost: " + host + ":443\r\n"));
    EXPECT_EQ(server.sni(), std::vector<std::string>{host});
    EXPECT_TRUE(resolver.asked().empty());
}

TEST_F(ExchangeTest, LooksUpTheProxyOnly) {
    TlsServer server{ca().leaf({"www.example.com"}), good()};
    Proxy proxy{io, established, server.port()};
    resolver.set("proxy.example.net", {"127.0.0.1"});
    options.proxy = config::parse_proxy("http://proxy.example.net:" + std::to_string(proxy.port())).value();
    EXPECT_EQ(reason(get()), "cert-name-mismatch") << "the certificate must still be the policy host's";
    EXPECT_EQ(resolver.asked(), (std::vector<std::string>{"proxy.example.net", "proxy.example.net"}));
}

TEST_F(ExchangeTest, AProxysFailuresAreTheProxys) {
    const std::pair<std::string, std::string> rows[] = {
        {"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "proxy-failed: status 407"},
        {"SSH-2.0-OpenSSH\r\n",
         "proxy-failed: reply to CONNECT: not an HTTP/1 response: begins with \"SSH-2.0-OpenSSH\""},
        {"HTTP/1.1 200 OK\r\n", "proxy-failed: reply to CONNECT: End of file"},
        {established + "more", "proxy-failed: octets after the reply to CONNECT"},
        {established, "tls-handshake: TLS handshake: stream truncated"},
    };
    for (const auto& [reply, expected] : rows) {
        Proxy proxy{io, reply, 0};
        options.proxy = config::parse_proxy(proxy.url()).value();
        fetcher_.reset();
        EXPECT_EQ(show(get()), expected + " through proxy 127.0.0.1");
    }
    fetcher_.reset();
    options.proxy = config::parse_proxy("http://127.0.0.5:1").value();
    EXPECT_EQ(show(get()), "proxy-failed: 1 of 1 addresses failed: 127.0.0.5: Connection refused");
    fetcher_.reset();
    options.proxy = config::parse_proxy("http://proxy.nowhere.example:1").value();
    EXPECT_EQ(reason(get()), "proxy-failed");
    fetcher_.reset();
    Script silent;
    silent.silent = true;
    TlsServer mute{ca().leaf({host}), silent};
    options.proxy = config::parse_proxy("http://127.0.0.1:" + std::to_string(mute.port())).value();
    options.timeout = milliseconds{200};
    EXPECT_EQ(show(get()), "proxy-failed: no tunnel after 200 ms through proxy 127.0.0.1");
}

TEST_F(ExchangeTest, TheEnvironmentIsNotAsked) {
    ::setenv("https_proxy", "http://127.0.0.1:1", 1);
    ::setenv("HTTPS_PROXY", "http://127.0.0.1:1", 1);
    TlsServer server{ca().leaf({host}), good()};
    options.port = server.port();
    EXPECT_EQ(show(get()), "body");
    ::unsetenv("https_proxy");
    ::unsetenv("HTTPS_PROXY");
}

} // namespace
