// cache/valkey/address.hpp - where an engine or a Sentinel is. Pure.
#pragma once

#include <cstdint>
#include <string>

namespace valkey {

struct Address {
    std::string path;       ///< of a unix socket; "": host and port
    std::string host;       ///< an IP address or a name
    std::uint16_t port = 0; ///< 1 to 65535
    friend bool operator==(const Address&, const Address&) = default;
};

/// For people: "unix:/run/x", "redis.example:6379", "[::1]:6379"; printable, whoever gave the name.
[[nodiscard]] std::string to_string(const Address& address);

} // namespace valkey
