// base/net/address.hpp - IP addresses, where a server is asked and where one listens: values, and their texts.
#pragma once

#include "base/expected.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace net {

struct IpAddress {
    bool v6 = false;
    std::array<std::uint8_t, 16> octets{}; ///< network order; IPv4 uses the first four
    std::uint32_t scope_id = 0;            ///< interface number of a link-local IPv6 address; 0: none
    friend bool operator==(const IpAddress&, const IpAddress&) = default;
};
inline constexpr IpAddress loopback{false, {127, 0, 0, 1}, 0};
/// "127.0.0.1" or "::1"; nullopt for anything else, names and interfaces too.
[[nodiscard]] std::optional<IpAddress> parse_ip(std::string_view text);
/// The same, and "fe80::1%eth0" (if there is such an interface now) or "fe80::1%2".
[[nodiscard]] std::optional<IpAddress> parse_scoped_ip(std::string_view text);
/// In the shortest form, as parse_scoped_ip() reads it.
[[nodiscard]] std::string to_string(const IpAddress& address);
[[nodiscard]] bool is_loopback(const IpAddress& address) noexcept;

/// One end of a connection or of a datagram's way, and a name server.
struct Endpoint {
    IpAddress address;
    std::uint16_t port = 0;
    friend bool operator==(const Endpoint&, const Endpoint&) = default;
};
/// An address with a port from 1 to 65535 or without one: "127.0.0.1", "127.0.0.1:5300", "::1", "[::1]",
/// "[::1]:53". The error is words for an operator.
[[nodiscard]] base::Expected<Endpoint, std::string> parse_endpoint(std::string_view text,
                                                                   std::uint16_t default_port);
/// With the port: "127.0.0.1:53", "[::1]:53", "[fe80::1%2]:53".
[[nodiscard]] std::string to_string(const Endpoint& endpoint);

/// Where one listens, or may be asked.
struct ListenAddress {
    enum class Kind { unix_socket, tcp };
    Kind kind = Kind::unix_socket;
    std::string path;              ///< unix_socket; with '@' in front: of the abstract namespace
    std::optional<IpAddress> host; ///< tcp; none: all addresses of the host, both families
    std::uint16_t port = 0;        ///< tcp: 0 lets the system choose
    friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};
/// "unix:/run/x", "tcp:127.0.0.1:8461", "tcp:[::1]:8461", "tcp::8461", as config::parse_listen_address() reads
/// it.
[[nodiscard]] std::string to_string(const ListenAddress& address);

/// An HTTP proxy, by name or by address. `port` is 0 when there is none.
struct Proxy {
    std::string name;                 ///< in lower case, without a final dot; empty when `address` is set
    std::optional<IpAddress> address; ///< of the proxy itself
    std::uint16_t port = 0;
    [[nodiscard]] explicit operator bool() const noexcept { return port != 0; }
    friend bool operator==(const Proxy&, const Proxy&) = default;
};

struct HostPort {
    std::string_view host;             ///< without brackets
    bool bracketed = false;            ///< it stood in brackets
    std::optional<std::uint16_t> port; ///< nullopt: no port was given
};
/// "host", "host:port", ":port", "[v6]", "[v6]:port", bare IPv6 without a port. The host is not checked
/// further. The error is words for an operator.
[[nodiscard]] base::Expected<HostPort, std::string> split_host_port(std::string_view text);

} // namespace net
