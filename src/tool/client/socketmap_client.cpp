#include "tool/client/socketmap_client.hpp"

#include "base/net/address.hpp"
#include "postfix/answer.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>
#include <utility>

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace tool {

namespace {

using Kind = ClientError::Kind;
using Clock = std::chrono::steady_clock;

std::string why(int error) { return std::generic_category().message(error); }

auto failure(Kind kind, const std::string& address, const std::string& words, int error = 0) {
    return base::unexpected(ClientError{kind, address + ": " + words, error});
}

/// Waits until `fd` is ready for `events`. Returns 0 or an errno (ETIMEDOUT at `end`).
int wait(int fd, short events, Clock::time_point end) {
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
        if (left <= 0) return ETIMEDOUT;
        pollfd poll{fd, events, 0};
        const int ready = ::poll(&poll, 1, static_cast<int>(std::min<decltype(left)>(left, 1'000'000)));
        if (ready > 0) return 0;
        if (ready < 0 && errno != EINTR) return errno;
    }
}

/// Connects `fd`. Returns 0 or an errno (ETIMEDOUT at `end`).
int connect_socket(int fd, const sockaddr* where, socklen_t size, Clock::time_point end) {
    for (;;) {
        if (::connect(fd, where, size) == 0) return 0;
        if (errno == EINPROGRESS) break;
        if (errno == EAGAIN) { // a unix socket with a full queue; poll() does not report when there is room
            if (Clock::now() >= end) return ETIMEDOUT;
            ::poll(nullptr, 0, 20);
        } else if (errno != EINTR) {
            return errno;
        }
    }
    if (const int error = wait(fd, POLLOUT, end); error != 0) return error;
    int error = 0;
    socklen_t length = sizeof error;
    return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

/// A connected non-blocking socket, or an errno.
base::Expected<net::Descriptor, int> connect_one(const sockaddr* where, socklen_t size, int family,
                                                 Clock::time_point end) {
    net::Descriptor socket{::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!socket) return base::unexpected(errno);
    if (const int error = connect_socket(socket.get(), where, size, end); error != 0)
        return base::unexpected(error);
    return socket;
}

/// A hint what to check when nobody answers.
std::string advice(bool unix_socket, int error) {
    switch (error) {
    case ENOENT: return "there is no such socket: is the daemon running, and is this the path it listens on?";
    case ECONNREFUSED: return "nobody listens there: is the daemon running?";
    case EACCES:
    case EPERM:
        return unix_socket ? "no permission: run as root, or as a member of the socket's group (postfix)"
                           : "no permission: is a firewall in the way?";
    default: return why(error);
    }
}

} // namespace

SocketmapClient::SocketmapClient(net::Descriptor socket, std::string address)
    : socket_(std::move(socket)), address_(std::move(address)), reader_(postfix::max_reply) {}

base::Expected<SocketmapClient, ClientError> SocketmapClient::connect(const std::string& address,
                                                                      Milliseconds limit) {
    const Clock::time_point end = Clock::now() + limit;
    if (address.starts_with("unix:")) {
        const std::string_view path = std::string_view(address).substr(5);
        sockaddr_un local{};
        local.sun_family = AF_UNIX;
        if (path.empty() || path.size() >= sizeof local.sun_path)
            return failure(Kind::bad_address, address, "the path is empty or longer than 107 octets");
        std::memcpy(local.sun_path, path.data(), path.size());
        auto socket = connect_one(reinterpret_cast<const sockaddr*>(&local), sizeof local, AF_UNIX, end);
        if (socket) return SocketmapClient{*std::move(socket), address};
        const int error = socket.error();
        return failure(error == ETIMEDOUT ? Kind::timeout : Kind::unreachable, address, advice(true, error),
                       error);
    }
    if (!address.starts_with("tcp:") && !address.starts_with("inet:"))
        return failure(Kind::bad_address, address, "an address is \"unix:/path\" or \"tcp:host:port\"");
    const auto target = net::split_host_port(std::string_view(address).substr(address.find(':') + 1));
    if (!target || target->port.value_or(0) == 0)
        return failure(Kind::bad_address, address, "is not \"tcp:host:port\" or \"tcp:[IPv6]:port\"");

    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    const std::string name{target->host}, port = std::to_string(*target->port);
    const char* const host = name.empty() ? nullptr : name.c_str(); // nullptr: loopback
    if (const int error = ::getaddrinfo(host, port.c_str(), &hints, &list); error != 0)
        return failure(Kind::unreachable, address, ::gai_strerror(error));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned{list, &::freeaddrinfo};
    int error = EADDRNOTAVAIL;
    for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
        auto socket = connect_one(one->ai_addr, one->ai_addrlen, one->ai_family, end);
        if (socket) return SocketmapClient{*std::move(socket), address};
        error = socket.error();
    }
    return failure(error == ETIMEDOUT ? Kind::timeout : Kind::unreachable, address, advice(false, error),
                   error);
}

base::Expected<std::string, ClientError> SocketmapClient::ask(std::string_view map, std::string_view key,
                                                              Milliseconds limit) {
    const Clock::time_point end = Clock::now() + limit;
    const std::string request = postfix::frame(std::string(map).append(" ").append(key));
    for (std::size_t sent = 0; sent < request.size();) {
        const ssize_t count =
            ::send(socket_.get(), request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
        if (count >= 0) {
            sent += static_cast<std::size_t>(count);
        } else if (errno == EAGAIN) {
            if (const int error = wait(socket_.get(), POLLOUT, end); error != 0)
                return failure(Kind::timeout, address_, "the daemon takes no question");
        } else if (errno != EINTR) {
            return failure(Kind::broken, address_, "the connection ended: " + why(errno));
        }
    }
    for (std::array<char, 16384> chunk;;) {
        if (const auto item = reader_.next()) {
            if (*item) return std::string(**item);
            return failure(Kind::broken, address_,
                           "the reply is not socketmap: " + std::string(postfix::to_string(item->error())));
        }
        const ssize_t count = ::recv(socket_.get(), chunk.data(), chunk.size(), 0);
        if (count > 0) {
            reader_.feed({chunk.data(), static_cast<std::size_t>(count)});
        } else if (count == 0) {
            return failure(Kind::broken, address_, "the connection ended before the reply did");
        } else if (errno == EAGAIN) {
            if (const int error = wait(socket_.get(), POLLIN, end); error != 0)
                return failure(Kind::timeout, address_,
                               "no reply within " + std::to_string(limit.count()) + " ms");
        } else if (errno != EINTR) {
            return failure(Kind::broken, address_, "the connection ended: " + why(errno));
        }
    }
}

} // namespace tool
