// cache/clock_trust.hpp - may the wall clock's time be used to forget something for good? Pure.
//
// A clock that is years ahead for a minute, or at boot, makes every policy look expired. So an expired policy
// is forgotten for good only while the clock is trusted: wall and steady clock have agreed for an hour, and
// the wall clock is not before the newest fetch known. Belongs to one thread.
#pragma once

#include "base/clock.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace cache {

class ClockTrust {
public:
    static constexpr base::seconds agreement{3600}; ///< the clocks must agree for this long ...
    static constexpr base::seconds tolerance{60};   ///< ... within this

    /// Takes both clocks' present times. Call it every few minutes, and before each decision.
    void sample(base::Instant wall, base::Steady steady) {
        if (since_) {
            const auto apart = (wall - wall_) - (steady - *since_);
            if (apart <= tolerance && apart >= -tolerance) {
                // A quartz that runs fast or slow must not cause distrust after some days.
                if (agreed(steady)) wall_ = wall - std::chrono::floor<base::seconds>(steady - *since_);
                return;
            }
            ++jumps_;
        }
        since_ = steady;
        wall_ = wall;
    }

    /// How many samples have found that the wall clock and the steady clock moved differently.
    [[nodiscard]] std::uint64_t jumps() const noexcept { return jumps_; }

    /// A policy was fetched at `at`, by the wall clock at that time.
    void note_fetched(base::Instant at) { newest_ = std::max(newest_, at); }
    /// The newest fetch that is left.
    void set_newest(base::Instant at) { newest_ = at; }
    [[nodiscard]] base::Instant newest() const noexcept { return newest_; }

    /// Whether the clocks have agreed for long enough.
    [[nodiscard]] bool agreed(base::Steady steady) const { return since_ && steady - *since_ >= agreement; }
    [[nodiscard]] bool trusted(base::Instant wall, base::Steady steady) const {
        return agreed(steady) && wall >= newest_;
    }
    /// How long until it can be trusted, if nothing happens; zero: it is, or only the newest fetch is ahead.
    [[nodiscard]] base::seconds wait(base::Steady steady) const {
        if (!since_) return agreement;
        return std::max(base::seconds{0}, std::chrono::ceil<base::seconds>(*since_ + agreement - steady));
    }

private:
    std::optional<base::Steady> since_; ///< the clocks have agreed since then
    base::Instant wall_{};              ///< the wall clock's time then
    base::Instant newest_{};
    std::uint64_t jumps_ = 0;
};

} // namespace cache
