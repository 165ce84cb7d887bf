// daemon/measures_fleet.hpp - the numbers of the shared cache as metrics. Pure.
#pragma once

#include "cache/valkey/counts.hpp"
#include "cache/valkey/fleet_counts.hpp"
#include "lookup/counts.hpp"
#include "metrics/snapshot.hpp"

namespace app {

/// Of a host with a shared cache; all of them stay 0 without. `searches`: null until there is a learner that asks it.
void measure_fleet(metrics::Snapshot& all, const valkey::Counts& engine, const valkey::FleetCounts& fleet,
                   const lookup::SharedCounts* searches);

} // namespace app
