// The environment that a service manager sets (NAME=VALUE lines of LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES,
// NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID; "self" is our pid) and any status text: they give sockets or
// printable words, and the variables are removed from the environment.
#include "fuzz.hpp"

#include "config/listen_address.hpp"
#include "daemon/systemd.hpp"
#include "support/temp_folder.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

constexpr const char* variables[] = {"LISTEN_FDS",    "LISTEN_PID",    "LISTEN_FDNAMES",
                                     "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};

/// Puts sockets at descriptor 3 and up, as a service manager does: a listening unix socket, then a TCP one,
/// then one that does not listen. Returns false if these numbers are in use.
bool hand_over() {
    for (const int fd : {3, 4, 5})
        if (::fcntl(fd, F_GETFD) != -1) return false;
    static const test::TempFolder folder;
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    (folder / "s").copy(local.sun_path, sizeof local.sun_path - 1);
    sockaddr_in loopback{};
    loopback.sin_family = AF_INET;
    loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::socket(AF_UNIX, SOCK_STREAM, 0) == 3 && ::socket(AF_INET, SOCK_STREAM, 0) == 4 &&
           ::socket(AF_INET6, SOCK_STREAM, 0) == 5 &&
           ::bind(3, reinterpret_cast<const sockaddr*>(&local), sizeof local) == 0 &&
           ::bind(4, reinterpret_cast<const sockaddr*>(&loopback), sizeof loopback) == 0 &&
           ::listen(3, 1) == 0 && ::listen(4, 1) == 0;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const bool handed_over = hand_over();
    fuzz::Script input(fuzz::view(data, size));
    for (const char* name : variables) ::unsetenv(name);
    std::string status;
    while (!input.empty()) {
        fuzz::Script line(input.until('\n'));
        const std::string name{line.until('=')};
        std::string value{line.rest()};
        value.resize(std::min(value.size(), value.find('\0')));
        if (value == "self") value = std::to_string(::getpid());
        if (name == "NOTIFY_SOCKET") // never somebody else's socket
            value = value.starts_with('/')   ? "/nonexistent" + value
                    : value.starts_with('@') ? "@stsmapd-fuzz-" + value
                                             : value;
        if (std::ranges::find(variables, name) != std::end(variables))
            ::setenv(name.c_str(), value.c_str(), 1);
        else
            status = value;
    }
    app::notify_ready(status);
    app::notify_status(status);
    app::notify_stopping(status);
    app::notify_reloading();
    app::notify_watchdog();
    if (const auto interval = app::watchdog_interval())
        fuzz::require(interval->count() > 0, "a watchdog interval is a time");
    const auto sockets = app::inherited_sockets();
    if (sockets) {
        fuzz::require(sockets->size() <= (handed_over ? 2 : 0), "no socket but those handed over");
        for (std::size_t i = 0; i < sockets->size(); ++i) {
            const app::InheritedSocket& socket = (*sockets)[i];
            fuzz::require(socket.fd == static_cast<int>(3 + i), "in their order");
            fuzz::require(config::parse_listen_address(to_string(socket.address)) == socket.address,
                          "an address that `listen` can say");
        }
    } else {
        fuzz::require(!sockets.error().empty() && fuzz::is_printable(sockets.error()), "printable words");
    }
    fuzz::require(std::getenv("LISTEN_FDS") == nullptr && std::getenv("LISTEN_FDNAMES") == nullptr,
                  "taken out of the environment");
    const auto again = app::inherited_sockets();
    fuzz::require(again && again->empty(), "a second call finds none");
    return 0;
}
