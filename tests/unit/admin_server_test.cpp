// The administration's server over real sockets: requests, rights, streams, limits, stop.
#include "admin/limits.hpp"
#include "admin/server.hpp"
#include "base/event.hpp"

#include "support/late.hpp"
#include "support/memory_log.hpp"
#include "support/raw_peer.hpp"
#include "support/real_clock.hpp"
#include "support/temp_folder.hpp"

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using namespace admin;
namespace asio = boost::asio;
using Outcome = base::Expected<Reply, Error>;

/// So many slices of a size; with `hold` the stream then waits until it is dropped.
class Slices final : public Stream {
public:
    Slices(asio::any_io_executor executor, int& alive, int count, std::size_t size, bool hold)
        : event_(executor), alive_(alive), left_(count), size_(size), hold_(hold) {
        ++alive_;
    }
    ~Slices() override { --alive_; }
    asio::awaitable<std::optional<std::string>> next() override {
        while (left_ == 0 && hold_) {
            co_await event_.wait();
        }
        if (left_ == 0) co_return std::optional<std::string>();
        --left_;
        co_return std::optional<std::string>(std::string(size_ - 1, 'x') + '\n');
    }

private:
    base::Event event_;
    int& alive_;
    int left_;
    std::size_t size_;
    bool hold_;
};

class AdminServer : public testing::Test {
protected:
    AdminServer() {
        set(Operation::status, [](const Request& request) -> asio::awaitable<Outcome> {
            Reply reply;
            reply.body["uid"] = request.peer.uid;
            co_return reply;
        });
        set(Operation::show_domain, [](const Request& request) -> asio::awaitable<Outcome> {
            const std::string domain(request.parameter("domain"));
            if (domain == "bad.example") throw std::bad_alloc();
            if (domain == "odd.example") throw std::runtime_error("odd");
            if (domain != "big.example")
                co_return base::unexpected(Error{404, "unknown-domain", "not known", "domain"});
            Reply reply;
            reply.body["text"] = std::string(3'000'000, 'x');
            co_return reply;
        });
        set(Operation::forget_domain, [this](const Request&) -> asio::awaitable<Outcome> {
            ++changes;
            co_return Reply{};
        });
        set(Operation::refresh_domain, [this](const Request&) -> asio::awaitable<Outcome> {
            co_await held.wait();
            co_return Reply{};
        });
        const auto take_all = [](const Request& request) -> asio::awaitable<Outcome> {
            std::size_t octets = 0;
            for (;;) {
                auto piece = co_await request.body->next();
                if (!piece) co_return base::unexpected(piece.error());
                if (!*piece) break;
                octets += (*piece)->size();
            }
            Reply reply;
            reply.body["octets"] = octets;
            reply.body["domain"] = "of.the.reply";
            co_return reply;
        };
        set(Operation::import_policies, take_all);
        set(Operation::add_override, take_all);
        set(Operation::list_domains, [this](const Request&) -> asio::awaitable<Outcome> {
            Reply reply;
            reply.lines = std::make_unique<Slices>(io.get_executor(), alive, slices, slice_size, false);
            co_return reply;
        });
        set(Operation::tail_events, [this](const Request&) -> asio::awaitable<Outcome> {
            Reply reply;
            reply.lines = std::make_unique<Slices>(io.get_executor(), alive, 1, 10, true);
            co_return reply;
        });
    }

    void set(Operation operation, Handler handler) { handlers[index(operation)] = std::move(handler); }

    /// `own`: the daemon's uid; a user that is neither this nor root may only read.
    void start(uid_t own = ::geteuid(), uid_t overflow = 65534, Patience patience = {}) {
        server.emplace(Server::Parts{io.get_executor(), log, clock, own, overflow, patience}, handlers);
        const net::ListenAddress address{net::ListenAddress::Kind::unix_socket, path, {}, 0};
        auto listener = server::Listener::open(address, {}, 64);
        ASSERT_TRUE(listener.has_value()) << listener.error();
        const auto served = server->serve(*std::move(listener));
        ASSERT_TRUE(served.has_value()) << served.error();
    }

