// lookup/hop_learner.hpp - learns about next hops that are not of the usual form: the policy through the
// domain's own flight, and then whether DANE secures exactly this next hop.
//
// One DANE lookup per next hop at a time; all questions during it share it. Threads: verdicts() is safe from
// any thread; the rest is for the back io_context.
#pragma once

#include "base/clock.hpp"
#include "cache/entry.hpp"
#include "cache/table.hpp"
#include "events/sink.hpp"
#include "lookup/dane_lookup.hpp"
#include "lookup/hop_verdicts.hpp"
#include "lookup/outcome.hpp"
#include "postfix/next_hop.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <map>
#include <vector>

namespace lookup {

class HopLearner {
public:
    /// Next hops looked up at once; more end as Reason::overloaded. Postfix's administrator configures them,
    /// strangers do not choose them.
    static constexpr std::size_t max_flights = HopVerdicts::max_hops;

    struct Parts {
        boost::asio::any_io_executor executor;
        DaneLookup& dane;
        cache::Table& table;
        base::Clock& clock;
        events::Sink& sink;
        /// Learns the policy of a domain, without the DANE verdict of the domain itself.
        std::function<void(const base::Domain&, Why, Done)> learn_policy;
    };

    HopLearner(Parts parts, const cache::Tuning& tuning);
    ~HopLearner();
    HopLearner(const HopLearner&) = delete;
    HopLearner& operator=(const HopLearner&) = delete;

    /// As Learner::learn(), for a next hop that is not usual().
    void learn(const postfix::NextHop& hop, Why why, Done done);
    void configure(const cache::Tuning& tuning) { tuning_ = tuning; }

    [[nodiscard]] const HopVerdicts& verdicts() const noexcept { return verdicts_; }
    [[nodiscard]] std::size_t aloft() const noexcept { return aloft_.size(); }

private:
    struct Waiter;
    using Waiters = std::vector<Waiter>;

    void with_policy(const postfix::NextHop& hop, const Outcome& outcome, const Done& done);
    boost::asio::awaitable<void> fly(postfix::NextHop hop);
    void land(const postfix::NextHop& hop, const dane::Verdict& verdict);
    void abort(const postfix::NextHop& hop);
    void say_if_refused(const base::Domain& domain, const cache::PolicyPtr& policy,
                        const dane::Verdict& verdict);

    Parts parts_;
    cache::Tuning tuning_;
    HopVerdicts verdicts_;
    std::map<postfix::NextHop, Waiters> aloft_;
};

/// The DANE state to answer with. A next hop whose port is not known cannot have a verdict: the policy
/// decides.
[[nodiscard]] dane::State dane_state(const HopVerdicts& verdicts, const postfix::NextHop& hop,
                                     base::Instant now);

} // namespace lookup
