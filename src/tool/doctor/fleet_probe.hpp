// tool/doctor/fleet_probe.hpp - what `stsmap doctor` finds out about the shared cache of a fleet: from its files, and from
// the daemon.
//
// Blocking, within the limits of the client. Nothing is changed, and the engine is not asked.
#pragma once

#include "config/config.hpp"
#include "tool/client/control_client.hpp"
#include "tool/doctor/facts.hpp"

namespace doctor {

/// `client`: null when the daemon cannot be asked.
[[nodiscard]] FleetFacts probe_fleet(const config::Shared& shared, tool::ControlClient* client);

/// Puts what the daemon says (GET /v1/fleet) into the facts. Pure.
void take_fleet(const tool::Json& said, FleetFacts& facts);

} // namespace doctor
