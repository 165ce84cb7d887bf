#include "cache/memory/policy_shard.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace cache {

namespace {

bool enforced(const Entry& e) { return e.policy->policy.mode == sts::Mode::enforce; }

} // namespace

void PolicyShard::publish() {
    first_expiry.store(by_expiry.least(pool), std::memory_order_relaxed);
    first_soft.store(soft.least(pool), std::memory_order_relaxed);
    first_hard.store(hard.least(pool), std::memory_order_relaxed);
    first_due.store(agenda.least(pool), std::memory_order_relaxed);
}

Rank PolicyShard::rank(std::uint32_t now) const {
    const std::uint32_t expiry = first_expiry.load(std::memory_order_relaxed);
    if (expiry <= now) return {0, expiry};
    if (const std::uint32_t asked = first_soft.load(std::memory_order_relaxed); asked != nil)
        return {1, asked};
    if (const std::uint32_t asked = first_hard.load(std::memory_order_relaxed); asked != nil)
        return {2, asked};
    return {};
}

void PolicyShard::insert(std::string_view name, std::uint32_t hash, const Entry& e) {
    std::unique_ptr<DomainRecord::Rest> rest = DomainRecord::make_rest(e, e.txt_id.size());
    index.make_room_for_one();
    by_expiry.make_room_for_one();
    by_asked(enforced(e)).make_room_for_one();
    agenda.make_room_for_one();
    const std::uint32_t i = pool.take(name.size() + e.txt_id.size());
    DomainRecord& r = pool[i];
    r.hash = hash;
    r.name_size = static_cast<std::uint8_t>(name.size());
    std::ranges::copy(name, r.text());
    r.set(e, std::move(rest));
    index.add(pool, i);
    by_expiry.push(pool, i);
    by_asked(r.hard()).push(pool, i);
    put_on_agenda(i, pack(e.agenda_at));
}

void PolicyShard::replace(std::uint32_t i, const Entry& e) {
    DomainRecord& r = pool[i];
    std::unique_ptr<DomainRecord::Rest> rest = DomainRecord::make_rest(e, r.room());
    by_asked(enforced(e)).make_room_for_one();
    agenda.make_room_for_one();
    const std::uint32_t expired = r.expires, asked = r.last_asked;
    const bool moves = r.hard() != enforced(e);
    if (moves) by_asked(r.hard()).remove(pool, i);
    r.set(e, std::move(rest));
    if (r.expires != expired) by_expiry.moved(pool, i);
    if (moves)
        by_asked(r.hard()).push(pool, i);
    else if (r.last_asked < asked)
        by_asked(r.hard()).moved(pool, i);
    put_on_agenda(i, pack(e.agenda_at));
}

void PolicyShard::remove(std::uint32_t i) {
    by_expiry.remove(pool, i);
    by_asked(pool[i].hard()).remove(pool, i);
    put_on_agenda(i, 0);
    index.remove(pool, i);
    pool.give(i);
}

void PolicyShard::put_on_agenda(std::uint32_t i, std::uint32_t at) {
    DomainRecord& r = pool[i];
    const bool there = r.agenda_slot != nil;
    if (r.agenda_at == at && there == (at != 0)) return;
    r.agenda_at = at;
    if (at == 0) {
        agenda.remove(pool, i);
    } else if (there) {
        agenda.moved(pool, i);
    } else {
        agenda.make_room_for_one();
        agenda.push(pool, i);
    }
}

} // namespace cache
