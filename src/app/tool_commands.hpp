// app/tool_commands.hpp - the commands of stsmap that look at this host, put together from their parts.
#pragma once

#include "control/tool.hpp"

namespace app {

/// For control::run_tool().
[[nodiscard]] control::Commands tool_commands();

} // namespace app
