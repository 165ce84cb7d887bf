// lookup/learner.hpp - learns one domain at a time: TXT, then GET where called for, then commit, then the
// memory table, then, for a policy that is enforced, DANE.
//
// One flight per domain (promise 5): whoever asks while it is in the air joins it, and whoever leaves does
// not stop it. Threads: lives on the back io_context; every member is called there, every callback comes from
// there. Order (promise 2): a new policy is on the disk before the table shows it or a waiter hears of it;
// when the disk fails or takes longer than commit_patience, answers go on from memory.
#pragma once

#include "base/clock.hpp"
#include "base/domain.hpp"
#include "base/log.hpp"
#include "base/repeats.hpp"
#include "cache/store.hpp"
#include "cache/table.hpp"
#include "dns/resolver.hpp"
#include "fetch/fetcher.hpp"
#include "lookup/dane_lookup.hpp"
#include "lookup/steps.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace lookup {

/// What a flight ended with.
struct Outcome {
    cache::PolicyPtr policy;                  ///< the policy to use now; null: none
    base::Reason reason = base::Reason::none; ///< why there is none, or why this try changed nothing
    bool fetched = false;                     ///< this flight fetched the policy
    bool dane = false;                        ///< the domain's MX hosts are secured by DANE
    base::Instant fetched_at{};               ///< what the age of `policy` counts from
    std::string detail;                       ///< what was tried, when DNS or the policy host failed
};

class Learner {
public:
    using Done = std::function<void(const Outcome&)>;

    /// At most this many domains are in the air at once; more are Reason::overloaded.
    static constexpr std::size_t max_flights = 16384;
    /// A commit that takes longer is no longer waited for.
    static constexpr base::milliseconds commit_patience{3000};

    struct Parts {
        boost::asio::any_io_executor executor;
        dns::Resolver& resolver;
        fetch::Fetcher& fetcher;
        DaneLookup& dane;
        cache::Store& store;
        cache::Table& table;
        base::Clock& clock;
        base::Timers& timers;
        base::Log& log;
        /// Is there memory for another flight? Empty: always. Without it learn() gives Reason::overloaded.
        std::function<bool()> memory_left = {};
        /// Called when the last of at least `burst` flights that were in the air at once has landed: what
        /// they needed is free again. Empty: nobody wants to know.
        std::function<void()> after_burst = {};
    };
    static constexpr std::size_t burst = 1000;

    Learner(Parts parts, cache::Tuning tuning);

    /// Starts or joins the domain's flight; calls `done` once when it has landed. `done` may be empty.
    void learn(const base::Domain& domain, Why why, Done done);

    void configure(const cache::Tuning& tuning) { tuning_ = tuning; }
    /// Called with each domain that gets a policy it had none of before: the refresher's cue.
    void on_new_policy(std::function<void(const base::Domain&)> hook) { on_new_policy_ = std::move(hook); }

    /// Drops an expired policy from memory and store; its GETs stay remembered for the back-off.
    void forget(const base::Domain& domain, const cache::Entry& entry);

    [[nodiscard]] std::size_t aloft() const noexcept { return aloft_.size(); }

private:
    struct Flight {
        Why why;
        bool again = false; ///< a client joined a flight that was not meant to answer it
        std::vector<Done> waiters;
    };

    [[nodiscard]] std::optional<Outcome> from_memory(const base::Domain& domain) const;
    void start(const base::Domain& domain, Why why);
    void land(const base::Domain& domain, const Outcome& outcome);
    void abort(const base::Domain& domain);
    boost::asio::awaitable<void> fly(base::Domain domain, Why why);
    boost::asio::awaitable<Outcome> discover(base::Domain domain, Why why);
    boost::asio::awaitable<Outcome> learn_policy(base::Domain domain, Why why);
    boost::asio::awaitable<Outcome> learn_dane(base::Domain domain, Outcome outcome);
    boost::asio::awaitable<Outcome> get(base::Domain domain, std::string id, TxtOutcome txt);
    boost::asio::awaitable<TxtOutcome> ask_txt(base::Domain domain);
    boost::asio::awaitable<bool> commit(cache::Row row);

    Outcome give(const base::Domain& domain, base::Reason reason, const TxtOutcome& txt);
    Outcome keep(const base::Domain& domain, base::Reason reason);
    Outcome failed(const base::Domain& domain, const std::string& id, base::Reason reason,
                   std::string_view detail, const TxtOutcome& txt);
    void log_policy(const base::Domain& domain, const cache::Known& before, const cache::Entry& after);
    void log_dane(const base::Domain& domain, const cache::DaneState& before, const cache::DaneState& after,
                  const dane::Verdict& verdict);
    void warn_of_refused_hosts(const base::Domain& domain, const cache::Entry& entry,
                               const dane::Verdict& verdict);
    void log_failure(const base::Domain& domain, base::Reason reason, std::string_view detail,
                     bool kept_enforce, base::seconds next_try);

    Parts parts_;
    cache::Tuning tuning_;
    std::unordered_map<base::Domain, std::shared_ptr<Flight>> aloft_;
    std::size_t most_aloft_ = 0; ///< since none was the last time
    std::function<void(const base::Domain&)> on_new_policy_;
    base::Repeats failures_logged_, refusals_logged_, aborts_logged_;
};

} // namespace lookup
