// base/utc.hpp - a point of wall time as text. Pure.
#pragma once

#include "base/clock.hpp"

#include <string>

namespace base {

/// "2026-11-28T20:35:20Z" (RFC 3339). Before 1970 and after 9999: the nearest time within.
[[nodiscard]] std::string utc(Instant time);

/// From 1970 to 9999: what utc() shows as it is.
[[nodiscard]] bool is_shown(Instant time) noexcept;

} // namespace base
