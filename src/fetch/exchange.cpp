#include "fetch/exchange.hpp"

#include "fetch/certificate.hpp"
#include "fetch/dialer.hpp"
#include "fetch/request.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>

namespace fetch {

namespace asio = boost::asio;
using base::Reason;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

Failure failure(Reason reason, std::string detail) {
    Failure f;
    f.reason = reason;
    f.detail = std::move(detail);
    return f;
}

bool from_openssl(const error_code& error) { return error.category() == asio::error::get_ssl_category(); }

} // namespace

Exchange::Exchange(asio::ip::tcp::socket socket, std::shared_ptr<asio::ssl::context> tls,
                   std::string policy_host, TlsStream::Shared shared)
    : tls_(std::move(tls)), policy_host_(std::move(policy_host)),
      stream_(std::move(socket), *tls_, std::move(shared)), limit_(stream_.socket().get_executor()) {}

void Exchange::stop() noexcept { stream_.close(); }

void Exchange::give_way() noexcept {
    gave_way_ = true;
    stop();
}

asio::awaitable<std::optional<Failure>> Exchange::tunnel(std::uint16_t port) {
    stage_ = Stage::proxy;
    out_ = connect_request(policy_host_, port);
    auto [write_error, written] =
        co_await asio::async_write(stream_.socket(), asio::buffer(out_), asio::as_tuple(asio::use_awaitable));
    if (write_error) co_return failure(Reason::proxy_failed, "CONNECT: " + write_error.message());
    ConnectReader reader;
    for (;;) {
        const TlsStream::Read read = co_await stream_.read_before(in_);
        if (read.error) {
            const std::string why = stream_.refusal().empty() ? read.error.message() : stream_.refusal();
            co_return failure(Reason::proxy_failed, "reply to CONNECT: " + why);
        }
        const auto reply = reader.feed(std::string_view(in_.data(), read.octets));
        if (!reply) continue;
        stage_ = Stage::handshake;
        if (*reply) co_return std::nullopt;
        co_return reply->error();
    }
}

/// Watches the handshake until its end or its limit.
void Exchange::limit_handshake(Patience patience, steady_clock::time_point begun) {
    limit_.expires_at(std::min(stream_.last_octet() + patience.silence, begun + patience.whole));
    limit_.async_wait([weak = weak_from_this(), patience, begun](const error_code& cancelled) {
        const auto self = weak.lock();
        if (cancelled || !self || self->shaken_) return;
        const auto now = steady_clock::now();
        // What waits for the handshake thread waits for us.
        const bool silent = !self->stream_.busy() && now - self->stream_.last_octet() >= patience.silence;
        if (now - begun >= patience.whole)
            self->out_of_patience_ = "not done after " + std::to_string(patience.whole.count()) + " ms";
        else if (silent)
            self->out_of_patience_ = "no octet for " + std::to_string(patience.silence.count()) + " ms";
        else if (self->stream_.busy())
            return self->limit_handshake({patience.whole, patience.whole}, begun);
        else
            return self->limit_handshake(patience, begun);
        self->stop();
    });
}

/// A failure before the request was sent.
Exchange::Outcome Exchange::failed(Failure f) const {
    Outcome outcome{Response(base::unexpected(std::move(f)))};
    outcome.try_elsewhere = true;
    return outcome;
}

/// We closed the connection; its last error does not matter.
std::optional<Exchange::Outcome> Exchange::ended_by_us() const {
    if (gave_way_) {
        Outcome outcome{Response(base::unexpected(failure(Reason::fetch_timeout, std::string(gave_way))))};
        outcome.try_elsewhere = stage_ != Stage::response;
        return outcome;
    }
    if (!out_of_patience_.empty()) {
        Outcome outcome = failed(failure(Reason::fetch_timeout, "TLS handshake: " + out_of_patience_));
        outcome.out_of_patience = true;
        return outcome;
    }
    return std::nullopt;
}

asio::awaitable<Exchange::Outcome> Exchange::get(std::optional<Patience> patience) {
    Outcome outcome = co_await shake(patience);
    if (outcome.fetched) {
        outcome = co_await respond();
        if (outcome.fetched) outcome.how = circumstances(stream_.native_handle());
    }
    co_return outcome;
}

/// The handshake, and sending the request. Success is a body without meaning.
asio::awaitable<Exchange::Outcome> Exchange::shake(std::optional<Patience> patience) {
    SSL* tls = stream_.native_handle();
    if (!expect_host(tls, policy_host_))
        co_return Outcome(
            Response(base::unexpected(failure(Reason::tls_handshake, "OpenSSL refuses the host name"))));
    postpone_dear_chains(tls);
    if (patience) limit_handshake(*patience, steady_clock::now());
    const error_code error = co_await stream_.handshake();
    shaken_ = true;
    limit_.cancel();
    if (auto ours = ended_by_us()) co_return std::move(*ours);
    if (stream_.busy()) co_return failed(failure(Reason::tls_handshake, "TLS handshake: " + error.message()));
    if (error) {
        if (!stream_.refusal().empty())
            co_return failed(failure(Reason::tls_handshake, "TLS handshake: " + stream_.refusal()));
        co_return failed(handshake_failure(tls, error));
    }
    if (auto wrong = wrong_protocol(tls)) co_return failed(std::move(*wrong));
    if (const error_code write_error = stream_.write(policy_request(policy_host_)))
        co_return failed(handshake_failure(tls, write_error));
    stage_ = Stage::response;
    co_return Outcome(Response(std::string()));
}

asio::awaitable<Exchange::Outcome> Exchange::respond() {
    SSL* tls = stream_.native_handle();
    HttpReader reader;
    for (;;) {
        const TlsStream::Read read = co_await stream_.read_some(in_);
        const error_code error = read.error;
        if (read.octets > 0) {
            auto fetched = reader.feed(std::string_view(in_.data(), read.octets));
            if (fetched) co_return Outcome(std::move(*fetched));
        }
        if (!error) continue;
        if (auto ours = ended_by_us()) co_return std::move(*ours);
        if (!stream_.refusal().empty())
            co_return Outcome(Response(base::unexpected(
                failure(stream_.too_many_octets() ? Reason::http_too_large : Reason::tls_handshake,
                        "response: " + stream_.refusal()))));
        // In TLS 1.3 a server refuses the client's side of the handshake only after it, with an alert.
        if (reader.untouched() && from_openssl(error))
            co_return Outcome(Response(base::unexpected(handshake_failure(tls, error))));
        Response end = reader.finish(error == asio::error::eof);
        if (!end && error != asio::error::eof) end.error().detail += " (" + error.message() + ")";
        co_return Outcome(std::move(end));
    }
}

} // namespace fetch
