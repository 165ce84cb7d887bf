#include "postfix/request.hpp"

#include "base/text.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace postfix {

namespace {

using base::Reason;

constexpr std::size_t max_service_name = 63; ///< generous: RFC 6335 section 5.1 has 15

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// What a port number or service name stands for; nullopt when it is neither. Empty as in "host:" means the
/// default port, as Postfix reads it.
std::optional<std::uint16_t> port_of(std::string_view text, const Services& services) {
    if (text.empty()) return NextHop::smtp_port;
    if (std::ranges::all_of(text, is_digit)) {
        std::uint16_t port = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
        if (error != std::errc{} || port == 0) return std::nullopt;
        return port;
    }
    const bool is_name = text.size() <= max_service_name && std::ranges::all_of(text, [](char c) {
                             const char lower = base::ascii_lower(c);
                             return (lower >= 'a' && lower <= 'z') || is_digit(c) || c == '-' || c == '_' ||
                                    c == '+' || c == '.';
                         });
    if (!is_name) return std::nullopt;
    return services.port(text);
}

/// An IPv6 address, perhaps with a zone ("fe80::1%eth0").
bool is_ipv6(std::string_view text) noexcept {
    if (text.find(':') == std::string_view::npos) return false;
    text = text.substr(0, text.find('%'));
    if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) return false;
    std::array<char, INET6_ADDRSTRLEN> terminated{};
    std::ranges::copy(text, terminated.begin());
    in6_addr unused{};
    return ::inet_pton(AF_INET6, terminated.data(), &unused) == 1;
}

/// The parts of a key. `service`: the text after the colon; nullopt without one.
struct Parts {
    std::string_view host;
    bool bracketed = false;
    std::optional<std::string_view> service{};
};

std::optional<Parts> split(std::string_view key) noexcept {
    if (key.starts_with('[')) {
        const std::size_t close = key.find(']');
        if (close == std::string_view::npos) return std::nullopt;
        const std::string_view after = key.substr(close + 1);
        Parts parts{key.substr(1, close - 1), true};
        if (after.empty()) return parts;
        if (after.front() != ':') return std::nullopt;
        parts.service = after.substr(1);
        return parts;
    }
    const std::size_t colon = key.find(':');
    if (colon == std::string_view::npos || is_ipv6(key)) return Parts{key};
    return Parts{key.substr(0, colon), false, key.substr(colon + 1)};
}

/// An address as Postfix writes it in a next hop. base::Domain recognises an IPv4 address without brackets.
bool is_address(const Parts& parts) {
    static constexpr std::string_view tag = "IPv6:"; // RFC 5321 section 4.1.3
    if (parts.bracketed && base::iequals(parts.host.substr(0, tag.size()), tag))
        return is_ipv6(parts.host.substr(tag.size()));
    return is_ipv6(parts.host);
}

} // namespace

Dialect dialect_of(std::string_view map_name) noexcept {
    static constexpr std::string_view word = "tlsrpt";
    // Not ranges::search: its subrange does not compile with clang 14 and libstdc++ 12.
    const auto found = std::search(map_name.begin(), map_name.end(), word.begin(), word.end(),
                                   [](char a, char b) { return base::ascii_lower(a) == b; });
    return found == map_name.end() ? Dialect::plain : Dialect::tlsrpt;
}

base::Expected<NextHop, Reason> next_hop(std::string_view key, const Services& services) {
    if (key.starts_with('.')) return base::unexpected(Reason::key_parent_domain);
    const auto parts = split(key);
    if (!parts) return base::unexpected(Reason::key_not_a_domain);
    std::optional<std::uint16_t> port = NextHop::smtp_port;
    if (parts->service) port = port_of(*parts->service, services);
    if (!port) return base::unexpected(Reason::key_not_a_domain);
    if (is_address(*parts)) return base::unexpected(Reason::key_address_literal);
    auto domain = base::Domain::parse(parts->host);
    if (!domain)
        return base::unexpected(domain.error() == base::DomainErrc::address ? Reason::key_address_literal
                                                                            : Reason::key_not_a_domain);
    if (domain->name().find('.') == std::string::npos) return base::unexpected(Reason::key_single_label);
    if (domain->name().size() > base::max_policy_domain) return base::unexpected(Reason::key_not_a_domain);
    return base::Expected<NextHop, Reason>{base::in_place, std::move(*domain), *port, parts->bracketed};
}

base::Expected<base::Domain, Reason> policy_domain(std::string_view key) {
    auto hop = next_hop(key);
    if (!hop) return base::unexpected(hop.error());
    return std::move(hop->host);
}

std::string_view service_of(std::string_view key) noexcept {
    const auto parts = split(key);
    return parts && parts->service ? *parts->service : std::string_view{};
}

std::optional<Words> split_request(std::string_view payload) noexcept {
    const std::size_t space = payload.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    return Words{payload.substr(0, space), payload.substr(space + 1)};
}

Request parse_request(const Words& words, const Services& services) {
    return Request{dialect_of(words.map_name), next_hop(words.key, services)};
}

std::optional<Request> parse_request(std::string_view payload, const Services& services) {
    const std::optional<Words> words = split_request(payload);
    if (!words) return std::nullopt;
    return parse_request(*words, services);
}

} // namespace postfix
