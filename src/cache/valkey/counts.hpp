// cache/valkey/counts.hpp - what the client of an engine counts. One thread writes, any may read.
#pragma once

#include "base/counter.hpp"
#include "base/duration_bounds.hpp"
#include "cache/valkey/trouble.hpp"

namespace valkey {

struct Counts {
    base::Counter commands; ///< asked of us, queued writes not among them
    base::Counter replies;  ///< to them, without a trouble
    base::CountersOf<Trouble, troubles>
        failed; ///< of them, by trouble: commands = replies + failed + unanswered
    base::Histogram<base::engine_bounds> took; ///< of all commands that were sent, until answer or time-out
    base::Counter writes;                      ///< offered to the queue
    base::Counter written;                     ///< of them, without a trouble
    base::Counter dropped;                     ///< of them, pushed out of the queue by newer ones
    base::CountersOf<Trouble, troubles> unwritten; ///< of them, by trouble; those dropped are `overloaded`
    base::Gauge waiting, waiting_octets;           ///< in the queue now
    base::Counter connections;                     ///< made and logged in, to engines
    base::Counter lost;                            ///< of them, but for our own stopping
    base::CountersOf<Trouble, troubles> not_connected; ///< attempts, by trouble
    base::Counter breaker_opened;
    base::Counter messages;      ///< of the subscription
    base::Counter interruptions; ///< of the subscription
    base::Gauge up;              ///< 1: commands are sent to the primary now, 0: they are not
};

} // namespace valkey
