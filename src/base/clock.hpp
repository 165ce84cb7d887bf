// base/clock.hpp - ports for time: what time it is, and "call me later". Tests turn the hands themselves.
//
// Two clocks: wall time dates what outlives the process (fetched_at, expiry);
// steady time measures waits and never jumps. Pure code takes either as an argument and never asks for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

namespace base {

/// A point of wall time, in whole seconds since 1970-01-01 UTC.
using Instant = std::chrono::sys_seconds;
/// A point of steady time; only differences mean anything.
using Steady = std::chrono::time_point<std::chrono::steady_clock, std::chrono::microseconds>;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Reads both clocks. Safe to call from any thread.
class Clock {
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual Instant now() const noexcept = 0;
    [[nodiscard]] virtual Steady steady() const noexcept = 0;
};

/// Delayed calls on one thread. All members, and the calls themselves, belong to that thread.
class Timers {
public:
    using Id = std::uint64_t; ///< never 0, never reused
    virtual ~Timers() = default;
    /// Calls `what` once, not before `delay` has passed, never from within after().
    [[nodiscard]] virtual Id after(milliseconds delay, std::function<void()> what) = 0;
    /// Forgets the call. Does nothing when it has been made already or `id` is 0.
    virtual void cancel(Id id) noexcept = 0;
};

} // namespace base
