// control/tool.hpp - the command line of stsmap(1): options to a command, the command to an exit status.
#pragma once

#include "base/expected.hpp"

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

namespace control {

/// Where the daemon with this configuration file listens (empty: the default file), or words about what is
/// wrong with the file. Unix sockets are tried before TCP, else in this order.
using FindAddresses =
    std::function<base::Expected<std::vector<std::string>, std::string>(const std::string& file)>;

/// Runs the tool. `arguments` are those after the program's name. The result is the exit status
/// (control::Exit).
[[nodiscard]] int run_tool(const std::vector<std::string>& arguments, const FindAddresses& find_addresses,
                           std::istream& in, std::ostream& out, std::ostream& err);

} // namespace control
