// config/listen_address.hpp - one entry of `listen`: where Postfix may ask. Pure.
//
// Forms: "unix:/path", "tcp:127.0.0.1:8461", "tcp:[::1]:8461", "tcp::8461" (every address of the host, IPv6
// and IPv4). Host names are refused: nothing is looked up at start. Port 0 lets the system choose, which
// tests use.
#pragma once

#include "base/expected.hpp"
#include "base/net/address.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace config {

using net::ListenAddress;

/// The longest path of a unix socket in octets (sun_path without its final NUL, unix(7)).
inline constexpr std::size_t max_unix_path = 107;

/// The error is words for the operator, without the text itself.
[[nodiscard]] base::Expected<ListenAddress, std::string> parse_listen_address(std::string_view text);

/// A unix socket or a loopback address: nobody outside of this host can connect to it.
[[nodiscard]] bool stays_on_this_host(const ListenAddress& address) noexcept;

} // namespace config
