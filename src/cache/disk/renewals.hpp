// cache/disk/renewals.hpp - how often the store may recreate its file: if a disk damages one file after the
// other, only at growing intervals. Pure. Part of cache/disk/sqlite_store.
#pragma once

#include "base/clock.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

namespace cache {

class Renewals {
public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr base::milliseconds longest = std::chrono::hours{1};

    /// `first`: from one renewal to the next; doubled with each that follows within 2 * longest.
    explicit Renewals(base::milliseconds first) : first_(first) {}

    [[nodiscard]] bool may(Time now) const { return !last_ || now >= *last_ + gap_; }
    void note(Time now) {
        const bool again = last_ && now < *last_ + 2 * longest;
        gap_ = again ? std::min(gap_ * 2, longest) : first_;
        last_ = now;
    }

private:
    base::milliseconds first_, gap_{};
    std::optional<Time> last_;
};

} // namespace cache
