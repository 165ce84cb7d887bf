#include "tool/preview/verdict.hpp"

#include <algorithm>
#include <array>

namespace preview {
namespace {

constexpr std::array<std::string_view, kinds> names{"fine", "waits",   "testing",   "dane",
                                                    "none", "no-mail", "elsewhere", "unknown"};

} // namespace

std::string_view to_string(Kind kind) noexcept { return names[static_cast<std::size_t>(kind)]; }

std::optional<Kind> parse_kind(std::string_view word) noexcept {
    const auto* const found = std::ranges::find(names, word);
    if (found == names.end()) return std::nullopt;
    return static_cast<Kind>(found - names.begin());
}

} // namespace preview
