#include "cache/memory/policy_table.hpp"

#include "cache/memory/policy_shard.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

namespace cache {

namespace {

/// Steps of a lazy heap under one lock: some microseconds.
constexpr unsigned settle_at_once = 64;
/// Of slice(): some 1,000 domains.
constexpr std::size_t chunks_in_a_slice = 8;

std::uint32_t low(std::uint64_t hash) noexcept { return static_cast<std::uint32_t>(hash); }

void check(const Entry& e) {
    if (!e.policy) throw std::invalid_argument("cache: an entry without a policy");
    if (e.txt_id.size() > 255) throw std::invalid_argument("cache: a TXT record id over 255 octets");
}

} // namespace

struct PolicyTable::Shards {
    static constexpr std::size_t count = Cursor::shards;
    static_assert(count << RecordPool::number_bits <= std::size_t{1} << 32, "a Place has 32 bits");

    Arena arena; ///< first member: it must outlive the data in it
    std::array<PolicyShard, count> all = make(arena, std::make_index_sequence<count>{});

private:
    template <std::size_t... n>
    static std::array<PolicyShard, count> make(Arena& arena, std::index_sequence<n...>) {
        return {{(static_cast<void>(n), PolicyShard{arena})...}};
    }
};

PolicyTable::PolicyTable(base::SipKey key) : key_(key), shards_(std::make_unique<Shards>()) {}
PolicyTable::~PolicyTable() = default;

PolicyShard& PolicyTable::shard(std::uint64_t hash) const noexcept { return shards_->all[hash >> 58]; }

std::optional<Entry> PolicyTable::find(std::string_view name) const {
    const std::uint64_t hash = base::siphash_1_3(name, key_);
    const PolicyShard& s = shard(hash);
    std::lock_guard lock{s.mutex};
    const std::uint32_t i = s.find(name, low(hash));
    if (i == nil) return std::nullopt;
    return s.pool[i].entry();
}

std::optional<QueriedPolicy> PolicyTable::ask(std::string_view name, Instant now) {
    const std::uint64_t hash = base::siphash_1_3(name, key_);
    PolicyShard& s = shard(hash);
    std::lock_guard lock{s.mutex};
    const std::uint32_t i = s.find(name, low(hash));
    if (i == nil) return std::nullopt;
    DomainRecord& r = s.pool[i];
    if (now < unpack(r.last_asked) || now >= unpack(r.last_asked) + asked_grain) {
        const bool back_in_time = pack(now) < r.last_asked;
        r.last_asked = pack(now);
        if (back_in_time) {
            (r.hard() ? s.hard : s.soft).moved(s.pool, i);
            s.publish();
        }
    }
    return s.pool[i].asked();
}

void PolicyTable::put(std::string_view name, const Entry& entry) {
    check(entry);
    const std::uint64_t hash = base::siphash_1_3(name, key_);
    PolicyShard& s = shard(hash);
    PolicyPtr old; // destroyed after the lock: the last holder of a text frees it
    std::lock_guard lock{s.mutex};
    const std::uint32_t i = s.find(name, low(hash));
    if (i == nil) {
        s.insert(name, low(hash), entry);
        size_.fetch_add(1, std::memory_order_relaxed);
    } else {
        old = s.pool[i].policy;
        Entry merged = entry;
        merged.last_asked = std::max(merged.last_asked, unpack(s.pool[i].last_asked));
        merged.agenda_at = unpack(s.pool[i].agenda_at);
        s.replace(i, merged);
    }
    s.publish();
}

bool PolicyTable::update(std::string_view name, const std::function<void(Entry&)>& change) {
    const std::uint64_t hash = base::siphash_1_3(name, key_);
    PolicyShard& s = shard(hash);
    PolicyPtr old;
    std::lock_guard lock{s.mutex};
    const std::uint32_t i = s.find(name, low(hash));
    if (i == nil) return false;
    Entry e = s.pool[i].entry();
    old = e.policy;
    change(e);
    check(e);
    s.replace(i, e);
    s.publish();
    return true;
}

bool PolicyTable::erase(std::string_view name, std::optional<Instant> fetched_at) {
    const std::uint64_t hash = base::siphash_1_3(name, key_);
    PolicyShard& s = shard(hash);
    PolicyPtr old;
    std::lock_guard lock{s.mutex};
    const std::uint32_t i = s.find(name, low(hash));
    if (i == nil || (fetched_at && s.pool[i].fetched_at != pack(*fetched_at))) return false;
    old = s.pool[i].policy;
    s.remove(i);
    s.publish();
    size_.fetch_sub(1, std::memory_order_relaxed);
    return true;
}

std::optional<std::pair<std::string, Instant>> PolicyTable::evict(Instant now_) {
    const std::uint32_t now = pack(now_);
    // A shard's published head may be out of date: the choice is repeated until the chosen one is right. Each
    // round corrects something, unless queries are as fast; then the last choice is used.
    for (unsigned rounds = 100'000; rounds > 0; --rounds) {
        const auto better = [now](const PolicyShard& a, const PolicyShard& b) {
            return a.rank(now) < b.rank(now);
        };
        PolicyShard& s = *std::ranges::min_element(shards_->all, better);
        const Rank wanted = s.rank(now);
        if (wanted.order == 3) return std::nullopt;
        PolicyPtr old;
        std::lock_guard lock{s.mutex};
        const bool settled = wanted.order == 0 ||
                             (s.soft.settle(s.pool, settle_at_once) && s.hard.settle(s.pool, settle_at_once));
        s.publish();
        const Rank found = s.rank(now);
        if (found.order == 3 || (rounds > 1 && (!settled || wanted < found))) continue;
        const std::uint32_t i = found.order == 0   ? s.by_expiry.top()
                                : found.order == 1 ? s.soft.top()
                                                   : s.hard.top();
        std::pair<std::string, Instant> gone{s.pool[i].name(), unpack(s.pool[i].fetched_at)};
        old = s.pool[i].policy;
        s.remove(i);
        s.publish();
        size_.fetch_sub(1, std::memory_order_relaxed);
        return gone;
    }
    return std::nullopt;
}

std::vector<NamedEntry> PolicyTable::slice(Cursor& cursor) const {
    std::vector<NamedEntry> some;
    for (std::size_t chunks = 0; chunks < chunks_in_a_slice && !cursor.over(); ++chunks) {
        const PolicyShard& s = shards_->all[cursor.shard_];
        std::lock_guard lock{s.mutex};
        if (cursor.chunk_ >= s.pool.chunks()) {
            cursor.chunk_ = 0;
            ++cursor.shard_;
            continue;
        }
        s.pool.each(cursor.chunk_, [&](std::uint32_t i) {
            const DomainRecord& r = s.pool[i];
            const std::uint32_t where =
                static_cast<std::uint32_t>(cursor.shard_) << RecordPool::number_bits | i;
            some.push_back({std::string(r.name()), r.entry(), {where, r.hash}});
        });
        ++cursor.chunk_;
    }
    return some;
}

std::optional<NamedEntry> PolicyTable::at(Place place) const {
    const std::uint32_t i = place.where & ((std::uint32_t{1} << RecordPool::number_bits) - 1);
    const PolicyShard& s = shards_->all[place.where >> RecordPool::number_bits];
    std::lock_guard lock{s.mutex};
    const DomainRecord& r = s.pool[i];
    if (!r.policy || r.hash != place.hash) return std::nullopt;
    return NamedEntry{std::string(r.name()), r.entry(), place};
}

void PolicyTable::schedule(const std::function<Instant(Entry&)>& when) {
    for (PolicyShard& s : shards_->all) {
        for (std::size_t chunk = 0;; ++chunk) {
            std::lock_guard lock{s.mutex};
            if (chunk >= s.pool.chunks()) break;
            s.pool.each(chunk, [&](std::uint32_t i) {
                Entry e = s.pool[i].entry();
                const Instant ahead_since = e.ahead_since;
                const seconds over_since = e.over_since;
                const Instant due = when(e);
                if (e.ahead_since != ahead_since || e.over_since != over_since) s.replace(i, e);
                s.put_on_agenda(i, pack(due));
            });
            s.publish();
        }
    }
}

std::optional<Instant> PolicyTable::next_due() const {
    std::uint32_t first = nil;
    for (const PolicyShard& s : shards_->all)
        first = std::min(first, s.first_due.load(std::memory_order_relaxed));
    if (first >= last_second) return std::nullopt;
    return unpack(first);
}

std::optional<std::string> PolicyTable::take_due(Instant now) {
    const auto sooner = [](const PolicyShard& a, const PolicyShard& b) {
        return a.first_due.load(std::memory_order_relaxed) < b.first_due.load(std::memory_order_relaxed);
    };
    PolicyShard& s = *std::ranges::min_element(shards_->all, sooner);
    std::lock_guard lock{s.mutex};
    const std::uint32_t i = s.agenda.top();
    if (i == nil || s.pool[i].agenda_at > pack(now) || s.pool[i].agenda_at == last_second)
        return std::nullopt;
    s.put_on_agenda(i, 0);
    s.publish();
    return std::string(s.pool[i].name());
}

} // namespace cache
