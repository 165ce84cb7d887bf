#include "lookup/learner.hpp"

#include "lookup/learnt_events.hpp"
#include "lookup/load.hpp"
#include "lookup/record_outcome.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

namespace lookup {

namespace asio = boost::asio;
using base::Reason;

namespace {

/// The store remembers that DANE secures a domain, so that a restart during an outage does not turn it off.
/// The time of the last proof is brought up to date four times a day.
/// The first failure after it is too: a restart must not give it another day.
bool worth_storing(const dane::State& before, const dane::State& after) {
    constexpr std::int64_t quarter = 6 * 3600;
    const auto part = [](base::Instant t) { return t.time_since_epoch().count() / quarter; };
    const auto failing = [](const dane::State& s) { return s.failed_since != base::Instant{}; };
    const bool was = before.advice == dane::Advice::dane_only, is = after.advice == dane::Advice::dane_only;
    return was != is ||
           (is && (part(before.known_at) != part(after.known_at) || failing(before) != failing(after)));
}

/// Trouble of this process says nothing about a domain: whoever asks next, asks again.
bool is_our_own(Reason reason) { return reason == Reason::overloaded || reason == Reason::shutting_down; }

} // namespace

Learner::Learner(Parts parts, cache::Tuning tuning)
    : parts_(std::move(parts)), tuning_(tuning), begun_(parts_.clock.steady()),
      hops_({parts_.executor, parts_.dane, parts_.table, parts_.clock, parts_.sink,
             [this](const base::Domain& domain, Why why, Done done) {
                 learn(domain, why, std::move(done), Wants::policy);
             }},
            tuning_) {}

/// Somebody who waits for this flight.
void Learner::Flight::want(Wants wants, Done done) {
    if (wants == Wants::dane) dane = true;
    if (done) (wants == Wants::dane ? waiters : for_policy).push_back(std::move(done));
}

void Learner::tell(const std::vector<Done>& waiters, const Outcome& outcome) {
    for (const Done& done : waiters) {
        try {
            done(outcome);
        } catch (const std::bad_alloc&) {
            continue; // that client is answered at its deadline; the others need not wait so long
        }
    }
}

void Learner::learn(const postfix::NextHop& hop, Why why, Done done) {
    if (hop.usual()) return learn(hop.host, why, std::move(done));
    hops_.learn(hop, why, std::move(done));
}

void Learner::learn(const base::Domain& domain, Why why, Done done, Wants wants) {
    if (auto aloft = aloft_.find(domain); aloft != aloft_.end()) {
        Flight& flight = *aloft->second;
        if (wants == Wants::policy && flight.policy) {
            asio::post(parts_.executor, [done = std::move(done), known = *flight.policy] { done(known); });
            return;
        }
        if (why == Why::query && flight.why != Why::query) flight.again = true;
        flight.want(wants, std::move(done));
        return;
    }
    const auto answer = [&](const Outcome& outcome) {
        if (done) asio::post(parts_.executor, [done = std::move(done), outcome] { done(outcome); });
    };
    if (why == Why::query)
        // A flight may have landed while this query was on its way from the front thread to here.
        if (const std::optional<Outcome> known = from_memory(domain, wants)) return answer(*known);
    const bool memory_left = !parts_.memory_left || parts_.memory_left();
    if (memory_left && aloft_.size() >= max_flights && why == Why::query && standby_.size() < max_standby) {
        standby_.push_back({domain, wants, std::move(done), parts_.clock.steady() + standby_for});
        return;
    }
    if (!memory_left || aloft_.size() >= max_flights) {
        Outcome outcome;
        outcome.reason = Reason::overloaded;
        return answer(outcome);
    }
    auto flight = std::make_shared<Flight>();
    flight->want(wants, std::move(done));
    aloft_.emplace(domain, std::move(flight));
    most_aloft_ = std::max(most_aloft_, aloft_.size());
    try {
        start(domain, why);
    } catch (const std::bad_alloc&) {
        abort(domain);
    }
}

/// Gives places that have become free to queries that wait for one. Those whose clients have been answered
/// meanwhile need none.
void Learner::board() {
    while (!standby_.empty()) {
        const bool late = parts_.clock.steady() >= standby_.front().until;
        if (!late && aloft_.size() >= max_flights) return;
        const Standby next = std::move(standby_.front());
        standby_.pop_front();
        if (!late) {
            learn(next.domain, Why::query, next.done, next.wants);
        } else if (next.done) {
            Outcome outcome;
            outcome.reason = Reason::deadline;
            next.done(outcome);
        }
    }
}

std::optional<Outcome> Learner::from_memory(const base::Domain& domain, Wants wants) const {
    const cache::Known known = parts_.table.find(domain);
    const base::Instant now = parts_.clock.now();
    Outcome outcome;
    outcome.policy = current_policy(known, now);
    if (outcome.policy) {
        const auto& entry = std::get<cache::Entry>(known);
        if (wants == Wants::dane && cache::plan(entry, now, tuning_) == cache::Step::resolve)
            return std::nullopt; // DANE is not known yet
        outcome.fetched_at = cache::counted_from(entry);
        outcome.expires_at = cache::expires_at(entry, now);
        outcome.dane = entry.dane;
        return outcome;
    }
    const std::optional<cache::Absence> absence = parts_.table.absence(domain);
    if (!absence || cache::plan(*absence, now, tuning_) == cache::Step::resolve) return std::nullopt;
    outcome.reason = absence->reason;
    return outcome;
}

void Learner::start(const base::Domain& domain, Why why) {
    aloft_.at(domain)->why = why;
    asio::co_spawn(parts_.executor, fly(domain, why), [this, domain](std::exception_ptr thrown) {
        if (thrown) abort(domain); // nothing in a flight throws but the allocator
    });
}

/// Ends a flight when memory ran out. The waiters must hear of it, or they would wait until their deadline,
/// and the next ones with them.
void Learner::abort(const base::Domain& domain) {
    Outcome outcome;
    outcome.reason = Reason::overloaded;
    land(domain, outcome);
    parts_.sink.emit(events::LookupAborted{.domain = domain.name(), .reason = "out of memory"});
}

/// Tells those who want no more than the policy. False: nobody wants more, or it was not what they want.
bool Learner::policy_known(const base::Domain& domain, const Outcome& outcome) {
    const auto aloft = aloft_.find(domain);
    if (aloft == aloft_.end() || !outcome.policy) return false;
    const std::shared_ptr<Flight> flight = aloft->second;
    flight->policy = outcome;
    tell(std::exchange(flight->for_policy, {}), outcome);
    return flight->dane;
}

/// In a flight's frame: where the library drops a coroutine, as it does when there is no memory to go on with
/// it, the waiters hear of it all the same.
class Learner::Landing {
public:
    Landing(Learner& learner, const base::Domain& domain) : self_(learner.self_), domain_(domain) {}
    ~Landing() {
        if (over_ || *self_ == nullptr) return;
        Outcome dropped;
        dropped.reason = Reason::overloaded;
        try {
            (*self_)->land(domain_, dropped);
        } catch (const std::bad_alloc&) {
            return; // whoever is left is answered at the deadline
        }
    }
    Landing(const Landing&) = delete;
    Landing& operator=(const Landing&) = delete;
    void over() noexcept { over_ = true; }

private:
    std::shared_ptr<Learner*> self_;
    base::Domain domain_;
    bool over_ = false;
};

asio::awaitable<void> Learner::fly(base::Domain domain, Why why) {
    Landing landing(*this, domain);
    const Outcome outcome = co_await discover(domain, why);
    landing.over();
    land(domain, outcome);
}

void Learner::land(const base::Domain& domain, const Outcome& outcome) {
    auto aloft = aloft_.find(domain);
    if (aloft == aloft_.end()) return;
    const std::shared_ptr<Flight> flight =
        aloft->second; // a copy: start() and the waiters may change the map
    // A background check that found nothing to do is no answer to a client whose policy expired meanwhile.
    if (flight->again && !outcome.policy && outcome.reason != Reason::overloaded) {
        flight->again = false;
        start(domain, Why::query);
        return;
    }
    aloft_.erase(aloft);
    tell(flight->for_policy, outcome);
    tell(flight->waiters, outcome);
    flight->waiters.clear(); // and with them what they hold
    if (on_landing_) on_landing_();
    if (!standby_.empty()) {
        try {
            asio::post(parts_.executor, [self = self_] {
                if (*self != nullptr) (*self)->board();
            });
        } catch (const std::bad_alloc&) {
            return; // with the next one that lands
        }
    }
    if (!aloft_.empty() || std::exchange(most_aloft_, 0) < burst || !parts_.after_burst) return;
    try {
        // Not at once: the coroutine that brought us here is part of it.
        asio::post(parts_.executor, parts_.after_burst);
    } catch (const std::bad_alloc&) {
        return; // the domain has its outcome; the end of the next burst will do
    }
}

asio::awaitable<TxtOutcome> Learner::ask_txt(base::Domain domain) {
    const dns::Result answer =
        co_await parts_.resolver.resolve(domain.record_name(), dns::Type::txt, dns::Purpose::policy);
    TxtOutcome txt{record_outcome(answer), std::nullopt, {}};
    if (!answer) {
        txt.detail = answer.error().detail;
        co_return txt;
    }
    txt.ttl = answer->ttl;
    if (!txt.id) txt.detail = unusable_records(answer->records);
    co_return txt;
}

asio::awaitable<Outcome> Learner::discover(base::Domain domain, Why why) {
    Outcome outcome = co_await learn_policy(domain, why);
    if (!policy_known(domain, outcome)) co_return outcome;
    co_return co_await learn_dane(std::move(domain), std::move(outcome));
}

/// RFC 8461 section 2: before Postfix hears `secure`, DANE must be known not to secure the domain.
asio::awaitable<Outcome> Learner::learn_dane(base::Domain domain, Outcome outcome) {
    if (!outcome.policy) co_return outcome;
    cache::Known known = parts_.table.find(domain);
    const auto* in_table = std::get_if<cache::Entry>(&known);
    cache::Entry entry;
    entry.dane = outcome.dane;
    if (in_table) entry = *in_table;
    entry.policy = outcome.policy; // one of max_age 0 is in no table
    outcome.dane = entry.dane;
    if (!cache::dane_due(entry, parts_.clock.now(), tuning_)) co_return outcome;

    const dane::Verdict verdict = co_await parts_.dane.verdict(domain);
    const base::Instant now = parts_.clock.now();
    known = parts_.table.find(domain);
    in_table = std::get_if<cache::Entry>(&known);
    if (in_table) entry.dane = in_table->dane;
    const dane::State before = entry.dane;
    entry.dane = dane::after_lookup(before, verdict, now, tuning_.dane);
    outcome.dane = entry.dane;
    emit_refused_hosts(parts_.sink, domain, entry, verdict);
    if (!in_table) co_return outcome;
    emit_dane(parts_.sink, domain, before, entry.dane, verdict);
    if (worth_storing(before, entry.dane)) {
        cache::Entry changed = *in_table;
        changed.dane = entry.dane;
        cache::Row stored = row(domain, changed);
        co_await commit(std::move(stored));
    }
    parts_.table.update(domain, [&](cache::Entry& e) { e.dane = entry.dane; });
    co_return outcome;
}

asio::awaitable<Outcome> Learner::learn_policy(base::Domain domain, Why why) {
    TxtOutcome txt = co_await ask_txt(domain);
    const cache::Known known = parts_.table.find(domain);
    const base::seconds wait = get_wait(domain);
    Next next = after_txt(known, txt, why, parts_.clock.now(), wait == base::seconds{0}, tuning_);
    if (auto* fetch = std::get_if<Get>(&next)) {
        std::string id = std::move(fetch->id);
        co_return co_await get(std::move(domain), std::move(id), std::move(txt));
    }
    if (const auto* given = std::get_if<Give>(&next)) {
        Outcome outcome = give(domain, given->reason, txt);
        outcome.detail = std::move(txt.detail);
        co_return outcome;
    }
    const Reason reason = txt.id ? Reason::none : txt.id.error();
    parts_.table.update(
        domain, [&](cache::Entry& entry) { note_look(entry, txt, parts_.clock.now(), wait, tuning_); });
    Outcome outcome = keep(domain, reason);
    if (!txt.id && !is_our_own(reason)) {
        const base::seconds later =
            std::clamp(txt.ttl.value_or(base::seconds{0}), tuning_.txt_check_min, tuning_.txt_check_max);
        emit_failure(parts_.sink, domain, reason, txt.detail, outcome.policy, later);
    }
    outcome.detail = std::move(txt.detail);
    co_return outcome;
}

asio::awaitable<Outcome> Learner::get(base::Domain domain, std::string id, TxtOutcome txt) {
    gets_.note(domain, parts_.clock.steady());
    const base::Expected<std::string, fetch::Failure> body =
        co_await parts_.fetcher.get(domain.policy_host());
    if (!body) co_return failed(domain, id, body.error().reason, body.error().detail, txt);
    const base::Expected<cache::PolicyPtr, sts::PolicyError> policy = parts_.table.intern(*body);
    if (!policy) {
        std::string detail{policy.error().problem};
        if (policy.error().line > 0) detail += " (line " + std::to_string(policy.error().line) + ")";
        co_return failed(domain, id, policy.error().reason, detail, txt);
    }

    cache::Entry entry = fetched(parts_.table.find(domain), *policy, std::move(id), txt, parts_.clock.now());
    // A clock that is wrong for this moment alone is seen to be so by this.
    (void)clock_trust();
    trust_.note_fetched(entry.fetched_at);
    Outcome outcome;
    outcome.policy = entry.policy;
    outcome.fetched = true;
    outcome.fetched_at = entry.fetched_at;
    outcome.expires_at = cache::expires_at(entry, parts_.clock.now());
    outcome.dane = entry.dane;
    if (entry.policy->policy.max_age.count() == 0) {
        // RFC 8461 section 5.1: usable at the moment of the fetch, not afterwards. It takes the place of
        // whatever there was, expired or not.
        emit_policy(parts_.sink, domain, parts_.table.find(domain), entry);
        parts_.table.erase(domain);
        parts_.store.forget(domain, std::nullopt);
        parts_.table.put(domain, spent(entry, get_wait(domain)));
        co_return outcome;
    }

    cache::Row stored = row(domain, entry);
    co_await commit(std::move(stored));

    const cache::Known before = parts_.table.find(domain);
    emit_policy(parts_.sink, domain, before, entry);
    const bool had_policy = std::holds_alternative<cache::Entry>(before);
    if (auto evicted = parts_.table.put(domain, std::move(entry), parts_.clock.now())) {
        parts_.sink.emit(events::PolicyEvicted{.domain = evicted->domain.name(), .newcomer = domain.name()});
        parts_.store.forget(evicted->domain, evicted->fetched_at);
    }
    if (!had_policy && on_new_policy_) on_new_policy_(domain);
    co_return outcome;
}

/// Waits until the row is on the disk, but no longer than commit_patience. The result says which it was.
asio::awaitable<bool> Learner::commit(cache::Row row) {
    auto initiate = [this, row = std::move(row)](auto handler) mutable {
        using Handler = decltype(handler);
        // Whoever comes first, the store or the timer, completes; the other finds nothing left to do.
        struct Once {
            std::optional<Handler> handler;
            base::Timers::Id timer = 0;
        };
        auto once = std::make_shared<Once>();
        once->handler.emplace(std::move(handler));
        auto complete = [once](bool durable) {
            if (!once->handler) return;
            Handler waiting = std::move(*once->handler);
            once->handler.reset();
            std::move(waiting)(durable);
        };
        once->timer = parts_.timers.after(commit_patience, [complete] { complete(false); });
        parts_.store.save(std::move(row), [this, once, complete](bool durable) {
            asio::post(parts_.executor, [this, once, complete, durable] {
                parts_.timers.cancel(once->timer);
                complete(durable);
            });
        });
    };
    auto committed = asio::async_initiate<const asio::use_awaitable_t<>, void(bool)>(std::move(initiate),
                                                                                     asio::use_awaitable);
    const bool durable = co_await std::move(committed);
    co_return durable;
}

Outcome Learner::keep(const base::Domain& domain, Reason reason) {
    const cache::Known known = parts_.table.find(domain);
    Outcome outcome;
    outcome.reason = reason;
    outcome.policy = current_policy(known, parts_.clock.now());
    if (outcome.policy) {
        const auto& entry = std::get<cache::Entry>(known);
        outcome.fetched_at = cache::counted_from(entry);
        outcome.expires_at = cache::expires_at(entry, parts_.clock.now());
        outcome.dane = entry.dane;
    }
    return outcome;
}

Outcome Learner::give(const base::Domain& domain, Reason reason, const TxtOutcome& txt) {
    const cache::Known known = parts_.table.find(domain);
    const base::Instant now = parts_.clock.now();
    if (const auto* entry = std::get_if<cache::Entry>(&known)) (void)forget(domain, *entry);
    if (!is_our_own(reason))
        parts_.table.put(domain, absent(attempts(known), reason, txt, now, get_wait(domain), tuning_));
    Outcome outcome;
    outcome.reason = reason;
    return outcome;
}

Outcome Learner::failed(const base::Domain& domain, const std::string& id, Reason reason,
                        std::string_view detail, const TxtOutcome& txt) {
    const cache::Known known = parts_.table.find(domain);
    const base::Instant now = parts_.clock.now();
    // Our own trouble is no failure of the policy host, starts no back-off and is not remembered.
    const bool ours = is_our_own(reason);
    if (ours) gets_.take_back(domain);
    const cache::Attempts gets = ours ? attempts(known) : failed_get(attempts(known), id, reason, now);
    const cache::PolicyPtr current = current_policy(known, now);
    emit_failure(parts_.sink, domain, reason, detail, current, cache::backoff(gets.failures, tuning_));
    if (current) {
        // RFC 8461 section 3.3: the cached policy must go on being applied.
        parts_.table.update(domain, [&](cache::Entry& entry) {
            entry.gets = gets;
            entry.txt_checked = now;
            entry.txt_ttl = txt.ttl.value_or(base::seconds{0});
        });
        Outcome kept = keep(domain, reason);
        kept.detail = detail;
        return kept;
    }
    if (const auto* entry = std::get_if<cache::Entry>(&known); entry && !forget(domain, *entry))
        parts_.table.update(domain, [&](cache::Entry& kept) { kept.gets = gets; });
    if (!ours) parts_.table.put(domain, absent(gets, reason, txt, now, get_wait(domain), tuning_));
    Outcome outcome;
    outcome.reason = reason;
    outcome.detail = detail;
    return outcome;
}

const cache::ClockTrust& Learner::clock_trust() {
    trust_.sample(parts_.clock.now(), parts_.clock.steady());
    return trust_;
}

base::seconds Learner::running() const {
    return ran_before_ + std::chrono::floor<base::seconds>(parts_.clock.steady() - begun_);
}

void Learner::loaded(const cache::Row& row) {
    const auto ago = parts_.clock.now() - row.fetched_at;
    if (ago > -GetLimit::spacing && ago < GetLimit::spacing)
        gets_.note(row.domain, parts_.clock.steady() - std::max(ago, base::seconds{0}));
}

bool Learner::forget(const base::Domain& domain, const cache::Entry& entry) {
    const base::seconds ran = std::max(running(), base::seconds{1});
    const bool trusted = clock_trust().trusted(parts_.clock.now(), parts_.clock.steady());
    const bool kept_long = entry.over_since != base::seconds{0} && entry.over_since <= ran &&
                           ran - entry.over_since >= tuning_.keep_expired;
    if (!trusted && !kept_long) {
        if (entry.over_since == base::seconds{0} || entry.over_since > ran)
            parts_.table.update(domain, [&](cache::Entry& kept) { kept.over_since = ran; });
        return false;
    }
    emit_expired(parts_.sink, domain, entry);
    parts_.table.erase(domain, entry.fetched_at);
    parts_.store.forget(domain, entry.fetched_at);
    if (entry.gets.failures == 0) return true;
    cache::Absence remembered; // believed no more, but the back-off towards the policy host goes on
    remembered.reason = entry.gets.reason;
    remembered.since = remembered.until = parts_.clock.now();
    remembered.gets = entry.gets;
    parts_.table.put(domain, std::move(remembered));
    return true;
}

} // namespace lookup
