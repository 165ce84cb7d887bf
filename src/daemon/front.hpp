// daemon/front.hpp - one front thread and what lives on it.
#pragma once

#include "base/clock.hpp"
#include "events/recorder.hpp"
#include "events/tap.hpp"
#include "lookup/service.hpp"
#include "server/loop.hpp"
#include "server/server.hpp"

#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace app {

struct Front {
    /// All outlive it.
    Front(events::Sink& log, const base::Clock& clock, events::Tap& tap)
        : recorder(log, clock, nullptr, &tap) {}

    server::Loop loop;         ///< destroyed last: the other members have work in it
    events::Recorder recorder; ///< outlives the next two
    std::optional<lookup::Service> service;
    std::optional<server::Server> server;
    std::thread thread;
};

/// Made before any of them runs, and not changed afterwards.
using Fronts = std::vector<std::unique_ptr<Front>>;

} // namespace app
