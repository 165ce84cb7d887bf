#include "postfix/request.hpp"

#include "base/text.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace postfix {

namespace {

using base::Reason;

constexpr std::size_t max_service_name = 63; ///< generous: RFC 6335 section 5.1 has 15

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// A port number or service name. Empty as in "host:" means the default port, as Postfix reads it.
bool is_port(std::string_view text) {
    if (text.empty()) return true;
    if (std::ranges::all_of(text, is_digit)) {
        std::uint16_t port = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
        return error == std::errc{} && port != 0;
    }
    return text.size() <= max_service_name && std::ranges::all_of(text, [](char c) {
               const char lower = base::ascii_lower(c);
               return (lower >= 'a' && lower <= 'z') || is_digit(c) || c == '-' || c == '_' || c == '+' ||
                      c == '.';
           });
}

/// An IPv6 address, perhaps with a zone ("fe80::1%eth0").
bool is_ipv6(std::string_view text) {
    if (text.find(':') == std::string_view::npos) return false;
    text = text.substr(0, text.find('%'));
    if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) return false;
    in6_addr unused{};
    return ::inet_pton(AF_INET6, std::string{text}.c_str(), &unused) == 1;
}

/// The key without brackets and port, and whether it stood in brackets.
struct NextHop {
    std::string_view host;
    bool bracketed = false;
};

std::optional<NextHop> split(std::string_view key) {
    if (key.starts_with('[')) {
        const std::size_t close = key.find(']');
        if (close == std::string_view::npos) return std::nullopt;
        const std::string_view after = key.substr(close + 1);
        if (!after.empty() && (after.front() != ':' || !is_port(after.substr(1)))) return std::nullopt;
        return NextHop{key.substr(1, close - 1), true};
    }
    const std::size_t colon = key.find(':');
    if (colon == std::string_view::npos || is_ipv6(key)) return NextHop{key, false};
    if (!is_port(key.substr(colon + 1))) return std::nullopt;
    return NextHop{key.substr(0, colon), false};
}

/// An address as Postfix writes it in a next hop; a bare IPv4 one is told apart by Domain.
bool is_address(const NextHop& hop) {
    static constexpr std::string_view tag = "IPv6:"; // RFC 5321 section 4.1.3
    if (hop.bracketed && base::iequals(hop.host.substr(0, tag.size()), tag))
        return is_ipv6(hop.host.substr(tag.size()));
    return is_ipv6(hop.host);
}

} // namespace

Dialect dialect_of(std::string_view map_name) noexcept {
    static constexpr std::string_view word = "tlsrpt";
    // Not ranges::search: its subrange does not compile with clang 14 and libstdc++ 12.
    const auto found = std::search(map_name.begin(), map_name.end(), word.begin(), word.end(),
                                   [](char a, char b) { return base::ascii_lower(a) == b; });
    return found == map_name.end() ? Dialect::plain : Dialect::tlsrpt;
}

base::Expected<base::Domain, Reason> policy_domain(std::string_view key) {
    if (key.starts_with('.')) return base::unexpected(Reason::key_parent_domain);
    const auto hop = split(key);
    if (!hop) return base::unexpected(Reason::key_not_a_domain);
    if (is_address(*hop)) return base::unexpected(Reason::key_address_literal);
    auto domain = base::Domain::parse(hop->host);
    if (!domain)
        return base::unexpected(domain.error() == base::DomainErrc::address ? Reason::key_address_literal
                                                                            : Reason::key_not_a_domain);
    if (domain->name().find('.') == std::string::npos) return base::unexpected(Reason::key_single_label);
    if (domain->name().size() > base::max_policy_domain) return base::unexpected(Reason::key_not_a_domain);
    return std::move(*domain);
}

std::optional<Words> split_request(std::string_view payload) noexcept {
    const std::size_t space = payload.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    return Words{payload.substr(0, space), payload.substr(space + 1)};
}

Request parse_request(const Words& words) {
    return Request{dialect_of(words.map_name), policy_domain(words.key)};
}

std::optional<Request> parse_request(std::string_view payload) {
    const std::optional<Words> words = split_request(payload);
    if (!words) return std::nullopt;
    return parse_request(*words);
}

} // namespace postfix
