// log/log_format.hpp - one log line as text or JSON. Pure: decides what is in a line, not where it goes.
//
// For any bytes in a value, the result is one line of printable ASCII, and a reader finds exactly the given
// fields: a value cannot end a line, begin a field or close a quote.
#pragma once

#include "base/log_port.hpp"
#include "log/log_buffer.hpp"

#include <chrono>
#include <cstddef>
#include <span>
#include <string_view>

namespace app {

/// Octets of one value that are shown; the rest is cut.
inline constexpr std::size_t max_log_value = 200;

using LogTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

/// "debug", "info", "warning", "error"
[[nodiscard]] std::string_view to_string(base::Level level) noexcept;

/// The beginning of a text line, if nobody else adds the time: "2026-08-22T10:11:12.345Z info ".
void append_text_head(LogBuffer& line, LogTime time, base::Level level);

/// The priority of syslog(3): 7, 6, 4 or 3.
[[nodiscard]] int priority(base::Level level) noexcept;

/// `event: key=value key="quoted value"`, no newline. In quotes, backslash and quote are escaped and other
/// bytes are \xNN.
void append_text_line(LogBuffer& line, std::string_view event, std::span<const base::Field> fields);

/// One JSON object, no newline: time, level and event, then the fields; numbers stay numbers.
void append_json_line(LogBuffer& line, LogTime time, base::Level level, std::string_view event,
                      std::span<const base::Field> fields);

} // namespace app
