// tool/tool_commands.hpp - the commands of stsmap that look at this host, connected to their parts.
#pragma once

#include "config/config.hpp"
#include "tool/tool.hpp"

#include <string>
#include <vector>

namespace app {

/// The addresses in the configuration at which the daemon can be asked, in the form of net::to_string(). Not
/// in the list: port 0, because the system chooses that port.
[[nodiscard]] std::vector<std::string> listen_addresses(const config::Config& config);

/// For tool::run_tool().
[[nodiscard]] tool::Commands tool_commands();

} // namespace app
