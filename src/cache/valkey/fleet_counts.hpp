// cache/valkey/fleet_counts.hpp - what the adapter of a shared cache counts. One thread writes, any may read.
#pragma once

#include "base/counter.hpp"
#include "cache/valkey/value.hpp"

namespace valkey {

/// Besides those of the engine's client (counts.hpp) and of the searches (lookup/counts.hpp).
struct FleetCounts {
    base::CountersOf<Refusal, refusals> refused; ///< values that were looked at, wherever they came from
    base::Counter unreadable_news;               ///< notifications that are none
    base::Counter stored;                        ///< policies that the engine took
    base::Counter not_stored;              ///< policies that it has already, or newer, or must be left alone
    base::Counter dropped;                 ///< policies that waited for the engine and had to make room
    base::Gauge waiting, waiting_octets;   ///< policies that wait for the engine
    base::Counter syncs;                   ///< comparisons that came to their end
    base::Counter syncs_broken;            ///< that did not
    base::Counter compared, newer, pushed; ///< policies, in comparisons
    base::Gauge synced_at;                 ///< when one last came to its end, in seconds since 1970; 0: never
};

} // namespace valkey
