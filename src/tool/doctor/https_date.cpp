#include "tool/doctor/https_date.hpp"

#include "base/event.hpp"
#include "base/text.hpp"
#include "fetch/address.hpp"
#include "fetch/certificate.hpp"
#include "fetch/dialer.hpp"
#include "fetch/http_reader.hpp"
#include "fetch/nat64.hpp"
#include "fetch/request.hpp"
#include "fetch/tls_stream.hpp"

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <openssl/ssl.h>

#include <array>
#include <charconv>

namespace doctor {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::milliseconds attempt_delay{250}; // RFC 8305 section 5
constexpr std::string_view month_names = "JanFebMarAprMayJunJulAugSepOctNovDec";

/// Ends the current operation of the connection when its time is over.
class TimedConnection : public std::enable_shared_from_this<TimedConnection> {
public:
    TimedConnection(const asio::any_io_executor& executor, std::shared_ptr<fetch::Dialer> dialer)
        : timer_(executor), dialer_(std::move(dialer)) {}

    void limit(std::chrono::milliseconds time) {
        timer_.expires_after(time);
        timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
            const auto self = weak.lock();
            if (cancelled || !self) return;
            self->over_ = true;
            self->dialer_->stop();
            if (self->stream_) self->stream_->close();
        });
    }
    [[nodiscard]] bool over() const noexcept { return over_; }
    [[nodiscard]] std::chrono::steady_clock::time_point deadline() const { return timer_.expiry(); }

    /// While it exists, the time limit closes this stream.
    struct Use {
        Use(TimedConnection& c, fetch::TlsStream& stream) : connection(c) { connection.stream_ = &stream; }
        ~Use() { connection.stream_ = nullptr; }
        Use(const Use&) = delete;
        Use& operator=(const Use&) = delete;
        TimedConnection& connection;
    };

private:
    asio::steady_timer timer_;
    std::shared_ptr<fetch::Dialer> dialer_;
    fetch::TlsStream* stream_ = nullptr;
    bool over_ = false;
};

std::optional<base::Instant> date_of_response(const fetch::HttpHead& head) {
    const auto dates = head.date.all();
    return dates.empty() ? std::nullopt : parse_http_date(dates.front());
}

std::optional<int> number(std::string_view text) {
    int value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || stop != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

} // namespace

std::optional<base::Instant> parse_http_date(std::string_view text) {
    text = base::trim_wsp(text);
    // "Sun, 06 Nov 1994 08:49:37 GMT": every part has a fixed position.
    if (text.size() != 29 || text.substr(3, 2) != ", " || !text.ends_with(" GMT") || text[19] != ':' ||
        text[22] != ':')
        return std::nullopt;
    const auto day = number(text.substr(5, 2)), year = number(text.substr(12, 4)),
               hour = number(text.substr(17, 2)), minute = number(text.substr(20, 2)),
               second = number(text.substr(23, 2));
    const std::size_t month = month_names.find(text.substr(8, 3));
    if (!day || !year || !hour || !minute || !second || month == std::string_view::npos || month % 3 != 0)
        return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year{*year},
                                           std::chrono::month{static_cast<unsigned>(month / 3 + 1)},
                                           std::chrono::day{static_cast<unsigned>(*day)}};
    if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
    return std::chrono::sys_days{date} + std::chrono::hours{*hour} + std::chrono::minutes{*minute} +
           std::chrono::seconds{*second};
}

asio::awaitable<std::optional<base::Instant>>
https_date(asio::any_io_executor executor, dns::Resolver& resolver, std::string host, DateLimits limits) {
    const auto dialer = std::make_shared<fetch::Dialer>(executor, nullptr, host, attempt_delay, limits.port);
    const auto connection = std::make_shared<TimedConnection>(executor, dialer);
    connection->limit(limits.timeout);
    const auto nat64 = std::make_shared<fetch::Nat64>(executor, resolver);
    nat64->configure(limits.nat64_prefixes);
    constexpr std::array types{dns::Type::aaaa, dns::Type::a};
    for (const dns::Type type : types) {
        const dns::Result answer = co_await resolver.resolve(host, type, dns::Purpose::address);
        if (!answer) continue;
        std::vector<fetch::Address> addresses;
        for (const std::string& rdata : answer->records)
            if (const auto address = fetch::from_rdata(rdata)) addresses.push_back(*address);
        if (!limits.allow_private_addresses) {
            if (nat64->must_ask(addresses)) {
                const auto answered = std::make_shared<base::Event>(executor);
                nat64->ask([answered] { answered->notify(); });
                co_await answered->wait_until(connection->deadline());
            }
            std::erase_if(addresses,
                          [&](const fetch::Address& address) { return !nat64->not_public(address).empty(); });
        }
        dialer->add(addresses);
    }
    const fetch::Dialer::Next next = co_await dialer->next();
    if (next != fetch::Dialer::Next::connected || connection->over()) co_return std::nullopt;
    const std::unique_ptr<fetch::Connection> taken = dialer->take();
    dialer->stop();

    asio::ssl::context context(asio::ssl::context::tls_client);
    if (!fetch::restrict_tls(context.native_handle())) co_return std::nullopt;
    context.set_verify_mode(asio::ssl::verify_none); // we only need the time
    fetch::TlsStream stream(std::move(taken->socket), context);
    const TimedConnection::Use use(*connection, stream);
    if (SSL_set_tlsext_host_name(stream.native_handle(), host.c_str()) != 1) co_return std::nullopt;
    const boost::system::error_code shake_error = co_await stream.handshake();
    if (shake_error || stream.write(fetch::policy_request(host))) co_return std::nullopt;
    fetch::FinalHead reader;
    std::array<char, 4096> bytes{};
    for (std::size_t octets = 0; octets < fetch::max_wire;) {
        const fetch::TlsStream::Read got = co_await stream.read_some(bytes);
        octets += got.octets;
        std::string_view text(bytes.data(), got.octets);
        const auto head = reader.feed(text);
        if (!head) break;
        if (*head) co_return date_of_response(**head);
        if (got.error) break;
    }
    co_return std::nullopt;
}

} // namespace doctor
