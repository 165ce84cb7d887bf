// lookup/steps.hpp - the decisions of discovery, as pure functions: what to do next, and what an outcome
// changes.
//
// RFC 8461 sections 3.1, 3.3, 5.1, 10.2. The learner (lookup/learner.hpp) does the
// asking and fetching between these calls and decides nothing itself.
#pragma once

#include "base/expected.hpp"
#include "base/reason.hpp"
#include "cache/entry.hpp"
#include "cache/table.hpp"

#include <optional>
#include <string>
#include <variant>

namespace lookup {

/// Why a domain is looked at.
enum class Why {
    query,     ///< a client waits and there is nothing to answer from
    txt_check, ///< the TXT record is due for a re-check; nobody waits
    daily,     ///< the daily GET, whatever the TXT record says (RFC 8461 section 10.2)
};

/// What the TXT question showed.
struct TxtOutcome {
    base::Expected<std::string, base::Reason> id; ///< the record's id, or why there is none to use
    std::optional<base::seconds> ttl;             ///< of the answer, negative or not
    std::string detail = {};                      ///< what was tried, when there was no answer
};

/// What follows from it.
struct Nothing {}; ///< the policy at hand stays
struct Get {
    std::string id;
}; ///< fetch; a success is filed under this id
struct Give {
    base::Reason reason;
}; ///< no policy at hand and none to be fetched now
using Next = std::variant<Nothing, Get, Give>;

/// `minute_over`: the limit of one GET a domain and minute (lookup/get_limit.hpp) allows one now.
[[nodiscard]] Next after_txt(const cache::Known& known, const TxtOutcome& txt, Why why, base::Instant now,
                             bool minute_over, const cache::Tuning& tuning);

/// The GETs so far, whatever is known of the domain.
[[nodiscard]] cache::Attempts attempts(const cache::Known& known);

/// The policy of `known` when it is unexpired at `now`, else null.
[[nodiscard]] cache::PolicyPtr current_policy(const cache::Known& known, base::Instant now);

/// Notes a look at the TXT record that led to no GET. When it shows another id, and only the minute since the
/// last GET is in the way, for another `get_wait`, the next look is due at the end of that.
void note_look(cache::Entry& entry, const TxtOutcome& txt, base::Instant now, base::seconds get_wait,
               const cache::Tuning& tuning);

/// The domain after a successful GET for `id`: an entry, fetched at `now`.
[[nodiscard]] cache::Entry fetched(const cache::Known& before, cache::PolicyPtr policy, std::string id,
                                   const TxtOutcome& txt, base::Instant now);

/// The GETs after one more, which failed.
[[nodiscard]] cache::Attempts failed_get(cache::Attempts gets, std::string id, base::Reason reason,
                                         base::Instant now);

/// The absence to note when a domain without a policy at hand has shown none. `minute_left`: until the limit
/// of one GET a domain and minute allows the next.
[[nodiscard]] cache::Absence absent(cache::Attempts gets, base::Reason reason, const TxtOutcome& txt,
                                    base::Instant now, base::seconds minute_left,
                                    const cache::Tuning& tuning);

/// The absence to note after a GET whose policy may be used at the moment of the fetch and not afterwards
/// (max_age 0, RFC 8461 section 5.1).
[[nodiscard]] cache::Absence spent(const cache::Entry& fetched, base::seconds minute_left);

/// A policy with such a max_age is over before the next GET is allowed.
[[nodiscard]] bool too_short_to_obey(const sts::Policy& policy);

/// How a new policy differs from the one before, for the log.
enum class Change {
    learnt,    ///< there was none
    refreshed, ///< the same text again
    changed,   ///< another text, no weaker
    weakened,  ///< from enforce to testing or none, or withdrawn by max_age 0: an operator should know
};
[[nodiscard]] Change change(const cache::PolicyPtr& before, const cache::PolicyPtr& after);

} // namespace lookup
