#include "diagnose/https_date.hpp"

#include "base/text.hpp"
#include "fetch/address.hpp"
#include "fetch/dialer.hpp"
#include "fetch/request.hpp"
#include "fetch/tls_stream.hpp"

#include <boost/asio/ssl/context.hpp>

#include <openssl/ssl.h>

#include <array>
#include <charconv>

namespace diagnose {
namespace {

namespace asio = boost::asio;

constexpr std::size_t max_head = 16384;
constexpr std::chrono::milliseconds attempt_delay{250}; // RFC 8305 section 5
constexpr std::string_view month_names = "JanFebMarAprMayJunJulAugSepOctNovDec";

std::optional<int> number(std::string_view text) {
    int value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || stop != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

} // namespace

std::optional<base::Instant> parse_http_date(std::string_view text) {
    text = base::trim_wsp(text);
    // "Sun, 06 Nov 1994 08:49:37 GMT": every part has its place.
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

std::optional<base::Instant> date_of_response(std::string_view head) {
    while (!head.empty()) {
        const std::size_t end = head.find("\r\n");
        if (end == 0 || end == std::string_view::npos) break; // the end of the head, or half a line
        const std::string_view line = head.substr(0, end);
        if (line.size() > 5 && base::iequals(line.substr(0, 5), "Date:"))
            return parse_http_date(line.substr(5));
        head.remove_prefix(end + 2);
    }
    return std::nullopt;
}

asio::awaitable<std::optional<base::Instant>>
https_date(asio::any_io_executor executor, dns::Resolver& resolver, std::string host, std::uint16_t port) {
    const auto dialer = std::make_shared<fetch::Dialer>(executor, nullptr, attempt_delay, port);
    constexpr std::array types{dns::Type::aaaa, dns::Type::a};
    for (const dns::Type type : types) {
        const auto answer = co_await resolver.resolve(host, type, dns::Purpose::address);
        if (!answer) continue;
        std::vector<fetch::Address> addresses;
        for (const std::string& rdata : answer->records)
            if (const auto address = fetch::from_rdata(rdata)) addresses.push_back(*address);
        dialer->add(addresses);
    }
    const fetch::Dialer::Next next = co_await dialer->next();
    if (next != fetch::Dialer::Next::connected) co_return std::nullopt;
    const std::unique_ptr<fetch::Connection> connection = dialer->take();
    dialer->stop();

    asio::ssl::context context(asio::ssl::context::tls_client);
    context.set_verify_mode(asio::ssl::verify_none);
    fetch::TlsStream stream(std::move(connection->socket), context);
    if (SSL_set_tlsext_host_name(stream.native_handle(), host.c_str()) != 1) co_return std::nullopt;
    const boost::system::error_code shake_error = co_await stream.handshake();
    if (shake_error || stream.write(fetch::policy_request(host))) co_return std::nullopt;
    std::string head;
    std::array<char, 4096> bytes{};
    while (head.size() < max_head && head.find("\r\n\r\n") == std::string::npos) {
        const fetch::TlsStream::Read got = co_await stream.read_some(bytes);
        head.append(bytes.data(), got.octets);
        if (got.error) break;
    }
    co_return date_of_response(head);
}

} // namespace diagnose
