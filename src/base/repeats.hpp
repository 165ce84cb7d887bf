// base/repeats.hpp - limits repeated log lines: one a window and key, with a count of those held back. Pure.
#pragma once

#include "base/clock.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace base {

class Repeats {
public:
    struct Verdict {
        bool write = false;
        std::uint64_t suppressed_since = 0; ///< lines held back since the last one that was written
    };

    /// Remembers at most `max_keys` keys; beyond that all are forgotten, which can only mean a line too many.
    Repeats(std::chrono::microseconds window, std::size_t max_keys) : window_(window), max_keys_(max_keys) {}

    [[nodiscard]] Verdict allow(std::string_view key, Steady now);

private:
    struct Seen {
        Steady written;
        std::uint64_t suppressed = 0;
    };
    std::chrono::microseconds window_;
    std::size_t max_keys_;
    std::unordered_map<std::string, Seen> seen_;
};

} // namespace base
