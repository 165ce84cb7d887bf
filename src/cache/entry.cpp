#include "cache/entry.hpp"

#include <utility>

namespace cache {

namespace {

/// Time since `past`; zero when the clock has been set back behind it.
seconds since(Instant past, Instant now) { return past < now ? now - past : seconds{0}; }

/// The clock was set back behind `past`: nothing can be said about how long ago it was.
bool in_future(Instant past, Instant now) { return past > now; }

/// How long a TXT answer is believed: its TTL within bounds.
seconds txt_life(const PolicyState& entry, const Tuning& tuning) {
    return std::clamp(entry.txt_ttl, tuning.txt_check_min, tuning.txt_check_max);
}

/// Whether the policy is used enough to be fetched daily (RFC 8461 section 10.2).
bool wanted(const Entry& entry, Instant at, const Tuning& tuning) {
    if (entry.policy->policy.max_age < tuning.refresh_every) return entry.last_asked > counted_from(entry);
    return since(entry.last_asked, at) < tuning.forget_unasked_after;
}

bool is_enforced(const PolicyState& entry, const Tuning& tuning) {
    return sts::is_enforced(entry.policy->policy.mode, tuning.enforce_testing);
}

seconds refresh_period(const Entry& entry, const Tuning& tuning) {
    return std::min(tuning.refresh_every, entry.policy->policy.max_age / 2);
}

} // namespace

Instant counted_from(const PolicyState& entry) {
    return entry.ahead_since != Instant{} ? entry.ahead_since : entry.fetched_at;
}

Instant expires_at(const PolicyState& entry, Instant now) {
    const Instant from = in_future(entry.fetched_at, now) ? counted_from(entry) : entry.fetched_at;
    return std::min(from, now) + entry.policy->policy.max_age;
}

bool note_clock(PolicyState& entry, Instant now) {
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

Instant txt_check_at(const PolicyState& entry, const Tuning& tuning) {
    return entry.txt_checked == Instant{} ? Instant{} : entry.txt_checked + txt_life(entry, tuning);
}

bool dane_due(const PolicyState& entry, Instant now, const Tuning& tuning) {
    return is_enforced(entry, tuning) && dane::due(entry.dane, now, tuning.dane);
}

QueryPlan plan(const PolicyState& entry, Instant now, const Tuning& tuning) {
    if (expired(entry, now)) return QueryPlan::resolve;
    // Without a verdict there is nothing to say: "secure" could override DANE.
    if (is_enforced(entry, tuning) && dane::missing(entry.dane, now, tuning.dane)) return QueryPlan::resolve;
    const bool check = in_future(entry.txt_checked, now) ||
                       now - entry.txt_checked >= txt_life(entry, tuning) || dane_due(entry, now, tuning);
    return check ? QueryPlan::serve_and_check : QueryPlan::serve;
}

QueryPlan plan(const Absence& absence, Instant now, const Tuning& tuning) {
    // If the clock was set back, `until` may be far ahead; no absence is believed longer than the longest
    // life.
    const seconds longest = std::max(tuning.absence_max, tuning.dns_failure_for);
    const bool believed = now >= absence.since && now < absence.until && absence.until - now <= longest;
    return believed ? QueryPlan::serve : QueryPlan::resolve;
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
