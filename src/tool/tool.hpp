// tool/tool.hpp - the command line of stsmap(1): options to a command, the command to an exit status.
#pragma once

#include "base/exit_status.hpp"
#include "base/expected.hpp"
#include "tool/setup/command.hpp"

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

namespace tool {

/// Where the daemon with this configuration file listens (empty: the default file), or what is wrong with the
/// file. Unix sockets are tried before TCP, otherwise in this order.
using FindAddresses =
    std::function<base::Expected<std::vector<std::string>, std::string>(const std::string& file)>;

/// The options before the command, as given: at most one is not empty.
struct CommonOptions {
    std::string socket, config;
};

struct DoctorOptions {
    std::string domain; ///< whose policy is fetched; lower-case A-labels
    bool default_domain = true;
    std::string postfix_directory; ///< as postfix -c; "": the default
    bool json = false;
    bool quiet = false; ///< leave out what is ok
    std::string mx;     ///< connect to this domain's mail host; lower-case A-labels; "": to none
};

/// The commands besides asking the daemon. `options.survey` only has the folder of Postfix.
struct Commands {
    std::function<base::Exit(const CommonOptions&, setup::CommandOptions options, std::ostream& out,
                             std::ostream& err)>
        postfix_setup;
    std::function<base::Exit(const CommonOptions&, const DoctorOptions&, std::ostream& out)> doctor;
};

/// Runs the tool. `arguments` are those after the program's name. The result is the exit status
/// (base::Exit). A command that is empty in `commands` has no subcommand.
[[nodiscard]] int run_tool(const std::vector<std::string>& arguments, const FindAddresses& find_addresses,
                           std::istream& in, std::ostream& out, std::ostream& err,
                           const Commands& commands = {});

} // namespace tool
