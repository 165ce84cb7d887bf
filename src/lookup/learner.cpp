#include "lookup/learner.hpp"

#include <new>
#include <utility>

namespace lookup {

Learner::Learner(Parts parts, const cache::Tuning& tuning)
    : shared_(parts.shared), expiry_({parts.store, parts.table, parts.clock, parts.sink}, tuning),
      discovery_({parts.executor, parts.resolver, parts.fetcher, parts.dane, parts.store, parts.table,
                  parts.clock, parts.timers, parts.sink, expiry_, parts.shared},
                 tuning),
      flights_({parts.executor, discovery_, parts.clock, parts.sink, std::move(parts.memory_left),
                std::move(parts.after_burst)}),
      hops_({parts.executor, parts.dane, parts.table, parts.clock, parts.sink,
             [this](const base::Domain& domain, Why why, Done done) {
                 flights_.join(domain, why, Wants::policy, std::move(done));
             }},
            tuning) {
    if (shared_ == nullptr) return;
    shared_->watch([this](const base::Domain& domain, std::optional<cache::SharedPolicy> offered) {
        heard(domain, std::move(offered));
    });
}

Learner::~Learner() {
    if (shared_ != nullptr) shared_->watch({});
}

void Learner::heard(const base::Domain& domain, std::optional<cache::SharedPolicy> offered) {
    try {
        if (!discovery_.heard(domain, {std::move(offered)})) return;
        flights_.join(domain, Why::shared, Wants::dane, [this, domain](const Outcome& outcome) {
            if (outcome.reason == base::Reason::overloaded) discovery_.drop_news(domain);
        });
    } catch (const std::bad_alloc&) {
        discovery_.drop_news(domain); // learnt later: by the record, or the daily GET
    }
}

void Learner::learn(const postfix::NextHop& hop, Why why, Done done) {
    if (hop.usual()) return learn(hop.host, why, std::move(done));
    hops_.learn(hop, why, std::move(done));
}

void Learner::configure(const cache::Tuning& tuning) {
    expiry_.configure(tuning);
    discovery_.configure(tuning);
    hops_.configure(tuning);
}

} // namespace lookup
