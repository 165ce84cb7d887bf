// base/log.hpp - the logging port: one event, a few key=value fields, one line.
//
// Levels follow who must act: error = we are not doing our job; warning = someone should look; info = what an
// operator may want tomorrow; debug = steps. Values are raw bytes: the sink cuts them and makes them
// printable, so callers pass peer text as it came. write() is safe from any thread and never waits for a disk
// or a socket.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace base {

enum class Level { debug, info, warning, error };

/// One key=value pair of a line. The view must live until write() returns.
struct Field {
    using Value = std::variant<std::string_view, std::int64_t, double>;
    std::string_view key;
    Value value;

    Field(std::string_view k, std::string_view v) : key(k), value(v) {}
    Field(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
    Field(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
    template <std::integral I>
    Field(std::string_view k, I v) : key(k), value(static_cast<std::int64_t>(v)) {}
    Field(std::string_view k, double v) : key(k), value(v) {}
};

class Log {
public:
    virtual ~Log() = default;
    /// False when a line of this level would be dropped, so that callers need not build it.
    [[nodiscard]] virtual bool enabled(Level level) const noexcept = 0;
    /// Writes one line: the event's name (a constant of ours), then the fields in order.
    virtual void write(Level level, std::string_view event, std::initializer_list<Field> fields) = 0;
};

} // namespace base
