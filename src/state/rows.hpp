// state/rows.hpp - the rows of state.db as values, and what is taken for one. Pure. Part of state/file.
//
// Each row has a sum over its own columns, so it is checked alone and salvaged alone; an override is also parsed as
// one that somebody adds.
#pragma once

#include "base/clock.hpp"
#include "base/domain.hpp"
#include "decision/override.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace state {

/// A domain that is only observed: what Postfix would have got, and how often.
struct Observed {
    std::string domain;
    std::string would; ///< the last time: one of would_words
    std::uint64_t lookups = 0;
    base::Instant first{}, last{};
    friend bool operator==(const Observed&, const Observed&) = default;
};
inline constexpr std::string_view would_words[]{"secure", "dane-only", "may", "encrypt"};

/// Since when an enforced policy has protected a domain without a gap.
struct Protected {
    std::string domain;
    base::Instant since{};
    base::Instant until{}; ///< when the policy expires unless it is fetched again; 1970: not known
    friend bool operator==(const Protected&, const Protected&) = default;
};
/// What is known after `more` was noted: one that begins when the time before is over begins a new one.
[[nodiscard]] Protected joined(const std::optional<Protected>& before, Protected more);

/// Columns as they lie in the file.
struct RawOverride {
    std::string_view domain, action, match; ///< match: the names, with a space between
    std::int64_t until = 0;
    std::string_view reason;
    std::int64_t weakens = 0, added_at = 0;
    std::string_view added_by;
};
struct RawObserved {
    std::string_view domain, would;
    std::int64_t lookups = 0, first = 0, last = 0;
};
struct RawProtected {
    std::string_view domain;
    std::int64_t since = 0, until = 0;
};
[[nodiscard]] std::int64_t sum_of(const RawOverride& row);
[[nodiscard]] std::int64_t sum_of(const RawObserved& row);
[[nodiscard]] std::int64_t sum_of(const RawProtected& row);

/// The names with a space between.
[[nodiscard]] std::string match_column(const decision::Override& entry);
/// Only of one that was added at run time. `match`: match_column(), which outlives the row.
[[nodiscard]] RawOverride raw(const decision::Override& entry, std::string_view match);
[[nodiscard]] RawObserved raw(const Observed& row);
[[nodiscard]] RawProtected raw(const Protected& row);

/// Nothing: the row is none of ours.
[[nodiscard]] std::optional<decision::Override> read(const RawOverride& row, std::int64_t sum);
[[nodiscard]] std::optional<Observed> read(const RawObserved& row, std::int64_t sum);
[[nodiscard]] std::optional<Protected> read(const RawProtected& row, std::int64_t sum);

} // namespace state
