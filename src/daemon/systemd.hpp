// daemon/systemd.hpp - what systemd is told, and the sockets it hands over. Outside systemd nothing happens.
//
// All of it reads the environment that systemd sets (sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3)),
// so call it from the main thread. A failure to notify is ignored: the daemon works without its supervisor.
#pragma once

#include "base/expected.hpp"
#include "base/net/address.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace app {

/// "READY=1": the first time when every listener is open, again when a reload is over. `status` is one line.
void notify_ready(std::string_view status);
/// "RELOADING=1" with the time now, which Type=notify-reload wants.
void notify_reloading();
/// "EXTEND_TIMEOUT_USEC=": the start takes longer, and will be heard of again within `more`.
void notify_extend(std::chrono::microseconds more, std::string_view status);
void notify_stopping(std::string_view status);
/// One line for `systemctl status`.
void notify_status(std::string_view status);
/// "I am alive". To be sent twice within each watchdog interval.
void notify_watchdog();
/// WatchdogSec= of the unit; nullopt when there is none or it is for another process.
[[nodiscard]] std::optional<std::chrono::microseconds> watchdog_interval();

/// A listening stream socket of a .socket unit. Closed on exec; belongs to the caller.
struct InheritedSocket {
    int fd = -1;
    std::string name;           ///< FileDescriptorName=, by default the name of the .socket unit
    net::ListenAddress address; ///< where it listens, as an entry of `listen` would say it
};

/// The sockets handed over, none outside systemd. Takes them out of the environment, so that a second call
/// finds none. The error names the descriptor that is no listening stream socket, or that no address can be
/// told of.
[[nodiscard]] base::Expected<std::vector<InheritedSocket>, std::string> inherited_sockets();

} // namespace app
