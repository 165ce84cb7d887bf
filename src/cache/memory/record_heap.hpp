// cache/memory/record_heap.hpp - record numbers in the order of a key. Part of cache/memory/policy_table; nothing else
// includes it.
//
// A binary heap, least Key first; a record knows its Slot, so that it can be moved or removed. A lazy one
// keeps the key that a record had when it was added: keys may grow later, so the kept key is a lower bound,
// which settle() updates. Not for several threads at once.
#pragma once

#include "cache/memory/record_pool.hpp"

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace cache {

template <std::uint32_t DomainRecord::*Key, std::uint32_t DomainRecord::*Slot, bool Lazy = false>
class RecordHeap {
public:
    [[nodiscard]] std::uint32_t top() const { return order_.empty() ? nil : order_.front().record; }
    /// The key of top(), or less; nil when there is none.
    [[nodiscard]] std::uint32_t least(const RecordPool& pool) const {
        return order_.empty() ? nil : key(pool, order_.front());
    }

    /// Allocates the memory that push() needs.
    void make_room_for_one() { make_room(order_, 1); }
    void push(RecordPool& pool, std::uint32_t i) noexcept {
        order_.push_back(item(pool, i)); // moved() puts it into its right place
        pool[i].*Slot = static_cast<std::uint32_t>(order_.size() - 1);
        moved(pool, i);
    }
    void remove(RecordPool& pool, std::uint32_t i) noexcept {
        const std::uint32_t at = pool[i].*Slot;
        const Item last = order_.back();
        order_.pop_back();
        pool[i].*Slot = nil;
        if (last.record != i) move(pool, last, at);
    }
    /// Call it after the record's key has changed.
    void moved(RecordPool& pool, std::uint32_t i) noexcept { move(pool, item(pool, i), pool[i].*Slot); }
    /// Makes top() the record with the least key, in at most this many steps; false: it needs more.
    bool settle(RecordPool& pool, unsigned steps) noexcept {
        while (!order_.empty() && least(pool) != pool[top()].*Key) {
            if (steps-- == 0) return false;
            moved(pool, top());
        }
        return true;
    }

private:
    struct Bare {
        std::uint32_t record;
    };
    struct Keyed {
        std::uint32_t record, key;
    };
    using Item = std::conditional_t<Lazy, Keyed, Bare>;

    static Item item(const RecordPool& pool, std::uint32_t i) {
        if constexpr (Lazy)
            return {i, pool[i].*Key};
        else
            return {i};
    }
    static std::uint32_t key(const RecordPool& pool, const Item& item) {
        if constexpr (Lazy)
            return item.key;
        else
            return pool[item.record].*Key;
    }
    void move(RecordPool& pool, Item item, std::size_t at) {
        const std::uint32_t own = key(pool, item);
        while (at > 0 && own < key(pool, order_[(at - 1) / 2])) {
            lay(pool, at, order_[(at - 1) / 2]);
            at = (at - 1) / 2;
        }
        for (std::size_t child; (child = 2 * at + 1) < order_.size(); at = child) {
            if (child + 1 < order_.size() && key(pool, order_[child + 1]) < key(pool, order_[child])) ++child;
            if (own <= key(pool, order_[child])) break;
            lay(pool, at, order_[child]);
        }
        lay(pool, at, item);
    }
    void lay(RecordPool& pool, std::size_t at, Item item) {
        order_[at] = item;
        pool[item.record].*Slot = static_cast<std::uint32_t>(at);
    }
    std::vector<Item> order_;
};

} // namespace cache
