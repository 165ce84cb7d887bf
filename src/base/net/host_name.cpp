#include "base/net/host_name.hpp"

#include "base/net/address.hpp"
#include "base/text.hpp"

#include <algorithm>

namespace net {

namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// "", or ":" and a port, which may be empty (RFC 3986 section 3.2.3).
bool is_port(std::string_view text) {
    if (text.empty()) return true;
    if (text.front() != ':' || text.size() > 6) return false;
    unsigned port = 0;
    for (const char c : text.substr(1)) {
        if (!is_digit(c)) return false;
        port = port * 10 + static_cast<unsigned>(c - '0');
    }
    return port <= 65535;
}

bool is_name(std::string_view text) {
    if (text.empty() || text.size() > max_host_name || text.front() == '.' || text.back() == '.') return false;
    return std::ranges::all_of(text, [](char c) {
        const char lower = base::ascii_lower(c);
        return (lower >= 'a' && lower <= 'z') || is_digit(c) || c == '-' || c == '_' || c == '.';
    });
}

} // namespace

std::optional<Authority> parse_authority(std::string_view text) {
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos) return std::nullopt;
        const std::string_view port = text.substr(end + 1);
        const auto address = parse_ip(text.substr(1, end - 1));
        if (!address || !address->v6 || !is_port(port)) return std::nullopt;
        return Authority{'[' + to_string(*address) + ']', !port.empty()};
    }
    const std::size_t end = std::min(text.find(':'), text.size());
    const std::string_view name = text.substr(0, end), port = text.substr(end);
    if (!is_name(name) || !is_port(port)) return std::nullopt;
    Authority out{std::string(name), !port.empty()};
    out.host = base::ascii_lower(out.host);
    return out;
}

} // namespace net
