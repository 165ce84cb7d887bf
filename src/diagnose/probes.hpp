// diagnose/probes.hpp - finds out what this host can tell: socket, state folder, certificates, systemd.
//
// Blocking; each within its limit of time. Nothing is changed. reach() forks: call it while there is one
// thread only.
#pragma once

#include "diagnose/facts.hpp"
#include "setup/host.hpp"
#include "setup/survey.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace diagnose {

/// How to ask the daemon: as another user, within a chroot, or neither.
struct Approach {
    std::string address; ///< "unix:/path", as seen from within the chroot; "inet:host:port"
    std::string user;    ///< "": stay who we are
    std::string chroot;  ///< "": none
};
/// The reply to the question for the status under `key` (postfix/request.hpp), or words why there is none.
[[nodiscard]] base::Expected<std::string, std::string>
ask_status(const std::string& address, const std::string& key, std::chrono::milliseconds limit);

/// As ask_status(), asked by a child process that goes the way of
/// smtp(8): chroot, groups, user. Words when that fails or takes too long.
[[nodiscard]] base::Expected<std::string, std::string> reach(const Approach& approach, const std::string& key,
                                                             std::chrono::milliseconds limit);

/// The ways in which smtp(8), with these services, gets at the map. Pure.
[[nodiscard]] std::vector<Approach> approaches(const setup::Socketmap& map, const setup::Installed& postfix,
                                               bool root);

/// Asks in every such way; without a map in main.cf, at the addresses the daemon listens on.
[[nodiscard]] SocketFacts probe_socket(const setup::Survey* survey, const std::string& map,
                                       const std::vector<std::string>& listen,
                                       std::chrono::milliseconds limit);

/// `user`: who the daemon runs as, where known.
[[nodiscard]] StateFacts probe_state(const std::string& folder, const std::optional<std::string>& user,
                                     std::chrono::milliseconds limit);
[[nodiscard]] CaFacts probe_ca(const std::string& ca_file, setup::Host& host);
/// Before anything else: a question to the socket starts a service that is stopped.
[[nodiscard]] SystemdFacts probe_systemd(setup::Host& host);
/// Looks once more where a unit was not active, for SystemdFacts::Unit::after.
void look_again(setup::Host& host, SystemdFacts& facts);
/// The kernel's word on whether a time service keeps the clock right.
[[nodiscard]] bool clock_is_kept();
/// The User= of stsmapd.service, or the package's user if there is one.
[[nodiscard]] std::optional<std::string> daemon_user(setup::Host& host, bool systemd);

/// From `systemctl show -p Id,LoadState,ActiveState,UnitFileState`: blocks of "Name=value", one a unit. Pure.
[[nodiscard]] std::vector<SystemdFacts::Unit> parse_units(std::string_view output);

} // namespace diagnose
