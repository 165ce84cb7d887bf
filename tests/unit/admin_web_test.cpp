// The web listener: which hosts are admitted, which routes there are, the fields for browsers, who makes room.
#include "admin/limits.hpp"
#include "admin/server.hpp"
#include "admin/web_host.hpp"
#include "base/event.hpp"

#include "support/late.hpp"
#include "support/memory_log.hpp"
#include "support/raw_peer.hpp"
#include "support/real_clock.hpp"
#include "support/temp_folder.hpp"

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using namespace admin;
namespace asio = boost::asio;
using Outcome = base::Expected<Reply, Error>;

Head head(std::string method, std::string target, std::string host = "localhost", std::size_t hosts = 1) {
    Head out;
    out.method = std::move(method);
    out.target = std::move(target);
    out.host = std::move(host);
    out.hosts = hosts;
    return out;
}

/// 200, or the status of the error.
unsigned asked(const Head& of, const std::vector<std::string>& hosts = {}) {
    const auto matched = match(of, Entrance::web, hosts);
    return matched ? 200 : matched.error().error.status;
}

TEST(AdminWeb, OnlyAdmittedHostsAreServed) {
    for (const char* host : {"localhost", "LOCALHOST:9461", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:9461"})
        EXPECT_EQ(asked(head("GET", "/metrics", host)), 200u) << host;
    for (const char* host : {"", "evil.example", "localhost.evil.example", "evil.localhost", "127.0.0.2",
                             "127.0.0.1.evil.example", "localhost.", "[::2]", "::1", "user@localhost", "*", "null"})
        EXPECT_EQ(asked(head("GET", "/metrics", host)), 421u) << host;
    const std::vector<std::string> hosts{"mx1.example.com", "[2001:db8::1]"};
    EXPECT_EQ(asked(head("GET", "/", "MX1.example.com:80"), hosts), 200u);
    EXPECT_EQ(asked(head("GET", "/", "[2001:0db8::1]"), hosts), 200u);
    EXPECT_EQ(asked(head("GET", "/", "localhost"), hosts), 200u);
    EXPECT_EQ(asked(head("GET", "/", "mx2.example.com"), hosts), 421u);
    // RFC 9112 section 3.2: exactly one field.
    EXPECT_EQ(asked(head("GET", "/", "", 0)), 400u);
    EXPECT_EQ(asked(head("GET", "/", "localhost", 2)), 400u);
    // The absolute form has a host of its own.
    EXPECT_EQ(asked(head("GET", "http://localhost:9461/metrics")), 200u);
    EXPECT_EQ(asked(head("GET", "http://evil.example/metrics")), 421u);
    EXPECT_EQ(asked(head("GET", "http://localhost@evil.example/metrics")), 421u);
    EXPECT_EQ(asked(head("GET", "http://localhost/metrics", "evil.example")), 421u);
    const auto refused = match(head("GET", "/", "e\tvil\x1b[31m"), Entrance::web);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().host.find('\x1b'), std::string::npos) << "it goes to the log";
    // Over the control socket nobody checks it.
    EXPECT_TRUE(match(head("GET", "/metrics", "evil.example")).has_value());
}

TEST(AdminWeb, OnlyTheMarkedRoutesAreThereAndNothingChanges) {
    std::size_t there = 0;
    for (const Route& route : route_table) {
        std::string path(route.path);
        if (const auto at = path.find("{domain}"); at != path.npos) path.replace(at, 8, "a.example");
        const unsigned status = asked(head(std::string(route.method), path));
        EXPECT_EQ(status, route.web ? 200u : 404u) << path;
        EXPECT_EQ(asked(head("HEAD", path)), route.web ? 200u : 404u) << path;
        there += route.web ? 1 : 0;
        EXPECT_FALSE(route.web && (route.right != Right::read || route.method != "GET"))
            << path;
    }
    EXPECT_EQ(there, 5u);
    for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH", "get"}) {
        const auto matched = match(head(method, "/metrics"), Entrance::web);
        ASSERT_FALSE(matched.has_value()) << method;
        EXPECT_EQ(matched.error().error.status, 405u) << method;
        EXPECT_EQ(matched.error().allow, "GET, HEAD") << method;
    }
    EXPECT_EQ(asked(head("GET", "/metrics?x=1")), 400u);
    EXPECT_EQ(asked(head("GET", "/metrics/")), 404u);
    EXPECT_EQ(asked(head("GET", "//")), 404u);
    EXPECT_EQ(asked(head("GET", "*")), 400u);
    Head body = head("GET", "/metrics");
    body.has_body = true;
    EXPECT_EQ(asked(body), 400u);
}

