// daemon/start_check.hpp - what `stsmapd --check-config` checks besides the file: missing folders, files,
// users and groups that would keep the daemon from starting.
//
// The checks and their messages are those of the parts that will use them. Nothing is created, changed or
// connected to. What this user has no permission to see is a note, never a problem.
#pragma once

#include "config/load.hpp"

#include <string>
#include <vector>

namespace app {

struct StartCheck {
    std::vector<config::Problem> problems; ///< each keeps the daemon from starting
    std::vector<std::string> notes;        ///< what could not be checked, or does not exist yet and need not
};

/// Folders that the service manager creates before it starts the daemon: those of the shipped unit, and those
/// in STATE_DIRECTORY and RUNTIME_DIRECTORY (systemd.exec(5): separated by colons; null: not set).
[[nodiscard]] std::vector<std::string> managed_folders(const char* state_directory,
                                                       const char* runtime_directory);

/// `managed`: folders that may be missing.
[[nodiscard]] StartCheck check_start(const config::Loaded& loaded, const std::vector<std::string>& managed);

} // namespace app
