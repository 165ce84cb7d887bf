#include "cache/entry.hpp"

#include <utility>

namespace cache {

namespace {

/// Time since `past`; zero when the clock has been set back behind it.
seconds since(Instant past, Instant now) { return past < now ? now - past : seconds{0}; }

/// The clock was set back behind `past`: nothing can be said about how long ago it was.
bool in_future(Instant past, Instant now) { return past > now; }

/// How long a TXT answer is believed: its TTL within bounds.
seconds txt_life(const Standing& entry, const Tuning& tuning) {
    return std::clamp(entry.txt_ttl, tuning.txt_check_min, tuning.txt_check_max);
}

/// Is the policy still wanted enough to be fetched daily? (RFC 8461 section 10.2)
bool wanted(const Entry& entry, Instant at, const Tuning& tuning) {
    if (entry.policy->policy.max_age < tuning.refresh_every) return entry.last_asked > counted_from(entry);
    return since(entry.last_asked, at) < tuning.forget_unasked_after;
}

bool is_enforced(const Standing& entry, const Tuning& tuning) {
    const sts::Mode mode = entry.policy->policy.mode;
    return mode == sts::Mode::enforce || (mode == sts::Mode::testing && tuning.enforce_testing);
}

seconds refresh_period(const Entry& entry, const Tuning& tuning) {
    return std::min(tuning.refresh_every, entry.policy->policy.max_age / 2);
}

/// May the verdict be gone by? Lookups that fail, or cannot be made, use up the bridge.
bool dane_holds(const Standing& entry, Instant now, const Tuning& tuning) {
    const DaneState& dane = entry.dane;
    if (dane.failed_since != Instant{}) return since(dane.failed_since, now) < tuning.dane_bridge;
    return tuning.dane || since(dane.known_at, now) < tuning.dane_fresh + tuning.dane_bridge;
}

} // namespace

Instant counted_from(const Standing& entry) {
    return entry.ahead_since != Instant{} ? entry.ahead_since : entry.fetched_at;
}

Instant expires_at(const Standing& entry, Instant now) {
    const Instant from = in_future(entry.fetched_at, now) ? counted_from(entry) : entry.fetched_at;
    return std::min(from, now) + entry.policy->policy.max_age;
}

bool note_clock(Standing& entry, Instant now) {
    Instant since{};
    if (in_future(entry.fetched_at, now)) {
        since = std::max(now, Instant{seconds{1}});
        if (entry.ahead_since != Instant{}) since = std::min(since, entry.ahead_since);
    }
    return std::exchange(entry.ahead_since, since) != since;
}

bool note_time(Entry& entry, Instant now) {
    const bool changed = note_clock(entry, now);
    if (entry.over_since == seconds{0} || expired(entry, now)) return changed;
    entry.over_since = {};
    return true;
}

bool needs_dane(const Standing& entry, const Tuning& tuning) {
    return tuning.dane && is_enforced(entry, tuning);
}

bool dane_secured(const Standing& entry, Instant now, const Tuning& tuning) {
    return (tuning.dane || tuning.dane_remembered) && is_enforced(entry, tuning) &&
           entry.dane.verdict == DaneVerdict::dane && dane_holds(entry, now, tuning);
}

bool dane_missing(const Standing& entry, Instant now, const Tuning& tuning) {
    if (!needs_dane(entry, tuning)) return false;
    const DaneState& dane = entry.dane;
    if (dane.verdict != DaneVerdict::unknown && since(dane.known_at, now) < tuning.dane_fresh) return false;
    // Once a lookup has failed, whoever asks is answered at once: by the old verdict, as long as it holds.
    if (now < dane.check_at) return false;
    const bool failed_before = dane.verdict == DaneVerdict::unknown || dane.failed_since != Instant{};
    return !failed_before || dane.check_at == Instant{} || now - dane.check_at >= tuning.dane_fresh;
}

bool dane_due(const Standing& entry, Instant now, const Tuning& tuning) {
    if (!needs_dane(entry, tuning)) return false;
    // After a step back of the clock check_at may lie far ahead.
    return now >= entry.dane.check_at || entry.dane.check_at - now > tuning.txt_check_max;
}

DaneState after_dane_lookup(const DaneState& before, const DaneFinding& found, Instant now,
                            const Tuning& tuning) {
    DaneState after = before;
    after.check_at = now + found.ttl;
    const bool failed = found.on_failures || found.verdict == DaneVerdict::unknown;
    const bool stands = before.verdict != DaneVerdict::unknown &&
                        (found.verdict == DaneVerdict::unknown || found.verdict == before.verdict);
    if (!failed) {
        after.verdict = found.verdict;
        after.known_at = now;
        after.failed_since = {};
    } else if (stands) {
        after.known_at = std::min(before.known_at, now);
        const bool failed_before = before.failed_since != Instant{};
        after.failed_since = failed_before ? std::min(before.failed_since, now) : now;
    }
    if (found.on_failures && found.verdict != DaneVerdict::unknown) {
        const Instant doubtful = now + found.ttl - tuning.dane_bridge; // holds for the ttl
        if (!stands || after.failed_since < doubtful) {
            after.verdict = found.verdict;
            after.known_at = after.failed_since = doubtful;
        }
    }
    return after;
}

Step plan(const Standing& entry, Instant now, const Tuning& tuning) {
    if (expired(entry, now)) return Step::resolve;
    // Without a verdict there is nothing to say: "secure" could override DANE.
    if (dane_missing(entry, now, tuning)) return Step::resolve;
    const bool check = in_future(entry.txt_checked, now) ||
                       now - entry.txt_checked >= txt_life(entry, tuning) || dane_due(entry, now, tuning);
    return check ? Step::serve_and_check : Step::serve;
}

Step plan(const Absence& absence, Instant now, const Tuning& tuning) {
    // After a step back of the clock `until` may lie far ahead; no absence is believed longer than the
    // longest life.
    const seconds longest = std::max(tuning.absence_max, tuning.dns_failure_for);
    const bool believed = now >= absence.since && now < absence.until && absence.until - now <= longest;
    return believed ? Step::serve : Step::resolve;
}

seconds backoff(std::uint32_t failures, const Tuning& tuning) {
    if (failures == 0) return seconds{0};
    const std::uint32_t doublings = failures > 3 ? std::min(failures - 3, 16u) : 0;
    return std::min(tuning.backoff_max, tuning.backoff_first * (1L << doublings));
}

bool may_get(const Attempts& gets, std::string_view id, Instant now, const Tuning& tuning) {
    return now >= next_get(gets, id, now, tuning);
}

Instant next_get(const Attempts& gets, std::string_view id, Instant now, const Tuning& tuning) {
    if (gets.failures == 0 || id != gets.failed_id || in_future(gets.last, now)) return Instant{};
    return gets.last + backoff(gets.failures, tuning);
}

Instant daily_get_at(const Entry& entry, Instant now, const Tuning& tuning) {
    const Instant due = counted_from(entry) + refresh_period(entry, tuning);
    return std::max(due, next_get(entry.gets, entry.gets.failed_id, now, tuning));
}

bool overdue(const Entry& entry, Instant now, const Tuning& tuning) {
    return tuning.daily_refresh &&
           now >= daily_get_at(entry, now, tuning) + refresh_period(entry, tuning) / 5;
}

Instant next_look(const Entry& entry, Instant now, const Tuning& tuning, double random) {
    const Instant end = expires_at(entry, now);
    const Instant due = daily_get_at(entry, now, tuning);
    if (!tuning.daily_refresh || (now >= due && !wanted(entry, now, tuning))) return end;
    const bool retry = entry.gets.failures > 0;
    const seconds tenth = (retry ? backoff(entry.gets.failures, tuning) : refresh_period(entry, tuning)) / 10;
    const double from = retry ? 0 : -1, to = 1;
    const seconds shift{
        static_cast<std::int64_t>(static_cast<double>(tenth.count()) * (from + (to - from) * random))};
    return std::min(due + shift, end);
}

Upkeep upkeep(const Entry& entry, Instant now, const Tuning& tuning) {
    if (expired(entry, now)) return Upkeep::forget;
    if (!tuning.daily_refresh || !wanted(entry, now, tuning)) return Upkeep::wait;
    const seconds early = entry.gets.failures > 0 ? seconds{0} : refresh_period(entry, tuning) / 10;
    return now >= daily_get_at(entry, now, tuning) - early ? Upkeep::get : Upkeep::wait;
}

seconds absence_life(base::Reason reason, std::optional<seconds> ttl, const Tuning& tuning) {
    if (base::is_dns_failure(reason)) return tuning.dns_failure_for;
    return std::clamp(ttl.value_or(tuning.absence_min), tuning.absence_min, tuning.absence_max);
}

} // namespace cache
