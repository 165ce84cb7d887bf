#include "lookup/steps.hpp"

#include "lookup/get_limit.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

namespace lookup {

using base::Reason;
using cache::Absence;
using cache::Entry;

cache::Attempts attempts(const cache::Knowledge& known) {
    if (const auto* entry = std::get_if<Entry>(&known)) return entry->gets;
    if (const auto* absence = std::get_if<Absence>(&known)) return absence->gets;
    return {};
}

cache::PolicyPtr current_policy(const cache::Knowledge& known, base::Instant now) {
    const auto* entry = std::get_if<Entry>(&known);
    return entry && !cache::expired(*entry, now) ? entry->policy : nullptr;
}

Next after_txt(const cache::Knowledge& known, const TxtOutcome& txt, Why why, base::Instant now,
               bool minute_over, const cache::Tuning& tuning) {
    const cache::Attempts gets = attempts(known);
    const auto may_get = [&](std::string_view id) {
        return minute_over && cache::may_get(gets, id, now, tuning);
    };
    if (!current_policy(known, now)) {
        // Section 3.1: without exactly one valid record there is no HTTPS request.
        if (!txt.id) return NoPolicy{txt.id.error()};
        if (may_get(*txt.id)) return Get{*txt.id};
        return NoPolicy{gets.failures > 0 ? gets.reason : Reason::backing_off};
    }
    const auto& entry = std::get<Entry>(known);
    // A TXT record that is missing, broken or cannot be looked up never removes a policy (section 3.1, note).
    std::string id = txt.id.value_or(entry.txt_id);
    const bool wanted =
        why == Why::daily || why == Why::by_hand || id != entry.txt_id || cache::overdue(entry, now, tuning);
    if (wanted && may_get(id)) return Get{std::move(id)};
    return Keep{};
}

std::optional<bool> record_is_gone(const TxtOutcome& txt) {
    if (txt.id) return false;
    switch (txt.id.error()) {
    case Reason::no_record:
    case Reason::record_multiple:
    case Reason::record_invalid: return true;
    default: return std::nullopt;
    }
}

bool is_our_own(Reason reason) { return reason == Reason::overloaded || reason == Reason::shutting_down; }

Outcome kept(const cache::Knowledge& known, Reason reason, base::Instant now) {
    Outcome outcome;
    outcome.reason = reason;
    outcome.policy = current_policy(known, now);
    if (outcome.policy) {
        const auto& entry = std::get<Entry>(known);
        outcome.fetched_at = cache::counted_from(entry);
        outcome.expires_at = cache::expires_at(entry, now);
        outcome.dane = entry.dane;
    }
    return outcome;
}

std::optional<Outcome> known_policy(const cache::Knowledge& known, Wants wants, base::Instant now,
                                    const cache::Tuning& tuning) {
    const auto* entry = std::get_if<Entry>(&known);
    if (entry && wants == Wants::dane && cache::plan(*entry, now, tuning) == cache::QueryPlan::resolve)
        return std::nullopt;
    return kept(known, Reason::none, now);
}

std::optional<Outcome> known_absence(const Absence& absence, base::Instant now, const cache::Tuning& tuning) {
    if (cache::plan(absence, now, tuning) == cache::QueryPlan::resolve) return std::nullopt;
    Outcome outcome;
    outcome.reason = absence.reason;
    return outcome;
}

void note_look(cache::Entry& entry, const TxtOutcome& txt, base::Instant now, base::seconds get_wait,
               const cache::Tuning& tuning) {
    entry.txt_checked = now;
    entry.txt_ttl = txt.ttl.value_or(base::seconds{0});
    if (!txt.id || *txt.id == entry.txt_id || get_wait == base::seconds{0}) return;
    entry.txt_ttl = tuning.txt_check_min;
    entry.txt_checked -= tuning.txt_check_min - std::min(get_wait, tuning.txt_check_min);
}

cache::Entry fetched(const cache::Knowledge& before, cache::PolicyPtr policy, std::string id,
                     const TxtOutcome& txt, base::Instant now) {
    Entry entry;
    entry.last_asked = now;
    const auto* const old = std::get_if<Entry>(&before);
    if (old) {
        entry.last_asked = old->last_asked;
        entry.agenda_at = old->agenda_at;
        entry.record_gone = old->record_gone; // a policy may be fetched without a record
        entry.dane = old->dane; // this belongs to the MX hosts, not to the policy
    }
    entry.policy = std::move(policy);
    entry.txt_id = std::move(id);
    entry.fetched_at = now;
    // This time identifies a row: two rows after each other never have the same, even if the clock was set
    // back.
    if (old && old->fetched_at == now) entry.fetched_at -= base::seconds{1};
    entry.txt_checked = now;
    entry.txt_ttl = txt.ttl.value_or(base::seconds{0});
    entry.gets.last = now;
    return entry;
}

Outcome fetched_outcome(const Entry& entry, base::Instant now) {
    Outcome outcome;
    outcome.policy = entry.policy;
    outcome.fetched = true;
    outcome.fetched_at = entry.fetched_at;
    outcome.expires_at = cache::expires_at(entry, now);
    outcome.dane = entry.dane;
    return outcome;
}

std::string describe(const sts::PolicyError& error) {
    std::string words{error.problem};
    if (error.line > 0) words += " (line " + std::to_string(error.line) + ")";
    return words;
}

base::seconds next_txt_look(const TxtOutcome& txt, const cache::Tuning& tuning) {
    return std::clamp(txt.ttl.value_or(base::seconds{0}), tuning.txt_check_min, tuning.txt_check_max);
}

bool worth_storing(const dane::State& before, const dane::State& after) {
    constexpr std::int64_t quarter = 6 * 3600;
    const auto part = [](base::Instant t) { return t.time_since_epoch().count() / quarter; };
    const auto failing = [](const dane::State& s) { return s.failed_since != base::Instant{}; };
    const bool was = before.advice == dane::Advice::dane_only, is = after.advice == dane::Advice::dane_only;
    return was != is ||
           (is && (part(before.known_at) != part(after.known_at) || failing(before) != failing(after)));
}

base::seconds expired_since(const Entry& entry, base::seconds ran) {
    return entry.over_since == base::seconds{0} || entry.over_since > ran ? ran : entry.over_since;
}

bool kept_long_enough(const Entry& entry, base::seconds ran, const cache::Tuning& tuning) {
    const bool noted_before = entry.over_since != base::seconds{0} && entry.over_since <= ran;
    return noted_before && ran - entry.over_since >= tuning.keep_expired;
}

Absence back_off(const Entry& entry, base::Instant now) {
    Absence absence;
    absence.reason = entry.gets.reason;
    absence.since = absence.until = now;
    absence.gets = entry.gets;
    return absence;
}

cache::Attempts failed_get(cache::Attempts gets, std::string id, Reason reason, base::Instant now) {
    gets.last = now;
    // A new id starts a count of its own (section 3.3 limits GETs "per version ID").
    gets.failures = gets.failed_id == id ? gets.failures + 1 : 1;
    gets.failed_id = std::move(id);
    gets.reason = reason;
    return gets;
}

cache::Absence absent(cache::Attempts gets, Reason reason, const TxtOutcome& txt, base::Instant now,
                      base::seconds minute_left, const cache::Tuning& tuning) {
    Absence absence;
    absence.reason = reason;
    absence.since = now;
    absence.until = now + cache::absence_life(reason, txt.ttl, tuning);
    // When the TXT record allows a policy and only the back-off or the minute forbids the GET, look again as
    // soon as it ends.
    if (txt.id) {
        const base::Instant next = std::max(cache::next_get(gets, *txt.id, now, tuning), now + minute_left);
        if (next > now) absence.until = std::min(absence.until, next);
    }
    absence.gets = std::move(gets);
    return absence;
}

cache::Absence spent(const cache::Entry& fetched, base::seconds minute_left) {
    Absence absence;
    absence.reason = Reason::backing_off;
    absence.since = fetched.fetched_at;
    absence.until = fetched.fetched_at + minute_left;
    absence.gets = fetched.gets;
    return absence;
}

bool too_short_to_obey(const sts::Policy& policy) { return policy.max_age < GetLimit::spacing; }

Change change(const cache::PolicyPtr& before, const cache::PolicyPtr& after) {
    if (!before) return Change::learnt;
    if (before->text == after->text) return Change::refreshed;
    const bool weaker = before->policy.mode == sts::Mode::enforce &&
                        (after->policy.mode != sts::Mode::enforce || after->policy.max_age.count() == 0);
    return weaker ? Change::weakened : Change::changed;
}

} // namespace lookup
