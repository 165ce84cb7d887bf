#include "daemon/systemd.hpp"

#include "base/net/descriptor.hpp"
#include "base/net/socket_address.hpp"
#include "base/text.hpp"

#include <systemd/sd-daemon.h>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <system_error>

namespace app {

namespace {

/// The status must not add further lines to sd_notify's message.
std::string status_line(std::string_view status) { return "STATUS=" + base::printable(status, 500); }

/// Longest time a message waits for room in the service manager's queue.
constexpr int notify_patience_ms = 100;

/// As sd_notify(3), with a limit on the wait. sd_notify(3) blocks forever when the service manager does not
/// read, and would block the thread that does DNS and handles signals. A message that finds no room in time
/// is lost, as if there were no service manager.
void notify(const std::string& state) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::size_t length = path ? std::string_view(path).size() : 0;
    if (length < 2 || length >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@')) return;
    std::copy_n(path, length, address.sun_path);
    if (path[0] == '@') address.sun_path[0] = '\0'; // an abstract socket
    const net::Descriptor made{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!made) return;
    const int fd = made.get();
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0) return;
    ssize_t sent = send(fd, state.data(), state.size(), MSG_NOSIGNAL);
    pollfd room{fd, POLLOUT, 0};
    if (sent < 0 && errno == EAGAIN && poll(&room, 1, notify_patience_ms) > 0)
        sent = send(fd, state.data(), state.size(), MSG_NOSIGNAL);
}

/// Frees what sd_listen_fds_with_names() allocates: the strings and the array.
struct FreeNames {
    void operator()(char** names) const noexcept {
        for (char** name = names; name != nullptr && *name != nullptr; ++name) std::free(*name);
        std::free(names);
    }
};

std::string words_of(int error) { return std::generic_category().message(error); }

} // namespace

void notify_ready(std::string_view status) { notify("READY=1\n" + status_line(status)); }

void notify_reloading() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    const std::int64_t usec = std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
    notify("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(usec) + "\nSTATUS=Reloading the configuration");
}

void notify_extend(std::chrono::microseconds more, std::string_view status) {
    notify("EXTEND_TIMEOUT_USEC=" + std::to_string(more.count()) + "\n" + status_line(status));
}

void notify_stopping(std::string_view status) { notify("STOPPING=1\n" + status_line(status)); }

void notify_status(std::string_view status) { notify(status_line(status)); }

void notify_watchdog() { notify("WATCHDOG=1"); }

std::optional<std::chrono::microseconds> watchdog_interval() {
    std::uint64_t usec = 0;
    if (sd_watchdog_enabled(0, &usec) <= 0) return std::nullopt;
    return std::chrono::microseconds{usec};
}

base::Expected<std::vector<InheritedSocket>, std::string> inherited_sockets() {
    char** raw = nullptr;
    const int count = sd_listen_fds_with_names(1, &raw); // sets FD_CLOEXEC on each
    const std::unique_ptr<char*, FreeNames> names{raw};
    if (count < 0)
        return base::unexpected("the sockets of systemd cannot be taken over: " + words_of(-count));
    std::vector<InheritedSocket> sockets;
    for (int i = 0; i < count; ++i) {
        const int fd = SD_LISTEN_FDS_START + i;
        InheritedSocket socket{fd, names ? names.get()[i] : "", {}};
        const std::string who =
            "inherited file descriptor " + std::to_string(fd) + " (" + base::printable(socket.name) + "): ";
        const int is_listener = sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1);
        if (is_listener < 0) return base::unexpected(who + words_of(-is_listener));
        if (is_listener == 0) return base::unexpected(who + "it is not a listening stream socket");
        auto address = net::bound_address(fd);
        if (!address && address.error() == EAFNOSUPPORT)
            return base::unexpected(who + "it is neither a unix nor a TCP socket");
        if (!address)
            return base::unexpected(who + "its address cannot be told: " + words_of(address.error()));
        socket.address = std::move(*address);
        sockets.push_back(std::move(socket));
    }
    return sockets;
}

} // namespace app
