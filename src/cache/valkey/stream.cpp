#include "cache/valkey/stream.hpp"

#include "cache/valkey/tls_context.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <utility>

namespace valkey {

namespace asio = boost::asio;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

} // namespace

asio::awaitable<Stream::error_code> Stream::connect(Endpoint endpoint) {
    error_code error;
    socket_.close(error);
    socket_.open(endpoint.protocol(), error);
    if (error) co_return error;
    auto [connected] = co_await socket_.async_connect(endpoint, as_result);
    if (!socket_.is_open()) co_return asio::error::operation_aborted;
    if (!connected && endpoint.protocol().family() != AF_UNIX) {
        error_code ignored;
        socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    }
    co_return connected;
}

asio::awaitable<std::string> Stream::shake(std::shared_ptr<asio::ssl::context> context, std::string name) {
    context_ = std::move(context);
    tls_.emplace(socket_, *context_);
    if (!expect_name(tls_->native_handle(), name)) co_return "TLS: a certificate cannot have this name";
    auto [error] = co_await tls_->async_handshake(asio::ssl::stream_base::client, as_result);
    if (!socket_.is_open()) co_return "TLS: given up";
    if (error) co_return handshake_words(tls_->native_handle(), error);
    co_return std::string{};
}

asio::awaitable<Stream::Read> Stream::read_some(std::span<char> to) {
    const auto buffer = asio::buffer(to.data(), to.size());
    Read read;
    if (tls_) {
        auto [error, octets] = co_await tls_->async_read_some(buffer, as_result);
        read.error = error;
        read.octets = octets;
    } else {
        auto [error, octets] = co_await socket_.async_read_some(buffer, as_result);
        read.error = error;
        read.octets = octets;
    }
    co_return read;
}

asio::awaitable<Stream::error_code> Stream::write(std::string_view octets) {
    const auto buffer = asio::buffer(octets);
    error_code result;
    if (tls_) {
        auto [error, written] = co_await asio::async_write(*tls_, buffer, as_result);
        result = error;
    } else {
        auto [error, written] = co_await asio::async_write(socket_, buffer, as_result);
        result = error;
    }
    co_return result;
}

void Stream::close() noexcept {
    error_code ignored;
    socket_.close(ignored);
}

} // namespace valkey
