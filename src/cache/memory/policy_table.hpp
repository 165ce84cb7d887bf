// cache/memory/policy_table.hpp - the policies in memory: 64 shards, one compact record per domain, order of
// eviction. Part of cache/table; nothing else includes it.
//
// Layout: a shard (cache/memory/policy_shard.hpp) keeps records that never move and are named by 32-bit numbers
// (cache/memory/record.hpp, cache/memory/record_pool.hpp), an index into them (cache/memory/record_index.hpp) and heaps of them
// (cache/memory/record_heap.hpp). A record has its domain's name and record id behind it, so that a query waits for
// memory three times: for the bucket, for the record, for the policy. Records and index are in huge pages
// when there are many (cache/memory/arena.hpp). A domain takes about 140 octets, without its policy.
//
// Eviction: two binary heaps of record numbers a shard, by expiry (all records) and by last_asked (one heap
// for enforce, one for testing and none). Each shard publishes its heads in atomics, so the victim of the
// whole table is found by reading 64 of them and costs O(log n) in one shard; nothing is ever scanned or
// sorted. The order is exact. A query only notes its time in the record; the heap by last_asked is corrected
// at the next eviction, one step per note. A third heap is the refresher's agenda.
//
// Every member may be called from any thread. A lock (one per shard) is held for a hash lookup and a heap
// step, by slice() while it copies one chunk of records.
#pragma once

#include "base/siphash.hpp"
#include "cache/cursor.hpp"
#include "cache/entry.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cache {

struct NamedEntry {
    std::string name;
    Entry entry;
    Place place;
};

/// last_asked is noted at most this often.
inline constexpr seconds asked_grain{60};

struct PolicyShard;

class PolicyTable {
public:
    explicit PolicyTable(base::SipKey key);
    ~PolicyTable();

    [[nodiscard]] std::optional<Entry> find(std::string_view name) const;
    /// Notes `now` as last_asked unless the last note is younger than asked_grain. A note from the future
    /// (the clock was set back) is replaced.
    [[nodiscard]] std::optional<QueriedPolicy> ask(std::string_view name, Instant now);
    /// Adds or replaces; keeps the newer last_asked and the place on the agenda. Throws
    /// std::invalid_argument for an entry without a policy.
    void put(std::string_view name, const Entry& entry);
    bool update(std::string_view name, const std::function<void(Entry&)>& change);
    /// With `fetched_at`: only the policy that was fetched then.
    bool erase(std::string_view name, std::optional<Instant> fetched_at = std::nullopt);
    /// Removes the first of: expired (longest ago), testing and none (longest unasked), enforce (longest
    /// unasked). Returns its domain, and when it was fetched.
    std::optional<std::pair<std::string, Instant>> evict(Instant now);
    /// The next slice of a walk, as Table::slice(); names in place of domains.
    [[nodiscard]] std::vector<NamedEntry> slice(Cursor& cursor) const;
    /// As Table::at().
    [[nodiscard]] std::optional<NamedEntry> at(Place place) const;
    /// Puts every domain on the agenda for the time that `when` returns; the epoch: never. `when` is called
    /// under a lock.
    void schedule(const std::function<Instant(Entry&)>& when);
    /// When the first item of the agenda is due.
    [[nodiscard]] std::optional<Instant> next_due() const;
    /// Takes the first item off the agenda if it is due.
    std::optional<std::string> take_due(Instant now);
    [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

private:
    struct Shards;
    [[nodiscard]] PolicyShard& shard(std::uint64_t hash) const noexcept;

    base::SipKey key_;
    std::unique_ptr<Shards> shards_;
    std::atomic<std::size_t> size_{0};
};

} // namespace cache
