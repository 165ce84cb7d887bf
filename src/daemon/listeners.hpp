// daemon/listeners.hpp - opens what the daemon listens on at its start: for Postfix, for the administration, and for the web.
#pragma once

#include "config/load.hpp"
#include "events/sink.hpp"
#include "server/listener.hpp"

#include <vector>

namespace app {

struct Listeners {
    std::vector<server::Listener> postfix; ///< one at least
    std::vector<server::Listener> control; ///< perhaps none
    std::vector<server::Listener> web;     ///< that only this host can reach; mostly none
    /// Web listeners that other hosts can reach: to be served only while web.hosts names hosts.
    std::vector<server::Listener> web_by_name;
};

/// Takes the sockets of systemd: one named "control" is the administration's, one named "web" the web listener's, others
/// are for Postfix. Opens those of the configuration, unless systemd's replace the default ones. Of the default addresses
/// one is enough, and the control socket may be missing (an event says so); one from the configuration must work. What of the web listener cannot
/// be opened is an event only. Throws
/// std::runtime_error with a message for the operator.
[[nodiscard]] Listeners open_listeners(const config::Loaded& loaded, events::Sink& events);

} // namespace app
