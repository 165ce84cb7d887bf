// sqlite/retry_times.hpp - when a database that fails is tried again. Pure.
#pragma once

#include "base/clock.hpp"

#include <algorithm>
#include <chrono>

namespace sqlite {

/// After `first`, then after twice the previous time, up to `longest`. If trouble comes back within `longest`
/// of the last recovery, the times continue where they were: trouble that comes and goes must not be tried,
/// and logged, too often.
class RetryTimes {
public:
    using Time = std::chrono::steady_clock::time_point;

    RetryTimes(base::milliseconds first, base::milliseconds longest) : first_(first), longest_(longest) {}

    void failed(Time now) {
        const bool again = delay_.count() > 0 && now < recovered_ + longest_;
        delay_ = again ? std::min(delay_ * 2, longest_) : first_;
        since_ = now;
        next_ = now + delay_;
    }
    /// The next try has failed, too.
    void failed_again(Time now) {
        delay_ = std::min(delay_ * 2, longest_);
        next_ = now + delay_;
    }
    void recovered(Time now) { recovered_ = now; }

    [[nodiscard]] Time next() const { return next_; }
    [[nodiscard]] Time failing_since() const { return since_; }

private:
    base::milliseconds first_, longest_, delay_{};
    Time since_{}, next_{}, recovered_{};
};

} // namespace sqlite
