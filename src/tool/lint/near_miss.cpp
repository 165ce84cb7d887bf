#include "tool/lint/near_miss.hpp"

#include "base/domain.hpp"
#include "base/record_fields.hpp"
#include "base/spelling.hpp"
#include "base/text.hpp"
#include "sts/match.hpp"
#include "sts/record.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace lint {

namespace {

constexpr std::array<std::string_view, 4> keys{"version", "mode", "max_age", "mx"};
constexpr std::array<std::string_view, 3> modes{"enforce", "testing", "none"};

/// Words that other things have for the same.
constexpr std::pair<std::string_view, std::string_view> other_modes[] = {
    {"report", "testing"}, {"monitor", "testing"}, {"strict", "enforce"},
    {"secure", "enforce"}, {"off", "none"},        {"disabled", "none"}};

constexpr std::size_t longest_value = 255; ///< more was not a slip of the hand
constexpr std::size_t most_names = 10;     ///< of one mx line

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Lower case, without what separates words: "Max-Age" is maxage.
std::string letters_of(std::string_view key) {
    std::string letters;
    for (const char c : key)
        if (base::is_letter_or_digit(c)) letters += base::ascii_lower(c);
    return letters;
}

std::optional<std::uint64_t> unit_of(std::string_view word) {
    struct Unit {
        std::string_view name;
        std::uint64_t seconds;
    };
    static constexpr Unit units[] = {{"s", 1},           {"sec", 1},      {"second", 1},     {"m", 60},
                                     {"min", 60},        {"minute", 60},  {"h", 3600},       {"hour", 3600},
                                     {"d", 86400},       {"day", 86400},  {"w", 604800},     {"week", 604800},
                                     {"month", 2592000}, {"y", 31536000}, {"year", 31536000}};
    for (const Unit& unit : units)
        if (word == unit.name ||
            (word.size() > 1 && word.ends_with('s') && word.substr(0, word.size() - 1) == unit.name))
            return unit.seconds;
    return std::nullopt;
}

/// One name: without scheme, path, preference, port, brackets; "" when no pattern comes out of it.
std::string pattern_meant(std::string_view name) {
    if (const std::size_t scheme = name.find("://"); scheme != name.npos) name.remove_prefix(scheme + 3);
    name = name.substr(0, name.find('/'));
    while (!name.empty() && std::string_view{"<[(\"'"}.find(name.front()) != std::string_view::npos)
        name.remove_prefix(1);
    while (!name.empty() && std::string_view{">])\"',;"}.find(name.back()) != std::string_view::npos)
        name.remove_suffix(1);
    if (const std::size_t port = name.find(':');
        port != name.npos && std::ranges::all_of(name.substr(port + 1), is_digit))
        name = name.substr(0, port);
    std::string meant;
    if (name.starts_with('.')) {
        meant = "*" + std::string(name);
    } else if (name.find('*') != name.npos && !name.starts_with("*.")) {
        const std::size_t dot = name.find('.', name.find('*')); // "mx*.example.com"
        if (dot == name.npos || name.find('*') > name.find('.')) return {};
        meant = "*" + std::string(name.substr(dot));
    } else {
        const bool wildcard = name.starts_with("*.");
        const auto domain = base::Domain::parse(wildcard ? name.substr(2) : name); // makes A-labels
        if (!domain) return {};
        meant = (wildcard ? "*." : "") + domain->name();
    }
    const auto pattern = sts::parse_mx(meant);
    if (!pattern || sts::is_address(*pattern) || meant.find('.') == std::string::npos) return {};
    return meant;
}

} // namespace

std::string_view bare(std::string_view value) noexcept {
    if (const std::size_t comment = value.find_first_of("#;"); comment != value.npos)
        value = value.substr(0, comment);
    constexpr std::string_view around = " \t\"'`,.";
    const std::size_t begin = value.find_first_not_of(around);
    if (begin == value.npos) return {};
    return value.substr(begin, value.find_last_not_of(around) - begin + 1);
}

std::string_view key_meant(std::string_view key, std::string_view value) {
    if (key.size() > base::max_mistyped) return {};
    const std::string letters = letters_of(key);
    std::string_view meant;
    std::size_t least = std::max<std::size_t>(1, letters.size() / 3) + 1;
    for (const std::string_view known : keys) {
        const std::size_t distance = base::edit_distance(letters, letters_of(known));
        if (distance >= least || letters.empty()) continue;
        least = distance;
        meant = known;
    }
    // Many short words are near to "mx".
    if (meant == "mx" && letters != "mx" && mx_meant(value).empty()) return {};
    return meant;
}

std::string_view mode_meant(std::string_view value) {
    const std::string word = base::ascii_lower(bare(value).substr(0, longest_value));
    for (const auto& [other, mode] : other_modes)
        if (word == other) return mode;
    return base::nearest(word, modes);
}

std::string max_age_meant(std::string_view value) {
    std::string digits, unit;
    for (const char c : bare(value).substr(0, longest_value)) {
        if (is_digit(c) && unit.empty())
            digits += c;
        else if (base::is_letter_or_digit(c))
            unit += base::ascii_lower(c);
        else if (std::string_view{" ,._'"}.find(c) == std::string_view::npos)
            return {};
    }
    constexpr std::size_t most_digits = 10;
    if (digits.empty() || digits.size() > most_digits) return {};
    std::uint64_t seconds = std::stoull(digits);
    if (!unit.empty()) {
        const auto length = unit_of(unit);
        if (!length) return {};
        seconds *= *length;
    }
    std::string meant = std::to_string(seconds);
    return meant.size() > most_digits || meant == value ? std::string{} : meant;
}

std::vector<std::string> mx_meant(std::string_view value) {
    constexpr std::string_view between = " \t,;";
    std::vector<std::string> patterns;
    if (const std::size_t comment = value.find('#'); comment != value.npos) value = value.substr(0, comment);
    value = value.substr(0, longest_value);
    for (std::size_t begin = value.find_first_not_of(between); begin != value.npos;) {
        const std::size_t end = std::min(value.find_first_of(between, begin), value.size());
        const std::string_view word = value.substr(begin, end - begin);
        begin = value.find_first_not_of(between, end);
        if (std::ranges::all_of(word, is_digit)) continue; // a preference
        std::string pattern = pattern_meant(word);
        if (pattern.empty() || patterns.size() == most_names) return {};
        patterns.push_back(std::move(pattern));
    }
    return patterns;
}

std::string id_meant(std::string_view value) {
    std::string meant;
    for (const char c : value.substr(0, longest_value))
        if (base::is_letter_or_digit(c)) meant += c;
    return meant != value && sts::valid_id(meant) ? meant : std::string{};
}

std::string line_meant(std::string_view line) {
    const std::size_t end = line.find_first_of("= \t");
    if (end == line.npos) return {};
    const std::size_t begin = line.find_first_not_of("= \t", end);
    if (begin == line.npos) return {};
    const std::string_view key = line.substr(0, end), value = base::trim_wsp(line.substr(begin));
    const std::string_view meant = key_meant(key, value);
    if (meant.empty()) return {};
    return std::string(meant) + ": " + base::printable(bare(value), longest_value);
}

} // namespace lint
