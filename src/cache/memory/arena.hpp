// cache/memory/arena.hpp - memory for what only grows, in huge pages once it has become much. Part of
// cache/memory/policy_table; nothing else includes it.
//
// A query for one of a million domains reads memory that is in no cache. With pages of 4 KiB the processor
// misses the page table entry as well, which takes as long again; with pages of 2 MiB it does not.
// Regions of 2 MiB are shared by all callers. The first ones are ordinary pages, so that a small table stays
// small; where the system has no huge pages, all are. malloc's huge pages (GLIBC_TUNABLES) are as fast, but add
// 2.3 MB to a small daemon and have to be set by whoever starts it (figures: tests/bench/README.md).
//
// take() may be called from any thread. Its memory stays until the arena goes.
#pragma once

#include <cstddef>
#include <mutex>
#include <vector>

namespace cache {

class Arena {
public:
    static constexpr std::size_t region = std::size_t{2} << 20; ///< octets, and a huge page of x86-64
    static constexpr std::size_t small_regions = 8;             ///< before huge pages are asked for

    Arena() = default;
    ~Arena();
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    /// So many octets (at most a region), all zero, aligned to 64. Throws std::bad_alloc.
    [[nodiscard]] std::byte* take(std::size_t octets);

private:
    std::mutex mutex_;
    std::vector<std::byte*> regions_;
    std::size_t used_ = region; ///< of the last region
};

} // namespace cache
