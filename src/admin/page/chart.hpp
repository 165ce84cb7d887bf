// admin/page/chart.hpp - charts of the status page as inline SVG, made of numbers alone. Pure.
//
// They stretch to the width of the page: labels of axes are not in them. Colours come from the style sheet's classes.
#pragma once

#include "admin/page/hour.hpp"

#include <string>
#include <string_view>

namespace page {

/// The names of answers, as in the metrics.
[[nodiscard]] std::string_view to_string(Answer answer) noexcept;

/// 1, 2 or 5 times a power of ten, not below `most`; at least 10.
[[nodiscard]] double axis_top(double most) noexcept;
/// The most answers that a minute of the hour had.
[[nodiscard]] double most_a_minute(const Hour::View& hour) noexcept;

/// A bar for each minute, stacked by answer, up to axis_top(most_a_minute()).
[[nodiscard]] std::string answers_chart(const Hour::View& hour);

/// Lines of p50 and p99, from memory and after searches; the axis is logarithmic, from 0.01 ms to 10 s.
[[nodiscard]] std::string durations_chart(const Hour::View& hour);

/// A bar of `part` of `all`, for a table. `kind`: a class of the style sheet, or "".
[[nodiscard]] std::string bar(std::size_t part, std::size_t all, std::string_view kind = "");

} // namespace page
