// lookup/load.hpp - entries of the memory table to stored rows and back. Pure but for the table.
#pragma once

#include "base/clock.hpp"
#include "cache/store.hpp"
#include "cache/table.hpp"

#include <functional>

namespace lookup {

enum class Loaded {
    kept,       ///< the policy is in the table and will be served
    expired,    ///< the same, but its max_age is over: it is not answered, and goes when the clock is trusted
    unreadable, ///< its text is no valid policy (any more): the caller removes the row
    known,      ///< the table has a policy for the domain already; nothing was done
    outdated,   ///< what has been fetched since took its place: the caller removes the row
};

/// Who had to make room for a row, to be removed from the store. Empty: nobody wants to know.
using OnEvicted = std::function<void(const cache::Evicted&)>;

/// Times in the future are kept: the clock was wrong then, or is now. A policy fetched in the future counts
/// from when that was first seen. The clock is noted by the refresher, which stores what that changes.
[[nodiscard]] Loaded load(cache::Table& table, const cache::Row& row, base::Instant now,
                          const OnEvicted& evicted = {});

/// As load(), for a row that turns up while the daemon runs: what the table knows is newer. On the thread
/// that learns.
[[nodiscard]] Loaded load_late(cache::Table& table, const cache::Row& row, base::Instant now,
                               const OnEvicted& evicted = {});

/// What is stored of an entry.
[[nodiscard]] cache::Row row(const base::Domain& domain, const cache::Entry& entry);

} // namespace lookup
