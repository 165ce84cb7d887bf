// base/log_port.hpp - the words of a log line: its level and its key=value fields.
//
// Levels follow who must act: error = we are not doing our job; warning = someone should look; info = what an
// operator may want tomorrow; debug = steps. Values are raw bytes: whoever writes the line cuts them and
// makes them printable.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace base {

enum class Level { debug, info, warning, error };

/// One key=value pair of a line. The views must outlive it.
struct Field {
    using Value = std::variant<std::string_view, std::int64_t, double>;
    std::string_view key;
    Value value;

    Field() = default;
    Field(std::string_view k, std::string_view v) : key(k), value(v) {}
    Field(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
    Field(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
    template <std::integral I>
    Field(std::string_view k, I v) : key(k), value(static_cast<std::int64_t>(v)) {}
    Field(std::string_view k, double v) : key(k), value(v) {}
};

} // namespace base