class AdminWebServer : public testing::Test {
protected:
    AdminWebServer() {
        set(Operation::metrics, [this](const Request& request) -> asio::awaitable<Outcome> {
            EXPECT_EQ(request.entrance, Entrance::web);
            EXPECT_EQ(++at_work, 1) << "one after the other";
            ++metrics_asked;
            if (hold) {
                co_await held.wait();
            }
            --at_work;
            Reply reply;
            reply.document = Document{"text/plain; version=0.0.4; charset=utf-8", "up 1\n"};
            co_return reply;
        });
        set(Operation::ready, [](const Request&) -> asio::awaitable<Outcome> {
            Reply reply;
            reply.status = 503;
            reply.document = Document{"text/plain; charset=utf-8", "not ready\n"};
            co_return reply;
        });
        set(Operation::overview, [](const Request&) -> asio::awaitable<Outcome> { co_return Reply{}; });
        set(Operation::page, [](const Request&) -> asio::awaitable<Outcome> {
            throw std::bad_alloc();
            co_return Reply{};
        });
    }
    void set(Operation operation, Handler handler) { handlers[index(operation)] = std::move(handler); }

    void start(Patience patience = web_patience) {
        server.emplace(Server::Parts{.executor = io.get_executor(),
                                     .events = log,
                                     .clock = clock,
                                     .own = ::geteuid(),
                                     .overflow = 65534,
                                     .of_web = patience,
                                     .style_hash = "sha256-abc="},
                       handlers);
        auto listener = server::Listener::open({net::ListenAddress::Kind::tcp, {}, net::loopback, 0}, {}, 128);
        ASSERT_TRUE(listener.has_value()) << listener.error();
        address = listener->name();
        const auto served = server->serve(*std::move(listener), Entrance::web);
        ASSERT_TRUE(served.has_value()) << served.error();
    }

    template <class Done>
    bool run_until(Done done) {
        const auto end = std::chrono::steady_clock::now() + test::late;
        while (!done()) {
            if (std::chrono::steady_clock::now() > end) return false;
            io.restart();
            io.run_one_for(2ms);
        }
        return true;
    }
    test::RawPeer connect() { return test::RawPeer::to_tcp(address); }
    bool talk(test::RawPeer& peer, std::string_view octets, std::string_view wanted) {
        std::string_view rest = octets;
        return run_until([&] {
            if (!rest.empty()) rest.remove_prefix(peer.send(rest));
            (void)peer.receive();
            return peer.received.find(wanted) != std::string::npos;
        });
    }
    bool ends(test::RawPeer& peer) {
        return run_until([&] { return !peer.receive(); });
    }
    std::string reply(std::string_view octets) {
        test::RawPeer peer = connect();
        EXPECT_TRUE(talk(peer, octets, "\r\n\r\n")) << peer.received;
        peer.shut_sending();
        EXPECT_TRUE(ends(peer));
        return peer.received;
    }

    asio::io_context io{1};
    test::MemoryLog log;
    test::RealClock clock;
    Handlers handlers;
    base::Event held{io.get_executor()};
    bool hold = false;
    int at_work = 0, metrics_asked = 0;
    std::string address;
    std::optional<Server> server;
};

constexpr std::string_view get = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