    template <class Done>
    bool run_until(Done done, std::chrono::milliseconds limit = test::late) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (!done()) {
            if (std::chrono::steady_clock::now() > end) return false;
            io.restart();
            io.run_one_for(2ms);
        }
        return true;
    }

    test::RawPeer connect() { return test::RawPeer::to_unix(path); }

    /// Sends; true when all of `wanted` has come.
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
    /// All of the reply to one request whose connection then ends.
    std::string reply(std::string_view octets) {
        test::RawPeer peer = connect();
        EXPECT_TRUE(talk(peer, octets, "\r\n\r\n")) << peer.received;
        peer.shut_sending();
        EXPECT_TRUE(ends(peer));
        return peer.received;
    }

    test::TempFolder folder;
    const std::string path = folder / "control";
    asio::io_context io{1};
    test::MemoryLog log;
    test::RealClock clock;
    Handlers handlers;
    base::Event held{io.get_executor()};
    int alive = 0, changes = 0, slices = 3;
    std::size_t slice_size = 10;
    std::optional<Server> server;
};

TEST_F(AdminServer, AnswersOneRequestAfterTheOther) {
    start();
    test::RawPeer peer = connect();
    ASSERT_TRUE(talk(peer, "GET /v1/status HTTP/1.1\r\n\r\n", "\"uid\":" + std::to_string(::geteuid())));
    EXPECT_TRUE(peer.received.starts_with("HTTP/1.1 200 OK\r\n"));
    peer.received.clear();
    // Two at once are answered in their order.
    ASSERT_TRUE(
        talk(peer, "GET /v1/domains/a.example HTTP/1.1\r\n\r\nGET /v1/status HTTP/1.1\r\n\r\n", "\"uid\""));
    EXPECT_LT(peer.received.find("unknown-domain"), peer.received.find("\"uid\""));
    peer.received.clear();
    ASSERT_TRUE(talk(peer, "GET /v1/status HTTP/1.1\r\nConnection: close\r\n\r\n", "Connection: close"));
    EXPECT_TRUE(ends(peer));
    EXPECT_TRUE(run_until([&] { return server->connections() == 0; }));
    EXPECT_TRUE(log.lines().empty());
}

TEST_F(AdminServer, AnOperationWithoutAHandlerIsNotThere) {
    start();
    EXPECT_NE(reply("GET /v1/observed HTTP/1.1\r\n\r\n").find("404 Not Found"), std::string::npos);
}

TEST_F(AdminServer, AChangeIsLogged) {
    start();
    const std::string uid = "uid=" + std::to_string(::geteuid());
    EXPECT_NE(reply("DELETE /v1/domains/a.example?by=alice HTTP/1.1\r\n\r\n").find("200 OK"),
              std::string::npos);
    EXPECT_NE(reply("POST /v1/overrides HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}").find("200 OK"),
              std::string::npos);
    EXPECT_EQ(changes, 1);
    EXPECT_EQ(log.lines(),
              (std::vector<std::string>{
                  "info control-change operation=forget-domain domain=a.example " + uid + " by=alice",
                  "info control-change operation=add-override domain=of.the.reply " + uid}));
}

TEST_F(AdminServer, WhoMayOnlyReadChangesNothing) {
    if (::geteuid() == 0) GTEST_SKIP() << "root may change; blackbox/test_control has the other users";
    start(::geteuid() + 1);
    EXPECT_NE(reply("GET /v1/status HTTP/1.1\r\n\r\n").find("200 OK"), std::string::npos);
    EXPECT_NE(reply("DELETE /v1/domains/a.example HTTP/1.1\r\n\r\n").find("403 Forbidden"),
              std::string::npos);
}

TEST_F(AdminServer, TheOverflowUidChangesNothing) {
    start(::geteuid(), ::geteuid());
    EXPECT_NE(reply("GET /v1/status HTTP/1.1\r\n\r\n").find("200 OK"), std::string::npos);
    EXPECT_NE(reply("DELETE /v1/domains/a.example?by=bob HTTP/1.1\r\n\r\n").find("\"no-permission\""),
              std::string::npos);
    EXPECT_EQ(changes, 0);
    EXPECT_EQ(log.lines(), (std::vector<std::string>{"warning control-refused operation=forget-domain uid=" +
                                                     std::to_string(::geteuid()) + " by=bob repeated=0"}));
}

TEST_F(AdminServer, BodiesComeInPiecesAndAreBounded) {
    start();
    const std::string body(1'000'000, 'x');
    EXPECT_NE(reply("POST /v1/import HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + body)
                  .find("\"octets\":1000000"),
              std::string::npos);
    // Only a chunked body can be longer than its head says.
    const std::string chunked = "POST /v1/overrides HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    EXPECT_NE(
        reply(chunked + "10000\r\n" + std::string(max_body, 'x') + "\r\n0\r\n\r\n").find("\"octets\":65536"),
        std::string::npos);
    EXPECT_NE(reply(chunked + "10001\r\n" + std::string(max_body + 1, 'x') + "\r\n0\r\n\r\n").find("413 "),
              std::string::npos);
    EXPECT_NE(reply("POST /v1/overrides HTTP/1.1\r\nContent-Length: 65537\r\n\r\n").find("413 "),
              std::string::npos);
    EXPECT_NE(reply(chunked + "zz\r\n").find("400 Bad Request"), std::string::npos);
}

