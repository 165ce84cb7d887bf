// cache/memory/policy_shard.hpp - one of the 64 parts of the policies in memory: records, their index, and
// their heaps. Part of cache/memory/policy_table; nothing else includes it.
//
// Hold the mutex for everything except rank() and the atomics. Call publish() after changing a heap's head.
// insert() and replace() do everything, or nothing if memory runs out.
#pragma once

#include "cache/memory/arena.hpp"
#include "cache/memory/record.hpp"
#include "cache/memory/record_heap.hpp"
#include "cache/memory/record_index.hpp"
#include "cache/memory/record_pool.hpp"

#include <atomic>
#include <compare>
#include <cstdint>
#include <mutex>
#include <string_view>

namespace cache {

/// Order of eviction: the lower rank goes first. Class, then time.
struct Rank {
    int order = 3; ///< 0 expired, 1 testing or none, 2 enforce, 3 nobody
    std::uint32_t key = nil;
    friend auto operator<=>(const Rank&, const Rank&) = default;
};

struct alignas(64) PolicyShard {
    explicit PolicyShard(Arena& arena) : index(arena), pool(arena) {}

    mutable std::mutex mutex;
    RecordIndex index;
    RecordPool pool;
    RecordHeap<&DomainRecord::expires, &DomainRecord::expiry_slot> by_expiry;
    // Lazy: a query does not move anything in them; the next eviction does that.
    RecordHeap<&DomainRecord::last_asked, &DomainRecord::asked_slot, true> soft, hard;
    RecordHeap<&DomainRecord::agenda_at, &DomainRecord::agenda_slot> agenda; ///< those with an agenda_at
    // The keys of the heaps' heads (nil: empty), written under the mutex, read without it.
    std::atomic<std::uint32_t> first_expiry{nil}, first_soft{nil}, first_hard{nil}, first_due{nil};

    [[nodiscard]] std::uint32_t find(std::string_view name, std::uint32_t hash) const {
        return index.find(pool, name, hash);
    }
    void publish();
    [[nodiscard]] Rank rank(std::uint32_t now) const;

    void insert(std::string_view name, std::uint32_t hash, const Entry& e);
    void replace(std::uint32_t i, const Entry& e);
    void remove(std::uint32_t i);
    /// 0: takes it off the agenda.
    void put_on_agenda(std::uint32_t i, std::uint32_t at);

private:
    auto& by_asked(bool enforced) { return enforced ? hard : soft; }
};

} // namespace cache
