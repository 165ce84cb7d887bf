// cache/version.hpp - shows whether the table's knowledge of a domain may have changed.
#pragma once

#include <atomic>
#include <cstdint>

namespace cache {

/// Read it before asking the table: as long as it is current, asking again would give the same. Many domains
/// share a counter, so a change of another domain may also end it. Safe from any thread; must not outlive the
/// table.
class Version {
public:
    Version() = default;
    explicit Version(const std::atomic<std::uint32_t>& counter) noexcept
        : counter_(&counter), seen_(counter.load(std::memory_order_acquire)) {}

    [[nodiscard]] bool current() const noexcept {
        return counter_ != nullptr && counter_->load(std::memory_order_acquire) == seen_;
    }

private:
    const std::atomic<std::uint32_t>* counter_ = nullptr;
    std::uint32_t seen_ = 0;
};

} // namespace cache
