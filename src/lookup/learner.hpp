// lookup/learner.hpp - everything that the back thread can find out: one entry to searches, their flights,
// expiry, and DANE of single next hops.
//
// The parts: lookup/flights.hpp (who waits for which search), lookup/discovery.hpp (one search),
// lookup/expiry.hpp (when expired policies are forgotten), lookup/hop_learner.hpp (next hops that are not of
// the usual form). What a fleet shares (cache/shared.hpp) is taken for domains that are known here or searched.
// Threads: lives on the back io_context; every member but hop_verdicts() is called there,
// every callback comes from there.
#pragma once

#include "lookup/discovery.hpp"
#include "lookup/expiry.hpp"
#include "lookup/flights.hpp"
#include "lookup/hop_learner.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <optional>
#include <utility>

namespace lookup {

class Learner {
public:
    static constexpr std::size_t max_flights = Flights::max_flights;

    struct Parts {
        boost::asio::any_io_executor executor;
        dns::Resolver& resolver;
        fetch::Fetcher& fetcher;
        DaneLookup& dane;
        cache::Store& store;
        cache::Table& table;
        base::Clock& clock;
        base::Timers& timers;
        events::Sink& sink;
        std::function<bool()> memory_left = {}; ///< as in Flights::Parts
        std::function<void()> after_burst = {}; ///< the same
        cache::Shared* shared = nullptr;        ///< null: none; outlives the learner
    };

    Learner(Parts parts, const cache::Tuning& tuning);
    ~Learner();
    Learner(const Learner&) = delete;
    Learner& operator=(const Learner&) = delete;

    /// Starts or joins the domain's flight, as Flights::join().
    void learn(const base::Domain& domain, Why why, Done done, Wants wants = Wants::dane) {
        flights_.join(domain, why, wants, std::move(done));
    }
    /// The same for a next hop in any form; Outcome::dane is about exactly this one. `done` is not empty.
    void learn(const postfix::NextHop& hop, Why why, Done done);
    /// What DANE says of next hops that are not of the usual form. Safe from any thread.
    [[nodiscard]] const HopVerdicts& hop_verdicts() const noexcept { return hops_.verdicts(); }

    void configure(const cache::Tuning& tuning);
    /// Called with each domain that gets its first policy: the refresher puts it on its agenda.
    void on_new_policy(std::function<void(const base::Domain&)> hook) {
        discovery_.on_new_policy(std::move(hook));
    }
    /// Called whenever a flight has ended.
    void on_landing(std::function<void()> hook) { flights_.on_landing(std::move(hook)); }

    /// As Expiry::forget().
    bool forget(const base::Domain& domain, const cache::Entry& entry) {
        return expiry_.forget(domain, entry);
    }
    /// Whether the domain has a flight: then what is known of it will change soon.
    [[nodiscard]] bool is_aloft(const base::Domain& domain) const { return flights_.is_aloft(domain); }
    /// How long until a GET for the domain is allowed; zero: now.
    [[nodiscard]] base::seconds get_wait(const base::Domain& domain) { return discovery_.get_wait(domain); }
    /// A row came from the store: its GET counts if it was within this minute.
    void loaded(const cache::Row& row) { discovery_.loaded(row); }

    /// How far the wall clock can be trusted now.
    [[nodiscard]] const cache::ClockTrust& clock_trust() { return expiry_.clock_trust(); }
    /// The newest fetch of all policies that are known.
    void set_newest_fetch(base::Instant at) { expiry_.set_newest_fetch(at); }
    /// How long the daemon has run: all its runs together.
    [[nodiscard]] base::seconds running() const { return expiry_.running(); }
    /// How long all earlier runs took.
    void set_ran_before(base::seconds before) { expiry_.set_ran_before(before); }

    [[nodiscard]] const SearchCounts& counts() const noexcept { return discovery_.counts(); } ///< any thread
    /// Any thread; null without a shared cache.
    [[nodiscard]] const SharedCounts* shared_counts() const noexcept { return discovery_.shared_counts(); }
    [[nodiscard]] std::size_t aloft() const noexcept { return flights_.aloft(); }
    [[nodiscard]] std::size_t standby() const noexcept { return flights_.standby(); }

private:
    void heard(const base::Domain& domain, std::optional<cache::SharedPolicy> offered);

    cache::Shared* shared_;
    Expiry expiry_;
    Discovery discovery_;
    Flights flights_;
    HopLearner hops_;
};

} // namespace lookup
