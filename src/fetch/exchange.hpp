// fetch/exchange.hpp - what happens on one connection: a tunnel through the proxy if there is one, the TLS
// handshake, one request, one response.
//
// The caller's deadline is enforced by stop(); the exchange itself only limits a handshake that others wait
// behind. Lives on one single-threaded executor.
#pragma once

#include "fetch/http_reader.hpp"
#include "fetch/tls_stream.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace fetch {

class Exchange : public std::enable_shared_from_this<Exchange> {
public:
    enum class Stage { proxy, handshake, response };

    struct Outcome {
        explicit Outcome(Fetched f, bool elsewhere = false)
            : fetched(std::move(f)), try_elsewhere(elsewhere) {}
        Fetched fetched;
        /// The connection failed, not the host: another of its addresses may do better.
        bool try_elsewhere;
    };

    /// `policy_host` without final dot.
    Exchange(boost::asio::ip::tcp::socket socket, std::shared_ptr<boost::asio::ssl::context> tls,
             std::string policy_host);

    /// Through an HTTP proxy: asks for a tunnel to the policy host's `port`. Nothing, or why there is none.
    [[nodiscard]] boost::asio::awaitable<std::optional<Failure>> tunnel(std::uint16_t port);
    /// TLS and the GET. The handshake alone may take no longer than `handshake_limit`, if given.
    [[nodiscard]] boost::asio::awaitable<Outcome>
    get(std::optional<std::chrono::steady_clock::duration> handshake_limit);

    /// Closes the connection: what is waiting fails soon.
    void stop() noexcept;
    [[nodiscard]] Stage stage() const noexcept { return stage_; }

private:
    void limit_handshake(std::chrono::steady_clock::duration limit);

    std::shared_ptr<boost::asio::ssl::context> tls_; // outlives the stream
    std::string policy_host_;
    TlsStream stream_;
    boost::asio::steady_timer limit_;
    std::string out_;
    std::array<char, 8192> in_;
    Stage stage_ = Stage::handshake;
    bool shaken_ = false;      // the handshake is over, well or badly
    bool out_of_time_ = false; // it met its limit
};

} // namespace fetch
