// base/next_word.hpp - a line taken apart into words. Pure.
#pragma once

#include <algorithm>
#include <string_view>

namespace base {

/// Removes the next word of `rest`, with the blanks before it, and returns it; "" at the end.
[[nodiscard]] constexpr std::string_view next_word(std::string_view& rest, std::string_view blanks) noexcept {
    rest.remove_prefix(std::min(rest.find_first_not_of(blanks), rest.size()));
    const std::string_view word = rest.substr(0, rest.find_first_of(blanks));
    rest.remove_prefix(word.size());
    return word;
}

} // namespace base
