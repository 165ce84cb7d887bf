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
#include "cache/clock_trust.hpp"
#include "cache/store.hpp"
#include "cache/table.hpp"
#include "dns/resolver.hpp"
#include "fetch/fetcher.hpp"
#include "lookup/dane_lookup.hpp"
#include "lookup/get_limit.hpp"
#include "lookup/hop_learner.hpp"
#include "lookup/learner_log.hpp"
#include "lookup/steps.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <deque>
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
    dane::State dane{};                       ///< what is known of the next hop's DANE
    base::Instant fetched_at{};               ///< what the age of `policy` counts from
    base::Instant expires_at{};               ///< when `policy` stops being usable
    std::string detail;                       ///< what was tried, when DNS or the policy host failed
};

class Learner {
public:
    using Done = std::function<void(const Outcome&)>;

    /// At most this many domains are in the air at once. A query that finds so many waits for one to land;
    /// other looks are Reason::overloaded.
    static constexpr std::size_t max_flights = 16384;
    /// Queries that wait for that, no longer than a client does; more are Reason::overloaded. Each has a
    /// connection of its own (limits.max_connections), so domains that hang alone cannot make them so many.
    static constexpr std::size_t max_standby = 16384;
    static constexpr base::milliseconds standby_for{10000};
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
    ~Learner() { *self_ = nullptr; }
    Learner(const Learner&) = delete;
    Learner& operator=(const Learner&) = delete;

    /// What is wanted of a flight.
    enum class Wants {
        policy, ///< the policy alone: Outcome::dane says nothing
        dane,   ///< and whether the domain's MX hosts are secured by DANE
    };
    /// Starts or joins the domain's flight; calls `done` once when what is wanted is known. `done` may be
    /// empty.
    void learn(const base::Domain& domain, Why why, Done done, Wants wants = Wants::dane);
    /// The same of a next hop in any form; Outcome::dane is about this very one. `done` is not empty.
    void learn(const postfix::NextHop& hop, Why why, Done done);
    /// What DANE says of next hops that are not of the usual form. Safe from any thread.
    [[nodiscard]] const HopVerdicts& hop_verdicts() const noexcept { return hops_.verdicts(); }

    void configure(const cache::Tuning& tuning) {
        tuning_ = tuning;
        hops_.configure(tuning);
    }
    /// Called with each domain that gets a policy it had none of before: the refresher's cue.
    void on_new_policy(std::function<void(const base::Domain&)> hook) { on_new_policy_ = std::move(hook); }
    /// Called whenever a flight has landed.
    void on_landing(std::function<void()> hook) { on_landing_ = std::move(hook); }

    /// Drops an expired policy from memory and store; its GETs stay remembered for the back-off. While the
    /// clock cannot be trusted it stays, never answered, for Tuning::keep_expired of running time at most:
    /// false.
    bool forget(const base::Domain& domain, const cache::Entry& entry);
    /// Is the domain in the air? Then what is known of it is about to change.
    [[nodiscard]] bool is_aloft(const base::Domain& domain) const { return aloft_.contains(domain); }
    /// How long until a GET for the domain is allowed; zero: now.
    [[nodiscard]] base::seconds get_wait(const base::Domain& domain) {
        return gets_.wait(domain, parts_.clock.steady());
    }
    /// A row came from the store: its GET counts, if it was within this minute.
    void loaded(const cache::Row& row);

    /// How far the wall clock can be trusted now.
    [[nodiscard]] const cache::ClockTrust& clock_trust();
    /// The newest fetch of all that is known.
    void set_newest_fetch(base::Instant at) { trust_.set_newest(at); }
    /// Time that the daemon has been running, all runs together; `before`: those before this one.
    [[nodiscard]] base::seconds running() const;
    void set_ran_before(base::seconds before) { ran_before_ = before; }

    [[nodiscard]] std::size_t aloft() const noexcept { return aloft_.size(); }
    [[nodiscard]] std::size_t standby() const noexcept { return standby_.size(); }

private:
    class Landing;
    struct Flight {
        Why why;
        bool again = false; ///< a client joined a flight that was not meant to answer it
        bool dane = false;  ///< somebody wants the verdict, too
        std::vector<Done> waiters, for_policy;
        std::optional<Outcome> policy; ///< known already, and the verdict is on its way
        void want(Wants wants, Done done);
    };

    /// A query that waits until another flight lands.
    struct Standby {
        base::Domain domain;
        Wants wants;
        Done done;
        base::Steady until;
    };

    [[nodiscard]] std::optional<Outcome> from_memory(const base::Domain& domain, Wants wants) const;
    void board();
    void start(const base::Domain& domain, Why why);
    [[nodiscard]] bool policy_known(const base::Domain& domain, const Outcome& outcome);
    void land(const base::Domain& domain, const Outcome& outcome);
    void abort(const base::Domain& domain);
    static void tell(const std::vector<Done>& waiters, const Outcome& outcome);
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

    Parts parts_;
    cache::Tuning tuning_;
    LearnerLog log_;
    GetLimit gets_;
    cache::ClockTrust trust_;
    base::Steady begun_;
    base::seconds ran_before_{0};
    std::unordered_map<base::Domain, std::shared_ptr<Flight>> aloft_;
    std::deque<Standby> standby_;
    std::size_t most_aloft_ = 0; ///< since none was the last time
    std::function<void(const base::Domain&)> on_new_policy_;
    std::function<void()> on_landing_;
    std::shared_ptr<Learner*> self_ = std::make_shared<Learner*>(this); ///< null when flights outlive this
    HopLearner hops_;
};

} // namespace lookup
