// tool/doctor/command_line.hpp - the options of `stsmap doctor`.
#pragma once

#include "tool/cli/command.hpp"

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>

namespace doctor {

struct CommandOptions {
    std::string domain; ///< whose policy is fetched; lower-case A-labels
    bool default_domain = true;
    std::string postfix_directory; ///< as postfix -c; "": the default
    bool json = false;
    bool quiet = false; ///< leave out what is ok
    std::string mx;     ///< connect to this domain's mail host; lower-case A-labels; "": to none
};

using Run = std::function<base::Exit(const tool::CommonOptions&, const CommandOptions&, std::ostream& out)>;

[[nodiscard]] std::unique_ptr<tool::Command> command(Run run);

} // namespace doctor
