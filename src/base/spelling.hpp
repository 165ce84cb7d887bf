// base/spelling.hpp - which known word a mistyped one means. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace base {

/// Words longer than this are nobody's typing mistake, and edit_distance() costs time in the product of the
/// lengths.
inline constexpr std::size_t max_mistyped = 100;

/// Levenshtein's distance: letters to insert, delete or replace.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// The word of `known` that `mistyped` most likely means: the one with the fewest letters wrong, at most a
/// third of them or two. Else a longer word that `mistyped` is part of, when it is the only one. "" when none
/// is near.
[[nodiscard]] std::string_view nearest(std::string_view mistyped, std::span<const std::string_view> known);

} // namespace base
