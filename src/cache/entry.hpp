// cache/entry.hpp - what is known of one policy domain, and its life as pure functions of entry and time.
//
// Source: RFC 8461 sections 3.1 to 3.3, 5.1, 10.2. Nothing else compares these times.
#pragma once

#include "base/clock.hpp"
#include "base/reason.hpp"
#include "dane/state.hpp"
#include "sts/policy_text.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cache {

using base::Instant;
using base::seconds;
using sts::PolicyPtr;

/// The GETs of a domain so far, for the back-off after failures. A success resets `failures`, never `last`.
/// (lookup/get_limit.hpp ensures a minute between any two, by the steady clock.)
struct Attempts {
    Instant last{};             ///< when the last GET was started; epoch: never
    std::uint32_t failures = 0; ///< failed GETs in a row
    base::Reason reason{};      ///< of the last failure
    std::string failed_id;      ///< the TXT record id the last failed GET was for; empty: none
    friend bool operator==(const Attempts&, const Attempts&) = default;
};

/// What the answer about a domain with a policy depends on.
struct PolicyState {
    PolicyPtr policy;      ///< never null
    Instant fetched_at{};  ///< the successful GET, by the clock at that time
    Instant ahead_since{}; ///< fetched_at has been seen to lie in the future since then; epoch: it does not
    Instant txt_checked{}; ///< last look at the TXT record, with any result; epoch: not since the start
    seconds txt_ttl{};     ///< the TTL it came with
    Instant last_asked{};  ///< last query of a client (coarse)
    dane::State dane;      ///< looked up only for policies that are enforced
};

/// A domain with a policy (of any mode). Only a successful GET makes or extends one.
struct Entry : PolicyState {
    std::string txt_id;  ///< the record id that led to `policy`
    Instant agenda_at{}; ///< when the refresher looks at it next; epoch: it is not on the agenda
    Attempts gets;
    bool record_gone = false; ///< the domain shows no usable TXT record any more, and there was an event about it
    /// The daemon's running time, all runs together, when a clock that is not trusted (cache/clock_trust.hpp)
    /// first made the policy look expired; 0: not so. The policy is not answered meanwhile; txt_checked is
    /// not kept together with it.
    seconds over_since{};
};

/// The answer to a client's query for such a domain.
struct QueriedPolicy : PolicyState {
    base::Reason failed{}; ///< why the last GET failed; none: it succeeded, or there was none since the start
};

/// A domain without a current policy: it has none, or this cannot be found out now.
struct Absence {
    base::Reason reason{}; ///< why
    Instant until{};       ///< believed until then, exclusive
    Attempts gets;
    Instant since{}; ///< believed from then on, unless the clock is set back before it
};

struct Tuning {
    seconds txt_check_min{60},
        txt_check_max{3600}; ///< bounds on the TTL after which the TXT record is asked again
    seconds absence_min{60}, absence_max{900}; ///< bounds on the negative TTL (tests/CONFORMANCE.md, row 110)
    seconds dns_failure_for{60}; ///< how long "the resolver could not say" is believed (RFC 2308 7.1)
    seconds backoff_first{300},
        backoff_max{3600};        ///< between GETs for one id after a failure (RFC 8461 section 3.3)
    seconds refresh_every{86400}; ///< the daily GET (RFC 8461 section 10.2)
    seconds forget_unasked_after{30 * 86400}; ///< no daily GET for domains unasked this long
    /// Running time for which a policy is kept that is expired only by a clock that is not trusted.
    seconds keep_expired{30 * 86400};
    bool daily_refresh = true;
    bool enforce_testing = false; ///< treat mode testing as enforce
    dane::Limits dane;
};

/// The start of age and refreshes: fetched_at, or if that is in the future, the moment when this was seen.
[[nodiscard]] Instant counted_from(const PolicyState& entry);

/// When the policy stops being usable: fetched_at + max_age. While fetched_at lies in the future, counted
/// from ahead_since, and without that from `now`.
[[nodiscard]] Instant expires_at(const PolicyState& entry, Instant now);

/// Notes in ahead_since whether fetched_at lies in the future, so that max_age counts from a past moment;
/// true when that changed. Call it when an entry is loaded, when it is asked for, and after a jump of the
/// clock. fetched_at stays: a clock that is wrong at boot and then corrected neither shortens nor prolongs a
/// life.
bool note_clock(PolicyState& entry, Instant now);

/// The policy is no longer usable.
[[nodiscard]] inline bool expired(const PolicyState& entry, Instant now) {
    return now >= expires_at(entry, now);
}

/// note_clock(); also clears over_since when the policy is not expired after all.
bool note_time(Entry& entry, Instant now);

/// When the TXT record is looked at again, if somebody asks; the epoch: at once.
[[nodiscard]] Instant txt_check_at(const PolicyState& entry, const Tuning& tuning);

/// Whether a DANE lookup is due. Only enforced policies need one.
[[nodiscard]] bool dane_due(const PolicyState& entry, Instant now, const Tuning& tuning);

/// What to do about a query for a known domain.
enum class QueryPlan {
    serve,           ///< answer from the entry, nothing to start
    serve_and_check, ///< answer from the entry; a re-check (TXT or DANE) is due in the background
    resolve,         ///< no answer in memory: look it up while the client waits
};
[[nodiscard]] QueryPlan plan(const PolicyState& entry, Instant now, const Tuning& tuning);
[[nodiscard]] QueryPlan plan(const Absence& absence, Instant now, const Tuning& tuning);

/// Whether the back-off after failures allows a GET for `id` now.
[[nodiscard]] bool may_get(const Attempts& gets, std::string_view id, Instant now, const Tuning& tuning);
/// When may_get() becomes true for `id`; the epoch: it is true now.
[[nodiscard]] Instant next_get(const Attempts& gets, std::string_view id, Instant now, const Tuning& tuning);

/// Time from one failed GET to the next for the same id: 5 min three times, then doubling up to an hour.
[[nodiscard]] seconds backoff(std::uint32_t failures, const Tuning& tuning);

/// When the daily GET (or, after a failure, the next try) is due, before jitter, whether the domain is wanted
/// or not.
[[nodiscard]] Instant daily_get_at(const Entry& entry, Instant now, const Tuning& tuning);

/// The daily GET is later than its jitter explains, for example because a domain is asked for again after a
/// long time: then the next TXT re-check also makes the GET.
[[nodiscard]] bool overdue(const Entry& entry, Instant now, const Tuning& tuning);

/// When the refresher should look at the entry next: the daily GET (+- 10 % of its period), the retry of a
/// failed one (up to 10 % of the back-off later), or, for a domain that nobody asks for any more, the expiry.
/// `random` is in [0, 1); 0.5 is the middle.
[[nodiscard]] Instant next_look(const Entry& entry, Instant now, const Tuning& tuning, double random);

/// What the refresher should do when it looks.
enum class Upkeep {
    wait,   ///< not due yet
    get,    ///< the daily GET, whatever the TXT record says
    forget, ///< expired: drop it from memory and store, if the clock can be trusted
};
[[nodiscard]] Upkeep upkeep(const Entry& entry, Instant now, const Tuning& tuning);

/// How long an absence is believed: the TTL of the TXT answer, negative or not, within bounds (absence_min
/// without a TTL); dns_failure_for when the resolver failed.
[[nodiscard]] seconds absence_life(base::Reason reason, std::optional<seconds> ttl, const Tuning& tuning);

} // namespace cache
