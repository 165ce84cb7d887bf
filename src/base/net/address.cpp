#include "base/net/address.hpp"

#include <arpa/inet.h>
#include <net/if.h>

#include <algorithm>
#include <charconv>

namespace net {
namespace {

/// A decimal number without sign or spaces, at most `most`.
std::optional<std::uint32_t> number(std::string_view text, std::uint32_t most) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > most) return std::nullopt;
    return value;
}

std::string in_brackets(const IpAddress& address) {
    return address.v6 ? '[' + to_string(address) + ']' : to_string(address);
}

} // namespace

std::optional<IpAddress> parse_ip(std::string_view text) {
    if (text.find('\0') != std::string_view::npos) return std::nullopt;
    const std::string terminated{text};
    IpAddress ip;
    if (inet_pton(AF_INET, terminated.c_str(), ip.octets.data()) == 1) return ip;
    ip.v6 = true;
    if (inet_pton(AF_INET6, terminated.c_str(), ip.octets.data()) == 1) return ip;
    return std::nullopt;
}

std::optional<IpAddress> parse_scoped_ip(std::string_view text) {
    const std::size_t percent = text.find('%');
    auto ip = parse_ip(text.substr(0, percent));
    if (!ip || percent == std::string_view::npos) return ip;
    const std::string scope{text.substr(percent + 1)};
    if (!ip->v6 || scope.empty() || scope.size() >= IF_NAMESIZE || scope.find('\0') != std::string::npos)
        return std::nullopt;
    ip->scope_id = if_nametoindex(scope.c_str());
    if (ip->scope_id == 0) ip->scope_id = number(scope, 0x7fffffff).value_or(0);
    if (ip->scope_id == 0) return std::nullopt;
    return ip;
}

std::string to_string(const IpAddress& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(address.v6 ? AF_INET6 : AF_INET, address.octets.data(), text.data(), text.size());
    std::string shown{text.data()};
    if (address.scope_id != 0) shown.append("%").append(std::to_string(address.scope_id));
    return shown;
}

bool is_loopback(const IpAddress& address) noexcept {
    if (!address.v6) return address.octets[0] == 127;
    std::array<std::uint8_t, 16> one{};
    one[15] = 1;
    return address.octets == one;
}

base::Expected<Endpoint, std::string> parse_endpoint(std::string_view text, std::uint16_t default_port) {
    const auto parts = split_host_port(text);
    if (!parts) return base::unexpected(parts.error());
    const auto address = parse_ip(parts->host);
    if (!address)
        return base::unexpected(std::string{
            "must be an IP address, with or without a port, as in \"127.0.0.1:53\" or \"[::1]:53\""});
    const std::uint16_t port = parts->port.value_or(default_port);
    if (port == 0) return base::unexpected(std::string{"the port must not be 0"});
    return Endpoint{*address, port};
}

std::string to_string(const Endpoint& endpoint) {
    return in_brackets(endpoint.address) + ':' + std::to_string(endpoint.port);
}

std::string to_string(const ListenAddress& address) {
    if (address.kind == ListenAddress::Kind::unix_socket) return "unix:" + address.path;
    return "tcp:" + (address.host ? in_brackets(*address.host) : std::string{}) + ':' +
           std::to_string(address.port);
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
        const auto address = parse_ip(parts.host);
        if (!address || !address->v6)
            return base::unexpected(std::string{"only an IPv6 address may stand in brackets"});
    } else {
        const auto colon = text.find(':');
        if (colon == std::string_view::npos) return HostPort{text, false, std::nullopt};
        if (text.find(':', colon + 1) != std::string_view::npos) {
            if (parse_ip(text)) return HostPort{text, false, std::nullopt};
            return base::unexpected(
                std::string{"an IPv6 address with a port needs brackets, as in \"[::1]:53\""});
        }
        parts.host = text.substr(0, colon);
        rest = text.substr(colon);
    }
    if (rest.empty()) return parts;
    const auto port = number(rest.substr(1), 65535);
    if (!port) return base::unexpected(std::string{"the port must be a number up to 65535"});
    parts.port = static_cast<std::uint16_t>(*port);
    return parts;
}

} // namespace net
