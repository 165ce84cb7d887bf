#include "fetch/tls_stream.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <cerrno>
#include <new>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <utility>

namespace fetch {

namespace asio = boost::asio;

TlsStream::TlsStream(Socket socket, asio::ssl::context& context)
    : socket_(std::move(socket)), tls_(SSL_new(context.native_handle())) {
    BIO* const in = BIO_new_socket(socket_.native_handle(), BIO_NOCLOSE);
    out_ = BIO_new(BIO_s_mem());
    if (!tls_ || in == nullptr || out_ == nullptr) {
        BIO_free(in);
        BIO_free(out_);
        throw std::bad_alloc();
    }
    SSL_set_bio(tls_.get(), in, out_);
    // Whole records, and as many as have come, with one system call.
    SSL_set_read_ahead(tls_.get(), 1);
}

void TlsStream::close() noexcept {
    error_code ignored;
    socket_.close(ignored);
}

/// What an operation of OpenSSL came to; would_block: it needs the peer.
TlsStream::error_code TlsStream::outcome(int result) {
    const int error_of_system = errno;
    switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_NONE: return {};
    case SSL_ERROR_WANT_READ: return asio::error::would_block;
    case SSL_ERROR_ZERO_RETURN: return asio::error::eof;
    case SSL_ERROR_SYSCALL:
        if (error_of_system != 0) return {error_of_system, boost::system::system_category()};
        return asio::ssl::error::stream_truncated;
    default: break;
    }
    const unsigned long why = ERR_peek_error();
    if (ERR_GET_LIB(why) == ERR_LIB_SSL && ERR_GET_REASON(why) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return asio::ssl::error::stream_truncated;
    if (why == 0) return asio::ssl::error::unexpected_result;
    return {static_cast<int>(why), asio::error::get_ssl_category()};
}

std::string_view TlsStream::gathered() const noexcept {
    char* octets = nullptr;
    const long size = BIO_get_mem_data(out_, &octets);
    return {octets, static_cast<std::size_t>(std::max(size, 0L))};
}

/// Sends what is gathered, then waits until there is something to read, or an end.
asio::awaitable<TlsStream::error_code> TlsStream::wait_for_peer() {
    const std::string_view octets = gathered();
    if (!octets.empty()) {
        co_await asio::async_write(socket_, asio::buffer(octets), asio::as_tuple(asio::use_awaitable));
        (void)BIO_reset(out_);
    }
    // Once closed, the descriptor's number may be another connection's: OpenSSL must not read it any more.
    if (!socket_.is_open()) co_return asio::error::operation_aborted;
    auto [error] = co_await socket_.async_wait(Socket::wait_read, asio::as_tuple(asio::use_awaitable));
    if (!socket_.is_open()) co_return asio::error::operation_aborted;
    co_return error;
}

asio::awaitable<TlsStream::error_code> TlsStream::handshake() {
    error_code error;
    // Not only natively: Asio would wait in write_some() below, and all fetches with it.
    socket_.non_blocking(true, error);
    if (error) co_return error;
    for (;;) {
        ERR_clear_error();
        errno = 0;
        error = outcome(SSL_connect(tls_.get()));
        if (error != asio::error::would_block) break;
        error = co_await wait_for_peer();
        if (error) break;
    }
    if (error && socket_.is_open()) {
        error_code ignored;
        socket_.write_some(asio::buffer(gathered()), ignored);
    }
    co_return error;
}

TlsStream::error_code TlsStream::write(std::string_view octets) {
    ERR_clear_error();
    errno = 0;
    std::size_t taken = 0;
    // Memory takes everything, in as many records as it needs.
    return outcome(SSL_write_ex(tls_.get(), octets.data(), octets.size(), &taken));
}

asio::awaitable<TlsStream::Read> TlsStream::read_some(std::span<char> to) {
    Read read;
    if (!gathered().empty()) {
        read.error = co_await wait_for_peer();
    }
    while (!read.error) {
        ERR_clear_error();
        errno = 0;
        const int result = SSL_read_ex(tls_.get(), to.data(), to.size(), &read.octets);
        if (result == 1) break;
        read.error = outcome(result);
        if (read.error != asio::error::would_block) break;
        read.error = co_await wait_for_peer();
    }
    co_return read;
}

} // namespace fetch
