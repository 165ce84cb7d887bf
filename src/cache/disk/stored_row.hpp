// cache/disk/stored_row.hpp - one row of the store's file: its meaning, its checksum, and which rows are
// accepted. Pure.
//
// SQLite checks the structure of its pages, not their content: a flipped bit in a policy text would not be
// noticed and could stop mail. So each row has a checksum of all its other columns, and does not depend on
// other rows.
#pragma once

#include "base/expected.hpp"
#include "cache/store.hpp"

#include <cstdint>
#include <string_view>

namespace cache {

/// The columns as they lie in the file.
struct RawRow {
    std::string_view domain;      ///< base::Domain, in its own spelling
    std::string_view policy_text; ///< octets as served, 1 to sts::max_policy_size
    std::string_view txt_id;      ///< 0 to 32 letters and digits (RFC 8461 section 3.1)
    std::int64_t fetched_at = 0;  ///< seconds since 1970 UTC, 1 to max_stored_time
    std::int64_t last_asked = 0;  ///< the same, 0: never
    std::int64_t dane_at = 0;     ///< the same, 0: no
    std::int64_t sum = 0;         ///< row_sum() of the others
    // Since schema 2:
    std::int64_t dane_failed_at = 0; ///< seconds since 1970 UTC, 0: no
    std::int64_t ahead_since = 0;    ///< the same
    std::int64_t over_since = 0;     ///< seconds of running time, 0: no
};

/// The last second of the year 9999.
inline constexpr std::int64_t max_stored_time = 253'402'300'799;

/// The row's checksum (SipHash-2-4 of all columns with their lengths, under a fixed key). Part of the file
/// format. The columns of schema 2 are in it when one of them is not 0, so that rows of schema 1 keep theirs.
[[nodiscard]] std::int64_t row_sum(const RawRow& row);

/// The columns of `row`, with their checksum. The views are into `row`.
[[nodiscard]] RawRow raw_row(const Row& row);

/// The row, or constant words for what is wrong with it. Does not check whether the text is a policy.
[[nodiscard]] base::Expected<Row, std::string_view> read_row(const RawRow& raw);

} // namespace cache
