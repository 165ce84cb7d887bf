#include "sts/match.hpp"

#include "base/domain.hpp"
#include "base/text.hpp"

#include <algorithm>

namespace sts {

namespace {

/// RFC 5321 section 4.1.2 "Domain": letters, digits, hyphens. base::Domain allows more; that is refused here.
bool letters_digits_hyphens(std::string_view text) {
    return std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '.';
    });
}

/// An MX host name as lower-case A-labels; nullopt when it cannot be the name of a host.
std::optional<base::Domain> host_name(std::string_view text) {
    auto domain = base::Domain::parse(text);
    if (!domain) return std::nullopt;
    // Postfix turns a U-label MX name into A-labels, but in DNS only U+002E separates labels.
    if (text.ends_with('.')) text.remove_suffix(1);
    if (domain->labels() != 1 + static_cast<std::size_t>(std::ranges::count(text, '.'))) return std::nullopt;
    return std::move(*domain);
}

bool covers(const MxPattern& pattern, const base::Domain& host) {
    if (is_address(pattern)) return false;
    std::string_view name = host.name();
    if (pattern.wildcard) {
        const std::size_t dot = name.find('.');
        if (dot == std::string_view::npos) return false;
        name.remove_prefix(dot + 1);
    }
    return name == pattern.name;
}

} // namespace

bool is_address(const MxPattern& pattern) noexcept {
    return std::ranges::all_of(pattern.name, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

std::optional<MxPattern> parse_mx(std::string_view text) {
    MxPattern pattern;
    if (text.starts_with("*.")) {
        pattern.wildcard = true;
        text.remove_prefix(2);
    }
    if (!letters_digits_hyphens(text)) return std::nullopt;
    auto domain = base::Domain::parse(text);
    if (domain) {
        pattern.name = domain->name();
        return pattern;
    }
    // The ABNF of Domain allows an IPv4 address, and some policies in use have one beside real names. Refusing
    // the file would leave those without protection; is_address() makes sure that it matches nothing.
    if (domain.error() == base::DomainErrc::address && !pattern.wildcard) {
        pattern.name = text.ends_with('.') ? text.substr(0, text.size() - 1) : text;
        return pattern;
    }
    return std::nullopt;
}

bool matches(const MxPattern& pattern, std::string_view mx_host) {
    const auto host = host_name(mx_host);
    return host && covers(pattern, *host);
}

bool admits(const Policy& policy, std::string_view mx_host) {
    const auto host = host_name(mx_host);
    return host && std::ranges::any_of(policy.mx, [&](const MxPattern& p) { return covers(p, *host); });
}

} // namespace sts
