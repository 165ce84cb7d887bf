// tool/tool_commands.hpp - the commands of stsmap that look at this host, put together from their parts.
#pragma once

#include "tool/tool.hpp"

namespace app {

/// For tool::run_tool().
[[nodiscard]] tool::Commands tool_commands();

} // namespace app
