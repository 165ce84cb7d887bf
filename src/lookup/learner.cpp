#include "lookup/learner.hpp"

#include "lookup/load.hpp"
#include "lookup/record_outcome.hpp"
#include "sts/match.hpp"

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
using base::Level;
using base::Reason;

namespace {

cache::DaneVerdict state_of(dane::Advice advice) {
    switch (advice) {
    case dane::Advice::dane_only: return cache::DaneVerdict::dane;
    case dane::Advice::sts: return cache::DaneVerdict::sts;
    case dane::Advice::no_verdict: return cache::DaneVerdict::unknown;
    }
    return cache::DaneVerdict::unknown;
}

/// The store remembers that DANE secures a domain, so that a restart during an outage does not turn it off.
/// The time of the last proof is brought up to date four times a day.
bool worth_storing(const cache::DaneState& before, const cache::DaneState& after) {
    constexpr std::int64_t quarter = 6 * 3600;
    const auto part = [](base::Instant t) { return t.time_since_epoch().count() / quarter; };
    const bool was = before.verdict == cache::DaneVerdict::dane,
               is = after.verdict == cache::DaneVerdict::dane;
    return was != is || (is && part(before.known_at) != part(after.known_at));
}

/// Trouble of this process says nothing about a domain: whoever asks next, asks anew.
bool is_our_own(Reason reason) { return reason == Reason::overloaded || reason == Reason::shutting_down; }

std::string_view word(cache::DaneVerdict verdict) {
    switch (verdict) {
    case cache::DaneVerdict::dane: return "dane-only";
    case cache::DaneVerdict::sts: return "sts";
    case cache::DaneVerdict::unknown: return "unknown";
    }
    return "unknown";
}

} // namespace

