#include "lookup/hop_learner.hpp"

#include "lookup/learnt_events.hpp"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <new>
#include <utility>

namespace lookup {

namespace asio = boost::asio;
using base::Reason;

/// A caller that waits for a verdict, and the outcome of the policy's flight.
struct HopLearner::Waiter {
    Outcome outcome;
    Done done;
};

dane::State dane_state(const HopVerdicts& verdicts, const postfix::NextHop& hop, base::Instant now) {
    if (hop.port != postfix::NextHop::unknown_port) return verdicts.find(hop);
    dane::State none;
    none.advice = dane::Advice::sts;
    none.known_at = now;
    none.check_at = now + base::seconds{1};
    return none;
}

HopLearner::HopLearner(Parts parts, const cache::Tuning& tuning)
    : parts_(std::move(parts)), tuning_(tuning) {}

HopLearner::~HopLearner() = default;

void HopLearner::learn(const postfix::NextHop& hop, Why why, Done done) {
    parts_.learn_policy(hop.host, why, [this, hop, done = std::move(done)](const Outcome& outcome) {
        with_policy(hop, outcome, done);
    });
}

void HopLearner::with_policy(const postfix::NextHop& hop, const Outcome& outcome, const Done& done) {
    const base::Instant now = parts_.clock.now();
    if (!outcome.policy) return done(outcome);
    cache::PolicyState here;
    here.policy = outcome.policy;
    here.dane = dane_state(verdicts_, hop, now);
    if (!cache::dane_due(here, now, tuning_)) {
        Outcome known = outcome;
        known.dane = here.dane;
        return done(known);
    }
    if (const auto aloft = aloft_.find(hop); aloft != aloft_.end()) {
        aloft->second.push_back({outcome, done});
        return;
    }
    if (aloft_.size() >= max_flights) {
        Outcome none;
        none.reason = Reason::overloaded;
        return done(none);
    }
    aloft_[hop].push_back({outcome, done});
    try {
        asio::co_spawn(parts_.executor, fly(hop), [this, hop](std::exception_ptr thrown) {
            if (thrown) abort(hop); // only the allocator throws in it
        });
    } catch (const std::bad_alloc&) {
        abort(hop);
    }
}

asio::awaitable<void> HopLearner::fly(postfix::NextHop hop) {
    const dane::Destination destination{hop.port, !hop.brackets};
    const dane::Verdict verdict = co_await parts_.dane.verdict(hop.host, destination);
    land(hop, verdict);
}

void HopLearner::land(const postfix::NextHop& hop, const dane::Verdict& verdict) {
    const base::Instant now = parts_.clock.now();
    const dane::State before = verdicts_.find(hop);
    const dane::State after = dane::after_lookup(before, verdict, now, tuning_.dane);
    // A remembered answer also depends on these verdicts, so it must end as if the domain's entry had
    // changed.
    const auto changed = [this](const base::Domain& host) {
        parts_.table.update(host, [](cache::Entry&) {});
    };
    if (const auto gone = verdicts_.put(hop, after)) changed(gone->host);
    changed(hop.host);
    emit_dane(parts_.sink, hop.host, before, after, verdict, to_string(hop));

    const auto aloft = aloft_.find(hop);
    if (aloft == aloft_.end()) return;
    const Waiters waiters = std::move(aloft->second);
    aloft_.erase(aloft);
    if (!waiters.empty()) say_if_refused(hop.host, waiters.front().outcome.policy, verdict);
    for (const Waiter& waiter : waiters) {
        try {
            Outcome outcome = waiter.outcome;
            outcome.dane = after;
            waiter.done(outcome);
        } catch (const std::bad_alloc&) {
            continue; // that client is answered at its deadline
        }
    }
}

void HopLearner::say_if_refused(const base::Domain& domain, const cache::PolicyPtr& policy,
                                const dane::Verdict& verdict) {
    const cache::Knowledge known = parts_.table.find(domain);
    const auto* in_table = std::get_if<cache::Entry>(&known);
    cache::Entry entry;
    if (in_table) entry = *in_table;
    entry.policy = policy; // a policy with max_age 0 is in no table
    emit_refused_hosts(parts_.sink, domain, entry, verdict);
}

/// Memory ran out. Without a verdict the policy could override DANE, so there is no answer.
void HopLearner::abort(const postfix::NextHop& hop) {
    const auto aloft = aloft_.find(hop);
    if (aloft == aloft_.end()) return;
    const Waiters waiters = std::move(aloft->second);
    aloft_.erase(aloft);
    Outcome none;
    none.reason = Reason::overloaded;
    for (const Waiter& waiter : waiters) {
        try {
            waiter.done(none);
        } catch (const std::bad_alloc&) {
            continue;
        }
    }
}

} // namespace lookup
