// tool/check/here.hpp - checks from this host: with the daemon's configuration, and as its Postfix would.
#pragma once

#include "config/config.hpp"
#include "tool/check/command_line.hpp"
#include "tool/setup/reach.hpp"

namespace app {

/// The daemon's configuration: of `file`, or, when that is empty, of the default place. The error is words for a person.
[[nodiscard]] base::Expected<config::Config, std::string> load_config(const std::string& file);

/// `ask`: for the question whether smtp(8) reaches stsmapd. Blocking, as long as check::run().
[[nodiscard]] base::Expected<bool, std::string> check_from_here(const setup::Ask& ask, const tool::CommonOptions& common,
                                                                const check::Wanted& wanted,
                                                                const tool::World& world);

} // namespace app
