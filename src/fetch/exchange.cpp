#include "fetch/exchange.hpp"

#include "fetch/certificate.hpp"
#include "fetch/request.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace fetch {

namespace asio = boost::asio;
using base::Reason;
using boost::system::error_code;

namespace {

Failure failure(Reason reason, std::string detail) {
    Failure f;
    f.reason = reason;
    f.detail = std::move(detail);
    return f;
}

Exchange::Outcome failed(Failure f, bool elsewhere) {
    return Exchange::Outcome(Fetched(base::unexpected(std::move(f))), elsewhere);
}

bool from_openssl(const error_code& error) { return error.category() == asio::error::get_ssl_category(); }

} // namespace

Exchange::Exchange(asio::ip::tcp::socket socket, std::shared_ptr<asio::ssl::context> tls,
                   std::string policy_host)
    : tls_(std::move(tls)), policy_host_(std::move(policy_host)), stream_(std::move(socket), *tls_),
      limit_(stream_.socket().get_executor()) {}

void Exchange::stop() noexcept { stream_.close(); }

asio::awaitable<std::optional<Failure>> Exchange::tunnel(std::uint16_t port) {
    stage_ = Stage::proxy;
    out_ = connect_request(policy_host_, port);
    auto [write_error, written] =
        co_await asio::async_write(stream_.socket(), asio::buffer(out_), asio::as_tuple(asio::use_awaitable));
    if (write_error) co_return failure(Reason::proxy_failed, "CONNECT: " + write_error.message());
    ConnectReader reader;
    for (;;) {
        auto [error, n] =
            co_await stream_.socket().async_read_some(asio::buffer(in_), asio::as_tuple(asio::use_awaitable));
        if (error) co_return failure(Reason::proxy_failed, "reply to CONNECT: " + error.message());
        const auto reply = reader.feed(std::string_view(in_.data(), n));
        if (!reply) continue;
        stage_ = Stage::handshake;
        if (*reply) co_return std::nullopt;
        co_return reply->error();
    }
}

void Exchange::limit_handshake(std::chrono::steady_clock::duration limit) {
    limit_.expires_after(limit);
    limit_.async_wait([weak = weak_from_this()](const error_code& cancelled) {
        const auto self = weak.lock();
        if (cancelled || !self || self->shaken_) return;
        self->out_of_time_ = true;
        self->stop();
    });
}

asio::awaitable<Exchange::Outcome>
Exchange::get(std::optional<std::chrono::steady_clock::duration> handshake_limit) {
    SSL* tls = stream_.native_handle();
    if (!expect_host(tls, policy_host_))
        co_return failed(failure(Reason::tls_handshake, "OpenSSL refuses the host name"), false);
    if (handshake_limit) limit_handshake(*handshake_limit);
    const error_code shake_error = co_await stream_.handshake();
    shaken_ = true;
    limit_.cancel();
    if (shake_error) {
        if (auto verdict = certificate_verdict(tls)) co_return failed(std::move(*verdict), false);
        if (out_of_time_)
            co_return failed(failure(Reason::tls_handshake, "TLS handshake: no answer in time"), true);
        co_return failed(handshake_failure(tls, shake_error), true);
    }
    if (auto wrong = wrong_protocol(tls)) co_return failed(std::move(*wrong), false);

    stage_ = Stage::response;
    if (const error_code error = stream_.write(policy_request(policy_host_)))
        co_return failed(handshake_failure(tls, error), true);
    HttpReader reader;
    for (;;) {
        const TlsStream::Read read = co_await stream_.read_some(in_);
        const error_code error = read.error;
        if (read.octets > 0) {
            auto fetched = reader.feed(std::string_view(in_.data(), read.octets));
            if (fetched) co_return Outcome(std::move(*fetched));
        }
        if (!error) continue;
        const bool silent = reader.untouched();
        // In TLS 1.3 a server refuses the client's side of the handshake only after it, with an alert.
        if (silent && from_openssl(error)) co_return failed(handshake_failure(tls, error), true);
        Fetched end = reader.finish(error == asio::error::eof);
        if (!end && error != asio::error::eof) end.error().detail += " (" + error.message() + ")";
        co_return Outcome(std::move(end), silent);
    }
}

} // namespace fetch
