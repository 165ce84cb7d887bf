// tests/support/raw_peer.hpp - the far end of a socket, byte by byte, and a function that runs a server::Loop
// until a condition is true. Nothing here sleeps: every wait is for an event and has a limit.
#pragma once

#include "server/loop.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace test {

inline constexpr std::chrono::seconds patience{10};

/// Turns `loop` until `done()`; false when it did not come true in time.
template <class Done>
bool turn_until(server::Loop& loop, Done done, std::chrono::milliseconds limit = patience) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!done()) {
        if (std::chrono::steady_clock::now() > end) return false;
        loop.turn(std::chrono::milliseconds(2));
    }
    return true;
}

/// A non-blocking socket and what it has received.
class RawPeer {
public:
    explicit RawPeer(int fd) : fd_(fd) { ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK); }
    RawPeer(RawPeer&& other) noexcept
        : received(std::move(other.received)), fd_(std::exchange(other.fd_, -1)) {}
    RawPeer& operator=(RawPeer&&) = delete;
    ~RawPeer() { close(); }

    static RawPeer to_unix(const std::string& path) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        RawPeer peer{fd};
        peer.connect_error =
            ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
        return peer;
    }
    /// `name` as the server gives it: "tcp:127.0.0.1:PORT", "tcp:[::1]:PORT".
    static RawPeer to_tcp(std::string_view name, std::string_view host = {}) {
        const std::size_t colon = name.rfind(':');
        const auto port = htons(static_cast<std::uint16_t>(std::stoi(std::string(name.substr(colon + 1)))));
        std::string where(host.empty() ? name.substr(4, colon - 4) : host);
        if (where.starts_with('[')) where = where.substr(1, where.size() - 2);
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = port;
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = port;
        const bool is_v4 = ::inet_pton(AF_INET, where.c_str(), &v4.sin_addr) == 1;
        if (!is_v4) ::inet_pton(AF_INET6, where.c_str(), &v6.sin6_addr);
        const int fd = ::socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
        RawPeer peer{fd};
        ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK); // loopback: connects at once
        const int failed = is_v4 ? ::connect(fd, reinterpret_cast<sockaddr*>(&v4), sizeof v4)
                                 : ::connect(fd, reinterpret_cast<sockaddr*>(&v6), sizeof v6);
        peer.connect_error = failed == 0 ? 0 : errno;
        ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
        return peer;
    }

    /// Sends what the socket takes at once; the number of octets.
    std::size_t send(std::string_view bytes) {
        const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        return count > 0 ? static_cast<std::size_t>(count) : 0;
    }
    /// Takes what has arrived; false once the other side has closed.
    bool receive() {
        char buffer[65536];
        for (;;) {
            const ssize_t count = ::recv(fd_, buffer, sizeof buffer, 0);
            if (count > 0) {
                received.append(buffer, static_cast<std::size_t>(count));
                ++reads;
                continue;
            }
            if (count == 0)
                closed = true;
            else if (errno != EAGAIN && errno != EINTR)
                closed = reset = true;
            return !closed;
        }
    }
    void shut_sending() { ::shutdown(fd_, SHUT_WR); }
    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }
    [[nodiscard]] int fd() const { return fd_; }

    std::string received;
    std::size_t reads = 0;
    bool closed = false; ///< the other side has closed
    bool reset = false;  ///< by a reset
    int connect_error = 0;

private:
    int fd_;
};

} // namespace test
