#include "config/values.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace config {

namespace {

constexpr std::int64_t max_seconds = 100'000LL * 86'400;

/// A decimal number without sign or spaces; nullopt for anything else.
std::optional<std::int64_t> digits(std::string_view text) {
    if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }))
        return std::nullopt;
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) return std::nullopt;
    return number;
}

std::int64_t unit_of(char c) noexcept {
    switch (c) {
    case 's': return 1;
    case 'm': return 60;
    case 'h': return 3600;
    case 'd': return 86400;
    default: return 0;
    }
}

/// What is wrong with a text that is no time.
std::string no_duration(std::string_view text) {
    const std::string_view unit = text.substr(std::min(text.find_first_not_of("0123456789"), text.size()));
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    std::string words{duration_words};
    if (!unit.empty() && unit.size() < text.size() && std::ranges::all_of(unit, letter) && unit.size() <= 20)
        return words + ": there is no unit \"" + std::string{unit} + "\", the units are s, m, h and d";
    return words + ": one number, and a unit right behind it, which is s, m, h or d";
}

bool is_name_octet(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

} // namespace

base::Expected<seconds, std::string> parse_duration(std::string_view text) {
    const std::string_view whole = text;
    std::int64_t unit = text.empty() ? 0 : unit_of(text.back());
    if (unit == 0)
        unit = 1;
    else
        text.remove_suffix(1);
    const auto number = digits(text);
    if (!number) return base::unexpected(no_duration(whole));
    if (*number > max_seconds / unit) return base::unexpected(std::string{"must not be over 100000 days"});
    return seconds{*number * unit};
}

std::string format_duration(seconds time) {
    const std::int64_t n = time.count();
    if (n >= 86400 && n % 86400 == 0) return std::to_string(n / 86400) + "d";
    if (n >= 3600 && n % 3600 == 0) return std::to_string(n / 3600) + "h";
    if (n >= 120 && n % 60 == 0) return std::to_string(n / 60) + "m";
    return std::to_string(n) + "s";
}

base::Expected<HostPort, std::string> split_host_port(std::string_view text) {
    HostPort parts;
    std::string_view rest;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) return base::unexpected(std::string{"has no closing bracket"});
        parts.host = text.substr(1, end - 1);
        parts.bracketed = true;
        rest = text.substr(end + 1);
        if (!rest.empty() && rest.front() != ':')
            return base::unexpected(std::string{"only \":port\" may follow the closing bracket"});
        if (!canonical_address(parts.host) || parts.host.find(':') == std::string_view::npos)
            return base::unexpected(std::string{"only an IPv6 address may stand in brackets"});
    } else {
        const auto colon = text.find(':');
        if (colon == std::string_view::npos) return HostPort{text, false, std::nullopt};
        if (text.find(':', colon + 1) != std::string_view::npos) {
            if (canonical_address(text)) return HostPort{text, false, std::nullopt};
            return base::unexpected(
                std::string{"an IPv6 address with a port needs brackets, as in \"[::1]:53\""});
        }
        parts.host = text.substr(0, colon);
        rest = text.substr(colon);
    }
    if (rest.empty()) return parts;
    const auto port = digits(rest.substr(1));
    if (!port || *port > 65535) return base::unexpected(std::string{"the port must be a number up to 65535"});
    parts.port = static_cast<std::uint16_t>(*port);
    return parts;
}

std::string join_host_port(std::string_view host, std::uint16_t port) {
    std::string text{host};
    if (host.find(':') != std::string_view::npos) text = "[" + text + "]";
    return text + ":" + std::to_string(port);
}

std::optional<std::string> canonical_address(std::string_view text) {
    const std::string zero_ended{text};
    if (zero_ended.size() != std::string_view{zero_ended.c_str()}.size()) return std::nullopt; // a NUL inside
    unsigned char octets[16];
    char canonical[INET6_ADDRSTRLEN];
    for (const int family : {AF_INET, AF_INET6}) {
        if (inet_pton(family, zero_ended.c_str(), octets) != 1) continue;
        if (inet_ntop(family, octets, canonical, sizeof canonical) != nullptr) return std::string{canonical};
    }
    return std::nullopt;
}

base::Expected<ServerAddress, std::string> parse_server(std::string_view text) {
    const auto parts = split_host_port(text);
    if (!parts) return base::unexpected(parts.error());
    auto address = canonical_address(parts->host);
    if (!address)
        return base::unexpected(std::string{
            "must be an IP address, with or without a port, as in \"127.0.0.1:53\" or \"[::1]:53\""});
    const std::uint16_t port = parts->port.value_or(53);
    if (port == 0) return base::unexpected(std::string{"the port must not be 0"});
    return ServerAddress{std::move(*address), port};
}

std::string to_string(const ServerAddress& server) {
    return server.port == 53 ? server.address : join_host_port(server.address, server.port);
}

base::Expected<Proxy, std::string> parse_proxy(std::string_view text) {
    constexpr std::string_view words = "must be \"http://host:port\"";
    constexpr std::string_view scheme = "http://";
    if (text.empty()) return Proxy{};
    if (!text.starts_with(scheme)) return base::unexpected(std::string{words});
    text.remove_prefix(scheme.size());
    if (text.ends_with('/')) text.remove_suffix(1);
    if (text.find('@') != std::string_view::npos)
        return base::unexpected(std::string{words} + ", without a user name or password");
    const auto parts = split_host_port(text);
    if (!parts) return base::unexpected(parts.error());
    if (parts->host.empty() || !parts->port || *parts->port == 0) return base::unexpected(std::string{words});
    if (parts->bracketed) return Proxy{*canonical_address(parts->host), *parts->port};
    std::string_view name = parts->host;
    if (name.ends_with('.')) name.remove_suffix(1);
    if (name.empty() || name.size() > 253 || !std::ranges::all_of(name, is_name_octet))
        return base::unexpected(std::string{words});
    return Proxy{std::string{parts->host}, *parts->port};
}

std::string to_string(const Proxy& proxy) {
    return proxy.host.empty() ? std::string{} : "http://" + join_host_port(proxy.host, proxy.port);
}

base::Expected<FileMode, std::string> parse_file_mode(std::string_view text) {
    unsigned mode = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
    if (text.empty() || text.size() > 4 || text.front() == '-' || error != std::errc{} ||
        end != text.data() + text.size() || mode > 0777)
        return base::unexpected(
            std::string{"must be a file mode in octal digits, up to \"0777\", as in \"0660\""});
    return FileMode{mode};
}

std::string to_string(FileMode mode) {
    std::string text{"0000"};
    for (std::size_t i = 4; i-- > 0; mode.bits /= 8) text[i] = static_cast<char>('0' + mode.bits % 8);
    return text;
}

} // namespace config
