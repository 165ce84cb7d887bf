// tests/support/log_lines.hpp - one log line as a string of its own.
#pragma once

#include "log/log_format.hpp"

#include <initializer_list>
#include <string>
#include <string_view>

namespace test {

/// "2026-08-22T10:11:12.345Z"
inline std::string timestamp(app::LogTime time) {
    app::LogBuffer line;
    app::append_text_head(line, time, base::Level::info);
    return std::string{line.text().substr(0, line.text().find(' '))};
}

inline std::string text_line(std::string_view event, std::initializer_list<base::Field> fields) {
    app::LogBuffer line;
    app::append_text_line(line, event, {fields.begin(), fields.size()});
    return std::string{line.text()};
}

inline std::string json_line(app::LogTime time, base::Level level, std::string_view event,
                             std::initializer_list<base::Field> fields) {
    app::LogBuffer line;
    app::append_json_line(line, time, level, event, {fields.begin(), fields.size()});
    return std::string{line.text()};
}

} // namespace test
