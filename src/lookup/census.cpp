#include "lookup/census.hpp"

#include <algorithm>
#include <chrono>

namespace lookup {

namespace {

using std::chrono::hours;

std::size_t age_class(base::seconds age) {
    constexpr std::array bounds{hours{1}, hours{6}, hours{26}, hours{72}};
    return static_cast<std::size_t>(std::ranges::find_if(bounds, [age](hours most) { return age <= most; }) -
                                    bounds.begin());
}

/// Whether a policy's place in first_to_expire is before `other`.
bool is_before(sts::Mode mode, base::Instant expires, const FailingPolicy& other) {
    const bool first = mode == sts::Mode::enforce, second = other.mode == sts::Mode::enforce;
    return first != second ? first : expires < other.expires_at;
}

void note_failing(Census& census, const base::Domain& domain, const cache::Entry& entry,
                  base::Instant expires) {
    auto& list = census.first_to_expire;
    const sts::Mode mode = entry.policy->policy.mode;
    const auto at = std::ranges::find_if(
        list, [&](const FailingPolicy& other) { return is_before(mode, expires, other); });
    if (at == list.end() && list.size() >= Census::most_failing) return;
    list.insert(at, {domain, mode, entry.gets.reason, entry.gets.failures, entry.fetched_at, expires});
    if (list.size() > Census::most_failing) list.pop_back();
}

} // namespace

void count(Census& census, const base::Domain& domain, const cache::Entry& entry, base::Instant now,
           const cache::Tuning& tuning) {
    if (cache::expired(entry, now)) {
        ++census.kept_expired;
        return;
    }
    const sts::Mode mode = entry.policy->policy.mode;
    const base::Instant fetched = std::min(cache::counted_from(entry), now);
    const base::Instant expires = cache::expires_at(entry, now);
    ++census.by_mode[static_cast<std::size_t>(mode)];
    ++census.by_age[age_class(now - fetched)];
    if (census.oldest_fetch == base::Instant{} || fetched < census.oldest_fetch)
        census.oldest_fetch = fetched;
    // A policy that nobody asks for is not fetched daily: it is not overdue.
    if (cache::overdue(entry, now, tuning) && cache::upkeep(entry, now, tuning) == cache::Upkeep::get)
        ++census.overdue;
    if (entry.gets.failures == 0) return;
    ++census.failing[static_cast<std::size_t>(entry.gets.reason)];
    if (sts::is_enforced(mode, tuning.enforce_testing) && expires <= now + hours{24}) ++census.expiring;
    note_failing(census, domain, entry, expires);
}

} // namespace lookup
