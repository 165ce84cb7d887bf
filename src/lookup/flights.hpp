// lookup/flights.hpp - who waits for which search: one flight per domain (promise 5).
//
// A flight is one search for one domain, with all who wait for it. A question during a flight joins it; a
// client that leaves does not stop it. lookup/discovery.hpp does the search. Bounds: `max_flights` at once,
// `max_standby` queries that wait for one of them to end. Threads: lives on the back io_context; every member
// is called there, every callback comes from there.
#pragma once

#include "base/clock.hpp"
#include "base/domain.hpp"
#include "events/sink.hpp"
#include "lookup/discovery.hpp"
#include "lookup/outcome.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lookup {

class Flights {
public:
    /// At most this many domains are searched at once. A further query waits until one ends; other searches
    /// end as Reason::overloaded.
    static constexpr std::size_t max_flights = 16384;
    /// Queries that wait for that, no longer than a client does; further ones end as Reason::overloaded. Each
    /// has a connection of its own (limits.max_connections), so hanging domains alone cannot reach this
    /// number.
    static constexpr std::size_t max_standby = 16384;
    static constexpr base::milliseconds standby_for{10000};
    static constexpr std::size_t burst = 1000;

    struct Parts {
        boost::asio::any_io_executor executor;
        Discovery& discovery;
        base::Clock& clock;
        events::Sink& sink;
        /// Returns whether there is memory for another flight. Empty: always. Without memory join() gives
        /// Reason::overloaded.
        std::function<bool()> memory_left;
        /// Called when the last of at least `burst` concurrent flights has ended: their memory is free again.
        /// May be empty.
        std::function<void()> after_burst;
    };

    explicit Flights(Parts parts) : parts_(std::move(parts)) {}
    ~Flights() { *self_ = nullptr; }
    Flights(const Flights&) = delete;
    Flights& operator=(const Flights&) = delete;

    /// Starts or joins the domain's flight. `done` may be empty. It is called once, when the wanted result is
    /// known, and never before join() returns; of several that come with Why::shared during a flight only the first is.
    void join(const base::Domain& domain, Why why, Wants wants, Done done);

    /// Called whenever a flight has ended.
    void on_landing(std::function<void()> hook) { on_landing_ = std::move(hook); }

    [[nodiscard]] bool is_aloft(const base::Domain& domain) const { return aloft_.contains(domain); }
    [[nodiscard]] std::size_t aloft() const noexcept { return aloft_.size(); }
    [[nodiscard]] std::size_t standby() const noexcept { return standby_.size(); }

private:
    class Landing;
    struct Flight {
        Why why;
        bool again = false;                    ///< a client joined a flight that was not meant to answer it
        bool dane = false;                     ///< somebody wants the verdict, too
        bool news = false;                     ///< another host has offered a policy meanwhile
        std::vector<Done> for_all, for_policy; ///< who waits for everything, and who only for the policy
        std::optional<Outcome> policy;         ///< known already; the verdict is still being looked up
        void add(Wants wants, Done done);
    };

    /// A query that waits until another flight ends.
    struct Standby {
        base::Domain domain;
        Wants wants;
        Done done;
        base::Steady until;
    };

    void call_later(Done done, Outcome outcome);
    void board();
    void board_later();
    void start(const base::Domain& domain, Why why);
    boost::asio::awaitable<void> fly(base::Domain domain, Why why);
    [[nodiscard]] bool policy_known(const base::Domain& domain, const Outcome& outcome);
    void land(const base::Domain& domain, const Outcome& outcome);
    void take_news(const base::Domain& domain);
    void abort(const base::Domain& domain);

    Parts parts_;
    std::unordered_map<base::Domain, std::shared_ptr<Flight>> aloft_;
    std::deque<Standby> standby_;
    std::size_t most_aloft_ = 0; ///< since the last moment without any flight
    std::function<void()> on_landing_;
    std::shared_ptr<Flights*> self_ = std::make_shared<Flights*>(this); ///< null when flights outlive this
};

} // namespace lookup
