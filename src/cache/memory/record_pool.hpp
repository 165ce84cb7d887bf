// cache/memory/record_pool.hpp - the memory of records: they never move, and are named by 32-bit numbers. Part of
// cache/memory/policy_table; nothing else includes it.
//
// A record and the text behind it are one block, whose size is a multiple of eight octets. Blocks are placed
// one after the other in chunks of 16 KiB. A returned block waits in the list for its size; chunks are freed
// with the arena. Not for several threads at once.
#pragma once

#include "cache/memory/arena.hpp"
#include "cache/memory/record.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace cache {

/// Makes room for `more`, growing by an eighth: with a million domains a doubling would take too long.
template <class T>
void make_room(std::vector<T>& in, std::size_t more) {
    if (in.size() + more > in.capacity()) in.reserve(in.size() + in.size() / 8 + more);
}

class RecordPool {
public:
    /// Numbers are less than 2 to the power of this, minus one: 256 MiB, about two million records.
    static constexpr unsigned number_bits = 25;

    explicit RecordPool(Arena& arena) : arena_(arena) { free_.fill(nil); }
    ~RecordPool() {
        for (std::size_t chunk = 0; chunk < chunks(); ++chunk)
            walk(chunk, [](std::uint32_t, DomainRecord& r) { std::destroy_at(&r); });
    }
    RecordPool(const RecordPool&) = delete;
    RecordPool& operator=(const RecordPool&) = delete;

    [[nodiscard]] DomainRecord& operator[](std::uint32_t i) noexcept { return *at(i); }
    [[nodiscard]] const DomainRecord& operator[](std::uint32_t i) const noexcept { return *at(i); }

    /// A new record with room for `text` octets behind it (at most 255 + 255).
    [[nodiscard]] std::uint32_t take(std::size_t text) {
        const std::size_t units = (sizeof(DomainRecord) + text + DomainRecord::unit - 1) / DomainRecord::unit;
        if (const std::uint32_t i = free_[units]; i != nil) {
            free_[units] = std::exchange(at(i)->next, nil);
            return i;
        }
        if (chunks_.empty() || ends_.back() + units > chunk_units) {
            if ((chunks_.size() + 1) * chunk_units >> number_bits != 0) throw std::bad_alloc{};
            make_room(chunks_, 1);
            make_room(ends_, 1);
            chunks_.push_back(arena_.take(chunk_units * DomainRecord::unit));
            ends_.push_back(0);
        }
        const auto i = static_cast<std::uint32_t>((chunks_.size() - 1) * chunk_units + ends_.back());
        ends_.back() = static_cast<std::uint16_t>(ends_.back() + units);
        std::construct_at(at(i))->units = static_cast<std::uint8_t>(units);
        return i;
    }
    void give(std::uint32_t i) noexcept {
        DomainRecord& r = *at(i);
        const std::uint8_t units = r.units;
        r = DomainRecord{};
        r.units = units;
        r.next = std::exchange(free_[units], i);
    }

    [[nodiscard]] std::size_t chunks() const noexcept { return chunks_.size(); }
    /// Calls `visit` with the number of each record of a chunk that has a policy; `visit` may free that
    /// record.
    template <class Visit>
    void each(std::size_t chunk, const Visit& visit) const {
        walk(chunk, [&](std::uint32_t i, const DomainRecord& r) {
            if (r.policy) visit(i);
        });
    }

private:
    static constexpr std::size_t chunk_units = 2048;
    static constexpr std::size_t most_units =
        (sizeof(DomainRecord) + 255 + 255 + DomainRecord::unit - 1) / DomainRecord::unit;

    [[nodiscard]] DomainRecord* at(std::uint32_t i) const noexcept {
        return reinterpret_cast<DomainRecord*>(chunks_[i / chunk_units] +
                                               i % chunk_units * DomainRecord::unit);
    }
    template <class Visit>
    void walk(std::size_t chunk, const Visit& visit) const {
        for (std::size_t unit = 0; unit < ends_[chunk];) {
            const auto i = static_cast<std::uint32_t>(chunk * chunk_units + unit);
            unit += at(i)->units; // read before the visit, which may destroy it
            visit(i, *at(i));
        }
    }

    Arena& arena_;
    std::vector<std::byte*> chunks_;
    std::vector<std::uint16_t> ends_; ///< how many units of each chunk were ever used
    std::array<std::uint32_t, most_units + 1> free_{};
};

} // namespace cache
