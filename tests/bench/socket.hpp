// tests/bench/socket.hpp - addresses as in `listen` ("tcp:127.0.0.1:8461", "unix:/path") and their sockets.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace bench {

struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;

    [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

[[nodiscard]] inline std::system_error system_error(const char* what) {
    return {errno, std::generic_category(), what};
}

[[nodiscard]] inline Address parse_address(std::string_view text) {
    Address address;
    if (text.starts_with("unix:")) {
        sockaddr_un local{};
        local.sun_family = AF_UNIX;
        const std::string_view path = text.substr(5);
        if (path.size() >= sizeof local.sun_path) throw std::invalid_argument("path too long");
        std::memcpy(local.sun_path, path.data(), path.size());
        std::memcpy(&address.storage, &local, sizeof local);
        address.size = sizeof local;
        return address;
    }
    const std::size_t colon = text.rfind(':');
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    std::uint16_t port = 0;
    if (!text.starts_with("tcp:") || colon < 4 ||
        std::from_chars(text.data() + colon + 1, text.data() + text.size(), port).ec != std::errc{} ||
        ::inet_pton(AF_INET, std::string(text.substr(4, colon - 4)).c_str(), &v4.sin_addr) != 1)
        throw std::invalid_argument("an address is tcp:IPV4:PORT or unix:PATH");
    v4.sin_port = htons(port);
    std::memcpy(&address.storage, &v4, sizeof v4);
    address.size = sizeof v4;
    return address;
}

/// A TCP socket sends at once (TCP_NODELAY), on both sides.
inline void no_delay(int fd) noexcept {
    const int on = 1;
    (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); // a unix socket has no such thing
}

} // namespace bench
