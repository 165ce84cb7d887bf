#include "base/quantiles.hpp"

#include <numeric>

namespace base {

namespace {

using std::chrono::microseconds;

/// Where the duration lies that `rank` durations are not longer than.
microseconds at_rank(std::span<const microseconds> bounds, std::span<const std::uint64_t> counts,
                     double rank) {
    double below = 0;
    for (std::size_t i = 0; i < bounds.size(); ++i) {
        const auto in = static_cast<double>(counts[i]);
        if (in > 0 && below + in >= rank) {
            const auto low = static_cast<double>(i == 0 ? 0 : bounds[i - 1].count());
            const auto high = static_cast<double>(bounds[i].count());
            return microseconds{static_cast<std::int64_t>(low + (high - low) * (rank - below) / in)};
        }
        below += in;
    }
    return bounds.back();
}

} // namespace

Quantiles quantiles(std::span<const microseconds> bounds, std::span<const std::uint64_t> counts) {
    Quantiles found;
    found.count = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
    if (found.count == 0 || bounds.empty()) return found;
    const auto all = static_cast<double>(found.count);
    found.p50 = at_rank(bounds, counts, all * 0.5);
    found.p99 = at_rank(bounds, counts, all * 0.99);
    found.beyond = static_cast<double>(counts.back()) > all * 0.01;
    return found;
}

} // namespace base
