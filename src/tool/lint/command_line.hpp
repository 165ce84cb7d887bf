// tool/lint/command_line.hpp - `stsmap lint`: texts in, findings out; no network, no daemon.
#pragma once

#include "tool/cli/command.hpp"

#include <cstddef>
#include <memory>

namespace lint {

/// The longest text that is read, in octets; a policy has 65,536 at most.
inline constexpr std::size_t max_text = 1024 * 1024;

[[nodiscard]] std::unique_ptr<tool::Command> command();

} // namespace lint
