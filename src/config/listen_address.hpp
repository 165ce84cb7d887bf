// config/listen_address.hpp - one entry of `listen`: where Postfix may ask. Pure.
//
// Forms: "unix:/path", "tcp:127.0.0.1:8461", "tcp:[::1]:8461", "tcp::8461" (every address of the host, IPv6
// and IPv4). Host names are refused: nothing is looked up at start. Port 0 lets the system choose, which
// tests use.
#pragma once

#include "base/expected.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace config {

struct ListenAddress {
    enum class Kind { unix_socket, tcp };
    Kind kind = Kind::unix_socket;
    std::string path; ///< unix_socket: absolute
    std::string host; ///< tcp: an address in its shortest form without brackets; empty: all, both families
    std::uint16_t port = 0; ///< tcp
    friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

/// The longest path of a unix socket in octets (sun_path without its final NUL, unix(7)).
inline constexpr std::size_t max_unix_path = 107;

/// The error is words for the operator, without the text itself.
[[nodiscard]] base::Expected<ListenAddress, std::string> parse_listen_address(std::string_view text);

/// The form parse_listen_address() reads back to the same value.
[[nodiscard]] std::string to_string(const ListenAddress& address);

} // namespace config
