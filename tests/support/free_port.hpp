// tests/support/free_port.hpp - a port of loopback that nobody has now, for a server that a test starts.
#pragma once

#include <cstdint>
#include <random>
#include <stdexcept>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace test {

/// Not one of those that the system gives to connections and to port 0 (ip_local_port_range), so that it stays free until
/// the server has it.
inline std::uint16_t free_port() {
    static std::random_device random;
    std::uniform_int_distribution<int> any(12000, 31000);
    for (int attempt = 0; attempt < 100; ++attempt) {
        const int port = any(random);
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
        ::close(fd);
        if (bound) return static_cast<std::uint16_t>(port);
    }
    throw std::runtime_error("no free port");
}

} // namespace test