TEST_F(AdminServer, AClientThatWaitsForTheWordGetsIt) {
    start();
    test::RawPeer peer = connect();
    ASSERT_TRUE(talk(peer, "POST /v1/import HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
                     "HTTP/1.1 100 Continue\r\n\r\n"));
    ASSERT_TRUE(talk(peer, "{}", "\"octets\":2"));
    // No word when the request is refused without its body; and no second request on that connection.
    test::RawPeer refused = connect();
    ASSERT_TRUE(talk(refused,
                     "POST /v1/nothing HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
                     "404 Not Found"));
    EXPECT_EQ(refused.received.find("100 Continue"), std::string::npos);
    EXPECT_TRUE(ends(refused));
}

TEST_F(AdminServer, AHandlerThatThrowsIsAFailure) {
    start();
    EXPECT_NE(reply("GET /v1/domains/bad.example HTTP/1.1\r\n\r\n").find("\"code\":\"failed\""),
              std::string::npos);
    EXPECT_NE(reply("GET /v1/domains/odd.example HTTP/1.1\r\n\r\n").find("500 "), std::string::npos);
}

TEST_F(AdminServer, HeadHasNoBody) {
    start();
    const std::string got = reply("HEAD /v1/status HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(got.starts_with("HTTP/1.1 405 ")) << got;
    EXPECT_TRUE(got.ends_with("\r\n\r\n")) << got;
}

TEST_F(AdminServer, AStreamComesInChunksAndTheConnectionGoesOn) {
    start();
    test::RawPeer peer = connect();
    ASSERT_TRUE(talk(peer, "GET /v1/domains HTTP/1.1\r\n\r\n", "\r\n0\r\n\r\n"));
    EXPECT_NE(peer.received.find("Transfer-Encoding: chunked"), std::string::npos);
    EXPECT_TRUE(
        peer.received.ends_with("a\r\nxxxxxxxxx\n\r\na\r\nxxxxxxxxx\n\r\na\r\nxxxxxxxxx\n\r\n0\r\n\r\n"));
    EXPECT_TRUE(run_until([&] { return alive == 0; }));
    peer.received.clear();
    EXPECT_TRUE(talk(peer, "GET /v1/status HTTP/1.1\r\n\r\n", "\"uid\""));
}

TEST_F(AdminServer, AStreamIsDroppedWhenItsClientIsGone) {
    start();
    {
        test::RawPeer peer = connect();
        ASSERT_TRUE(talk(peer, "GET /v1/events HTTP/1.1\r\n\r\n", "xxxxxxxxx\n"));
        EXPECT_EQ(alive, 1);
        // One that only sends no more still reads.
        peer.shut_sending();
        EXPECT_FALSE(run_until([&] { return alive == 0; }, 100ms));
    }
    EXPECT_TRUE(run_until([&] { return alive == 0 && server->connections() == 0; }));
}

TEST_F(AdminServer, AReaderThatIsStuckIsGivenUp) {
    slices = 1000;
    slice_size = 60'000;
    start(::geteuid(), 65534, {.piece = 300ms});
    test::RawPeer peer = connect();
    (void)peer.send("GET /v1/domains HTTP/1.1\r\n\r\n");
    ASSERT_TRUE(run_until([&] { return alive == 1; }));
    EXPECT_TRUE(run_until([&] { return alive == 0; }));
    EXPECT_TRUE(ends(peer));
    EXPECT_FALSE(peer.received.ends_with("\r\n0\r\n\r\n")) << "it must be seen that something is missing";
    EXPECT_LT(peer.received.size(), 10'000'000u);
    // The same for one large object.
    test::RawPeer other = connect();
    (void)other.send("GET /v1/domains/big.example HTTP/1.1\r\n\r\n");
    ASSERT_TRUE(run_until([&] { return server->connections() == 1; }));
    EXPECT_TRUE(run_until([&] { return server->connections() == 0; }));
}

TEST_F(AdminServer, SlowClientsAreGivenUp) {
    start(::geteuid(), 65534, {.head = 200ms, .piece = 200ms, .idle = 400ms, .linger = 100ms});
    test::RawPeer nothing = connect();
    EXPECT_TRUE(ends(nothing));
    EXPECT_EQ(nothing.received, "");
    test::RawPeer head = connect();
    EXPECT_TRUE(talk(head, "GET /v1/sta", "408 Request Timeout"));
    EXPECT_TRUE(ends(head));
    test::RawPeer body = connect();
    EXPECT_TRUE(
        talk(body, "POST /v1/import HTTP/1.1\r\nContent-Length: 9\r\n\r\nhello", "408 Request Timeout"));
    EXPECT_TRUE(ends(body));
    test::RawPeer idle = connect();
    EXPECT_TRUE(talk(idle, "GET /v1/status HTTP/1.1\r\n\r\n", "\"uid\""));
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_TRUE(ends(idle));
    EXPECT_GE(std::chrono::steady_clock::now() - begun, 300ms);
}

TEST_F(AdminServer, OneMoreThanThereMayBeIsTurnedAway) {
    start();
    std::vector<test::RawPeer> peers;
    for (std::size_t i = 0; i < max_connections; ++i) {
        peers.push_back(connect());
        ASSERT_TRUE(talk(peers.back(), "GET /v1/status HTTP/1.1\r\n\r\n", "\"uid\""));
    }
    const std::string turned_away = reply("GET /v1/status HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(turned_away.starts_with("HTTP/1.1 503 ")) << turned_away;
    EXPECT_NE(turned_away.find("\"unavailable\""), std::string::npos);
    EXPECT_EQ(log.count("warning control-full connections=32"), 1u);
    // However many: those over the limit are closed.
    std::vector<test::RawPeer> crowd;
    for (std::size_t i = 0; i < max_refusing + 5; ++i) crowd.push_back(connect());
    for (test::RawPeer& peer : crowd) EXPECT_TRUE(ends(peer));
    EXPECT_EQ(server->connections(), max_connections);
    peers.pop_back();
    ASSERT_TRUE(run_until([&] { return server->connections() < max_connections; }));
    EXPECT_NE(reply("GET /v1/status HTTP/1.1\r\n\r\n").find("200 OK"), std::string::npos);
}

TEST_F(AdminServer, SomePlacesAreForThoseWhoMayChange) {
    start(::geteuid(), ::geteuid()); // this user may only read
    std::vector<test::RawPeer> peers;
    for (std::size_t i = 0; i < max_connections - places_for_changes; ++i) {
        peers.push_back(connect());
        ASSERT_TRUE(talk(peers.back(), "GET /v1/status HTTP/1.1\r\n\r\n", "\"uid\""));
    }
    EXPECT_TRUE(reply("GET /v1/status HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 503 "));
}

TEST_F(AdminServer, AStopEndsStreamsAndIdleClientsAndAnswersWhatIsAtWork) {
    start();
    test::RawPeer idle = connect(), tail = connect(), busy = connect();
    ASSERT_TRUE(talk(idle, "GET /v1/status HTTP/1.1\r\n\r\n", "\"uid\""));
    ASSERT_TRUE(talk(tail, "GET /v1/events HTTP/1.1\r\n\r\n", "xxxxxxxxx\n"));
    (void)busy.send("POST /v1/domains/a.example/refresh HTTP/1.1\r\n\r\n");
    ASSERT_FALSE(run_until([&] { return busy.receive() && !busy.received.empty(); }, 100ms));
    server->stop();
    EXPECT_FALSE(std::filesystem::exists(path));
    EXPECT_TRUE(ends(idle));
    EXPECT_TRUE(ends(tail));
    EXPECT_FALSE(tail.received.ends_with("0\r\n\r\n"));
    EXPECT_TRUE(run_until([&] { return alive == 0; }));
    held.notify();
    EXPECT_TRUE(
        run_until([&] { return busy.received.find("200 OK") != std::string::npos || !busy.receive(); }));
    EXPECT_NE(busy.received.find("Connection: close"), std::string::npos) << busy.received;
    EXPECT_TRUE(ends(busy));
    EXPECT_TRUE(run_until([&] { return server->connections() == 0; }));
}

TEST_F(AdminServer, ListensOnUnixSocketsOnly) {
    server.emplace(Server::Parts{io.get_executor(), log, clock, 0, 65534, {}}, handlers);
    auto tcp = server::Listener::open({net::ListenAddress::Kind::tcp, {}, net::loopback, 0}, {}, 1);
    ASSERT_TRUE(tcp.has_value());
    const auto served = server->serve(*std::move(tcp));
    ASSERT_FALSE(served.has_value());
    EXPECT_NE(served.error().find("unix"), std::string::npos);
}

} // namespace
