// tool/preview/verdict.hpp - what would become of mail to a domain under enforcement, as one word and its reason. Pure.
#pragma once

#include "base/clock.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace preview {

enum class Kind : std::uint8_t {
    fine,    ///< an enforced policy, and mail is delivered, verified
    waits,   ///< mail would wait, or be returned: its mail hosts refuse with 5xx
    testing, ///< a policy of mode testing: nothing waits for it
    dane,    ///< DANE secures it, and mail is delivered
    none,    ///< no usable policy, and no DANE: nothing changes
    no_mail, ///< it takes no mail, or does not exist
    elsewhere, ///< it has a policy, but its mail went to hosts that are no MX hosts of it now: by a relay or table of
               ///< this host, or its MX hosts are others now
    unknown, ///< could not be found out
};
inline constexpr std::size_t kinds = 8;
[[nodiscard]] std::string_view to_string(Kind kind) noexcept; ///< "fine", "waits", ..., "no-mail"
[[nodiscard]] std::optional<Kind> parse_kind(std::string_view word) noexcept;

/// The verdict on one domain; it can be kept (kept.hpp).
struct Checked {
    std::string domain;
    Kind kind = Kind::unknown;
    base::Instant at{};
    std::string mode; ///< of the policy: "enforce", "testing", "none"; "" there is none
    std::optional<Kind>
        enforced; ///< of testing: what mode enforce would make of it (fine, waits); none: could not be found out
    std::string said;  ///< of waits: what Postfix says
    std::string
        words; ///< of what waits, or would with mode enforce, and of unknown: why; printable; "" nothing to say
    std::string finding;            ///< the id of the finding that decides; "" none
    std::vector<std::string> hosts; ///< its mail hosts
    friend bool operator==(const Checked&, const Checked&) = default;
};

} // namespace preview
