// fetch/tls_stream.hpp - TLS, as a client, over a connected TCP socket.
//
// OpenSSL reads from the socket itself. What it writes is gathered and goes out when nothing can go on
// without the peer, so that the end of the handshake and the request after it are one packet, and the server
// is woken once. (asio::ssl::stream sends each by itself, and takes every octet through two more pairs of
// buffers.) Errors are those of asio::ssl::stream: eof after a close_notify, stream_truncated without one.
//
// Belongs to one single-threaded executor; one operation at a time. close() may come at any time, and ends
// what waits with operation_aborted. Must not be destroyed or moved while something waits.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace fetch {

class TlsStream {
public:
    using Socket = boost::asio::ip::tcp::socket;
    using error_code = boost::system::error_code;

    /// Throws std::bad_alloc when OpenSSL has no memory.
    TlsStream(Socket socket, boost::asio::ssl::context& context);

    /// For octets before the handshake.
    [[nodiscard]] Socket& socket() noexcept { return socket_; }
    [[nodiscard]] SSL* native_handle() noexcept { return tls_.get(); }

    /// After a failure the alert that tells the peer why has been sent, if the socket took it at once.
    [[nodiscard]] boost::asio::awaitable<error_code> handshake();
    /// Gathers; to be called after the handshake.
    [[nodiscard]] error_code write(std::string_view octets);

    struct Read {
        error_code error; ///< none when there are octets
        std::size_t octets = 0;
    };
    /// Sends what is gathered and waits for at least one octet. That the peer takes no more does not keep it
    /// from being read: a server may answer, and close, without having read all.
    [[nodiscard]] boost::asio::awaitable<Read> read_some(std::span<char> to);

    void close() noexcept;

private:
    struct Free {
        void operator()(SSL* tls) const noexcept { SSL_free(tls); }
    };

    [[nodiscard]] error_code outcome(int result);
    [[nodiscard]] std::string_view gathered() const noexcept;
    [[nodiscard]] boost::asio::awaitable<error_code> wait_for_peer();

    Socket socket_;
    std::unique_ptr<SSL, Free> tls_;
    BIO* out_ = nullptr; ///< what is to be sent; the SSL's
};

} // namespace fetch
