// tool/publish/command_line.hpp - `stsmap publish`: a policy and its records for one's own domain, and the next step.
#pragma once

#include "tool/check/command_line.hpp"
#include "tool/cli/command.hpp"

#include <memory>

namespace publish {

/// `collect`: looks at the domain from this host.
[[nodiscard]] std::unique_ptr<tool::Command> command(check::Collect collect);

} // namespace publish
