// config/token.hpp - single words of TOML, for config/syntax.cpp. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace config {

inline constexpr std::string_view blanks = " \t";

/// A letter, digit, hyphen or underscore: what a name without quotes is made of.
[[nodiscard]] bool is_bare(char c) noexcept;
/// Digits, perhaps with underscores between them; at least one.
[[nodiscard]] bool all_digits(std::string_view text);
/// Whether TOML accepts `token` without quotes. Dates and times count, too: they are refused later, by their
/// type.
[[nodiscard]] bool is_value(std::string_view token);
/// The name of an option or a section, without the blanks that TOML allows around dots; nullopt when a name
/// has a blank inside.
[[nodiscard]] std::optional<std::string> without_blanks(std::string_view key);

} // namespace config
