// cache/memory/record_index.hpp - from the hash of a name to its record. Part of cache/memory/policy_table; nothing else
// includes it.
//
// Linear hashing: buckets of 16 places, one cache line each. After every ten new records one bucket is split,
// so no insertion rebuilds or moves the whole index. A place holds the number of a record and seven bits of
// its hash, so wrong records are almost never read. Records that do not fit into a full bucket are chained
// through Record::next, behind the record of the last place. Not for several threads at once.
#pragma once

#include "cache/memory/arena.hpp"
#include "cache/memory/record_pool.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace cache {

class RecordIndex {
public:
    explicit RecordIndex(Arena& arena) : arena_(arena) {
        make_room_for_one();
        at(size_++).fill(nil);
    }

    /// The number of the record, or nil.
    [[nodiscard]] std::uint32_t find(const RecordPool& pool, std::string_view name,
                                     std::uint32_t hash) const {
        const Bucket& b = at(bucket(hash));
        for (const std::uint32_t place : b) {
            if ((place ^ hash) >> RecordPool::number_bits != 0) continue;
            if (place == nil) return nil;
            if (is(pool, number(place), name, hash)) return number(place);
        }
        if (b.back() == nil) return nil;
        std::uint32_t i = pool[number(b.back())].next;
        while (i != nil && !is(pool, i, name, hash)) i = pool[i].next;
        return i;
    }
    /// Allocates the memory that add() needs. Throws std::bad_alloc.
    void make_room_for_one() {
        if (size_ < chunks_.size() * chunk) return;
        make_room(chunks_, 1);
        chunks_.push_back(reinterpret_cast<Bucket*>(arena_.take(chunk * sizeof(Bucket))));
    }
    /// Record::hash tells where it belongs.
    void add(RecordPool& pool, std::uint32_t i) noexcept {
        if (++count_ > load * size_) split(pool);
        lay(pool, i);
    }
    void remove(RecordPool& pool, std::uint32_t i) noexcept {
        --count_;
        Bucket& b = at(bucket(pool[i].hash));
        std::uint32_t* const chain = b.back() == nil ? nullptr : &pool[number(b.back())].next;
        std::size_t place = 0;
        while (place < places && b[place] != tagged(pool, i)) ++place;
        if (place == places) { // in the chain
            std::uint32_t* link = chain;
            while (*link != i) link = &pool[*link].next;
            *link = std::exchange(pool[i].next, nil);
        } else if (chain != nullptr && *chain != nil) { // one of the chain takes the place
            const std::uint32_t next = *chain;
            const std::uint32_t after = std::exchange(pool[next].next, nil);
            pool[number(b.back())].next = after;
            b[place] = tagged(pool, next);
            if (place == places - 1) pool[next].next = after;
            pool[i].next = nil;
        } else {
            std::size_t last = places - 1;
            while (b[last] == nil) --last;
            std::swap(b[place], b[last]);
            b[last] = nil;
        }
    }

private:
    static constexpr std::size_t places = 16;
    static constexpr std::size_t load = 10;           ///< records a bucket, on average
    static constexpr std::size_t chunk = 256;         ///< buckets
    using Bucket = std::array<std::uint32_t, places>; ///< those in use come first; nil: free

    [[nodiscard]] static std::uint32_t number(std::uint32_t place) noexcept {
        return place & ((1U << RecordPool::number_bits) - 1);
    }
    [[nodiscard]] static std::uint32_t tagged(const RecordPool& pool, std::uint32_t i) noexcept {
        return pool[i].hash >> RecordPool::number_bits << RecordPool::number_bits | i;
    }
    [[nodiscard]] static bool is(const RecordPool& pool, std::uint32_t i, std::string_view name,
                                 std::uint32_t hash) {
        const DomainRecord& r = pool[i];
        // A record and its name begin in one cache line and end in another, and the policy is elsewhere:
        // prefetching makes three waits run at the same time.
        __builtin_prefetch(&r.last_asked);
        __builtin_prefetch(r.text());
        if (r.hash != hash) return false;
        __builtin_prefetch(r.policy.get());
        return r.name() == name;
    }

    [[nodiscard]] Bucket& at(std::size_t bucket) const noexcept {
        return chunks_[bucket / chunk][bucket % chunk];
    }
    [[nodiscard]] std::size_t bucket(std::uint32_t hash) const noexcept {
        const std::size_t level = std::bit_floor(size_);
        const std::size_t found = hash & (2 * level - 1);
        return found < size_ ? found : found - level;
    }
    void lay(RecordPool& pool, std::uint32_t i) noexcept {
        Bucket& b = at(bucket(pool[i].hash));
        for (std::uint32_t& place : b)
            if (place == nil) {
                place = tagged(pool, i);
                return;
            }
        pool[i].next = std::exchange(pool[number(b.back())].next, i);
    }
    void split(RecordPool& pool) noexcept {
        Bucket old;
        old.fill(nil);
        old.swap(at(size_ - std::bit_floor(size_)));
        at(size_++).fill(nil);
        std::uint32_t chain = old.back() == nil ? nil : std::exchange(pool[number(old.back())].next, nil);
        for (const std::uint32_t place : old)
            if (place != nil) lay(pool, number(place));
        while (chain != nil) {
            const std::uint32_t next = std::exchange(pool[chain].next, nil);
            lay(pool, chain);
            chain = next;
        }
    }

    Arena& arena_;
    std::vector<Bucket*> chunks_;
    std::size_t size_ = 0, count_ = 0;
};

} // namespace cache
