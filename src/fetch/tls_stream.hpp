// fetch/tls_stream.hpp - TLS, as a client, over a connected TCP socket, whatever the peer sends.
//
// OpenSSL works on fixed buffers (fetch/wire) and in turns (fetch/turns): neither endless handshake messages
// nor records of one octet delay the loop's timers. There are limits on what a peer may send in total, on
// what it may make us write, and on unsolicited messages. A handshake with a long chain or large keys
// continues in a thread of its own. OpenSSL's output is gathered and sent when the next step needs the peer,
// so that the end of the handshake and the request are one packet, and the server is woken once. Errors are
// those of asio::ssl::stream: eof after a close_notify, stream_truncated without one; no_buffer_space when
// refusal() names the limit that was reached.
//
// Belongs to one single-threaded executor; one operation at a time. close() may be called at any time, and
// ends a waiting operation with operation_aborted. Must not be moved, nor destroyed while an operation waits,
// except together with the loop.
#pragma once

#include "fetch/handshake_thread.hpp"
#include "fetch/turns.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace fetch {

/// Octets that peers may send in one fetch, over all its connections, including TLS and a proxy's reply.
inline constexpr std::size_t max_fetch_octets = 1024 * 1024;
/// HelloRequest, KeyUpdate and NewSessionTicket in one connection: servers send two to four tickets.
inline constexpr int max_unasked_messages = 16;
/// A handshake with more input than this continues in the handshake thread; a usual one has 2 to 6 KiB.
inline constexpr std::size_t max_handshake_on_loop = 8 * 1024;

class TlsStream {
public:
    using Socket = boost::asio::ip::tcp::socket;
    using error_code = boost::system::error_code;

    /// What connections share.
    struct Shared {
        std::shared_ptr<Turns> turns;
        std::shared_ptr<HandshakeThread> thread; ///< null: all work on the loop
        std::shared_ptr<std::size_t> octets_left = std::make_shared<std::size_t>(max_fetch_octets);
        std::function<void()> progress = {}; ///< octets came; must not throw or close the stream
    };

    /// Throws std::bad_alloc when OpenSSL has no memory.
    TlsStream(Socket socket, boost::asio::ssl::context& context, Shared shared);
    /// Shares nothing with other connections.
    TlsStream(Socket socket, boost::asio::ssl::context& context);

    /// For writing octets before the handshake. For reading see read_before().
    [[nodiscard]] Socket& socket() noexcept { return socket_; }
    /// Must not be called while busy().
    [[nodiscard]] SSL* native_handle() noexcept;
    /// After a handshake that ended with operation_aborted: the thread may still be at work on it.
    [[nodiscard]] bool busy() const noexcept;

    /// After a failure the alert that tells the peer why has been sent, if the socket took it at once.
    [[nodiscard]] boost::asio::awaitable<error_code> handshake();
    /// Gathers the octets; call it after the handshake.
    [[nodiscard]] error_code write(std::string_view octets);

    struct Read {
        error_code error; ///< none when there are octets
        std::size_t octets = 0;
    };
    /// Sends the gathered octets and waits for at least one octet. It also reads when the peer accepts no
    /// more: a server may answer, and close, without having read everything.
    [[nodiscard]] boost::asio::awaitable<Read> read_some(std::span<char> to);
    /// Before the handshake: plain octets, counted like all others.
    [[nodiscard]] boost::asio::awaitable<Read> read_before(std::span<char> to);

    /// The limit that ended the connection; empty: none did. Must not be called while busy().
    [[nodiscard]] std::string refusal() const;
    /// Whether that limit was max_fetch_octets.
    [[nodiscard]] bool too_many_octets() const noexcept { return *shared_.octets_left == 0; }
    /// When the peer last sent something; before that, when the stream was made.
    [[nodiscard]] std::chrono::steady_clock::time_point last_octet() const noexcept { return last_octet_; }

    void close() noexcept;

private:
    struct Session;

    [[nodiscard]] std::function<bool()> room();
    [[nodiscard]] boost::asio::awaitable<error_code> shake_in_thread();
    [[nodiscard]] boost::asio::awaitable<error_code> send();
    [[nodiscard]] boost::asio::awaitable<error_code> readable();
    [[nodiscard]] boost::asio::awaitable<error_code> go_on();
    [[nodiscard]] error_code receive();
    [[nodiscard]] bool take(std::size_t octets);

    Socket socket_;
    Shared shared_;
    Turns::Turn turn_;
    std::shared_ptr<Session> session_; // shared with the thread while it works
    std::size_t taken_ = 0;
    std::chrono::steady_clock::time_point last_octet_ = std::chrono::steady_clock::now();
};

} // namespace fetch
