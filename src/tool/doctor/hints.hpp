// tool/doctor/hints.hpp - completes the commands in the words of a fix, so that they can be pasted. Pure.
//
// Every fix goes through fitting(): the options that were given (-c, --config, --socket) are added to each
// command that takes them, and commands of systemd are replaced by words where systemd does not run.
#pragma once

#include "tool/doctor/facts.hpp"

#include <string>

namespace doctor {

[[nodiscard]] std::string fitting(std::string fix, const PlaceFacts& place);

} // namespace doctor
