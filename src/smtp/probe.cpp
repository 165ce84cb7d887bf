#include "smtp/probe.hpp"

#include "base/net/asio_address.hpp"
#include "fetch/tls_stream.hpp"
#include "smtp/certificates.hpp"
#include "smtp/client_context.hpp"
#include "smtp/dialogue.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <utility>

namespace smtp {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);

/// Ends what one look waits for when its time is over.
class Deadline : public std::enable_shared_from_this<Deadline> {
public:
    Deadline(const asio::any_io_executor& executor, milliseconds whole)
        : timer_(executor), end_(steady_clock::now() + whole) {}

    /// What `time` is the limit of, from now on; the time for the whole stays the last one.
    void within(milliseconds time, std::function<void()> expire) {
        expire_ = std::move(expire);
        timer_.expires_at(std::min(end_, steady_clock::now() + time));
        timer_.async_wait([weak = weak_from_this()](const error_code& cancelled) {
            const auto self = weak.lock();
            if (cancelled || !self || !self->expire_) return;
            self->over_ = true;
            self->expire_();
        });
    }
    [[nodiscard]] bool over() const noexcept { return over_; }
    /// What it would end is about to go.
    void stop() {
        expire_ = nullptr;
        timer_.cancel();
    }

private:
    asio::steady_timer timer_;
    steady_clock::time_point end_;
    std::function<void()> expire_;
    bool over_ = false;
};

Trouble of_connect(const error_code& error, bool over) {
    if (over || error == asio::error::timed_out) return Trouble::timeout;
    return error == asio::error::connection_refused ? Trouble::refused : Trouble::unreachable;
}

/// The server closed, in this way or that, rather than that TLS failed.
bool is_end(const error_code& error) {
    return error == asio::error::eof || error == asio::ssl::error::stream_truncated ||
           error == asio::error::connection_reset || error == asio::error::broken_pipe;
}

Trouble of_handshake(const error_code& error) {
    if (is_end(error)) return Trouble::closed;
    if (error.category() != asio::error::get_ssl_category()) return Trouble::tls_handshake;
    switch (ERR_GET_REASON(static_cast<unsigned long>(error.value()))) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED: // TLS 1.1 and older sign with SHA-1
        return Trouble::tls_version;
    default: return Trouble::tls_handshake;
    }
}

/// Fatal, from the server.
bool is_alert(const error_code& error) {
    return error.category() == asio::error::get_ssl_category() &&
           ERR_GET_REASON(static_cast<unsigned long>(error.value())) >= SSL_AD_REASON_OFFSET;
}

std::string words_of(const error_code& error) {
    return is_end(error) ? "the server closed the connection" : error.message();
}

/// As smtp_tls_servername.
std::string sni_of(const std::string& servername, const std::string& host, const std::string& next_hop) {
    const std::string& name = servername == "hostname"  ? host
                              : servername == "nexthop" ? next_hop
                                                        : servername;
    return name.size() > TLSEXT_MAXLEN_host_name ? std::string{} : name;
}

/// An address that this host does not have: smtp(8) warns, and goes on without it.
error_code open_and_bind(tcp::socket& socket, const tcp::endpoint& remote, const std::string& local) {
    error_code error, ignored;
    socket.open(remote.protocol(), error);
    if (error || local.empty()) return error;
    const asio::ip::address from = asio::ip::make_address(local, ignored);
    if (!ignored) socket.bind({from, 0}, ignored);
    return error;
}

/// One look at one server.
class Look {
public:
    Look(const asio::any_io_executor& executor, const Settings& settings, asio::ssl::context& context,
         std::shared_ptr<fetch::Turns> turns)
        : settings_(settings), context_(context), turns_(std::move(turns)), socket_(executor),
          dialogue_(settings.helo_name),
          deadline_(std::make_shared<Deadline>(executor, settings.whole_limit)) {}
    ~Look() { deadline_->stop(); }
    Look(const Look&) = delete;
    Look& operator=(const Look&) = delete;

    asio::awaitable<Sighting> run(net::IpAddress address, std::string sni) {
        const tcp::endpoint remote{net::to_asio(address), settings_.port};
        error_code error = open_and_bind(socket_, remote, address.v6 ? settings_.bind6 : settings_.bind4);
        if (!error) {
            deadline_->within(settings_.connect_limit, [this] { close(); });
            const auto [connected] = co_await socket_.async_connect(remote, no_throw);
            error = connected;
        }
        if (error) co_return not_connected(error);
        fetch::TlsStream::Shared shared;
        shared.turns = turns_;
        stream_.emplace(std::move(socket_), context_, std::move(shared));
        co_await talk();
        if (dialogue_.want() != Dialogue::Want::tls) co_return dialogue_.seen();
        co_await shake(sni);
        if (dialogue_.want() == Dialogue::Want::end) co_return dialogue_.seen();
        Tls tls = describe(stream_->native_handle(), std::move(sni));
        if (!refusal_.empty()) tls.trust_error = "the check does not verify it: " + refusal_;
        co_await quit();
        Sighting seen = dialogue_.seen();
        if (seen.stage == Stage::done) seen.tls = std::move(tls);
        co_return seen;
    }

private:
    void close() {
        error_code ignored;
        socket_.close(ignored);
        if (stream_) stream_->close();
    }

