// tool/doctor/probes.hpp - collects the facts on this host: socket, state folder, certificates, systemd.
//
// Blocking; each within its limit of time. Nothing is changed.
#pragma once

#include "tool/doctor/facts.hpp"
#include "tool/setup/host.hpp"
#include "tool/setup/survey.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace doctor {

/// For setup::Host: the reply to the question for the status under `key` (postfix/request.hpp).
[[nodiscard]] base::Expected<std::string, setup::NoReply>
ask_status(const std::string& address, const std::string& key, std::chrono::milliseconds limit);

/// Asks at each of our elements in the lists of Postfix, or at `map`, which the plan would add; without
/// Postfix, at the first address the daemon listens on.
[[nodiscard]] SocketFacts probe_socket(const setup::Survey* survey, const std::string& map,
                                       const std::vector<std::string>& listen, setup::Host& host);

/// `user`: the user that the daemon runs as, if known.
[[nodiscard]] StateFacts probe_state(const std::string& folder, const std::optional<std::string>& user,
                                     std::chrono::milliseconds limit);
[[nodiscard]] CaFacts probe_ca(const std::string& ca_file, setup::Host& host);
/// Call it before all other probes: a question to the socket starts a stopped service.
[[nodiscard]] SystemdFacts probe_systemd(setup::Host& host);
/// Reads the state of inactive units again, for SystemdFacts::Unit::after.
void look_again(setup::Host& host, SystemdFacts& facts);
/// Does a time service keep the clock right? As the kernel says.
[[nodiscard]] bool clock_is_kept();
/// The User= of stsmapd.service, or the package's user if there is one.
[[nodiscard]] std::optional<std::string> daemon_user(setup::Host& host, bool systemd);

/// From `systemctl show -p Id,LoadState,ActiveState,UnitFileState`: blocks of "Name=value", one a unit. Pure.
[[nodiscard]] std::vector<SystemdFacts::Unit> parse_units(std::string_view output);

} // namespace doctor
