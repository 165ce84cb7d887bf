// daemon/measures.hpp - the numbers of all parts as metrics (metrics/table.hpp). Belongs to the back thread.
//
// Each part counts for itself, and knows nothing of metrics; the numbers of several threads are added up here. Nothing
// waits for another thread.
#pragma once

#include "admin/server.hpp"
#include "base/clock.hpp"
#include "cache/disk/sqlite_store.hpp"
#include "cache/table.hpp"
#include "cache/valkey/shared_cache.hpp"
#include "config/config.hpp"
#include "daemon/front.hpp"
#include "daemon/kept_state.hpp"
#include "daemon/memory_reserve.hpp"
#include "dns/stub_resolver.hpp"
#include "events/policy_counts.hpp"
#include "events/recorder.hpp"
#include "fetch/https_fetcher.hpp"
#include "log/log.hpp"
#include "lookup/census_walk.hpp"
#include "lookup/dane_lookup.hpp"
#include "lookup/learner.hpp"
#include "lookup/options.hpp"
#include "lookup/refresher.hpp"
#include "metrics/snapshot.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace app {

class Measures {
public:
    struct Parts { // all outlive it
        const base::Clock& clock;
        const config::Config& config; ///< in use now
        const cache::Table& table;
        const Fronts& fronts;
        std::vector<const events::Recorder*> recorders; ///< besides the fronts' and the state's
        const events::PolicyCounts& changes;
        const KeptState& state;
        const lookup::Learner& learner;
        const lookup::Refresher& refresher;
        const fetch::HttpsFetcher& fetcher;
        dns::StubResolver& resolver;
        const std::unique_ptr<cache::SqliteStore>& store; ///< null until it is open
        MemoryReserve& reserve;
        const LineLog& log;
        const lookup::DaneLookup& dane;
        /// The administration's; null until there is one.
        std::function<const admin::Server*()> http;
        std::function<lookup::ServiceOptions()> options;  ///< in use now
        std::function<void(std::function<void()>)> later; ///< calls it on this thread, after other work
        const valkey::SharedCache* fleet = nullptr;       ///< null: there is none
        bool fleet_wanted = false;                        ///< one was configured at the start
    };

    explicit Measures(Parts parts);

    [[nodiscard]] metrics::Snapshot snapshot();
    /// The policies, as last counted: up to a minute ago when there are many. Nothing is counted before the first call.
    [[nodiscard]] const lookup::Census& census() { return walk_.latest(); }
    /// The last write to the store failed, or the present one takes too long.
    [[nodiscard]] bool store_failing() const { return parts_.store && parts_.store->counters().failing; }
    /// A shared cache is configured, and cannot be used now.
    [[nodiscard]] bool shared_down() const {
        return parts_.fleet_wanted &&
               (parts_.fleet == nullptr || parts_.fleet->engine_counts()->up.value() == 0);
    }
    /// No further searches begin.
    [[nodiscard]] bool memory_short() const { return !parts_.reserve.available(); }
    /// The configuration in use was read now.
    void configured() { configured_ = parts_.clock.now(); }

private:
    void daemon(metrics::Snapshot& all) const;
    void events(metrics::Snapshot& all) const;
    void answers(metrics::Snapshot& all) const;
    void connections(metrics::Snapshot& all) const;
    void policies(metrics::Snapshot& all);
    void overrides(metrics::Snapshot& all) const;
    void searches(metrics::Snapshot& all) const;
    void dns(metrics::Snapshot& all) const;
    void fleet(metrics::Snapshot& all) const;
    void store(metrics::Snapshot& all) const;
    void log(metrics::Snapshot& all) const;
    void http(metrics::Snapshot& all) const;
    void process(metrics::Snapshot& all) const;
    [[nodiscard]] std::uint64_t events_of(events::Id kind) const;

    Parts parts_;
    lookup::CensusWalk walk_;
    base::Instant configured_;
    double started_; ///< the process, in seconds since the epoch
};

} // namespace app
