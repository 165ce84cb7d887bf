// daemon/systemd.hpp - messages to systemd, and the sockets it passes to us. Does nothing outside systemd.
//
// All of it reads the environment that systemd sets (sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3)),
// so call it from the main thread. A failure to notify is ignored: the daemon works without systemd.
#pragma once

#include "base/expected.hpp"
#include "base/net/address.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace app {

/// "READY=1": once when every listener is open, and again after each reload. `status` is one line.
void notify_ready(std::string_view status);
/// "RELOADING=1" with the current time, which Type=notify-reload needs.
void notify_reloading();
/// "EXTEND_TIMEOUT_USEC=": the start takes longer; the next message comes within `more`.
void notify_extend(std::chrono::microseconds more, std::string_view status);
void notify_stopping(std::string_view status);
/// One line for `systemctl status`.
void notify_status(std::string_view status);
/// "WATCHDOG=1". Send it twice in each watchdog interval.
void notify_watchdog();
/// WatchdogSec= of the unit; nullopt when there is none or it is for another process.
[[nodiscard]] std::optional<std::chrono::microseconds> watchdog_interval();

/// A listening stream socket of a .socket unit. Closed on exec; belongs to the caller.
struct InheritedSocket {
    int fd = -1;
    std::string name;           ///< FileDescriptorName=, by default the name of the .socket unit
    net::ListenAddress address; ///< where it listens, as in an entry of `listen`
};

/// The sockets passed by systemd; none outside systemd. Removes them from the environment, so that a second
/// call finds none. The error names the descriptor that is not a listening stream socket, or whose address
/// is not known.
[[nodiscard]] base::Expected<std::vector<InheritedSocket>, std::string> inherited_sockets();

} // namespace app
