#include "tool/show/times.hpp"

#include "tool/show/safe_text.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace tool {

namespace {

using base::Instant;
using base::seconds;

/// A letter of parse_length(), and how many seconds it stands for.
struct Letter {
    char letter;
    std::int64_t size;
};
constexpr std::array<Letter, 5> letters{{{'w', 7 * 86400}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}}};

/// The number of `digits` digits at the front, which is removed.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
    int number = 0;
    if (text.size() < digits) return std::nullopt;
    for (const char c : text.substr(0, digits)) {
        if (c < '0' || c > '9') return std::nullopt;
        number = number * 10 + (c - '0');
    }
    text.remove_prefix(digits);
    return number;
}

bool take(std::string_view& text, std::string_view any_of) {
    if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
}

std::string two_digits(std::int64_t number) {
    std::string text = std::to_string(number);
    return text.size() < 2 ? "0" + text : text;
}

struct Parts {
    std::chrono::year_month_day date;
    std::chrono::hh_mm_ss<seconds> time;
};
Parts parts_of(Instant at) {
    const auto day = std::chrono::floor<std::chrono::days>(at);
    return {std::chrono::year_month_day{day}, std::chrono::hh_mm_ss<seconds>{at - day}};
}

std::string date_text(const std::chrono::year_month_day& date) {
    std::string year = std::to_string(static_cast<int>(date.year()));
    if (year.size() < 4) year.insert(0, 4 - year.size(), '0');
    return year + "-" + two_digits(unsigned{date.month()}) + "-" + two_digits(unsigned{date.day()});
}

} // namespace

Zone local_zone() {
    return [](Instant at) {
        const std::time_t time = std::chrono::system_clock::to_time_t(at);
        std::tm local{};
        return ::localtime_r(&time, &local) == nullptr ? seconds{0} : seconds{local.tm_gmtoff};
    };
}

std::optional<Instant> parse_time(std::string_view text) {
    const auto year = take_number(text, 4);
    if (!year || !take(text, "-")) return std::nullopt;
    const auto month = take_number(text, 2);
    if (!month || !take(text, "-")) return std::nullopt;
    const auto day = take_number(text, 2);
    if (!day || !take(text, "Tt ")) return std::nullopt;
    const auto hour = take_number(text, 2);
    if (!hour || *hour > 23 || !take(text, ":")) return std::nullopt;
    const auto minute = take_number(text, 2);
    if (!minute || *minute > 59 || !take(text, ":")) return std::nullopt;
    const auto second = take_number(text, 2);
    if (!second || *second > 60) return std::nullopt;
    if (take(text, ".") && !take_number(text, 1)) return std::nullopt;
    while (take(text, "0123456789")) {
    }
    const std::chrono::year_month_day date{std::chrono::year{*year},
                                           std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok()) return std::nullopt;
    const Instant local = std::chrono::sys_days{date} + std::chrono::hours{*hour} +
                          std::chrono::minutes{*minute} + seconds{*second};
    if (text == "Z" || text == "z") return local;
    const bool behind = text.starts_with('-');
    if (!take(text, "+-")) return std::nullopt;
    const auto hours = take_number(text, 2);
    if (!hours || *hours > 23 || !take(text, ":")) return std::nullopt;
    const auto minutes = take_number(text, 2);
    if (!minutes || *minutes > 59 || !text.empty()) return std::nullopt;
    const seconds offset{*hours * 3600 + *minutes * 60};
    return behind ? local + offset : local - offset;
}

std::string utc_text(Instant at) {
    const Parts parts = parts_of(at);
    return date_text(parts.date) + "T" + two_digits(parts.time.hours().count()) + ":" +
           two_digits(parts.time.minutes().count()) + ":" + two_digits(parts.time.seconds().count()) + "Z";
}

std::string local_text(Instant at, const Zone& zone) {
    const seconds offset = zone(at);
    const Parts parts = parts_of(at + offset);
    const std::int64_t ahead = std::abs(offset.count());
    return date_text(parts.date) + " " + two_digits(parts.time.hours().count()) + ":" +
           two_digits(parts.time.minutes().count()) + ":" + two_digits(parts.time.seconds().count()) +
           (offset.count() < 0 ? "-" : "+") + two_digits(ahead / 3600) + ":" + two_digits(ahead / 60 % 60);
}

std::string time_and_age(Instant at, Instant now, const Zone& zone) {
    return local_text(at, zone) + ", " + relative(at, now);
}

std::string time_and_age(std::string_view json, Instant now, const Zone& zone) {
    const auto at = parse_time(json);
    return at ? time_and_age(*at, now, zone) : safe_text(json, 60);
}

std::optional<seconds> parse_length(std::string_view text) {
    std::uint32_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc{} || end + 1 != text.data() + text.size()) return std::nullopt;
    for (const Letter& letter : letters)
        if (*end == letter.letter) return seconds{count * letter.size};
    return std::nullopt;
}

} // namespace tool
