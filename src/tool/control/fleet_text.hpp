// tool/control/fleet_text.hpp - the shared cache and the hosts of a fleet, from the daemon's JSON, as text for people.
// Pure.
//
// At most 80 columns wide as far as the names allow. Nothing of it is trusted: what has another type counts as missing,
// and text goes through safe_text().
#pragma once

#include "tool/client/control_text.hpp"
#include "tool/control/texts.hpp"

#include <string>

namespace tool {

/// GET /v1/fleet. Hosts of another version than the daemon that was asked, and those whose clock or record is wrong,
/// are marked.
[[nodiscard]] std::string fleet_text(const Json& reply, const Moment& moment);
/// All is well: there is a shared cache, its engine answers, and the hosts are known.
[[nodiscard]] bool fleet_well(const Json& reply);

/// The last comparison, from the member "sync".
[[nodiscard]] std::string compared_text(const Json& sync, const Moment& moment);

/// One that runs is over when this holds.
[[nodiscard]] bool compared(const Json& sync);
/// It came to its end.
[[nodiscard]] bool compared_well(const Json& sync);

} // namespace tool
