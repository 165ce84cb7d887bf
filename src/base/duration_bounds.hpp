// base/duration_bounds.hpp - the bounds of the histograms of durations. Pure.
//
// The metrics (metrics/table.hpp) show them: within a major version none is taken away.
#pragma once

#include <array>
#include <chrono>

namespace base {

namespace literals = std::chrono_literals;

/// Of answers: a cached one takes some tens of microseconds, a first contact up to the deadline.
inline constexpr std::array<std::chrono::microseconds, 18> answer_bounds{[] {
    using namespace literals;
    return std::array<std::chrono::microseconds, 18>{25us, 50us, 100us, 250us, 500us, 1ms, 2500us, 5ms, 10ms,
                                                     25ms, 50ms, 100ms, 250ms, 500ms, 1s,  2500ms, 5s,  10s};
}()};
/// Of DNS questions and of fetches: up to the limit of a fetch.
inline constexpr std::array<std::chrono::microseconds, 14> network_bounds{[] {
    using namespace literals;
    return std::array<std::chrono::microseconds, 14>{1ms,   2500us, 5ms, 10ms,   25ms, 50ms, 100ms,
                                                     250ms, 500ms,  1s,  2500ms, 5s,   10s,  60s};
}()};
/// Of commits to the disk.
inline constexpr std::array<std::chrono::microseconds, 12> disk_bounds{[] {
    using namespace literals;
    return std::array<std::chrono::microseconds, 12>{100us, 250us, 500us, 1ms,   2500us, 5ms,
                                                     10ms,  25ms,  100ms, 500ms, 2s,     10s};
}()};
/// Of commands for the engine of a shared cache: a lookup has tens of milliseconds, a comparison seconds.
inline constexpr std::array<std::chrono::microseconds, 14> engine_bounds{[] {
    using namespace literals;
    return std::array<std::chrono::microseconds, 14>{100us, 250us, 500us, 1ms,   2500us, 5ms, 10ms,
                                                     25ms,  50ms,  100ms, 250ms, 1s,     5s,  10s};
}()};

} // namespace base
