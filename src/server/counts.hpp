// server/counts.hpp - what a Server counts. Its thread writes; any thread reads.
#pragma once

#include "base/counter.hpp"

#include <cstddef>
#include <cstdint>

namespace server {

/// Why new connections had to wait.
enum class HeldUp : std::uint8_t {
    connections, ///< there were too many
    descriptors, ///< none were left
    error,       ///< accepting failed
};
inline constexpr std::size_t held_up_reasons = 3;

struct Counts {
    base::Gauge connections; ///< open now
    base::Counter accepted;
    base::Counter idle;   ///< closed because they were
    base::Counter room;   ///< closed to make room for others
    base::Counter broken; ///< broke the netstring protocol, in a request that no handler saw
    base::CountersOf<HeldUp, held_up_reasons> held_up;
};

} // namespace server