TEST_F(AdminWebServer, ADocumentHasItsTypeAndBrowsersAreToldToBeStrict) {
    start();
    const std::string got = reply(get);
    EXPECT_TRUE(got.starts_with("HTTP/1.1 200 OK\r\n")) << got;
    EXPECT_TRUE(got.ends_with("\r\n\r\nup 1\n")) << got;
    for (const char* field :
         {"Content-Type: text/plain; version=0.0.4; charset=utf-8", "Content-Length: 5", "Cache-Control: no-store",
          "Content-Security-Policy: default-src 'none'; style-src 'sha256-abc='; base-uri 'none'; form-action "
          "'none'; frame-ancestors 'none'",
          "X-Content-Type-Options: nosniff", "X-Frame-Options: DENY", "Referrer-Policy: no-referrer",
          "Cross-Origin-Opener-Policy: same-origin", "Cross-Origin-Resource-Policy: same-origin"})
        EXPECT_NE(got.find("\r\n" + std::string(field) + "\r\n"), std::string::npos) << field << " in " << got;
    EXPECT_EQ(got.find("Access-Control"), std::string::npos);
    EXPECT_EQ(got.find("Set-Cookie"), std::string::npos);
    // Of HEAD the same, without the text.
    const std::string only_head = reply("HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_TRUE(only_head.starts_with("HTTP/1.1 200 OK\r\n")) << only_head;
    EXPECT_NE(only_head.find("Content-Length: 5\r\n"), std::string::npos);
    EXPECT_TRUE(only_head.ends_with("\r\n\r\n")) << only_head;
    // Errors, too.
    const std::string refused = reply("GET /metrics HTTP/1.1\r\nHost: evil.example:9461\r\n\r\n");
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 421 Misdirected Request\r\n")) << refused;
    EXPECT_NE(refused.find("nosniff"), std::string::npos);
    EXPECT_EQ(log.count("warning web-host-refused host=evil.example:9461"), 1u);
    EXPECT_TRUE(reply("GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n").starts_with("HTTP/1.1 503 "));
    const std::string broken = reply("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_TRUE(broken.starts_with("HTTP/1.1 500 ")) << broken;
    EXPECT_EQ(server->counts(Entrance::web).replies.of(StatusClass::good).value(), 2u);
    EXPECT_EQ(server->counts(Entrance::web).replies.of(StatusClass::refused).value(), 1u);
    EXPECT_EQ(server->counts(Entrance::web).replies.of(StatusClass::failed).value(), 2u);
    // The turn was given back by the one that failed.
    EXPECT_TRUE(reply(get).starts_with("HTTP/1.1 200 OK\r\n"));
    server->set_hosts({"evil.example"});
    EXPECT_TRUE(
        reply("GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n").starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_F(AdminWebServer, WorkIsDoneOneAfterTheOther) {
    hold = true;
    start();
    std::vector<test::RawPeer> peers;
    for (int i = 0; i < 5; ++i) {
        peers.push_back(connect());
        (void)peers.back().send(get);
    }
    ASSERT_TRUE(run_until([&] { return metrics_asked == 1 && server->connections(Entrance::web) == 5; }));
    // What takes no work does not wait.
    EXPECT_TRUE(reply("GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n").starts_with("HTTP/1.1 503 "));
    for (int i = 1; i <= 5; ++i) {
        ASSERT_TRUE(run_until([&] { return metrics_asked == i; })) << i;
        held.notify();
    }
    for (test::RawPeer& peer : peers) EXPECT_TRUE(talk(peer, "", "up 1\n"));
}

TEST_F(AdminWebServer, WhoIsWaitedForLongestMakesRoom) {
    start();
    std::vector<test::RawPeer> silent;
    for (std::size_t i = 0; i < max_web_connections; ++i) {
        silent.push_back(connect());
        ASSERT_TRUE(run_until([&] { return server->connections(Entrance::web) == i + 1; }));
    }
    EXPECT_TRUE(reply(get).starts_with("HTTP/1.1 200 OK\r\n"));
    EXPECT_TRUE(ends(silent.front()));
    EXPECT_TRUE(talk(silent.back(), get, "up 1\n")) << "the others are still served";
    EXPECT_EQ(log.count("warning web-full connections=64"), 1u);
    EXPECT_EQ(server->counts(Entrance::web).refused.value(), 1u);
    // Any number of them.
    std::vector<test::RawPeer> crowd;
    for (int i = 0; i < 300; ++i) {
        crowd.push_back(connect());
        io.restart();
        io.poll();
    }
    EXPECT_TRUE(reply(get).starts_with("HTTP/1.1 200 OK\r\n"));
    EXPECT_LE(server->connections(Entrance::web), max_web_connections);
}

TEST_F(AdminWebServer, WhenAllAreBeingAnsweredANewOneIsTurnedAway) {
    hold = true;
    start();
    std::vector<test::RawPeer> busy;
    for (std::size_t i = 0; i < max_web_connections; ++i) {
        busy.push_back(connect());
        (void)busy.back().send(get);
        ASSERT_TRUE(run_until([&] { return server->connections(Entrance::web) == i + 1; }));
    }
    ASSERT_TRUE(run_until([&] { return metrics_asked == 1; }));
    EXPECT_TRUE(reply(get).starts_with("HTTP/1.1 503 "));
    hold = false;
    held.notify();
    for (test::RawPeer& peer : busy) EXPECT_TRUE(talk(peer, "", "up 1\n"));
}

TEST_F(AdminWebServer, SlowClientsAreGivenUp) {
    start({.head = 200ms, .piece = 200ms, .idle = 400ms, .linger = 100ms});
    test::RawPeer nothing = connect(), slow = connect();
    EXPECT_TRUE(talk(slow, "GET /metr", "408 Request Timeout"));
    EXPECT_TRUE(ends(slow));
    EXPECT_TRUE(ends(nothing));
    EXPECT_EQ(nothing.received, "");
}

} // namespace
