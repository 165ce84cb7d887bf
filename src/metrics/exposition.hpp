// metrics/exposition.hpp - all metrics as text for Prometheus, text format 0.0.4. Pure.
#pragma once

#include "metrics/snapshot.hpp"

#include <string>
#include <string_view>

namespace metrics {

inline constexpr std::string_view media_type = "text/plain; version=0.0.4; charset=utf-8";

/// Every family and every series of the table, in its order.
[[nodiscard]] std::string exposition(const Snapshot& snapshot);

} // namespace metrics
