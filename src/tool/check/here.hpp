// tool/check/here.hpp - checks from this host: with the daemon's configuration, and as its Postfix would.
#pragma once

#include "tool/check/command_line.hpp"
#include "tool/setup/reach.hpp"

namespace app {

/// `ask`: for the question whether smtp(8) reaches stsmapd. Blocking, as long as check::run().
[[nodiscard]] base::Expected<bool, std::string> check_from_here(const setup::Ask& ask, const tool::CommonOptions& common,
                                                                const check::Wanted& wanted,
                                                                const tool::World& world);

} // namespace app
