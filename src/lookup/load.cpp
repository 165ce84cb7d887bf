#include "lookup/load.hpp"

#include <utility>

namespace lookup {

Loaded load(cache::Table& table, const cache::Row& row, base::Instant now, const OnEvicted& evicted) {
    auto policy = table.intern(row.policy_text);
    if (!policy) return Loaded::unreadable;
    cache::Entry entry;
    entry.policy = *std::move(policy);
    entry.txt_id = row.txt_id;
    entry.fetched_at = row.fetched_at;
    entry.ahead_since = row.ahead_since;
    entry.over_since = row.over_since;
    entry.last_asked = row.last_asked;
    entry.gets.last = row.fetched_at;
    if (row.dane_at != base::Instant{})
        entry.dane = {dane::Advice::dane_only, row.dane_at, {}, row.dane_failed_at};
    const bool over = cache::expired(entry, now);
    const auto gone = table.put(row.domain, std::move(entry), now);
    if (gone && evicted) evicted(*gone);
    return over ? Loaded::expired : Loaded::kept;
}

Loaded load_late(cache::Table& table, const cache::Row& row, base::Instant now, const OnEvicted& evicted) {
    const cache::Knowledge known = table.find(row.domain);
    if (std::holds_alternative<cache::Entry>(known)) return Loaded::known;
    const auto* absence = std::get_if<cache::Absence>(&known);
    // A successful GET that left no policy has withdrawn it.
    const bool fetched = absence && absence->gets.failures == 0 && absence->gets.last != base::Instant{};
    if (fetched && absence->gets.last >= row.fetched_at) return Loaded::outdated;
    const Loaded loaded = load(table, row, now, evicted);
    if (absence && absence->gets.failures > 0)
        table.update(row.domain, [&](cache::Entry& entry) { entry.gets = absence->gets; });
    return loaded;
}

cache::Row row(const base::Domain& domain, const cache::Entry& entry) {
    const bool dane = entry.dane.advice == dane::Advice::dane_only;
    return {domain,
            entry.policy->text,
            entry.txt_id,
            entry.fetched_at,
            entry.last_asked,
            dane ? entry.dane.known_at : base::Instant{},
            dane ? entry.dane.failed_since : base::Instant{},
            entry.ahead_since,
            entry.over_since};
}

} // namespace lookup
