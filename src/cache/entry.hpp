// cache/entry.hpp - what is known of one policy domain, and its whole life as pure functions of entry and
// time.
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
/// (That there is a minute between any two is for lookup/get_limit.hpp, by the steady clock.)
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
    Instant fetched_at{};  ///< the successful GET, by the clock of then
    Instant ahead_since{}; ///< fetched_at has been seen to lie in the future since then; epoch: it does not
    Instant txt_checked{}; ///< last look at the TXT record, whatever it showed; epoch: not since the start
    seconds txt_ttl{};     ///< the TTL it came with
    Instant last_asked{};  ///< last query of a client (coarse)
    dane::State dane;      ///< looked up only for policies that are enforced
};

/// A domain with a policy (of any mode). Only a successful GET makes or extends one.
struct Entry : PolicyState {
    std::string txt_id;  ///< the record id that led to `policy`
    Instant agenda_at{}; ///< when the refresher looks at it next; epoch: it is not on the agenda
    Attempts gets;
    /// The time that the daemon had been running, in all its runs together, when the policy was first seen
    /// expired by a clock that is not trusted (cache/clock_trust.hpp); 0: it has not been. Never answered
    /// meanwhile; txt_checked is not kept beside it.
    seconds over_since{};
};

/// The answer to a client's query for such a domain.
struct QueriedPolicy : PolicyState {
    base::Reason failed{}; ///< why the last GET brought nothing; none: it did, or there was none since
};

/// A domain without a current policy: shown to have none, or not knowable for now.
struct Absence {
    base::Reason reason{}; ///< why
    Instant until{};       ///< believed until then, exclusive
    Attempts gets;
    Instant since{}; ///< believed from then on: a clock set back behind it ends that
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
    /// Running time for which a policy is kept that is expired by a clock that is not trusted.
    seconds keep_expired{30 * 86400};
    bool daily_refresh = true;
    bool enforce_testing = false; ///< treat mode testing as enforce
    dane::Limits dane;
};

/// What age and refreshes count from: fetched_at, or for one in the future the moment when that was seen.
[[nodiscard]] Instant counted_from(const PolicyState& entry);

/// When the policy stops being usable: fetched_at + max_age. While fetched_at lies in the future, counted
/// from ahead_since, and without that from `now`.
[[nodiscard]] Instant expires_at(const PolicyState& entry, Instant now);

/// Notes in ahead_since whether fetched_at lies in the future, so that max_age counts from a moment that has
/// been; true when that changed. To be done when an entry is loaded, when it is asked for, and when the clock
/// is seen to have jumped. fetched_at stays: a clock that is wrong at boot, and then put right, neither
/// shortens nor prolongs a life.
bool note_clock(PolicyState& entry, Instant now);

/// The policy is not usable any more.
[[nodiscard]] inline bool expired(const PolicyState& entry, Instant now) {
    return now >= expires_at(entry, now);
}

/// note_clock(), and over_since goes when the policy turns out not to be expired after all.
bool note_time(Entry& entry, Instant now);

/// Is a DANE lookup due? Only policies that are enforced call for one.
[[nodiscard]] bool dane_due(const PolicyState& entry, Instant now, const Tuning& tuning);

/// What to do about a query for a known domain.
enum class QueryPlan {
    serve,           ///< answer from the entry, nothing to start
    serve_and_check, ///< answer from the entry; a re-check (TXT or DANE) is due in the background
    resolve,         ///< nothing to answer from: discover in the foreground
};
[[nodiscard]] QueryPlan plan(const PolicyState& entry, Instant now, const Tuning& tuning);
[[nodiscard]] QueryPlan plan(const Absence& absence, Instant now, const Tuning& tuning);

/// Does the back-off after failures allow a GET for `id` now?
[[nodiscard]] bool may_get(const Attempts& gets, std::string_view id, Instant now, const Tuning& tuning);
/// The earliest time may_get() becomes true for `id`; the epoch: it is.
[[nodiscard]] Instant next_get(const Attempts& gets, std::string_view id, Instant now, const Tuning& tuning);

/// Time from one failed GET to the next for the same id: 5 min three times, then doubling up to an hour.
[[nodiscard]] seconds backoff(std::uint32_t failures, const Tuning& tuning);

/// When the daily GET (or, after a failure, the next try) is due, before jitter, whether the domain is wanted
/// or not.
[[nodiscard]] Instant daily_get_at(const Entry& entry, Instant now, const Tuning& tuning);

/// The daily GET is late by more than its jitter explains, as for a domain that is asked for again after a
/// long time: the next TXT re-check then brings the GET along.
[[nodiscard]] bool overdue(const Entry& entry, Instant now, const Tuning& tuning);

/// When the refresher should look at the entry next: the daily GET (+- 10 % of its period), the retry of a
/// failed one (up to 10 % of the back-off later), or, for a domain nobody asks for any more, the expiry.
/// `random` is in [0, 1); 0.5 is the middle.
[[nodiscard]] Instant next_look(const Entry& entry, Instant now, const Tuning& tuning, double random);

/// What the refresher should do when it looks.
enum class Upkeep {
    wait,   ///< not due yet
    get,    ///< the daily GET, whatever the TXT record says
    forget, ///< expired: drop it from memory and store, if the clock can be trusted
};
[[nodiscard]] Upkeep upkeep(const Entry& entry, Instant now, const Tuning& tuning);

/// How long "there is no policy to be had" is believed: the TTL of the TXT answer, negative or not, within
/// bounds (absence_min when there is none); dns_failure_for when the resolver could not say.
[[nodiscard]] seconds absence_life(base::Reason reason, std::optional<seconds> ttl, const Tuning& tuning);

} // namespace cache
