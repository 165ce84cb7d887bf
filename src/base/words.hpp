// base/words.hpp - numbers, lengths of time and sizes as people read them. Pure.
#pragma once

#include "base/clock.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace base {

/// "0", "999", "12,345", "1,234,567"
[[nodiscard]] std::string grouped(std::uint64_t number);
/// "1 policy", "2,000 policies"
[[nodiscard]] std::string counted(std::uint64_t number, std::string_view one, std::string_view many);
/// Of a number that is not negative: "0", "0.25", "3.1", "12", "12,345"; "<0.01" for less that is not 0.
[[nodiscard]] std::string rounded(double number);
/// "0 ms", "0.04 ms", "1.2 ms", "350 ms", "2.5 s", "60 s"; of a negative duration: "0 ms".
[[nodiscard]] std::string duration_words(std::chrono::microseconds duration);
/// "512 B", "1.5 KiB", "12 MiB"
[[nodiscard]] std::string octets_words(std::uint64_t octets);

/// "45 s", "5 min", "3 hours", "12 days": rounded down, in the largest unit of which there are two or more, days at
/// most. Of a negative length: of its size.
[[nodiscard]] std::string length_words(seconds length);
/// The same in 4 columns at most, for tables: "45s", "5m", "3h", "12d".
[[nodiscard]] std::string length_short(seconds length);
/// "5 min ago", "in 3 days", "now"
[[nodiscard]] std::string relative(Instant at, Instant now);

} // namespace base
