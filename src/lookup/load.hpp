// lookup/load.hpp - entries of the memory table to stored rows and back. Pure but for the table.
#pragma once

#include "base/clock.hpp"
#include "cache/store.hpp"
#include "cache/table.hpp"

namespace lookup {

enum class Loaded {
    kept,       ///< the policy is in the table and will be served
    expired,    ///< its max_age is over: the caller removes the row
    unreadable, ///< its text is no valid policy (any more): the caller removes the row
    known,      ///< the table has a policy for the domain already; nothing was done
};

/// Times in the future are kept: the clock was wrong then, or is now. A policy fetched in the future counts
/// from `now`.
[[nodiscard]] Loaded load(cache::Table& table, const cache::Row& row, base::Instant now);

/// As load(), for a row that turns up while the daemon runs: what the table knows is newer. On the thread
/// that learns.
[[nodiscard]] Loaded load_late(cache::Table& table, const cache::Row& row, base::Instant now);

/// What is stored of an entry.
[[nodiscard]] cache::Row row(const base::Domain& domain, const cache::Entry& entry);

} // namespace lookup
