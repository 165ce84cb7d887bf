// daemon/status_page.hpp - the status page and /status.json put together: keeps the last hour, and collects what they
// show. Belongs to the back thread.
#pragma once

#include "admin/exchange.hpp"
#include "admin/page/hour.hpp"
#include "admin/page/overview.hpp"
#include "base/clock.hpp"
#include "cache/table.hpp"
#include "config/config.hpp"
#include "daemon/measures.hpp"
#include "daemon/repeated.hpp"
#include "dns/resolver.hpp"
#include "events/history.hpp"
#include "lookup/options.hpp"

#include <functional>
#include <string>

namespace app {

class StatusPage {
public:
    struct Parts { // all outlive it
        const base::Clock& clock;
        base::Timers& timers;
        Measures& measures;
        const cache::Table& table;
        dns::Servers& resolver;
        const events::History& history;
        const config::Config& config;                    ///< in use now
        std::function<lookup::ServiceOptions()> options; ///< in use now
        std::string host;                                ///< this host's name
    };

    /// The hour begins.
    explicit StatusPage(Parts parts);

    /// GET /status.json
    [[nodiscard]] admin::Reply overview(const admin::Request& request);
    /// GET /, which with refresh=0 does not ask again by itself.
    [[nodiscard]] base::Expected<admin::Reply, admin::Error> page(const admin::Request& request);

private:
    [[nodiscard]] page::Overview collect(bool show_domains);
    [[nodiscard]] bool shows_domains(const admin::Request& request) const;

    Parts parts_;
    config::Config at_start_;
    base::Instant started_;
    page::Hour hour_;
    Repeated samples_;
};

} // namespace app
