// tool/explain/live_look.hpp - what DNS says about a next hop now: the TXT record, the MX hosts and their addresses.
//
// Asks the name servers of the daemon's configuration, as the daemon does. Blocking: it runs an io_context on the
// caller's thread until everything is known or the limit is reached.
#pragma once

#include "config/config.hpp"
#include "postfix/next_hop.hpp"
#include "tool/explain/evidence.hpp"

#include <chrono>
#include <cstddef>

namespace app {

inline constexpr std::chrono::milliseconds live_limit{5000}; ///< for all of it
inline constexpr std::size_t max_looked_up =
    10; ///< whose addresses are looked up; Postfix tries five addresses

[[nodiscard]] explain::Live live_look(const config::Config& config, const postfix::NextHop& hop,
                                      std::chrono::milliseconds limit);

} // namespace app
