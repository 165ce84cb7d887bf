// daemon/start_check.hpp - what `stsmapd --check-config` looks at besides the file: folders, files, users and
// groups that are not there and would keep the daemon from starting.
//
// The checks are those of the parts that will use them, and so are the words. Nothing is made, changed or
// connected to. What this user may not look at is a note, never a problem.
#pragma once

#include "config/load.hpp"

#include <string>
#include <vector>

namespace app {

struct StartCheck {
    std::vector<config::Problem> problems; ///< each keeps the daemon from starting
    std::vector<std::string> notes;        ///< what was not seen, or is not there yet and need not be
};

/// Folders that the service manager makes before it starts the daemon: those of the shipped unit, and what
/// STATE_DIRECTORY and RUNTIME_DIRECTORY name (systemd.exec(5): separated by colons; null: not set).
[[nodiscard]] std::vector<std::string> managed_folders(const char* state_directory,
                                                       const char* runtime_directory);

/// `managed`: folders that may be missing.
[[nodiscard]] StartCheck check_start(const config::Loaded& loaded, const std::vector<std::string>& managed);

} // namespace app
