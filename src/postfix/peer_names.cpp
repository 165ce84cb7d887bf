#include "postfix/peer_names.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace postfix {
namespace {

bool alphanumeric(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool has_nul(std::string_view text) noexcept { return text.find('\0') != std::string_view::npos; }

/// OpenSSL never takes a name with NUL in it for equal to another.
bool equal(std::string_view in_certificate, std::string_view wanted) noexcept {
    return !has_nul(in_certificate) && base::iequals(in_certificate, wanted);
}

bool is_label(std::string_view label) noexcept {
    return !label.empty() && label.front() != '-' && label.back() != '-' &&
           std::ranges::all_of(label, [](char c) { return alphanumeric(c) || c == '-'; });
}

/// What stands behind the "*" of a wildcard, with its dot; empty: it is none.
std::string_view behind_wildcard(std::string_view name) noexcept {
    if (!name.starts_with("*.")) return {};
    const std::string_view suffix = name.substr(1);
    std::size_t labels = 0;
    for (std::string_view rest = suffix; !rest.empty(); ++labels) {
        rest.remove_prefix(1);
        const std::string_view label = rest.substr(0, rest.find('.'));
        if (!is_label(label)) return {};
        rest.remove_prefix(label.size());
    }
    return labels >= 2 ? suffix : std::string_view{};
}

} // namespace

bool peer_name_matches(std::string_view in_certificate, std::string_view wanted) noexcept {
    if (wanted.empty()) return false;
    if (wanted.size() > 1 && wanted.front() == '.')
        return in_certificate.size() >= wanted.size() && !has_nul(in_certificate) &&
               base::iequals(in_certificate.substr(in_certificate.size() - wanted.size()), wanted);
    const std::string_view suffix = behind_wildcard(in_certificate);
    if (suffix.empty()) return equal(in_certificate, wanted);
    if (wanted.size() <= suffix.size()) return false;
    const std::string_view label = wanted.substr(0, wanted.size() - suffix.size());
    if (!base::iequals(wanted.substr(label.size()), suffix)) return false;
    return label == "*" || std::ranges::all_of(label, [](char c) { return alphanumeric(c) || c == '-'; });
}

std::optional<std::string> matching_peer_name(std::span<const std::string> dns_names,
                                              std::string_view common_name,
                                              std::span<const std::string> wanted) {
    for (const std::string& name : wanted) {
        for (const std::string& has : dns_names)
            if (peer_name_matches(has, name)) return has;
        if (dns_names.empty() && !common_name.empty() && peer_name_matches(common_name, name))
            return std::string(common_name);
    }
    return std::nullopt;
}

std::vector<std::string> expand_match(std::span<const std::string> match, std::string_view host,
                                      std::string_view next_hop) {
    std::vector<std::string> names;
    for (const std::string& word : match) {
        if (base::iequals(word, "hostname"))
            names.emplace_back(host);
        else if (base::iequals(word, "nexthop"))
            names.emplace_back(next_hop);
        else if (base::iequals(word, "dot-nexthop"))
            names.push_back('.' + std::string(next_hop));
        else if (!word.empty() && word != ".")
            names.push_back(word);
    }
    return names;
}

} // namespace postfix
