// config/syntax.hpp - what is wrong with a text that is not TOML, in words for people. Pure.
//
// Only toml++ decides what TOML is (config/load.cpp). This code gets only texts that it has refused, and
// knows the common mistakes: text without quotes, "yes", quotes and brackets that are not closed (with the
// line where they begin), a missing "=" or comma, quotes of a word processor, values of other formats.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace config {

struct SyntaxFault {
    unsigned line = 0, column = 0; ///< from 1; the column counts octets
    std::string words;             ///< printable; a whole sentence without a full stop
    friend bool operator==(const SyntaxFault&, const SyntaxFault&) = default;
};

/// No more than these are reported.
inline constexpr std::size_t max_syntax_faults = 20;

/// The mistakes that can be named, in the order of the text; empty when none is known. After a mistake that
/// hides the end of a text or a list, the search stops.
[[nodiscard]] std::vector<SyntaxFault> syntax_faults(std::string_view text);

} // namespace config