Learner::Learner(Parts parts, cache::Tuning tuning)
    : parts_(std::move(parts)), tuning_(tuning), failures_logged_(std::chrono::hours{1}, 10'000),
      refusals_logged_(std::chrono::days{30}, 10'000), aborts_logged_(std::chrono::minutes{1}, 1) {}

void Learner::learn(const base::Domain& domain, Why why, Done done) {
    if (auto aloft = aloft_.find(domain); aloft != aloft_.end()) {
        Flight& flight = *aloft->second;
        if (why == Why::query && flight.why != Why::query) flight.again = true;
        if (done) flight.waiters.push_back(std::move(done));
        return;
    }
    const auto answer = [&](const Outcome& outcome) {
        if (done) asio::post(parts_.executor, [done = std::move(done), outcome] { done(outcome); });
    };
    if (why == Why::query)
        // A flight may have landed while this query was on its way from the front thread to here.
        if (const std::optional<Outcome> known = from_memory(domain)) return answer(*known);
    if (aloft_.size() >= max_flights || (parts_.memory_left && !parts_.memory_left())) {
        Outcome outcome;
        outcome.reason = Reason::overloaded;
        return answer(outcome);
    }
    auto flight = std::make_shared<Flight>();
    if (done) flight->waiters.push_back(std::move(done));
    aloft_.emplace(domain, std::move(flight));
    most_aloft_ = std::max(most_aloft_, aloft_.size());
    try {
        start(domain, why);
    } catch (const std::bad_alloc&) {
        abort(domain);
    }
}

std::optional<Outcome> Learner::from_memory(const base::Domain& domain) const {
    const cache::Known known = parts_.table.find(domain);
    const base::Instant now = parts_.clock.now();
    Outcome outcome;
    outcome.policy = current_policy(known, now);
    if (outcome.policy) {
        const auto& entry = std::get<cache::Entry>(known);
        if (cache::plan(entry, now, tuning_) == cache::Step::resolve)
            return std::nullopt; // DANE is not known yet
        outcome.fetched_at = cache::counted_from(entry);
        outcome.dane = cache::dane_secured(entry, now, tuning_);
        return outcome;
    }
    const auto* absence = std::get_if<cache::Absence>(&known);
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

/// Ends a flight for want of memory. The waiters must hear of it, or they would wait until their deadline,
/// and the next ones with them.
void Learner::abort(const base::Domain& domain) {
    Outcome outcome;
    outcome.reason = Reason::overloaded;
    land(domain, outcome);
    if (aborts_logged_.allow("", parts_.clock.steady()).write)
        parts_.log.write(Level::error, "lookup-aborted",
                         {{"domain", domain.name()}, {"reason", "out of memory"}});
}

asio::awaitable<void> Learner::fly(base::Domain domain, Why why) {
    const Outcome outcome = co_await discover(domain, why);
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
    for (const Done& done : flight->waiters) {
        try {
            done(outcome);
        } catch (const std::bad_alloc&) {
            continue; // that client is answered at its deadline; the others need not wait so long
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
    if (answer)
        txt.ttl = answer->ttl;
    else
        txt.detail = answer.error().detail;
    co_return txt;
}

asio::awaitable<Outcome> Learner::discover(base::Domain domain, Why why) {
    Outcome outcome = co_await learn_policy(domain, why);
    co_return co_await learn_dane(std::move(domain), std::move(outcome));
}

/// RFC 8461 section 2: before Postfix hears `secure`, DANE must be known not to secure the domain.
asio::awaitable<Outcome> Learner::learn_dane(base::Domain domain, Outcome outcome) {
    if (!outcome.policy) co_return outcome;
    cache::Known known = parts_.table.find(domain);
    const auto* in_table = std::get_if<cache::Entry>(&known);
    cache::Entry entry;
    if (in_table) entry = *in_table;
    entry.policy = outcome.policy; // one of max_age 0 is in no table
    if (!cache::dane_due(entry, parts_.clock.now(), tuning_)) {
        outcome.dane = cache::dane_secured(entry, parts_.clock.now(), tuning_);
        co_return outcome;
    }

    const dane::Verdict verdict = co_await parts_.dane.verdict(domain);
    const base::Instant now = parts_.clock.now();
    known = parts_.table.find(domain);
    in_table = std::get_if<cache::Entry>(&known);
    if (in_table) entry.dane = in_table->dane;
    const cache::DaneState before = entry.dane;
    const cache::DaneFinding found{state_of(verdict.advice), verdict.on_failures, verdict.ttl};
    entry.dane = cache::after_dane_lookup(before, found, now, tuning_);
    outcome.dane = cache::dane_secured(entry, now, tuning_);
    warn_of_refused_hosts(domain, entry, verdict);
    if (!in_table) co_return outcome;
    log_dane(domain, before, entry.dane, verdict);
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
    Next next = after_txt(known, txt, why, parts_.clock.now(), tuning_);
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
    parts_.table.update(domain, [&](cache::Entry& entry) {
        entry.txt_checked = parts_.clock.now();
        entry.txt_ttl = txt.ttl.value_or(base::seconds{0});
    });
    Outcome outcome = keep(domain, reason);
    outcome.detail = std::move(txt.detail);
    co_return outcome;
}

asio::awaitable<Outcome> Learner::get(base::Domain domain, std::string id, TxtOutcome txt) {
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
    Outcome outcome;
    outcome.policy = entry.policy;
    outcome.fetched = true;
    outcome.fetched_at = entry.fetched_at;
    if (entry.policy->policy.max_age.count() == 0) {
        // RFC 8461 section 5.1: usable at the moment of the fetch, not afterwards. Nothing is kept but the
        // GET's time.
        log_policy(domain, parts_.table.find(domain), entry);
        parts_.store.forget(domain);
        parts_.table.erase(domain);
        cache::Absence spent;
        spent.until = entry.fetched_at;
        spent.gets = entry.gets;
        parts_.table.put(domain, std::move(spent));
        co_return outcome;
    }

    cache::Row stored = row(domain, entry);
    co_await commit(std::move(stored));

    const cache::Known before = parts_.table.find(domain);
    log_policy(domain, before, entry);
    const bool had_policy = std::holds_alternative<cache::Entry>(before);
    if (auto evicted = parts_.table.put(domain, std::move(entry), parts_.clock.now())) {
        parts_.log.write(Level::warning, "policy-evicted",
                         {{"domain", evicted->name()}, {"for", domain.name()}});
        parts_.store.forget(*evicted);
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
    if (outcome.policy) outcome.fetched_at = cache::counted_from(std::get<cache::Entry>(known));
    return outcome;
}

Outcome Learner::give(const base::Domain& domain, Reason reason, const TxtOutcome& txt) {
    const cache::Known known = parts_.table.find(domain);
    const base::Instant now = parts_.clock.now();
    if (const auto* entry = std::get_if<cache::Entry>(&known)) forget(domain, *entry);
    if (!is_our_own(reason)) parts_.table.put(domain, absent(attempts(known), reason, txt, now, tuning_));
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
    const cache::Attempts gets = ours ? attempts(known) : failed_get(attempts(known), id, reason, now);
    const cache::PolicyPtr current = current_policy(known, now);
    log_failure(domain, reason, detail, current && current->policy.mode == sts::Mode::enforce,
                cache::backoff(gets.failures, tuning_));
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
    if (const auto* entry = std::get_if<cache::Entry>(&known)) forget(domain, *entry);
    if (!ours) parts_.table.put(domain, absent(gets, reason, txt, now, tuning_));
    Outcome outcome;
    outcome.reason = reason;
    outcome.detail = detail;
    return outcome;
}

void Learner::forget(const base::Domain& domain, const cache::Entry& entry) {
    const sts::Mode mode = entry.policy->policy.mode;
    parts_.log.write(
        Level::info, "policy-expired",
        {{"domain", domain.name()},
         {"mode", sts::to_string(mode)},
         {"fetched_at", entry.fetched_at.time_since_epoch().count()},
         {"reason", base::to_string(entry.gets.failures > 0 ? entry.gets.reason : Reason::none)}});
    parts_.store.forget(domain);
    parts_.table.erase(domain);
    if (entry.gets.failures == 0) return;
    cache::Absence remembered; // believed no more, but the back-off towards the policy host goes on
    remembered.reason = entry.gets.reason;
    remembered.until = parts_.clock.now();
    remembered.gets = entry.gets;
    parts_.table.put(domain, std::move(remembered));
}

void Learner::log_policy(const base::Domain& domain, const cache::Known& before, const cache::Entry& after) {
    const auto* old = std::get_if<cache::Entry>(&before);
    const sts::Policy& policy = after.policy->policy;
    const std::string_view mode = sts::to_string(policy.mode);
    const std::int64_t max_age = policy.max_age.count();
    switch (change(old ? old->policy : nullptr, after.policy)) {
    case Change::learnt:
        parts_.log.write(Level::info, "policy-learnt",
                         {{"domain", domain.name()},
                          {"mode", mode},
                          {"mx", policy.mx.size()},
                          {"max_age", max_age},
                          {"id", after.txt_id}});
        break;
    case Change::refreshed:
        parts_.log.write(
            Level::info, "policy-refreshed",
            {{"domain", domain.name()}, {"mode", mode}, {"max_age", max_age}, {"id", after.txt_id}});
        break;
    case Change::changed:
    case Change::weakened: {
        const bool weaker =
            old->policy->policy.mode == sts::Mode::enforce && policy.mode != sts::Mode::enforce;
        parts_.log.write(weaker ? Level::warning : Level::info, "policy-changed",
                         {{"domain", domain.name()},
                          {"mode", mode},
                          {"mode_before", sts::to_string(old->policy->policy.mode)},
                          {"mx", policy.mx.size()},
                          {"max_age", max_age},
                          {"id", after.txt_id},
                          {"id_before", old->txt_id}});
        break;
    }
    }
}

void Learner::log_dane(const base::Domain& domain, const cache::DaneState& before,
                       const cache::DaneState& after, const dane::Verdict& verdict) {
    Level level = Level::debug;
    if (after.verdict != before.verdict) {
        // Losing DANE deserves a look; that a domain has none, seen for the first time, is the usual case.
        if (after.verdict == cache::DaneVerdict::dane)
            level = Level::info;
        else if (before.verdict == cache::DaneVerdict::dane)
            level = Level::warning;
    }
    parts_.log.write(level, level == Level::debug ? "dane-checked" : "dane-changed",
                     {{"domain", domain.name()},
                      {"verdict", word(after.verdict)},
                      {"before", word(before.verdict)},
                      {"detail", verdict.why},
                      {"ttl", verdict.ttl.count()}});
}

/// An enforced policy that admits none of the MX hosts: all mail to the domain will be deferred, and it is
/// not our doing.
void Learner::warn_of_refused_hosts(const base::Domain& domain, const cache::Entry& entry,
                                    const dane::Verdict& verdict) {
    if (verdict.mx_hosts.empty()) return;
    std::string hosts;
    for (const std::string& host : verdict.mx_hosts) {
        if (sts::admits(entry.policy->policy, host)) return;
        hosts += (hosts.empty() ? "" : ",") + host;
    }
    const auto allowed =
        refusals_logged_.allow(domain.name() + " " + entry.txt_id + " " + hosts, parts_.clock.steady());
    if (!allowed.write) return;
    parts_.log.write(Level::warning, "policy-admits-no-mx",
                     {{"domain", domain.name()}, {"id", entry.txt_id}, {"mx_hosts", hosts}});
}

void Learner::log_failure(const base::Domain& domain, Reason reason, std::string_view detail,
                          bool kept_enforce, base::seconds next_try) {
    // Failures come five minutes to an hour apart; once an hour and domain says it all.
    const auto allowed = failures_logged_.allow(domain.name(), parts_.clock.steady());
    if (!allowed.write) return;
    parts_.log.write(kept_enforce ? Level::warning : Level::info, "policy-failed",
                     {{"domain", domain.name()},
                      {"reason", base::to_string(reason)},
                      {"detail", detail},
                      {"kept", kept_enforce ? "enforce" : "no enforce policy"},
                      {"next_try_s", next_try.count()},
                      {"repeated", allowed.suppressed_since}});
}

} // namespace lookup
