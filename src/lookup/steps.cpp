#include "lookup/steps.hpp"

#include "lookup/get_limit.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace lookup {

using base::Reason;
using cache::Absence;
using cache::Entry;

cache::Attempts attempts(const cache::Known& known) {
    if (const auto* entry = std::get_if<Entry>(&known)) return entry->gets;
    if (const auto* absence = std::get_if<Absence>(&known)) return absence->gets;
    return {};
}

cache::PolicyPtr current_policy(const cache::Known& known, base::Instant now) {
    const auto* entry = std::get_if<Entry>(&known);
    return entry && !cache::expired(*entry, now) ? entry->policy : nullptr;
}

Next after_txt(const cache::Known& known, const TxtOutcome& txt, Why why, base::Instant now, bool minute_over,
               const cache::Tuning& tuning) {
    const cache::Attempts gets = attempts(known);
    const auto may_get = [&](std::string_view id) {
        return minute_over && cache::may_get(gets, id, now, tuning);
    };
    if (!current_policy(known, now)) {
        // Section 3.1: without exactly one valid record there is no HTTPS request.
        if (!txt.id) return Give{txt.id.error()};
        if (may_get(*txt.id)) return Get{*txt.id};
        return Give{gets.failures > 0 ? gets.reason : Reason::backing_off};
    }
    const auto& entry = std::get<Entry>(known);
    // A TXT record that is gone, broken or unknowable never removes a policy (section 3.1, note).
    std::string id = txt.id.value_or(entry.txt_id);
    const bool wanted = why == Why::daily || id != entry.txt_id || cache::overdue(entry, now, tuning);
    if (wanted && may_get(id)) return Get{std::move(id)};
    return Nothing{};
}

void note_look(cache::Entry& entry, const TxtOutcome& txt, base::Instant now, base::seconds get_wait,
               const cache::Tuning& tuning) {
    entry.txt_checked = now;
    entry.txt_ttl = txt.ttl.value_or(base::seconds{0});
    if (!txt.id || *txt.id == entry.txt_id || get_wait == base::seconds{0}) return;
    entry.txt_ttl = tuning.txt_check_min;
    entry.txt_checked -= tuning.txt_check_min - std::min(get_wait, tuning.txt_check_min);
}

cache::Entry fetched(const cache::Known& before, cache::PolicyPtr policy, std::string id,
                     const TxtOutcome& txt, base::Instant now) {
    Entry entry;
    entry.last_asked = now;
    const auto* const old = std::get_if<Entry>(&before);
    if (old) {
        entry.last_asked = old->last_asked;
        entry.agenda_at = old->agenda_at;
        entry.dane = old->dane; // a matter of the MX hosts, not of the policy
    }
    entry.policy = std::move(policy);
    entry.txt_id = std::move(id);
    entry.fetched_at = now;
    // A row is known by this time: no two in a row have the same, even when the clock has been set back.
    if (old && old->fetched_at == now) entry.fetched_at -= base::seconds{1};
    entry.txt_checked = now;
    entry.txt_ttl = txt.ttl.value_or(base::seconds{0});
    entry.gets.last = now;
    return entry;
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
