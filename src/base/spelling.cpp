#include "base/spelling.hpp"

#include <algorithm>
#include <vector>

namespace base {

namespace {

/// A part this long is no accident.
constexpr std::size_t shortest_part = 3;

} // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> line(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) line[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = line[0];
        line[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = line[j];
            line[j] = std::min({line[j] + 1, line[j - 1] + 1, replaced});
        }
    }
    return line.back();
}

std::string_view nearest(std::string_view mistyped, std::span<const std::string_view> known) {
    if (mistyped.empty() || mistyped.size() > max_mistyped) return {};
    std::string_view best;
    std::size_t least = std::max<std::size_t>(2, mistyped.size() / 3) + 1;
    for (const std::string_view word : known) {
        const std::size_t distance = edit_distance(mistyped, word);
        if (distance >= least || distance >= word.size()) continue;
        least = distance;
        best = word;
    }
    if (!best.empty() || mistyped.size() < shortest_part) return best;
    for (const std::string_view word : known) {
        if (word.find(mistyped) == std::string_view::npos) continue;
        if (!best.empty()) return {};
        best = word;
    }
    return best;
}

} // namespace base
