#include "lookup/load.hpp"

#include <utility>

namespace lookup {

Loaded load(cache::Table& table, const cache::Row& row, base::Instant now) {
    auto policy = table.intern(row.policy_text);
    if (!policy) return Loaded::unreadable;
    cache::Entry entry;
    entry.policy = *std::move(policy);
    entry.txt_id = row.txt_id;
    entry.fetched_at = row.fetched_at;
    entry.last_asked = row.last_asked;
    entry.gets.last = row.fetched_at;
    cache::note_clock(entry, now);
    if (row.dane_at != base::Instant{}) entry.dane = {cache::DaneVerdict::dane, row.dane_at, {}};
    if (now >= cache::expires_at(entry, now)) return Loaded::expired;
    (void)table.put(row.domain, std::move(entry), now);
    return Loaded::kept;
}

Loaded load_late(cache::Table& table, const cache::Row& row, base::Instant now) {
    if (std::holds_alternative<cache::Entry>(table.find(row.domain))) return Loaded::known;
    return load(table, row, now);
}

cache::Row row(const base::Domain& domain, const cache::Entry& entry) {
    const bool dane = entry.dane.verdict == cache::DaneVerdict::dane;
    return {domain,           entry.policy->text, entry.txt_id,
            entry.fetched_at, entry.last_asked,   dane ? entry.dane.known_at : base::Instant{}};
}

} // namespace lookup
