// lookup/load.hpp - stored rows back into the memory table at the start.
#pragma once

#include "base/clock.hpp"
#include "cache/store.hpp"
#include "cache/table.hpp"

namespace lookup {

enum class Loaded {
    kept,      ///< the policy is in the table and will be served
    expired,   ///< its max_age is over: the caller removes the row
    unreadable ///< its text is no valid policy (any more): the caller removes the row
};

/// A fetched_at in the future (the clock was set back) counts as `now`.
[[nodiscard]] Loaded load(cache::Table& table, const cache::Row& row, base::Instant now);

} // namespace lookup
