// tool/lint/near_miss.hpp - what somebody may have meant by a value that is not valid. Pure.
//
// Each returns the value as it should be written, or "" when nothing is near. The input is a stranger's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lint {

/// Without quotes around it, a comment or punctuation behind it, and blanks: `"enforce";` is enforce.
[[nodiscard]] std::string_view bare(std::string_view value) noexcept;

/// "version", "mode", "max_age" or "mx" for a key that is none of them: "nmx", "Mode", "max-age". `value` has to fit
/// where the key alone says little.
[[nodiscard]] std::string_view key_meant(std::string_view key, std::string_view value);

[[nodiscard]] std::string_view mode_meant(std::string_view value);
/// Seconds in digits, for "604,800", "7d", "1 week", "'86400'".
[[nodiscard]] std::string max_age_meant(std::string_view value);
/// The patterns: more than one when several stand in one line.
[[nodiscard]] std::vector<std::string> mx_meant(std::string_view value);
/// Letters and digits of an id of a TXT record: "2026-11-28" is 20261128.
[[nodiscard]] std::string id_meant(std::string_view value);

/// A line without a colon: "mode=enforce", "mx mail.example.com" -> "mode: enforce".
[[nodiscard]] std::string line_meant(std::string_view line);

} // namespace lint
