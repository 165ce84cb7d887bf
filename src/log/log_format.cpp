#include "log/log_format.hpp"

#include "base/text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <ctime>

namespace app {

namespace {

/// Characters that need no quotes: they cannot be confused with a quote or the end of a value or a key.
constexpr std::array<bool, 256> plain = [] {
    std::array<bool, 256> made{};
    for (unsigned char c = '0'; c <= '9'; ++c) made[c] = true;
    for (unsigned char c = 'a'; c <= 'z'; ++c) made[c] = true;
    for (unsigned char c = 'A'; c <= 'Z'; ++c) made[c] = true;
    for (const char c : std::string_view{"._-:/@+*[]%"}) made[static_cast<unsigned char>(c)] = true;
    return made;
}();

/// The most octets put_text_value() and put_number() write: 309 digits, a sign, a point and three digits.
constexpr std::size_t most_value = 320;
static_assert(most_value >= max_log_value + 2);

/// Copies `text` and returns the end. Returns null if it needs quotes; what was written then has no meaning.
/// One pass, because nearly all values are plain.
char* put_plain(char* at, std::string_view text) noexcept {
    bool good = !text.empty();
    for (const char c : text) {
        *at++ = c;
        good &= plain[static_cast<unsigned char>(c)];
    }
    return good ? at : nullptr;
}

char* put_three_digits(char* at, unsigned number) noexcept {
    *at++ = static_cast<char>('0' + number / 100);
    *at++ = static_cast<char>('0' + number / 10 % 10);
    *at++ = static_cast<char>('0' + number % 10);
    return at;
}

char* put_number(char* at, std::int64_t number) noexcept {
    return std::to_chars(at, at + most_value, number).ptr;
}

/// Three digits after the point; `none` when there is no such number.
char* put_number(char* at, double number, std::string_view none) noexcept {
    if (number >= 0 && number < 1e9) { // by far the most usual: fractions of a second
        const auto thousandths = static_cast<std::int64_t>(number * 1000 + 0.5);
        at = put_number(at, thousandths / 1000);
        *at++ = '.';
        return put_three_digits(at, static_cast<unsigned>(thousandths % 1000));
    }
    if (!std::isfinite(number)) return put(at, none);
    return std::to_chars(at, at + most_value, number, std::chars_format::fixed, 3).ptr;
}

char* put_text_value(char* at, const base::Field::Value& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) return put_number(at, *number);
    if (const auto* fraction = std::get_if<double>(&value)) return put_number(at, *fraction, "nan");
    const auto text = *std::get_if<std::string_view>(&value);
    if (text.size() <= max_log_value)
        if (char* end = put_plain(at, text)) return end;
    const std::string shown = base::printable(text, max_log_value);
    if (char* end = put_plain(at, shown)) return end;
    *at++ = '"';
    at = put(at, shown);
    *at++ = '"';
    return at;
}

char* put_unit(char* at, std::uint32_t unit) noexcept {
    static constexpr char hex[] = "0123456789abcdef";
    at = put(at, "\\u");
    for (int shift = 12; shift >= 0; shift -= 4) *at++ = hex[(unit >> shift) & 15];
    return at;
}

/// The code point at `at` in valid UTF-8; moves `at` past it.
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

/// The most octets of a string: an octet of ours is at most six of JSON, and quotes and the mark of a cut.
constexpr std::size_t most_json_string = 6 * max_log_value + 5;
static_assert(most_json_string >= most_value);

/// Copies `text` in quotes and returns the end. Returns null if it needs another form; what was written then
/// has no meaning.
char* put_simple_json(char* at, std::string_view text) noexcept {
    if (text.size() > max_log_value) return nullptr;
    bool good = true;
    *at++ = '"';
    for (const char c : text) {
        *at++ = c;
        good &= c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
    }
    *at++ = '"';
    return good ? at : nullptr;
}

/// A JSON string in ASCII: other code points are \uNNNN, so that no reader sees control or direction marks.
char* put_json_string(char* at, std::string_view text) {
    if (char* end = put_simple_json(at, text)) return end;
    std::string escaped;
    // JSON cannot hold invalid UTF-8; it is written as in text lines instead.
    if (!base::valid_utf8(text)) text = escaped = base::printable(text, max_log_value);
    const std::string_view shown = cut(text, max_log_value);
    *at++ = '"';
    for (std::size_t i = 0; i < shown.size();) {
        const std::uint32_t point = next_code_point(shown, i);
        if (point == '"' || point == '\\') {
            *at++ = '\\';
            *at++ = static_cast<char>(point);
        } else if (point >= 0x20 && point < 0x7f) {
            *at++ = static_cast<char>(point);
        } else if (point < 0x10000) {
            at = put_unit(at, point);
        } else {
            at = put_unit(at, 0xd800 + ((point - 0x10000) >> 10));
            at = put_unit(at, 0xdc00 + ((point - 0x10000) & 0x3ff));
        }
    }
    return put(at, shown.size() < text.size() ? "...\"" : "\"");
}

char* put_json_value(char* at, const base::Field::Value& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) return put_number(at, *number);
    if (const auto* fraction = std::get_if<double>(&value)) return put_number(at, *fraction, "null");
    return put_json_string(at, *std::get_if<std::string_view>(&value));
}

