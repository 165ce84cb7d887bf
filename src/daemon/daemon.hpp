// daemon/daemon.hpp - the composition root: the one place that names concrete adapters and puts the parts
// together.
//
// Threads (src/README.md): front threads answer from memory; the back thread, which is the one that calls run(),
// does DNS, HTTPS, refreshing, signals and systemd; the store has its own. Start: listen, load the store,
// serve, READY. Reload: build and prove, then swap, else keep the old. Stop: within two seconds, everything
// learnt on the disk.
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
    /// Reads the configuration anew, for SIGHUP.
    using Reread = std::function<base::Expected<config::Loaded, std::vector<config::Problem>>()>;

    /// Listens and loads; throws std::runtime_error with words for the operator when the daemon cannot start.
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
