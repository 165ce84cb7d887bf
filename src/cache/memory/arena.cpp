#include "cache/memory/arena.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace cache {

namespace {

/// A region that begins at a multiple of its size, as huge pages do.
std::byte* map_region() {
    constexpr std::size_t size = Arena::region;
    void* const found =
        ::mmap(nullptr, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (found == MAP_FAILED) throw std::bad_alloc{};
    auto* const begin = static_cast<std::byte*>(found);
    const std::size_t before = (size - reinterpret_cast<std::uintptr_t>(begin) % size) % size;
    if (before > 0) (void)::munmap(begin, before);
    (void)::munmap(begin + before + size, size - before);
    return begin + before;
}

} // namespace

Arena::~Arena() {
    for (std::byte* const one : regions_) (void)::munmap(one, region);
}

std::byte* Arena::take(std::size_t octets) {
    const std::size_t wanted = (octets + 63) / 64 * 64;
    std::lock_guard lock{mutex_};
    if (used_ + wanted > region) {
        regions_.reserve(regions_.size() + 1);
        regions_.push_back(map_region());
        used_ = 0;
        // No effect on systems without huge pages; the system converts the first regions later.
        if (regions_.size() > small_regions) (void)::madvise(regions_.back(), region, MADV_HUGEPAGE);
        if (regions_.size() == small_regions + 1)
            for (std::byte* const one : regions_) (void)::madvise(one, region, MADV_HUGEPAGE);
    }
    std::byte* const given = regions_.back() + used_;
    used_ += wanted;
    return given;
}

} // namespace cache
