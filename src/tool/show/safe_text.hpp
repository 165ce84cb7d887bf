// tool/show/safe_text.hpp - text of others for a person's terminal: nothing in it moves the cursor, changes
// colours or the direction of writing. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tool {

/// UTF-8 stays readable; control characters (C0, DEL, C1), what changes the direction of text, invisible characters
/// and octets that are not UTF-8 become \xNN. Cut at `limit` octets of output, with "..." behind.
[[nodiscard]] std::string safe_text(std::string_view text, std::size_t limit = 400);

/// How many columns it takes: code points, without marks that combine; wide ones (East Asian) count twice.
[[nodiscard]] std::size_t columns(std::string_view utf8) noexcept;

/// The front of `text` that fits into `width` columns, "..." at its end where something is missing.
[[nodiscard]] std::string fitted(std::string_view text, std::size_t width);

} // namespace tool
