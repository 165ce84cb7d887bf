// cache/valkey/breaker.hpp - when to leave an engine alone that fails, and when to try it again. Pure.
//
// A circuit breaker: three time-outs in a row open it, and nothing is asked of the engine; after a back-off one PING
// tries it (half open). Only an answer to the PING closes it again: what was sent before it opened may be answered late.
#pragma once

#include "base/clock.hpp"

#include <chrono>
#include <cstdint>

namespace valkey {

/// Pauses that double, from `first` to `most`, each longer or shorter by up to a fifth so that hosts do not come at the
/// same moment.
class Backoff {
public:
    explicit Backoff(base::milliseconds first = base::seconds(1), base::milliseconds most = base::seconds(60))
        : first_(first), most_(most), next_(first) {}

    /// `chance`: evenly distributed from 0 to 1.
    [[nodiscard]] base::milliseconds next(double chance) noexcept;
    /// As long as can be, for what an operator must repair.
    [[nodiscard]] base::milliseconds longest(double chance) const noexcept;
    void reset() noexcept { next_ = first_; }

private:
    base::milliseconds first_, most_, next_;
};

inline constexpr int timeouts_to_open = 3;

class Breaker {
public:
    explicit Breaker(Backoff backoff = Backoff()) : backoff_(backoff) {}

    enum class State : std::uint8_t {
        closed,    ///< all may be sent
        open,      ///< nothing may, until due()
        half_open, ///< a PING is on its way, and nothing else may be sent
    };
    [[nodiscard]] State state() const noexcept { return state_; }
    [[nodiscard]] bool closed() const noexcept { return state_ == State::closed; }

    /// A reply in time, whatever it says.
    void answered() noexcept;
    /// A time-out of something that counts. True when it opens now.
    [[nodiscard]] bool timed_out(base::Steady now, double chance) noexcept;

    /// While open: when to try a PING.
    [[nodiscard]] base::Steady due() const noexcept { return due_; }
    /// True if it is time for a PING: it is half open then, until ponged() or not_ponged().
    [[nodiscard]] bool try_now(base::Steady now) noexcept;
    void ponged() noexcept { reset(); }
    void not_ponged(base::Steady now, double chance) noexcept;

    /// Another connection: what was learnt about the last one says nothing about it.
    void reset() noexcept;

private:
    void open(base::Steady now, double chance) noexcept;

    Backoff backoff_;
    State state_ = State::closed;
    int timeouts_ = 0; // in a row
    base::Steady due_{};
};

} // namespace valkey
