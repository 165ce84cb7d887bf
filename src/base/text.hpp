// base/text.hpp - small text helpers: peer text made safe to show, ASCII case, trimming. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace base {

/// Peer text for a log line or terminal: at most `limit` octets of output, every byte outside printable ASCII
/// as \xNN, backslash and quote escaped, "..." where it was cut.
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit = 200);

[[nodiscard]] constexpr char ascii_lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
[[nodiscard]] std::string ascii_lower(std::string_view text);
[[nodiscard]] bool iequals(std::string_view a, std::string_view b) noexcept;

/// Without leading and trailing SP and HTAB (RFC 5234 WSP, the only white space here); always a part of `text`.
[[nodiscard]] std::string_view trim_wsp(std::string_view text) noexcept;

[[nodiscard]] bool valid_utf8(std::string_view text) noexcept;

} // namespace base
