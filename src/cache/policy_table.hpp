// cache/policy_table.hpp - the policies in memory: 64 shards, a compact record a domain, and who goes first.
// Part of cache/table; nothing else includes it.
//
// Layout: a shard keeps its records in chunks of 256 that never move, names them by 32-bit numbers, and
// chains them in a hash table that grows by one bucket at a time. Times are 32-bit seconds (to 2106; later
// ones are taken as that). Name and record id lie in blocks of a pool; what only failing domains need has an
// allocation of its own. That is 80 octets a record, some 140 a domain with all but its policy.
//
// Eviction: two binary heaps of record numbers a shard, by expiry (all records) and by last_asked (one heap
// for enforce, one for testing and none). Each shard publishes its heads in atomics, so the victim of the
// whole table is found by reading 64 of them and costs O(log n) in one shard; nothing is ever scanned or
// sorted. The order is exact. A query only notes its time in the record; the heap by last_asked learns of it
// when somebody has to go, a step for each note since. A third heap is the refresher's agenda.
//
// Every member may be called from any thread. A lock (one a shard) is held for a hash lookup and a heap step,
// by for_each() for the copying of 256 records.
#pragma once

#include "cache/entry.hpp"
#include "cache/siphash.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace cache {

/// last_asked is noted at most this often.
inline constexpr seconds asked_grain{60};

class PolicyTable {
public:
    explicit PolicyTable(SipKey key);
    ~PolicyTable();

    [[nodiscard]] std::optional<Entry> find(std::string_view name) const;
    /// As find(), but without the record ids (txt_id, gets.failed_id), and notes `now` unless the last note
    /// is younger than asked_grain; `noted` tells whether it did. A note from the future (the clock was set
    /// back) is replaced.
    [[nodiscard]] std::optional<Entry> ask(std::string_view name, Instant now, bool& noted);
    /// Adds or replaces; keeps the newer last_asked and the place on the agenda. Throws
    /// std::invalid_argument for an entry without a policy.
    void put(std::string_view name, const Entry& entry);
    bool update(std::string_view name, const std::function<void(Entry&)>& change);
    bool erase(std::string_view name);
    /// Removes the first of: expired (longest ago), testing and none (longest unasked), enforce (longest
    /// unasked).
    std::optional<std::string> evict(Instant now);
    /// Passes every domain that is there throughout exactly once, each as it is when reached, without holding
    /// a lock.
    void for_each(const std::function<void(std::string_view, const Entry&)>& visit) const;
    /// Puts every domain on the agenda for the time `when` says, the epoch being never. Called under a lock.
    void schedule(const std::function<Instant(Entry&)>& when);
    /// When the first item of the agenda is due.
    [[nodiscard]] std::optional<Instant> next_due() const;
    /// Takes the first item off the agenda if it is due.
    std::optional<std::string> take_due(Instant now);
    [[nodiscard]] bool contains(std::string_view name) const;
    [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

private:
    struct Shard;
    static constexpr std::size_t shard_count = 64;
    [[nodiscard]] Shard& shard(std::uint64_t hash) const noexcept;

    SipKey key_;
    std::unique_ptr<Shard[]> shards_;
    std::atomic<std::size_t> size_{0};
};

} // namespace cache
