// tool/setup/command_line.hpp - the options of `stsmap postfix-setup`.
#pragma once

#include "tool/cli/command.hpp"
#include "tool/setup/command.hpp"

#include <functional>
#include <iosfwd>
#include <memory>

namespace setup {

/// Does what the command line asks for. `options.survey` only has the folder of Postfix.
using Run = std::function<base::Exit(const tool::CommonOptions&, CommandOptions options, std::ostream& out,
                                     std::ostream& err)>;

[[nodiscard]] std::unique_ptr<tool::Command> command(Run run);

} // namespace setup
