#include "lookup/flights.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

namespace lookup {

namespace asio = boost::asio;
using base::Reason;

namespace {

Outcome only(Reason reason) {
    Outcome outcome;
    outcome.reason = reason;
    return outcome;
}

void call_all(const std::vector<Done>& waiters, const Outcome& outcome) {
    for (const Done& done : waiters) {
        try {
            done(outcome);
        } catch (const std::bad_alloc&) {
            continue; // that client is answered at its deadline; the others do not have to wait so long
        }
    }
}

} // namespace

void Flights::Flight::add(Wants wants, Done done) {
    if (wants == Wants::dane) dane = true;
    if (done) (wants == Wants::dane ? for_all : for_policy).push_back(std::move(done));
}

void Flights::call_later(Done done, Outcome outcome) {
    if (!done) return;
    asio::post(parts_.executor, [done = std::move(done), outcome = std::move(outcome)] { done(outcome); });
}

void Flights::join(const base::Domain& domain, Why why, Wants wants, Done done) {
    if (auto aloft = aloft_.find(domain); aloft != aloft_.end()) {
        Flight& flight = *aloft->second;
        if (wants == Wants::policy && flight.policy) return call_later(std::move(done), *flight.policy);
        if (why == Why::shared && std::exchange(flight.news, true)) return; // nothing new to wait for
        if (why == Why::query && flight.why != Why::query) flight.again = true;
        flight.add(wants, std::move(done));
        return;
    }
    if (why == Why::query)
        // A flight may have landed while this query was on its way from the front thread to here.
        if (std::optional<Outcome> known = parts_.discovery.known(domain, wants))
            return call_later(std::move(done), *std::move(known));
    const bool memory_left = !parts_.memory_left || parts_.memory_left();
    if (memory_left && aloft_.size() >= max_flights && why == Why::query && standby_.size() < max_standby) {
        standby_.push_back({domain, wants, std::move(done), parts_.clock.steady() + standby_for});
        return;
    }
    if (!memory_left || aloft_.size() >= max_flights)
        return call_later(std::move(done), only(Reason::overloaded));
    auto flight = std::make_shared<Flight>();
    flight->add(wants, std::move(done));
    aloft_.emplace(domain, std::move(flight));
    most_aloft_ = std::max(most_aloft_, aloft_.size());
    try {
        start(domain, why);
    } catch (const std::bad_alloc&) {
        abort(domain);
    }
}

/// Starts flights for queries on standby, as far as there is room. Those whose clients have been answered
/// meanwhile need none.
void Flights::board() {
    while (!standby_.empty()) {
        const bool late = parts_.clock.steady() >= standby_.front().until;
        if (!late && aloft_.size() >= max_flights) return;
        const Standby next = std::move(standby_.front());
        standby_.pop_front();
        if (!late)
            join(next.domain, Why::query, next.wants, next.done);
        else if (next.done)
            next.done(only(Reason::deadline));
    }
}

void Flights::board_later() {
    try {
        asio::post(parts_.executor, [self = self_] {
            if (*self != nullptr) (*self)->board();
        });
    } catch (const std::bad_alloc&) {
        return; // the next flight that lands tries again
    }
}

void Flights::start(const base::Domain& domain, Why why) {
    aloft_.at(domain)->why = why;
    asio::co_spawn(parts_.executor, fly(domain, why), [this, domain](std::exception_ptr thrown) {
        if (thrown) abort(domain); // in a flight only the allocator throws
    });
}

/// Ends a flight because memory ran out. Its waiters must get an outcome, or they and all who join them would
/// wait until their deadlines.
void Flights::abort(const base::Domain& domain) {
    land(domain, only(Reason::overloaded));
    parts_.sink.emit(events::LookupAborted{.domain = domain.name(), .reason = "out of memory"});
}

/// Gives the outcome to those who only want the policy. True: there is a policy, and somebody also wants the
/// DANE verdict.
bool Flights::policy_known(const base::Domain& domain, const Outcome& outcome) {
    const auto aloft = aloft_.find(domain);
    if (aloft == aloft_.end() || !outcome.policy) return false;
    const std::shared_ptr<Flight> flight = aloft->second;
    flight->policy = outcome;
    call_all(std::exchange(flight->for_policy, {}), outcome);
    return flight->dane;
}

/// Lives in a flight's coroutine frame. So the flight also lands when the library destroys the coroutine,
/// because there was no memory to continue it.
class Flights::Landing {
public:
    Landing(Flights& flights, const base::Domain& domain) : self_(flights.self_), domain_(domain) {}
    ~Landing() {
        if (over_ || *self_ == nullptr) return;
        try {
            (*self_)->land(domain_, only(Reason::overloaded));
        } catch (const std::bad_alloc&) {
            return; // the remaining clients are answered at the deadline
        }
    }
    Landing(const Landing&) = delete;
    Landing& operator=(const Landing&) = delete;
    void over() noexcept { over_ = true; }

private:
    std::shared_ptr<Flights*> self_;
    base::Domain domain_;
    bool over_ = false;
};

asio::awaitable<void> Flights::fly(base::Domain domain, Why why) {
    Landing landing(*this, domain);
    Outcome outcome = co_await parts_.discovery.policy(domain, why);
    if (policy_known(domain, outcome)) {
        Outcome with_verdict = co_await parts_.discovery.with_dane(domain, std::move(outcome));
        outcome = std::move(with_verdict);
    }
    landing.over();
    land(domain, outcome);
}

void Flights::take_news(const base::Domain& domain) {
    try {
        join(domain, Why::shared, Wants::dane, [this, domain](const Outcome& outcome) {
            if (outcome.reason == Reason::overloaded) parts_.discovery.drop_news(domain);
        });
    } catch (const std::bad_alloc&) {
        parts_.discovery.drop_news(domain); // learnt later: by the record, or the daily GET
    }
}

void Flights::land(const base::Domain& domain, const Outcome& outcome) {
    auto aloft = aloft_.find(domain);
    if (aloft == aloft_.end()) return;
    // A copy: start() and the waiters may change the map.
    const std::shared_ptr<Flight> flight = aloft->second;
    // A background check that found nothing to do is no answer to a client whose policy expired meanwhile.
    if (flight->again && !outcome.policy && outcome.reason != Reason::overloaded) {
        flight->again = false;
        start(domain, Why::query);
        return;
    }
    aloft_.erase(aloft);
    call_all(flight->for_policy, outcome);
    call_all(flight->for_all, outcome);
    flight->for_all.clear(); // frees what they hold
    if (flight->news) take_news(domain);
    if (on_landing_) on_landing_();
    if (!standby_.empty()) board_later();
    if (!aloft_.empty() || std::exchange(most_aloft_, 0) < burst || !parts_.after_burst) return;
    try {
        // Not at once, because the coroutine that called us would also be freed.
        asio::post(parts_.executor, parts_.after_burst);
    } catch (const std::bad_alloc&) {
        return; // the domain has its outcome; after_burst comes with the next burst
    }
}

} // namespace lookup
