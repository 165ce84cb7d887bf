// The names of options, and what is near a mistyped one.
#include "base/spelling.hpp"
#include "config/options.hpp"

#include <algorithm>
#include <utility>

namespace config {

std::string_view Option::section() const noexcept {
    const auto dot = path.find('.');
    return dot == std::string_view::npos ? std::string_view{} : path.substr(0, dot);
}

std::string_view Option::name() const noexcept {
    const auto dot = path.find('.');
    return dot == std::string_view::npos ? path : path.substr(dot + 1);
}

std::string Option::environment() const {
    std::string name{"STSMAPD_"};
    for (const char c : path)
        name += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return name;
}

const Option* find_option(std::string_view path) {
    const auto& table = options();
    const auto it = std::ranges::find(table, path, &Option::path);
    return it == table.end() ? nullptr : &*it;
}

std::string_view nearest_option(std::string_view path) {
    if (path.size() > base::max_mistyped) return {};
    const std::string_view leaf = path.substr(path.rfind('.') + 1);
    const std::size_t limit = std::max<std::size_t>(2, path.size() / 3);
    std::string_view best;
    std::pair least{true, limit};
    for (const Option& option : options()) {
        // The right name in the wrong section is always near; among other names the fewest different letters
        // decide.
        const std::pair cost{option.name() != leaf, base::edit_distance(path, option.path)};
        if (cost > least || (cost == least && !best.empty())) continue;
        least = cost;
        best = option.path;
    }
    return best;
}

std::string nearest_environment(std::string_view name) {
    if (name.size() > base::max_mistyped) return {};
    std::string best;
    constexpr std::size_t prefix = std::string_view{"STSMAPD_"}.size();
    std::size_t least = std::max<std::size_t>(2, (name.size() - std::min(name.size(), prefix)) / 3) + 1;
    for (const Option& option : options()) {
        const std::string known = option.environment();
        const std::size_t d = base::edit_distance(name, known);
        if (d >= least) continue;
        least = d;
        best = known;
    }
    return best;
}

} // namespace config
