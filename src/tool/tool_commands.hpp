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

/// For tool::World: with the configuration file, the default one, or the defaults.
[[nodiscard]] base::Expected<std::vector<std::string>, std::string> find_addresses(const std::string& file);
[[nodiscard]] base::Expected<std::string, std::string> find_control(const std::string& file);

/// For tool::run_tool().
[[nodiscard]] tool::Commands tool_commands();

} // namespace app