    Sighting not_connected(const error_code& error) const {
        Sighting seen;
        // Reset: it was connected, and the server closed before it said anything.
        const bool reset = error == asio::error::connection_reset;
        seen.stage = reset ? Stage::banner : Stage::connect;
        seen.trouble = reset ? Trouble::closed : of_connect(error, deadline_->over());
        if (reset)
            seen.words = words_of(error);
        else if (seen.trouble != Trouble::timeout)
            seen.words = error.message();
        seen.helo_name = settings_.helo_name;
        return seen;
    }

    /// Until the handshake, or the end. Each reply has its limit, however many reads it takes.
    asio::awaitable<void> talk() {
        std::array<char, 4096> octets{};
        limit_reply();
        while (dialogue_.want() == Dialogue::Want::octets) {
            const std::string out = dialogue_.to_send();
            if (!out.empty()) {
                limit_reply();
                const auto buffer = asio::buffer(out);
                co_await asio::async_write(stream_->socket(), buffer, no_throw);
            }
            const fetch::TlsStream::Read got = co_await stream_->read_before(octets);
            hear(got, octets);
        }
        const std::string last = dialogue_.to_send();
        error_code ignored;
        if (!last.empty()) stream_->socket().write_some(asio::buffer(last), ignored);
    }

    /// No more octets come when it is over, but a QUIT may still go out.
    void limit_reply() {
        deadline_->within(dialogue_.quitting() ? settings_.quit_limit : settings_.reply_limit, [this] {
            error_code ignored;
            stream_->socket().shutdown(tcp::socket::shutdown_receive, ignored);
        });
    }

    void hear(const fetch::TlsStream::Read& got, std::span<const char> octets) {
        if (deadline_->over())
            dialogue_.timed_out();
        else if (got.octets > 0)
            dialogue_.received({octets.data(), got.octets});
        else
            dialogue_.closed(words_of(got.error));
    }

    asio::awaitable<void> shake(std::string sni) {
        deadline_->within(settings_.reply_limit, [this] { close(); });
        SSL* const tls = stream_->native_handle();
        error_code error = asio::error::no_memory;
        if (watch_chain(tls, refusal_) && (sni.empty() || SSL_set_tlsext_host_name(tls, sni.c_str()) == 1)) {
            error = co_await stream_->handshake();
        }
        const std::string limit = stream_->refusal();
        if (!error)
            dialogue_.shaken();
        else if (deadline_->over())
            dialogue_.not_shaken(Trouble::timeout, {});
        else
            dialogue_.not_shaken(of_handshake(error), limit.empty() ? words_of(error) : limit);
    }

    /// Within TLS; the answer changes nothing, unless it is an alert.
    asio::awaitable<void> quit() {
        deadline_->within(settings_.quit_limit, [this] { close(); });
        std::array<char, 1024> octets{};
        if (stream_->write(dialogue_.to_send())) co_return;
        while (dialogue_.want() == Dialogue::Want::octets) {
            const fetch::TlsStream::Read got = co_await stream_->read_some(octets);
            if (!deadline_->over() && got.error && is_alert(got.error))
                dialogue_.not_shaken(of_handshake(got.error), words_of(got.error));
            else
                hear(got, octets);
        }
    }

    const Settings& settings_;
    asio::ssl::context& context_;
    std::shared_ptr<fetch::Turns> turns_;
    tcp::socket socket_; // until there is a stream
    Dialogue dialogue_;
    std::string refusal_; // the stream's SSL points to it
    std::optional<fetch::TlsStream> stream_;
    std::shared_ptr<Deadline> deadline_;
};

} // namespace

struct Probe::Shared {
    std::shared_ptr<asio::ssl::context> context;
    std::shared_ptr<fetch::Turns> turns;
};

Probe::Probe(asio::any_io_executor executor, Settings settings, std::unique_ptr<Shared> shared)
    : executor_(std::move(executor)), settings_(std::move(settings)), shared_(std::move(shared)) {}
Probe::~Probe() = default;

base::Expected<std::shared_ptr<Probe>, std::string> Probe::make(asio::any_io_executor executor,
                                                                Settings settings) {
    auto context = make_context(settings);
    if (!context) return base::unexpected(std::move(context.error()));
    auto shared = std::make_unique<Shared>();
    shared->context = std::move(*context);
    shared->turns = std::make_shared<fetch::Turns>(executor);
    return std::shared_ptr<Probe>(new Probe(std::move(executor), std::move(settings), std::move(shared)));
}

asio::awaitable<Sighting> Probe::look(std::string host, net::IpAddress address, std::string next_hop) {
    const std::shared_ptr<Probe> alive = shared_from_this();
    const auto begun = steady_clock::now();
    Look look(executor_, settings_, *shared_->context, shared_->turns);
    std::string sni = sni_of(settings_.servername, host, next_hop);
    Sighting seen = co_await look.run(address, std::move(sni));
    seen.host = std::move(host);
    seen.address = net::to_string(address);
    seen.at = std::chrono::floor<base::seconds>(std::chrono::system_clock::now());
    seen.took_ms = std::chrono::duration_cast<milliseconds>(steady_clock::now() - begun).count();
    co_return seen;
}

} // namespace smtp
