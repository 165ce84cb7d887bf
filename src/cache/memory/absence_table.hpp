// cache/memory/absence_table.hpp - the known absences in memory, bounded; the least recently used is evicted.
// Part of cache/table; nothing else includes it.
//
// 64 shards, each a list in order of use and an index into it. Each shard publishes the turn of its oldest
// item, so the oldest of all is found by reading 64 atomics. Every member may be called from any thread; one
// shard's lock is held for a lookup.
#pragma once

#include "base/siphash.hpp"
#include "cache/entry.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace cache {

class AbsenceTable {
public:
    AbsenceTable(base::SipKey key, std::size_t most);
    ~AbsenceTable();

    [[nodiscard]] std::optional<Absence> find(std::string_view name) const;
    /// As find(); counts as a use at most once a minute.
    [[nodiscard]] std::optional<Absence> ask(std::string_view name, Instant now);
    /// Adds or replaces; either is a use. Makes room when there are too many.
    void put(std::string_view name, Absence absence);
    bool erase(std::string_view name);
    [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
    /// A lower bound takes effect at once.
    void set_most(std::size_t most);

private:
    struct Shard;
    static constexpr std::size_t shard_count = 64;
    [[nodiscard]] Shard& shard(std::string_view name) const noexcept;
    void make_room();

    base::SipKey key_;
    std::unique_ptr<Shard[]> shards_;
    std::atomic<std::size_t> size_{0};
    std::atomic<std::size_t> most_;
    std::atomic<std::uint64_t> turn_{0};
};

} // namespace cache
