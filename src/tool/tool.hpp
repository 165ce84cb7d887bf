// tool/tool.hpp - the command line of stsmap(1): options to a command, the command to an exit status.
#pragma once

#include "tool/check/command_line.hpp"
#include "tool/cli/command.hpp"
#include "tool/control/commands.hpp"
#include "tool/doctor/command_line.hpp"
#include "tool/explain/command_line.hpp"
#include "tool/preview/command.hpp"
#include "tool/setup/command_line.hpp"

#include <string>
#include <vector>

namespace tool {

/// What the commands do that look at this host. One that is empty has no subcommand.
struct Commands {
    setup::Run postfix_setup;
    doctor::Run doctor;
    explain::Collect explain{};
    check::Collect check{};
    CheckDomains without_overrides{};
    preview::MakeEyes preview{};
};

/// Runs the tool. `arguments` are those after the program's name. The result is the exit status (base::Exit).
[[nodiscard]] int run_tool(const std::vector<std::string>& arguments, World& world,
                           const Commands& commands = {});

} // namespace tool
