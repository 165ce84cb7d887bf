// tool/control/asking.hpp - what the commands over the control socket share: finding it, saying what went wrong,
// printing JSON.
#pragma once

#include "base/exit_status.hpp"
#include "base/expected.hpp"
#include "tool/cli/command.hpp"
#include "tool/client/control_client.hpp"

#include <functional>
#include <string>

namespace tool {

/// Where to ask: --control, or what the configuration says. The error has been printed.
[[nodiscard]] base::Expected<ControlOptions, base::Exit> control_options(const CommonOptions& common,
                                                                         World& world);

/// Prints why it failed, what to do about it, and returns the exit status.
[[nodiscard]] base::Exit report(const ControlError& error, World& world);

/// One object on one line, in ASCII.
void print_line(const Json& object, World& world);

/// `status`, or `trouble` with words when the output cannot be written.
[[nodiscard]] base::Exit flushed(base::Exit status, World& world);

/// Asks once and prints the reply: as JSON, or what `text` makes of it.
[[nodiscard]] base::Exit ask_and_print(const CommonOptions& common, World& world,
                                       const ControlRequest& request, bool json,
                                       const std::function<std::string(const Json&)>& text);

} // namespace tool
