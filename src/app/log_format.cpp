#include "app/log_format.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <ctime>

namespace app {

namespace {

/// What needs no quotes, as it can be taken neither for a quote nor for the end of a value or a key.
constexpr std::array<bool, 256> plain = [] {
    std::array<bool, 256> made{};
    for (unsigned char c = '0'; c <= '9'; ++c) made[c] = true;
    for (unsigned char c = 'a'; c <= 'z'; ++c) made[c] = true;
    for (unsigned char c = 'A'; c <= 'Z'; ++c) made[c] = true;
    for (const char c : std::string_view{"._-:/@+*[]%"}) made[static_cast<unsigned char>(c)] = true;
    return made;
}();

bool is_plain(std::string_view text) noexcept {
    return !text.empty() &&
           std::ranges::all_of(text, [](char c) { return plain[static_cast<unsigned char>(c)]; });
}

void append_number(std::string& out, std::int64_t number) {
    char digits[20];
    out.append(digits, std::to_chars(std::begin(digits), std::end(digits), number).ptr);
}

/// Three digits after the point; "" when there is no such number.
std::string decimal(double number) {
    if (number >= 0 && number < 1e9) { // by far the most: fractions of a second
        const auto thousandths = static_cast<std::int64_t>(number * 1000 + 0.5);
        std::string out = std::to_string(thousandths / 1000);
        const auto rest = static_cast<unsigned>(thousandths % 1000);
        out.append({'.', static_cast<char>('0' + rest / 100), static_cast<char>('0' + rest / 10 % 10),
                    static_cast<char>('0' + rest % 10)});
        return out;
    }
    // The longest: 309 digits, a sign, a point and three digits.
    std::array<char, 320> digits{};
    if (!std::isfinite(number)) return {};
    const auto end =
        std::to_chars(digits.data(), digits.data() + digits.size(), number, std::chars_format::fixed, 3);
    return {digits.data(), end.ptr};
}

void append_text_value(std::string& line, const base::Field::Value& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
        append_number(line, *number);
    } else if (const auto* fraction = std::get_if<double>(&value)) {
        const std::string digits = decimal(*fraction);
        line += digits.empty() ? "nan" : digits;
    } else {
        const auto text = std::get<std::string_view>(value);
        if (text.size() <= max_log_value && is_plain(text)) {
            line += text;
            return;
        }
        const std::string shown = base::printable(text, max_log_value);
        if (is_plain(shown))
            line += shown;
        else
            line.append("\"").append(shown).append("\"");
    }
}

void append_unit(std::string& out, std::uint32_t unit) {
    static constexpr char hex[] = "0123456789abcdef";
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out += hex[(unit >> shift) & 15];
}

/// The code point at `at` of valid UTF-8, which is advanced past it.
std::uint32_t next_code_point(std::string_view text, std::size_t& at) {
    const auto lead = static_cast<unsigned char>(text[at++]);
    if (lead < 0x80) return lead;
    const int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    std::uint32_t point = lead & (0x3fu >> more);
    for (int i = 0; i < more; ++i) point = point << 6 | (static_cast<unsigned char>(text[at++]) & 0x3fu);
    return point;
}

/// The longest start of valid UTF-8 that ends between code points and has at most `limit` octets.
std::string_view cut(std::string_view text, std::size_t limit) {
    if (text.size() <= limit) return text;
    while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xc0) == 0x80) --limit;
    return text.substr(0, limit);
}

/// A JSON string in ASCII: other code points are \uNNNN, so that no reader sees control or direction marks.
void append_json_string(std::string& out, std::string_view text, std::size_t limit) {
    std::string escaped;
    // What is no UTF-8 cannot be in JSON; it is shown the way of text lines instead.
    if (!base::valid_utf8(text)) text = escaped = base::printable(text, limit);
    const std::string_view shown = cut(text, limit);
    out += '"';
    for (std::size_t at = 0; at < shown.size();) {
        const std::uint32_t point = next_code_point(shown, at);
        if (point == '"' || point == '\\')
            out.append("\\").append(1, static_cast<char>(point));
        else if (point >= 0x20 && point < 0x7f)
            out += static_cast<char>(point);
        else if (point < 0x10000)
            append_unit(out, point);
        else {
            append_unit(out, 0xd800 + ((point - 0x10000) >> 10));
            append_unit(out, 0xdc00 + ((point - 0x10000) & 0x3ff));
        }
    }
    out += shown.size() < text.size() ? "...\"" : "\"";
}

void append_json_value(std::string& out, const base::Field::Value& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
        out += std::to_string(*number);
    } else if (const auto* fraction = std::get_if<double>(&value)) {
        const std::string digits = decimal(*fraction);
        out += digits.empty() ? "null" : digits;
    } else {
        append_json_string(out, std::get<std::string_view>(value), max_log_value);
    }
}

} // namespace

std::string timestamp(LogTime time) {
    const auto whole = std::chrono::floor<std::chrono::seconds>(time);
    // All but the milliseconds is the same for a second.
    thread_local std::time_t said_second = -1;
    thread_local std::string said;
    const std::time_t second = whole.time_since_epoch().count();
    if (second != said_second || said.empty()) {
        std::tm utc{};
        gmtime_r(&second, &utc);
        std::array<char, 40> text{};
        said.assign(text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S.", &utc));
        said_second = second;
    }
    const auto millis = static_cast<unsigned>((time - whole).count());
    const char digits[] = {static_cast<char>('0' + millis / 100), static_cast<char>('0' + millis / 10 % 10),
                           static_cast<char>('0' + millis % 10), 'Z'};
    std::string out;
    out.reserve(said.size() + sizeof digits);
    return out.append(said).append(digits, sizeof digits);
}

std::string_view to_string(base::Level level) noexcept {
    switch (level) {
    case base::Level::debug: return "debug";
    case base::Level::info: return "info";
    case base::Level::warning: return "warning";
    case base::Level::error: return "error";
    }
    return "error";
}

int priority(base::Level level) noexcept {
    switch (level) {
    case base::Level::debug: return 7;
    case base::Level::info: return 6;
    case base::Level::warning: return 4;
    case base::Level::error: return 3;
    }
    return 3;
}

std::string text_line(std::string_view event, std::initializer_list<base::Field> fields) {
    std::string line;
    append_text_line(line, event, fields);
    return line;
}

void append_text_line(std::string& line, std::string_view event, std::initializer_list<base::Field> fields) {
    line.append(event).append(":");
    for (const base::Field& field : fields) {
        line.append(" ").append(field.key).append("=");
        append_text_value(line, field.value);
    }
}

std::string json_line(LogTime time, base::Level level, std::string_view event,
                      std::initializer_list<base::Field> fields) {
    std::string line;
    append_json_line(line, time, level, event, fields);
    return line;
}

void append_json_line(std::string& line, LogTime time, base::Level level, std::string_view event,
                      std::initializer_list<base::Field> fields) {
    line.append("{\"time\":\"").append(timestamp(time)).append("\",\"level\":\"");
    line.append(to_string(level)).append("\",\"event\":");
    append_json_string(line, event, max_log_value);
    for (const base::Field& field : fields) {
        line += ",";
        append_json_string(line, field.key, max_log_value);
        line += ":";
        append_json_value(line, field.value);
    }
    line += "}";
}

} // namespace app
