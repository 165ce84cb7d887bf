// tests/support/faulty_engine.hpp - a Valkey or Redis of a few lines on a loopback port, good or bad as a test says. Runs on
// the test's own loop.
#pragma once

#include "cache/valkey/resp.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace test {

/// Turns the loop until `done()`; false when it did not come true in time.
template <class Done>
bool run_until(boost::asio::io_context& loop, Done done,
               std::chrono::milliseconds limit = std::chrono::seconds(10)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!done()) {
        if (std::chrono::steady_clock::now() > end) return false;
        loop.restart();
        loop.run_one_for(std::chrono::milliseconds(5));
    }
    return true;
}

class FaultyEngine {
    using Socket = boost::asio::ip::tcp::socket;
    struct Peer {
        explicit Peer(Socket s) : socket(std::move(s)), timer(socket.get_executor()) {}
        Socket socket;
        boost::asio::steady_timer timer;
        std::string unsent; ///< answers that are kept back
        std::string out;    ///< octets that are on their way
        bool writing = false;
    };

public:
    using Arguments = valkey::Arguments;

    explicit FaultyEngine(boost::asio::io_context& loop, std::uint16_t port = 0)
        : acceptor_(loop, {boost::asio::ip::address_v4::loopback(), port}) {
        boost::asio::co_spawn(loop, accept(), boost::asio::detached);
    }
    ~FaultyEngine() {
        boost::system::error_code ignored;
        acceptor_.close(ignored);
        hang_up();
    }
    FaultyEngine(const FaultyEngine&) = delete;
    FaultyEngine& operator=(const FaultyEngine&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }

    // What it does.
    std::function<std::string(const Arguments&)> answer = [](const Arguments& command) {
        return good(command);
    };
    bool silent = false; ///< takes commands and keeps its answers for release()
    std::chrono::milliseconds per_octet{0};

    // What it saw.
    std::vector<std::string> commands; ///< "GET k"
    std::size_t connections = 0;

    static std::string bulk(const std::string& text) {
        return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
    }
    static std::string good(const Arguments& command) {
        if (command[0] == "PING") return "+PONG\r\n";
        if (command[0] == "ROLE") return "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";
        if (command[0] == "GET") return bulk("value of " + command[1]);
        if (command[0] == "SUBSCRIBE") return "*3\r\n$9\r\nsubscribe\r\n" + bulk(command[1]) + ":1\r\n";
        if (command.size() == 5 && command[3] == "PXAT" && command[4] == "0")
            return "-ERR invalid expire time in 'set' command\r\n";
        return "+OK\r\n";
    }

    [[nodiscard]] std::size_t seen(const std::string& command) const {
        return static_cast<std::size_t>(std::ranges::count(commands, command));
    }
    [[nodiscard]] std::size_t open() const { return peers_.size(); }
    /// To every client, asked or not.
    void say(const std::string& octets) {
        for (const auto& peer : peers_) send(peer, octets);
    }
    void release() {
        silent = false;
        for (const auto& peer : peers_) send(peer, std::exchange(peer->unsent, {}));
    }
    /// Ends all connections, by RST.
    void hang_up() {
        for (const auto& peer : std::exchange(peers_, {})) {
            boost::system::error_code ignored;
            peer->socket.set_option(boost::asio::socket_base::linger(true, 0), ignored);
            peer->socket.close(ignored);
            peer->timer.cancel();
        }
    }

private:
    static constexpr auto as_result = boost::asio::as_tuple(boost::asio::use_awaitable);

    boost::asio::awaitable<void> accept() {
        for (;;) {
            auto [error, socket] = co_await acceptor_.async_accept(as_result);
            if (error) co_return;
            ++connections;
            const auto peer = std::make_shared<Peer>(std::move(socket));
            peers_.insert(peer);
            boost::asio::co_spawn(acceptor_.get_executor(), serve(peer), boost::asio::detached);
        }
    }

    boost::asio::awaitable<void> serve(std::shared_ptr<Peer> peer) {
        valkey::ReplyReader reader; // a command has the form of a reply
        std::array<char, 65536> octets{};
        for (;;) {
            auto [error, count] =
                co_await peer->socket.async_read_some(boost::asio::buffer(octets), as_result);
            if (error || !peer->socket.is_open()) break;
            reader.feed({octets.data(), count});
            while (peer->socket.is_open() && reader.next() == valkey::ReplyReader::State::whole) {
                Arguments command;
                for (const valkey::Reply& part : reader.reply().elements) command.push_back(part.text);
                take(peer, command);
            }
        }
        if (!peer->socket.is_open()) co_return; // by hang_up(), perhaps of a server that is gone
        peers_.erase(peer);
    }

    void take(const std::shared_ptr<Peer>& peer, const Arguments& command) {
        std::string shown;
        for (const std::string& part : command) shown += (shown.empty() ? "" : " ") + part;
        commands.push_back(shown);
        const std::string reply = answer(command);
        if (silent)
            peer->unsent += reply;
        else
            send(peer, reply);
    }

    void send(const std::shared_ptr<Peer>& peer, const std::string& octets) {
        peer->out += octets;
        if (peer->out.empty() || std::exchange(peer->writing, true)) return;
        boost::asio::co_spawn(acceptor_.get_executor(), flush(peer, per_octet), boost::asio::detached);
    }

    static boost::asio::awaitable<void> flush(std::shared_ptr<Peer> peer, std::chrono::milliseconds pause) {
        while (!peer->out.empty()) {
            std::string piece = std::exchange(peer->out, {});
            if (pause.count() > 0) {
                peer->out = piece.substr(1);
                piece.resize(1);
                peer->timer.expires_after(pause);
                co_await peer->timer.async_wait(as_result);
            }
            if (!peer->socket.is_open()) co_return;
            auto [error, count] =
                co_await boost::asio::async_write(peer->socket, boost::asio::buffer(piece), as_result);
            if (error) co_return;
        }
        peer->writing = false;
    }

    boost::asio::ip::tcp::acceptor acceptor_;
    std::uint16_t port_ = acceptor_.local_endpoint().port();
    std::set<std::shared_ptr<Peer>> peers_;
};

} // namespace test
