// tool/doctor/network_probe.hpp - what `stsmap doctor` finds out over the network: resolver, policy host, its clock.
//
// Asks as the daemon would with this configuration. Blocking: it runs an io_context on the caller's thread
// until everything is known or the limit is reached.
#pragma once

#include "config/config.hpp"
#include "tool/doctor/facts.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace app {

struct NetworkFacts {
    doctor::ResolverFacts resolver;
    doctor::EgressFacts egress;
    std::optional<base::Instant> date; ///< a policy host's
};

/// `domain`: whose policy is fetched.
[[nodiscard]] NetworkFacts probe_network(const config::Config& config, const std::string& domain,
                                         std::chrono::milliseconds limit);

} // namespace app
