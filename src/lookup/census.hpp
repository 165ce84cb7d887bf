// lookup/census.hpp - how many policies there are of each kind, counted in a walk over the table. Pure.
//
// The walk itself is lookup/census_walk.hpp.
#pragma once

#include "base/clock.hpp"
#include "base/domain.hpp"
#include "base/reason.hpp"
#include "cache/entry.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace lookup {

/// A policy in use whose last fetch failed.
struct FailingPolicy {
    base::Domain domain;
    sts::Mode mode{};
    base::Reason reason{};
    std::uint32_t failures = 0; ///< in a row
    base::Instant fetched_at{}, expires_at{};
};

struct Census {
    static constexpr std::size_t modes = 3;    ///< as sts::Mode
    static constexpr std::size_t reasons = 64; ///< more than base::Reason has
    static constexpr std::size_t most_failing = 50;

    base::Instant at{};                       ///< when the walk began; the epoch: never
    std::array<std::size_t, modes> by_mode{}; ///< that have not expired
    std::size_t kept_expired = 0;
    std::size_t overdue = 0;  ///< as cache::overdue(): the daily fetch is due and has not come
    std::size_t expiring = 0; ///< enforced, the last fetch failed, and it expires within a day
    std::array<std::size_t, reasons> failing{}; ///< whose last fetch failed, by its reason
    base::Instant oldest_fetch{};               ///< of those in use; the epoch: there is none
    /// How long ago they were fetched: up to 1 hour, 6 hours, 26 hours, 3 days, longer.
    std::array<std::size_t, 5> by_age{};
    /// Of those whose last fetch failed: those that expire first, enforced ones first; at most most_failing.
    std::vector<FailingPolicy> first_to_expire;
};

/// Counts one more policy, as it is at `now`.
void count(Census& census, const base::Domain& domain, const cache::Entry& entry, base::Instant now,
           const cache::Tuning& tuning);

} // namespace lookup
