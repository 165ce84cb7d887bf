// tool/show/times.hpp - times as the tool reads and shows them: UTC in JSON, local time with its zone and age for
// people. Pure, but local_zone().
#pragma once

#include "base/clock.hpp"
#include "base/words.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace tool {

/// How far local time is ahead of UTC at a moment.
using Zone = std::function<base::seconds(base::Instant)>;

/// The zone of this process (TZ, /etc/localtime).
[[nodiscard]] Zone local_zone();

/// "2026-11-28T20:35:20Z", or with an offset (RFC 3339); fractions of a second are dropped.
[[nodiscard]] std::optional<base::Instant> parse_time(std::string_view text);
[[nodiscard]] std::string utc_text(base::Instant at);

/// "2026-11-28 20:35:20+01:00": RFC 3339, with a blank for the T
[[nodiscard]] std::string local_text(base::Instant at, const Zone& zone);
/// "2026-11-28 20:35:20+01:00, 5 min ago" or "..., in 3 days"
[[nodiscard]] std::string time_and_age(base::Instant at, base::Instant now, const Zone& zone);
/// The same of a time in JSON. A text that is no time is shown as it is, made printable.
[[nodiscard]] std::string time_and_age(std::string_view json, base::Instant now, const Zone& zone);
using base::length_short;
using base::length_words;
using base::relative;

/// "30m", "12h", "14d", "2w", "90s"
[[nodiscard]] std::optional<base::seconds> parse_length(std::string_view text);

} // namespace tool
