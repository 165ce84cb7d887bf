#include "lookup/learner.hpp"

namespace lookup {

Learner::Learner(Parts parts, const cache::Tuning& tuning)
    : expiry_({parts.store, parts.table, parts.clock, parts.sink}, tuning),
      discovery_({parts.executor, parts.resolver, parts.fetcher, parts.dane, parts.store, parts.table,
                  parts.clock, parts.timers, parts.sink, expiry_},
                 tuning),
      flights_({parts.executor, discovery_, parts.clock, parts.sink, std::move(parts.memory_left),
                std::move(parts.after_burst)}),
      hops_({parts.executor, parts.dane, parts.table, parts.clock, parts.sink,
             [this](const base::Domain& domain, Why why, Done done) {
                 flights_.join(domain, why, Wants::policy, std::move(done));
             }},
            tuning) {}

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
