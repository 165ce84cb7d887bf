#include "tool/preview/times.hpp"

#include <algorithm>
#include <array>

namespace preview {
namespace {

using base::Instant;
using base::seconds;
using std::chrono::day;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::month;
using std::chrono::sys_days;
using std::chrono::year;
using std::chrono::year_month_day;

constexpr std::array<std::string_view, 12> names{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
/// 1: a new year lies between these two lines; -1: the second one is still of the old year.
int turn(unsigned before, unsigned after) noexcept {
    if (before == 1 && after == 12) return -1;
    return before > after + 1 ? 1 : 0; // by one month: the first day of a month, not in order
}

/// Two digits, or a blank and one; -1: none.
int two(std::string_view text, std::size_t at) noexcept {
    const char high = text[at], low = text[at + 1];
    if (low < '0' || low > '9') return -1;
    if (high == ' ') return low - '0';
    if (high < '0' || high > '9') return -1;
    return (high - '0') * 10 + (low - '0');
}

/// "20:35:20" as a time of day.
std::optional<seconds> time_of_day(std::string_view text) noexcept {
    if (text.size() < 8 || text[2] != ':' || text[5] != ':') return std::nullopt;
    const int h = two(text, 0), m = two(text, 3), s = two(text, 6);
    if (h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 60) return std::nullopt;
    return hours{h} + minutes{m} + seconds{s};
}

/// "+01:00", "+0100", "Z"
std::optional<seconds> offset(std::string_view text) noexcept {
    if (text == "Z" || text == "z") return seconds{0};
    if (text.size() != 5 && text.size() != 6) return std::nullopt;
    if (text[0] != '+' && text[0] != '-') return std::nullopt;
    if (text.size() == 6 && text[3] != ':') return std::nullopt;
    const int h = two(text, 1), m = two(text, text.size() - 2);
    if (h < 0 || h > 23 || m < 0 || m > 59) return std::nullopt;
    const seconds size = hours{h} + minutes{m};
    return text[0] == '-' ? -size : size;
}

/// "2026-11-28T20:35:20.123456+01:00"; of journalctl -o short-iso without the colon at the end.
std::optional<Instant> rfc_3339(std::string_view text) noexcept {
    if (text.size() < 20 || text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't'))
        return std::nullopt;
    const int century = two(text, 0), of_century = two(text, 2), m = two(text, 5), d = two(text, 8);
    const auto in_day = time_of_day(text.substr(11));
    if (century < 0 || of_century < 0 || m < 0 || d < 0 || !in_day) return std::nullopt;
    const year_month_day date{year{century * 100 + of_century}, month{static_cast<unsigned>(m)},
                              day{static_cast<unsigned>(d)}};
    std::string_view rest = text.substr(19);
    if (rest.front() == '.' || rest.front() == ',')
        rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of("0123456789", 1)));
    const auto ahead = offset(rest);
    if (!date.ok() || !ahead) return std::nullopt;
    return sys_days{date} + *in_day - *ahead;
}

} // namespace

unsigned month_of(std::string_view time) noexcept {
    if (time.size() < 4 || time[3] != ' ') return 0;
    const auto* const found = std::ranges::find(names, time.substr(0, 3));
    return found == names.end() ? 0 : static_cast<unsigned>(found - names.begin()) + 1;
}

int years(const std::vector<unsigned>& months) noexcept {
    int turns = 0;
    for (std::size_t i = 1; i < months.size(); ++i) turns += turn(months[i - 1], months[i]);
    return turns;
}

Times::Times(Instant last, tool::Zone zone, const std::vector<unsigned>& months)
    : latest_(last + hours{24}), zone_(std::move(zone)) {
    if (months.empty()) return;
    const year_month_day latest{std::chrono::floor<std::chrono::days>(latest_)};
    year_ =
        static_cast<int>(latest.year()) - (months.back() > unsigned{latest.month()} ? 1 : 0) - years(months);
}

std::optional<Instant> Times::at(std::string_view text) {
    if (text.empty()) return std::nullopt;
    return text.front() >= '0' && text.front() <= '9' ? rfc_3339(text) : traditional(text);
}

std::optional<Instant> Times::traditional(std::string_view text) {
    if (text.size() != 15) return std::nullopt;
    const auto in_day = time_of_day(text.substr(7));
    if (!in_day) return std::nullopt;
    if (const std::string_view to_the_hour = text.substr(0, 9); to_the_hour != known_) {
        const unsigned m = month_of(text);
        const int d = two(text, 4);
        if (m == 0 || d < 1 || d > 31 || text[6] != ' ') return std::nullopt;
        if (year_ && month_ != 0) *year_ += turn(month_, m);
        month_ = m;
        hour_ = dated(m, static_cast<unsigned>(d), std::chrono::floor<hours>(*in_day));
        known_ = to_the_hour;
    }
    return hour_ + (*in_day - std::chrono::floor<hours>(*in_day));
}

Instant Times::dated(unsigned m, unsigned d, seconds in_day) const {
    const auto in = [&](int y) {
        year_month_day date{year{y}, month{m}, day{d}};
        if (!date.ok()) date = year_month_day{date.year() / date.month() / std::chrono::last}; // 29 February
        const Instant local = sys_days{date} + in_day;
        return local - zone_(local - zone_(local));
    };
    if (year_)
        if (const Instant at = in(*year_); at <= latest_) return at;
    const int y = static_cast<int>(year_month_day{std::chrono::floor<std::chrono::days>(latest_)}.year());
    const Instant at = in(y);
    return at <= latest_ ? at : in(y - 1);
}

} // namespace preview
