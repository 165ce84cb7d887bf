#include "lookup/expiry.hpp"

#include "lookup/learnt_events.hpp"
#include "lookup/steps.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace lookup {

Expiry::Expiry(const Parts& parts, const cache::Tuning& tuning)
    : parts_(parts), tuning_(tuning), started_(parts.clock.steady()) {}

const cache::ClockTrust& Expiry::clock_trust() {
    trust_.sample(parts_.clock.now(), parts_.clock.steady());
    return trust_;
}

void Expiry::note_fetched(base::Instant at) {
    (void)clock_trust();
    trust_.note_fetched(at);
}

base::seconds Expiry::running() const {
    return ran_before_ + std::chrono::floor<base::seconds>(parts_.clock.steady() - started_);
}

bool Expiry::forget(const base::Domain& domain, const cache::Entry& entry) {
    const base::seconds ran = std::max(running(), base::seconds{1});
    const bool trusted = clock_trust().trusted(parts_.clock.now(), parts_.clock.steady());
    if (!trusted && !kept_long_enough(entry, ran, tuning_)) {
        const base::seconds since = expired_since(entry, ran);
        if (since != entry.over_since)
            parts_.table.update(domain, [since](cache::Entry& stays) { stays.over_since = since; });
        return false;
    }
    emit_expired(parts_.sink, domain, entry);
    parts_.table.erase(domain, entry.fetched_at);
    parts_.store.forget(domain, entry.fetched_at);
    if (entry.gets.failures > 0) parts_.table.put(domain, back_off(entry, parts_.clock.now()));
    return true;
}

} // namespace lookup
