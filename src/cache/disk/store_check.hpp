// cache/disk/store_check.hpp - checks a store's file without changing it: for tools.
//
// Blocking, within the time limit. Nothing is written, not even SQLite's index of the log: without a log the
// file is read as if it could not change, which is true when no daemon has it open. A daemon that has it open
// locks everybody else out.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

namespace cache {

struct StoreCheck {
    enum class State {
        none,       ///< there is no file, or it is empty
        good,       ///< a store of a schema we know, and SQLite's quick_check finds nothing
        unreadable, ///< no permission, or the disk fails
        in_use,     ///< a daemon has it open, and looks after it itself
        unfinished, ///< nothing found until the limit
        damaged,    ///< damaged: the daemon would set it aside
        newer,      ///< of a newer stsmapd
    };
    State state = State::none;
    std::string words; ///< for a person; "" where there is nothing to say
    std::uint64_t octets = 0;
};

[[nodiscard]] StoreCheck check_store(const std::filesystem::path& file, std::chrono::milliseconds limit);

} // namespace cache
