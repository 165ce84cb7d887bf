#include "base/words.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace base {

namespace {

struct Unit {
    std::int64_t size;
    std::string_view brief, one, many;
};
constexpr std::array<Unit, 4> units{{
    {86400, "d", " day", " days"},
    {3600, "h", " hour", " hours"},
    {60, "m", " min", " min"},
    {1, "s", " s", " s"},
}};

const Unit& unit_of(std::int64_t length) {
    for (const Unit& unit : units)
        if (length >= 2 * unit.size) return unit;
    return units.back();
}

std::string fixed(double number, int decimals) {
    std::array<char, 400> text{};
    std::snprintf(text.data(), text.size(), "%.*f", decimals, number);
    std::string shown = text.data();
    if (decimals == 0) return shown;
    shown.erase(shown.find_last_not_of('0') + 1);
    if (shown.ends_with('.')) shown.pop_back();
    return shown;
}

} // namespace

std::string grouped(std::uint64_t number) {
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
    return text;
}

std::string counted(std::uint64_t number, std::string_view one, std::string_view many) {
    return grouped(number).append(" ").append(number == 1 ? one : many);
}

std::string rounded(double number) {
    if (!(number > 0)) return "0";
    if (number < 0.01) return "<0.01";
    if (number < 0.995) return fixed(number, 2);
    if (number < 9.95) return fixed(number, 1);
    return grouped(static_cast<std::uint64_t>(std::min(std::round(number), 1e18)));
}

std::string duration_words(std::chrono::microseconds duration) {
    const double ms = static_cast<double>(duration.count()) / 1000;
    return ms < 1000 ? rounded(ms) + " ms" : rounded(ms / 1000) + " s";
}

std::string octets_words(std::uint64_t octets) {
    constexpr std::array<std::string_view, 5> names{" B", " KiB", " MiB", " GiB", " TiB"};
    auto size = static_cast<double>(octets);
    std::size_t at = 0;
    for (; size >= 1000 && at + 1 < names.size(); ++at) size /= 1024;
    return rounded(size).append(names[at]);
}

std::string length_words(seconds length) {
    const std::int64_t size = std::abs(length.count());
    const Unit& unit = unit_of(size);
    const std::int64_t count = size / unit.size;
    return std::to_string(count).append(count == 1 ? unit.one : unit.many);
}

std::string length_short(seconds length) {
    const std::int64_t size = std::abs(length.count());
    const Unit& unit = unit_of(size);
    return std::to_string(size / unit.size).append(unit.brief);
}

std::string relative(Instant at, Instant now) {
    if (at == now) return "now";
    return at < now ? length_words(now - at) + " ago" : "in " + length_words(at - now);
}

} // namespace base
