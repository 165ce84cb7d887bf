// admin/override_view.hpp - what an override hides, whether it is still needed, and how it is read and shown as JSON.
// Pure.
#pragma once

#include "admin/exchange.hpp"
#include "base/clock.hpp"
#include "base/expected.hpp"
#include "cache/table.hpp"
#include "decision/decide.hpp"
#include "lookup/options.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace admin {

/// The body of POST /v1/overrides.
struct OverrideText {
    std::string domain, action, until, reason;
    std::vector<std::string> match;
};
inline constexpr std::size_t max_override_text = 65536; ///< octets of the body
[[nodiscard]] base::Expected<OverrideText, Error> read_override(std::string_view body);
/// As one added at run time, by `by`. `weakens`: it may.
[[nodiscard]] base::Expected<decision::Override, Error> parse_override(const OverrideText& text, bool weakens,
                                                                       std::string by, base::Instant now);

/// One as it is listed and exported, added by `by`, at the time it says if that is past. It may have ended. The error is
/// words.
[[nodiscard]] base::Expected<decision::Override, std::string> parse_listed(const Json& one, std::string by,
                                                                           base::Instant now);

/// "uid 0", "uid 0 (alice, unverified)"
[[nodiscard]] std::string who(const Request& request);

/// The domain or suffix of an override in its usual form: lower-case A-labels, no final dot. "": it is none.
[[nodiscard]] std::string usual_scope(std::string_view text);

/// What an override hides, added up over the domains that are known.
class Hidden {
public:
    static constexpr std::size_t max_named = 5;

    Hidden(const decision::Override& entry, const lookup::ServiceOptions& options, base::Instant now)
        : entry_(entry), options_(options), now_(now) {}

    /// A domain that the override covers, as the table knows it. Nothing known: is not counted.
    void add(std::string_view domain, const cache::Knowledge& known);

    [[nodiscard]] std::size_t known() const noexcept { return known_; }
    /// How many of them have DANE or an enforced policy that the override would weaken.
    [[nodiscard]] std::size_t weakened() const noexcept { return weakened_; }
    /// What Postfix would get without the override: of one domain its answer; of more the one that protects most.
    /// "" nothing is known.
    [[nodiscard]] std::string_view hides() const noexcept { return hides_; }
    /// What would be lost, in words for a person.
    [[nodiscard]] std::string loss() const;

    struct Need {
        std::string_view word; ///< yes, no or unknown
        std::string why;
    };
    [[nodiscard]] Need need() const;

    /// As GET /v1/overrides lists it.
    [[nodiscard]] Json json() const;

private:
    [[nodiscard]] bool ended() const { return entry_.until && *entry_.until <= now_; }

    const decision::Override& entry_;
    const lookup::ServiceOptions& options_;
    base::Instant now_;
    std::size_t known_ = 0, weakened_ = 0, same_ = 0, unprotected_ = 0;
    std::string_view hides_;
    int strength_ = -1; ///< of what it hides
    std::string lost_;  ///< the first that are weakened, with what protects them
    std::vector<std::string> named_;
};

} // namespace admin
