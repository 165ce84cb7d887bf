// tool/tool_commands.hpp - the commands of stsmap that look at this host, put together from their parts.
#pragma once

#include "config/config.hpp"
#include "tool/tool.hpp"

#include <string>
#include <vector>

namespace app {

/// Where the daemon may be asked, by its configuration, as net::to_string() has it. Not in the list: port 0,
/// the system's choice, which nobody can tell from here.
[[nodiscard]] std::vector<std::string> listen_addresses(const config::Config& config);

/// For tool::run_tool().
[[nodiscard]] tool::Commands tool_commands();

} // namespace app
