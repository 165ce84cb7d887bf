// decision/override.hpp - an administrator's exception for a policy domain: what it says, when it ends, and which
// of many applies. Pure.
//
// An override that gives less than DANE or an enforced policy would has to say so (`weakens`); one that does not
// say so is held back while there is such protection. Times are UTC, ends are exclusive.
#pragma once

#include "base/clock.hpp"
#include "base/expected.hpp"
#include "sts/policy.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace decision {

/// What Postfix gets in place of the usual answer.
enum class Action : std::uint8_t {
    off,       ///< no opinion
    observe,   ///< no opinion; the usual answer is counted
    may,       ///< TLS where there is some
    encrypt,   ///< TLS, whatever the certificate
    secure,    ///< TLS with a certificate for one of the names in `match`
    dane_only, ///< DANE
};
[[nodiscard]] std::string_view to_string(Action action) noexcept; ///< "off", ..., "dane-only"

struct Override {
    /// The policy domain, in lower-case A-labels; with a dot in front: each name below it, not itself.
    std::string domain;
    Action action{};
    std::vector<sts::MxPattern> match;  ///< of `secure`; empty otherwise
    std::optional<base::Instant> until; ///< when it ends; none: never, which only the configuration may say
    std::string reason;                 ///< for people; printable UTF-8
    bool weakens = false;               ///< it may give less than DANE or an enforced policy would
    bool configured = false;            ///< stands in the configuration; false: added at run time
    base::Instant added_at{};           ///< of one added at run time
    std::string added_by;               ///< the same: who did
    friend bool operator==(const Override&, const Override&) = default;
};

inline constexpr std::size_t max_overrides = 10'000;
inline constexpr std::size_t max_override_names = 100;        ///< of one `match`
inline constexpr std::size_t max_override_reason = 500;       ///< octets
inline constexpr base::seconds longest_override{366 * 86400}; ///< of one added at run time

/// An override as somebody wrote it.
struct OverrideWords {
    std::string_view domain, action, reason;
    std::string_view until = {};              ///< "" none
    std::vector<std::string_view> match = {}; ///< names, as in an mx field of a policy
    bool weakens = false, configured = false;
};
struct OverrideError {
    std::string_view field; ///< "domain", "action", "match", "until" or "reason"
    std::string problem;    ///< for a person, with what was written made printable
};
[[nodiscard]] base::Expected<Override, OverrideError> parse_override(const OverrideWords& words,
                                                                     base::Instant now);

/// "30m", "12h", "14d", "2w" from `now` on; a date, which ends at 24:00 UTC; or a time of RFC 3339. The error is
/// words for a person.
[[nodiscard]] base::Expected<base::Instant, std::string> parse_until(std::string_view text,
                                                                     base::Instant now);

/// A set of overrides that does not change. Any number of threads may read it. A domain without any costs one probe of
/// a keyed hash table, and where there are suffixes one a label; the table has up to 16 octets an override.
class Overrides {
public:
    Overrides() = default;
    /// The error names two of one source for the same domain, or says that there are too many.
    [[nodiscard]] static base::Expected<Overrides, std::string> of(std::vector<Override> all);

    /// The one that applies to the policy domain at `now`: of the most specific domain, and there the one added
    /// at run time; null: none. Ended ones apply to nothing. `domain` is in lower-case A-labels.
    [[nodiscard]] const Override* find(std::string_view domain, base::Instant now) const noexcept;

    /// By domain; in each the one added at run time first.
    [[nodiscard]] std::span<const Override> all() const noexcept { return sorted_; }

private:
    [[nodiscard]] const Override* of_domain(std::string_view domain, base::Instant now) const noexcept;
    std::vector<Override> sorted_;
    /// Open addressing, at most half full: 0, or a tag and the place of a domain's first override in sorted_, plus 1.
    std::vector<std::uint32_t> slots_;
};

/// Does every host name that the patterns cover satisfy the policy as well?
[[nodiscard]] bool is_within(std::span<const sts::MxPattern> match, const sts::Policy& policy);

} // namespace decision
