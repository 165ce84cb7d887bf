#include "lookup/census_walk.hpp"

#include <new>
#include <utility>

namespace lookup {

const Census& CensusWalk::latest() {
    if (parts_.table.policy_count() <= few) {
        begin();
        while (!cursor_.over()) slice();
        finish();
        return done_;
    }
    const base::Instant now = parts_.clock.now();
    // Also after the clock was set back.
    const bool fresh = done_.at <= now && now - done_.at < renew_after && done_.at != base::Instant{};
    if (fresh || walking_) return done_;
    begin();
    go_on();
    return done_;
}

void CensusWalk::begin() {
    counted_ = {};
    counted_.at = parts_.clock.now();
    tuning_ = parts_.tuning();
    cursor_ = {};
}

void CensusWalk::slice() {
    const base::Instant now = parts_.clock.now();
    for (const cache::Table::Seen& seen : parts_.table.slice(cursor_))
        count(counted_, seen.domain, seen.entry, now, tuning_);
}

void CensusWalk::finish() {
    walking_ = false;
    done_ = std::exchange(counted_, {});
}

/// Without memory for a slice the walk ends there, and begins again when somebody asks.
void CensusWalk::go_on() {
    walking_ = false;
    try {
        parts_.later([self = self_] {
            if (*self == nullptr) return;
            CensusWalk& walk = **self;
            if (!walk.walking_) return;
            try {
                walk.slice();
            } catch (const std::bad_alloc&) {
                walk.walking_ = false;
                return;
            }
            if (walk.cursor_.over())
                walk.finish();
            else
                walk.go_on();
        });
        walking_ = true;
    } catch (const std::bad_alloc&) {
        return;
    }
}

} // namespace lookup
