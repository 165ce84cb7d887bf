// tool/control/texts.hpp - the daemon's JSON as text for people, at most 80 columns wide as far as the names allow.
// Pure.
//
// Nothing of it is trusted: what has another type counts as missing, and text goes through safe_text().
#pragma once

#include "base/clock.hpp"
#include "tool/client/control_text.hpp"
#include "tool/show/times.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace tool {

/// When and where it is shown.
struct Moment {
    base::Instant now;
    const Zone& zone;
};

inline constexpr std::size_t page_columns = 80;

/// `text` in lines of at most 80 columns; the first begins with `head`, the others with as many blanks. Words that
/// are longer stay whole. Each line ends with a newline.
[[nodiscard]] std::string wrapped(std::string_view head, std::string_view text);

/// The line above the rows of `list`, and a row of it.
[[nodiscard]] std::string list_head();
[[nodiscard]] std::string list_row(const Json& domain, const Moment& moment);

/// What is known about a domain after `refresh`, some lines.
[[nodiscard]] std::string domain_text(const Json& evidence, const Moment& moment);
[[nodiscard]] std::string forgotten_text(const Json& reply, const Moment& moment);
[[nodiscard]] std::string import_text(const Json& reply);
/// An event on one line; `narrow`: in lines of at most 80 columns, as wrapped().
[[nodiscard]] std::string event_text(const Json& event, const Moment& moment, bool narrow);
/// An override in some lines.
[[nodiscard]] std::string override_text(const Json& entry, const Moment& moment);
[[nodiscard]] std::string observed_text(const Json& reply, const Moment& moment);

/// Of Prometheus' text those lines that are about families named stsmapd_...
[[nodiscard]] std::string own_families(std::string_view exposition);

/// "1 domain", "12,345 domains"
[[nodiscard]] std::string counted(std::int64_t number, std::string_view noun);

} // namespace tool
