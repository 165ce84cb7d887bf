// base/net/host_name.hpp - the host of an authority as HTTP's Host field has it (RFC 9110 section 7.2): a value to
// compare. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace net {

inline constexpr std::size_t max_host_name = 253; ///< octets of a host's name

struct Authority {
    std::string host;      ///< in lower case; an IPv6 address in brackets, in its shortest form
    bool has_port = false; ///< also an empty one
    friend bool operator==(const Authority&, const Authority&) = default;
};

/// "localhost", "localhost:9461", "127.0.0.1", "[::1]:9461". nullopt: something else, as a name with other characters
/// than letters, digits, "-", "_" and ".", one that begins or ends with a dot, a port that is no number up to 65535,
/// an IPv6 address without brackets.
[[nodiscard]] std::optional<Authority> parse_authority(std::string_view text);

} // namespace net
