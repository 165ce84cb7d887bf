// base/net/address.hpp - where a server listens, or may be asked. Pure.
#pragma once

#include <cstdint>
#include <string>

namespace net {

struct ListenAddress {
    enum class Kind { unix_socket, tcp };
    Kind kind = Kind::unix_socket;
    std::string path; ///< unix_socket
    std::string host; ///< tcp: an address in its shortest form without brackets; empty: all, both families
    std::uint16_t port = 0; ///< tcp: 0 lets the system choose
    friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

/// "unix:/run/x", "tcp:127.0.0.1:8461", "tcp:[::1]:8461", "tcp::8461", as config::parse_listen_address() reads
/// it.
[[nodiscard]] inline std::string to_string(const ListenAddress& address) {
    if (address.kind == ListenAddress::Kind::unix_socket) return "unix:" + address.path;
    const bool v6 = address.host.find(':') != std::string::npos;
    return "tcp:" + (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

} // namespace net
