#include "base/utc.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace base {

namespace {

using namespace std::chrono;

constexpr Instant earliest{sys_days{year{1970} / January / 1}.time_since_epoch()};
constexpr Instant latest =
    Instant{sys_days{year{9999} / December / 31}.time_since_epoch()} + days{1} - seconds{1};

} // namespace

bool is_shown(Instant time) noexcept { return time >= earliest && time <= latest; }

std::string utc(Instant time) {
    time = std::clamp(time, earliest, latest);
    const auto date = floor<days>(time);
    const year_month_day ymd{date};
    const hh_mm_ss hms{time - date};
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(ymd.year()),
                  static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()),
                  static_cast<int>(hms.hours().count()), static_cast<int>(hms.minutes().count()),
                  static_cast<int>(hms.seconds().count()));
    return text.data();
}

} // namespace base
