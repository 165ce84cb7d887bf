// base/quantiles.hpp - how long most durations were, out of a histogram. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>

namespace base {

struct Quantiles {
    std::uint64_t count = 0;
    std::chrono::microseconds p50{}, p99{}; ///< 0 when there are none
    bool beyond = false; ///< p99 is longer than the histogram's last bound, which stands for it
};

/// `bounds`: ascending; `counts`: not cumulative, one more. Within a bucket durations are taken as evenly spread.
[[nodiscard]] Quantiles quantiles(std::span<const std::chrono::microseconds> bounds,
                                  std::span<const std::uint64_t> counts);

} // namespace base
