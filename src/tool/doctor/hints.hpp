// tool/doctor/hints.hpp - commands in the words of a fix, completed so that they can be pasted here. Pure.
//
// Every fix goes through fitting(), wherever it was written: options that were given (-c, --config, --socket)
// are put into each command that takes them, and commands of systemd become words where systemd does not run.
#pragma once

#include "tool/doctor/facts.hpp"

#include <string>

namespace doctor {

[[nodiscard]] std::string fitting(std::string fix, const PlaceFacts& place);

} // namespace doctor
