// admin/page/page.hpp - the status page: an overview as HTML. Pure.
//
// Everything in it that is not ours is escaped. There is no script and no style attribute: a browser needs only the
// style sheet, by its hash. Not thread-safe.
#pragma once

#include "admin/page/overview.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace page {

inline constexpr base::seconds refresh_every{30};

/// The style sheet, for the Content-Security-Policy: "sha256-...".
[[nodiscard]] std::string_view style_hash() noexcept;
[[nodiscard]] std::string_view style() noexcept;

/// The whole page. `refresh`: after which time a browser asks again; none: it does not.
[[nodiscard]] std::string html(const Overview& overview,
                               std::optional<base::seconds> refresh = refresh_every);

} // namespace page
