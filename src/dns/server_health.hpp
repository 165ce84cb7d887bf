// dns/server_health.hpp - which name server to ask first, learnt from earlier answers. Pure.
//
// A server that does not answer costs one try, and is then asked after all others for a while: 30 s, doubling
// up to 5 min. After that, one question at a time tries it at its old place, so that a dead server does not
// slow down all questions at once. Any well-formed reply, whatever its response code, shows that the server
// is alive.
#pragma once

#include "base/clock.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace dns {

struct HealthTuning {
    base::seconds first{30}, most{300}; ///< how long a silent server is asked last
    base::seconds probe_for{10}; ///< how long one question may take to test it; others ask it last meanwhile
};

class ServerHealth {
public:
    explicit ServerHealth(std::size_t servers, HealthTuning tuning = {})
        : tuning_(tuning), servers_(servers) {}

    /// All servers in the order to ask them: the configured one, beginning at `first`, the silent ones last.
    [[nodiscard]] std::vector<std::size_t> order(base::Steady now, std::size_t first = 0);

    /// A try that began at `started` got no reply. True if the server counts as silent from now on and did
    /// not before.
    bool failed(std::size_t server, base::Steady started, base::Steady now);

    /// A reply came. True when the server counted as silent.
    bool answered(std::size_t server, base::Steady now);

    [[nodiscard]] bool asked_last(std::size_t server, base::Steady now) const;

private:
    struct State {
        base::seconds penalty{}; ///< zero: alive
        base::Steady until{};    ///< asked last until then
        bool probing = false;    ///< one question is testing it
        std::optional<base::Steady> last_reply;
    };
    HealthTuning tuning_;
    std::vector<State> servers_;
};

} // namespace dns
