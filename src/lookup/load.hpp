// lookup/load.hpp - entries of the memory table to stored rows and back. Pure but for the table.
#pragma once

#include "base/clock.hpp"
#include "cache/store.hpp"
#include "cache/table.hpp"

#include <functional>

namespace lookup {

enum class Loaded {
    kept,       ///< the policy is in the table and will be served
    expired,    ///< the same, but expired: not answered, and forgotten when the clock is trusted
    unreadable, ///< its text is not (or no longer) a valid policy: the caller removes the row
    known,      ///< the table already has a policy for the domain; nothing was changed
    outdated,   ///< a later fetch has withdrawn this policy: the caller removes the row
};

/// Gets each policy that was evicted to make room for a row; the caller removes it from the store. May be
/// empty.
using OnEvicted = std::function<void(const cache::Evicted&)>;

/// Puts a row into the table. Times in the future are kept: the clock was wrong then, or is wrong now. The
/// age of a policy fetched in the future counts from when that was first seen; the refresher notes and stores
/// that time.
[[nodiscard]] Loaded load(cache::Table& table, const cache::Row& row, base::Instant now,
                          const OnEvicted& evicted = {});

/// As load(), for a row that is found while the daemon runs: what the table knows is newer. For the back
/// thread.
[[nodiscard]] Loaded load_late(cache::Table& table, const cache::Row& row, base::Instant now,
                               const OnEvicted& evicted = {});

/// The row to store for an entry.
[[nodiscard]] cache::Row row(const base::Domain& domain, const cache::Entry& entry);

} // namespace lookup