constexpr std::size_t most_timestamp = 40;

char* put_timestamp(char* at, LogTime time) noexcept {
    // Everything except the milliseconds stays the same for a second.
    struct Said {
        std::time_t second = -1;
        std::size_t size = 0;
        std::array<char, most_timestamp> text{};
    };
    thread_local Said said;
    const auto whole = std::chrono::floor<std::chrono::seconds>(time);
    const std::time_t second = whole.time_since_epoch().count();
    if (second != said.second || said.size == 0) {
        std::tm utc{};
        gmtime_r(&second, &utc);
        said.size = std::strftime(said.text.data(), said.text.size() - 4, "%Y-%m-%dT%H:%M:%S.", &utc);
        said.second = second;
    }
    at = put(at, {said.text.data(), said.size});
    at = put_three_digits(at, static_cast<unsigned>((time - whole).count()));
    *at++ = 'Z';
    return at;
}

} // namespace

std::string_view to_string(base::Level level) noexcept {
    switch (level) {
    case base::Level::debug: return "debug";
    case base::Level::info: return "info";
    case base::Level::warning: return "warning";
    case base::Level::error: return "error";
    }
    return "error";
}

void append_text_head(LogBuffer& line, LogTime time, base::Level level) {
    char* at = put_timestamp(line.room(most_timestamp + 16), time);
    *at++ = ' ';
    at = put(at, to_string(level));
    *at++ = ' ';
    line.end_at(at);
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

void append_text_line(LogBuffer& line, std::string_view event, std::span<const base::Field> fields) {
    char* at = put(line.room(event.size() + 1), event);
    *at++ = ':';
    line.end_at(at);
    for (const base::Field& field : fields) {
        at = line.room(field.key.size() + 2 + most_value);
        *at++ = ' ';
        at = put(at, field.key);
        *at++ = '=';
        line.end_at(put_text_value(at, field.value));
    }
}

void append_json_line(LogBuffer& line, LogTime time, base::Level level, std::string_view event,
                      std::span<const base::Field> fields) {
    char* at = line.room(most_timestamp + most_json_string + 64);
    at = put_timestamp(put(at, "{\"time\":\""), time);
    at = put(put(at, "\",\"level\":\""), to_string(level));
    at = put_json_string(put(at, "\",\"event\":"), event);
    line.end_at(at);
    for (const base::Field& field : fields) {
        at = line.room(2 * most_json_string + 2);
        *at++ = ',';
        at = put_json_string(at, field.key);
        *at++ = ':';
        line.end_at(put_json_value(at, field.value));
    }
    at = line.room(1);
    *at++ = '}';
    line.end_at(at);
}

} // namespace app
