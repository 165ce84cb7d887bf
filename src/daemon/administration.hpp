// daemon/administration.hpp - puts the administration together: its server, and the handler of each operation.
// Belongs to the back thread.
#pragma once

#include "admin/domains.hpp"
#include "admin/fleet.hpp"
#include "admin/listing.hpp"
#include "admin/overrides.hpp"
#include "admin/server.hpp"
#include "admin/tail.hpp"
#include "admin/transfer.hpp"
#include "base/clock.hpp"
#include "base/domain.hpp"
#include "cache/fleet.hpp"
#include "cache/store.hpp"
#include "cache/table.hpp"
#include "config/config.hpp"
#include "daemon/health.hpp"
#include "daemon/kept_state.hpp"
#include "daemon/listeners.hpp"
#include "daemon/measures.hpp"
#include "daemon/status_page.hpp"
#include "dns/resolver.hpp"
#include "events/history.hpp"
#include "events/sink.hpp"
#include "events/tap.hpp"
#include "lookup/learner.hpp"
#include "lookup/options.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace app {

class Administration {
public:
    struct Parts { // all outlive it
        boost::asio::any_io_executor executor;
        events::Sink& events;
        const base::Clock& clock;
        cache::Table& table;
        KeptState& state;
        std::function<lookup::ServiceOptions()> options; ///< in use now
        cache::Store& store;
        lookup::Learner& learner;
        base::Timers& timers;
        events::History& history;
        events::Tap& tap;
        Measures& measures;
        const config::Config& config; ///< in use now
        dns::Servers& resolver;
        std::function<void(const base::Domain&)> replan; ///< Refresher::add()
        /// Calls back when each thread that answers uses these options.
        std::function<void(std::function<void()>)> when_in_use;
        std::function<std::vector<Health::Front>()> fronts;
        std::vector<std::string> web_hosts; ///< web.hosts in use now
        cache::Fleet* fleet = nullptr;      ///< null: there is no shared cache
    };

    explicit Administration(Parts parts);

    /// Begins to serve those for the administration and the web. Throws std::runtime_error.
    void serve(Listeners listeners);
    /// After a reload.
    void configure(std::vector<std::string> web_hosts);
    [[nodiscard]] const admin::Server& server() const noexcept { return server_; }
    /// Nothing new from now on.
    void stop() { server_.stop(); }

private:
    [[nodiscard]] admin::Handlers handlers();
    void add_domains(admin::Handlers& all);
    void imported(const base::Domain& domain);
    [[nodiscard]] std::vector<std::string> notes() const;

    Parts parts_;
    std::vector<std::string> web_by_name_; ///< addresses that other hosts can reach
    base::Instant started_;
    admin::Overrides overrides_;
    admin::Fleet fleet_;
    admin::Domains domains_;
    admin::Listing listing_;
    admin::Transfer transfer_;
    admin::Tail tail_;
    Health health_;
    StatusPage status_page_;
    admin::Server server_;
};

} // namespace app
