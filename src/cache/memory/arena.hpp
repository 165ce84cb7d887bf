// cache/memory/arena.hpp - memory for data that only grows, in huge pages when it is much. Part of
// cache/memory/policy_table; nothing else includes it.
//
// A query for one of a million domains reads memory that is not in the processor's cache. With pages of 4 KiB
// the page table entry is not in the cache, either, which costs the same time once more; with pages of 2 MiB
// it is. Regions of 2 MiB are shared by all callers. The first ones have ordinary pages, so that a small
// table stays small; without huge pages in the system, all have. malloc's huge pages (GLIBC_TUNABLES) are as
// fast, but add 2.3 MB to a small daemon, and must be set in its environment (figures:
// tests/bench/README.md).
//
// take() may be called from any thread. Its memory stays until the arena is destroyed.
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

    /// This many octets (at most a region), all zero, aligned to 64. Throws std::bad_alloc.
    [[nodiscard]] std::byte* take(std::size_t octets);

private:
    std::mutex mutex_;
    std::vector<std::byte*> regions_;
    std::size_t used_ = region; ///< of the last region
};

} // namespace cache
