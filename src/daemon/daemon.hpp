// daemon/daemon.hpp - the composition root: creates the concrete adapters and connects all parts.
//
// Threads (src/README.md): front threads answer from memory; the back thread, which is the one that calls run(),
// does DNS, HTTPS, refreshing, signals and systemd; the store has its own. Start: listen, load the store,
// serve, READY. Reload: build the new configuration and check it, then switch to it; if that fails, keep the
// old one. Stop: within two seconds, with everything learned on the disk.
#pragma once

#include "config/load.hpp"
#include "log/log.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace app {

class Daemon {
public:
    /// Reads the configuration again, for SIGHUP.
    using Reread = std::function<base::Expected<config::Loaded, std::vector<config::Problem>>()>;

    /// Listens and loads. Throws std::runtime_error with a message for the operator if the daemon cannot
    /// start.
    Daemon(config::Loaded loaded, Reread reread, LineLog& log);
    ~Daemon();
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    /// Serves until SIGTERM or SIGINT. Returns the exit status.
    int run();

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace app
