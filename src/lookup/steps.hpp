// lookup/steps.hpp - the decisions of a search, as pure functions: what to do next, and what an answer
// changes.
//
// RFC 8461 sections 3.1, 3.3, 5.1, 10.2. lookup/discovery.hpp asks and fetches between these calls and
// decides nothing itself.
#pragma once

#include "base/expected.hpp"
#include "base/reason.hpp"
#include "cache/entry.hpp"
#include "cache/table.hpp"
#include "dane/state.hpp"
#include "lookup/outcome.hpp"
#include "sts/policy.hpp"

#include <optional>
#include <string>
#include <variant>

namespace lookup {

/// The result of the TXT question.
struct TxtOutcome {
    base::Expected<std::string, base::Reason> id; ///< the record's id, or why there is none to use
    std::optional<base::seconds> ttl;             ///< of the answer, negative or not
    std::string detail = {};                      ///< what was tried, when there was no answer
};

/// The policy at hand stays.
struct Keep {};
/// Fetch; a success is stored under this id.
struct Get {
    std::string id;
};
/// There is no policy at hand, and none can be fetched now.
struct NoPolicy {
    base::Reason reason;
};
/// What follows from the TXT question.
using Next = std::variant<Keep, Get, NoPolicy>;

/// `minute_over`: the limit of one GET a domain and minute (lookup/get_limit.hpp) allows one now.
[[nodiscard]] Next after_txt(const cache::Knowledge& known, const TxtOutcome& txt, Why why, base::Instant now,
                             bool minute_over, const cache::Tuning& tuning);

/// Whether a domain with a policy has no usable TXT record any more; none: the question was not answered.
[[nodiscard]] std::optional<bool> record_is_gone(const TxtOutcome& txt);

/// The GETs so far, of a policy or an absence.
[[nodiscard]] cache::Attempts attempts(const cache::Knowledge& known);

/// The policy of `known` if it has not expired at `now`, else null.
[[nodiscard]] cache::PolicyPtr current_policy(const cache::Knowledge& known, base::Instant now);

/// The reason is trouble of this process. It says nothing about a domain, and is not remembered.
[[nodiscard]] bool is_our_own(base::Reason reason);

/// The outcome from what is known now: the unexpired policy, if there is one, and why nothing has changed.
[[nodiscard]] Outcome kept(const cache::Knowledge& known, base::Reason reason, base::Instant now);

/// An unexpired policy as an answer to a query. None: DANE must be looked up first.
[[nodiscard]] std::optional<Outcome> known_policy(const cache::Knowledge& known, Wants wants,
                                                  base::Instant now, const cache::Tuning& tuning);
/// An absence as an answer to a query. None: it is too old.
[[nodiscard]] std::optional<Outcome> known_absence(const cache::Absence& absence, base::Instant now,
                                                   const cache::Tuning& tuning);

/// Notes a look at the TXT record that led to no GET. When the record shows another id, and the GET has to
/// wait another `get_wait` only because of the limit of one a minute, the next look is due after that time.
void note_look(cache::Entry& entry, const TxtOutcome& txt, base::Instant now, base::seconds get_wait,
               const cache::Tuning& tuning);

/// The domain after a successful GET for `id`: an entry, fetched at `now`.
[[nodiscard]] cache::Entry fetched(const cache::Knowledge& before, cache::PolicyPtr policy, std::string id,
                                   const TxtOutcome& txt, base::Instant now);

/// The outcome of that GET.
[[nodiscard]] Outcome fetched_outcome(const cache::Entry& entry, base::Instant now);

/// What is wrong with a policy text, with the line.
[[nodiscard]] std::string describe(const sts::PolicyError& error);

/// How long until the TXT record is looked at again, after a question that brought no id.
[[nodiscard]] base::seconds next_txt_look(const TxtOutcome& txt, const cache::Tuning& tuning);

/// Whether the change from `before` to `after` is worth a write. The store remembers that DANE secures a
/// domain, so that a restart during an outage does not turn it off. The time of the last proof is stored at
/// most four times a day. The first failure after a proof is stored too: a restart must not give it another
/// day.
[[nodiscard]] bool worth_storing(const dane::State& before, const dane::State& after);

/// Since when an expired policy is known to be expired, in running time, when the daemon has run for `ran`. A
/// noted time after `ran` is an error, and is replaced.
[[nodiscard]] base::seconds expired_since(const cache::Entry& entry, base::seconds ran);
/// Whether an expired policy has been kept for Tuning::keep_expired of running time.
[[nodiscard]] bool kept_long_enough(const cache::Entry& entry, base::seconds ran,
                                    const cache::Tuning& tuning);
/// What is kept of a forgotten entry: an absence that is no longer believed, with its failed GETs.
[[nodiscard]] cache::Absence back_off(const cache::Entry& entry, base::Instant now);

/// The GETs after one more failed GET.
[[nodiscard]] cache::Attempts failed_get(cache::Attempts gets, std::string id, base::Reason reason,
                                         base::Instant now);

/// The absence to note when a search brought no policy and there was none before. `minute_left`: until the
/// limit of one GET a domain and minute allows the next.
[[nodiscard]] cache::Absence absent(cache::Attempts gets, base::Reason reason, const TxtOutcome& txt,
                                    base::Instant now, base::seconds minute_left,
                                    const cache::Tuning& tuning);

/// The absence to note after fetching a policy that may be used only at the moment of the fetch (max_age 0,
/// RFC 8461 section 5.1).
[[nodiscard]] cache::Absence spent(const cache::Entry& fetched, base::seconds minute_left);

/// Whether such a max_age is over before the next GET is allowed.
[[nodiscard]] bool too_short_to_obey(const sts::Policy& policy);

/// How a fetched policy differs from the one before, for the log.
enum class Change {
    learnt,    ///< there was none
    refreshed, ///< the same text again
    changed,   ///< another text, no weaker
    weakened,  ///< from enforce to testing or none, or withdrawn by max_age 0: an operator should know
};
[[nodiscard]] Change change(const cache::PolicyPtr& before, const cache::PolicyPtr& after);

} // namespace lookup
