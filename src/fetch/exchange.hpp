// fetch/exchange.hpp - the work on one connection: a tunnel through the proxy if there is one, the TLS
// handshake, one request, one response.
//
// stop() enforces the caller's deadline; the exchange itself only limits a handshake for which other
// addresses wait. Lives on one single-threaded executor.
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
        explicit Outcome(Response f) : fetched(std::move(f)) {}
        Response fetched;
        Circumstances how; ///< of a response that was fetched; without the address
        /// The request was not sent yet: another address of the host may work. TLS authenticates that one,
        /// too.
        bool try_elsewhere = false;
        /// It was given up only because it was silent or slow: it might work with more time.
        bool out_of_patience = false;
    };

    /// How long a handshake may take while other addresses wait.
    struct Patience {
        std::chrono::milliseconds silence; ///< without an octet from the peer
        std::chrono::milliseconds whole;
    };

    /// `policy_host` without final dot.
    Exchange(boost::asio::ip::tcp::socket socket, std::shared_ptr<boost::asio::ssl::context> tls,
             std::string policy_host, TlsStream::Shared shared);

    /// Through an HTTP proxy: asks for a tunnel to the policy host's `port`. Nothing, or why there is none.
    [[nodiscard]] boost::asio::awaitable<std::optional<Failure>> tunnel(std::uint16_t port);
    /// TLS and the GET.
    [[nodiscard]] boost::asio::awaitable<Outcome> get(std::optional<Patience> patience);

    /// Closes the connection: waiting operations fail soon.
    void stop() noexcept;
    /// The same, because its place is given to another policy host's connection.
    void give_way() noexcept;
    [[nodiscard]] Stage stage() const noexcept { return stage_; }

private:
    [[nodiscard]] boost::asio::awaitable<Outcome> shake(std::optional<Patience> patience);
    [[nodiscard]] boost::asio::awaitable<Outcome> respond();
    void limit_handshake(Patience patience, std::chrono::steady_clock::time_point begun);
    [[nodiscard]] Outcome failed(Failure failure) const;
    [[nodiscard]] std::optional<Outcome> ended_by_us() const;

    std::shared_ptr<boost::asio::ssl::context> tls_; // outlives the stream
    std::string policy_host_;
    TlsStream stream_;
    boost::asio::steady_timer limit_;
    std::string out_;
    std::array<char, 4096> in_;
    Stage stage_ = Stage::handshake;
    bool shaken_ = false;         // the handshake is over, with success or failure
    std::string out_of_patience_; // how the handshake met its limit
    bool gave_way_ = false;
};

} // namespace fetch
