// daemon/process.hpp - what the kernel says of this process, for the metrics. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace app {

/// 0: the kernel does not say.
struct ProcessFigures {
    double cpu_seconds = 0;
    double start_time = 0; ///< seconds since the epoch, by the clock of now: ask once
    std::uint64_t resident_bytes = 0, virtual_bytes = 0;
    std::uint64_t open_fds = 0, max_fds = 0, threads = 0;
};

/// Reads /proc/self.
[[nodiscard]] ProcessFigures process_figures();

/// Of /proc/self/stat; nullopt when it is no such line. `start` is in clock ticks, `resident` in pages. Pure.
struct StatLine {
    std::uint64_t threads = 0;
    std::uint64_t start = 0; ///< since the machine started
    std::uint64_t virtual_bytes = 0, resident = 0;
};
[[nodiscard]] std::optional<StatLine> parse_stat(std::string_view text);

} // namespace app
