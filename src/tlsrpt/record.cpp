#include "tlsrpt/record.hpp"

#include "base/record_fields.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace tlsrpt {

namespace {

using base::Reason;

bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (base::ascii_lower(c) >= 'a' && base::ascii_lower(c) <= 'f');
}

/// RFC 3986: a percent sign with two digits behind it, an unreserved or a reserved character.
bool only_uri_characters(std::string_view text) {
    constexpr std::string_view others = "-._~:/?#[]@!$&'()*+,;=";
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            if (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return false;
            i += 2;
        } else if (!base::is_letter_or_digit(text[i]) && others.find(text[i]) == std::string_view::npos) {
            return false;
        }
    }
    return true;
}

/// Before the ':'; "" none.
std::string_view scheme_of(std::string_view uri) {
    const std::size_t colon = uri.find(':');
    if (colon == std::string_view::npos || colon == 0) return {};
    const std::string_view scheme = uri.substr(0, colon);
    const bool letter = base::ascii_lower(scheme.front()) >= 'a' && base::ascii_lower(scheme.front()) <= 'z';
    const bool all = std::ranges::all_of(
        scheme, [](char c) { return base::is_letter_or_digit(c) || c == '+' || c == '-' || c == '.'; });
    return letter && all ? scheme : std::string_view{};
}

/// A local part and a domain.
bool has_address(std::string_view rest) {
    rest = rest.substr(0, rest.find_first_of("?#"));
    const std::size_t at = rest.find('@');
    return at != std::string_view::npos && at > 0 && at + 1 < rest.size();
}

bool has_host(std::string_view rest) {
    if (!rest.starts_with("//")) return false;
    rest.remove_prefix(2);
    const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
    const std::string_view host = authority.substr(authority.find('@') + 1); // npos + 1 is 0
    return !host.empty() && host.front() != ':';
}

/// Adds the URIs of one rua field; false: the record is invalid.
bool add_uris(std::string_view list, std::vector<std::string>& rua) {
    for (const std::string_view uri : uris_of(list)) {
        switch (kind_of(uri)) {
        case UriKind::supported: rua.emplace_back(uri); break;
        case UriKind::unsupported: break;
        case UriKind::mark:
        case UriKind::invalid: return false;
        }
    }
    return true;
}

base::Expected<Record, Reason> record_of(std::string_view record_fields) {
    Record record;
    base::RecordFields fields(record_fields);
    while (const auto field = fields.next()) {
        const std::size_t equals = field->find('=');
        if (equals == std::string_view::npos) return base::unexpected(Reason::record_invalid);
        const std::string_view name = field->substr(0, equals), value = field->substr(equals + 1);
        const bool good = name == "rua" ? add_uris(value, record.rua) : base::valid_extension(name, value);
        if (!good) return base::unexpected(Reason::record_invalid);
    }
    if (record.rua.empty()) return base::unexpected(Reason::record_invalid);
    return record;
}

} // namespace

UriKind kind_of(std::string_view uri) noexcept {
    const std::string_view scheme = scheme_of(uri);
    if (scheme.empty() || !only_uri_characters(uri) || uri.find_first_of(";,") != std::string_view::npos)
        return UriKind::invalid;
    if (uri.find('!') != std::string_view::npos) return UriKind::mark;
    const std::string_view rest = uri.substr(scheme.size() + 1);
    if (base::iequals(scheme, "mailto")) return has_address(rest) ? UriKind::supported : UriKind::invalid;
    if (base::iequals(scheme, "https")) return has_host(rest) ? UriKind::supported : UriKind::invalid;
    return UriKind::unsupported;
}

std::vector<std::string_view> uris_of(std::string_view list) {
    std::vector<std::string_view> uris;
    for (;;) {
        const std::size_t comma = list.find(',');
        uris.push_back(base::trim_wsp(list.substr(0, comma)));
        if (comma == std::string_view::npos) return uris;
        list.remove_prefix(comma + 1);
    }
}

base::Expected<Record, Reason> find_record(std::span<const std::string> records) {
    const auto fields = base::fields_of_one(version, records);
    if (!fields) return base::unexpected(fields.error());
    return record_of(*fields);
}

} // namespace tlsrpt
