// events/counts.hpp - how many events of each kind there were.
//
// Any thread may read. Only one thread at a time counts events of one kind, so counting needs no lock: each
// thread has its own counts, and the reader adds them up.
#pragma once

#include "events/event.hpp"

#include <array>
#include <atomic>
#include <cstdint>

namespace events {

class Counts {
public:
    void add(Id kind) noexcept {
        std::atomic<std::uint64_t>& count = counts_[static_cast<std::size_t>(kind)];
        count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t of(Id kind) const noexcept {
        return counts_[static_cast<std::size_t>(kind)].load(std::memory_order_relaxed);
    }

private:
    std::array<std::atomic<std::uint64_t>, kinds> counts_{};
};

} // namespace events
