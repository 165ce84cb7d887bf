// tool/client/query_command_line.hpp - the options of `stsmap query`.
#pragma once

#include "tool/cli/command.hpp"

#include <memory>

namespace tool {

[[nodiscard]] std::unique_ptr<Command> query_command();

} // namespace tool
