#include "lookup/discovery.hpp"

#include "lookup/commit.hpp"
#include "lookup/learnt_events.hpp"
#include "lookup/load.hpp"
#include "lookup/record_outcome.hpp"

#include <algorithm>
#include <utility>

namespace lookup {

namespace asio = boost::asio;
using base::Reason;

Discovery::Discovery(Parts parts, const cache::Tuning& tuning) : parts_(std::move(parts)), tuning_(tuning) {
    if (parts_.shared != nullptr) shared_.emplace(*parts_.shared, parts_.timers);
}

std::optional<Outcome> Discovery::known(const base::Domain& domain, Wants wants) const {
    const cache::Knowledge known = parts_.table.find(domain);
    const base::Instant now = parts_.clock.now();
    if (current_policy(known, now)) return known_policy(known, wants, now, tuning_);
    const std::optional<cache::Absence> absence = parts_.table.absence(domain);
    return absence ? known_absence(*absence, now, tuning_) : std::nullopt;
}

asio::awaitable<TxtOutcome> Discovery::ask_txt(base::Domain domain) {
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

asio::awaitable<Outcome> Discovery::policy(base::Domain domain, Why why) {
    if (why == Why::shared) {
        Outcome taken = co_await offered(std::move(domain));
        co_return taken;
    }
    SharedLookup::Asked asked;
    if (shared_ && ask_beside(parts_.table.find(domain), why, parts_.clock.now()))
        asked = shared_->ask(domain);
    TxtOutcome txt = co_await ask_txt(domain);
    std::optional<SharedTurn::Look> looked;
    if (asked) {
        cache::Shared::Found found = co_await shared_->answer(std::move(asked));
        auto [look, value] = judge(domain, std::move(found), txt);
        if (value) {
            Outcome adopted = co_await adopt(std::move(domain), *std::move(value), std::move(txt));
            co_return adopted;
        }
        looked = look;
    }
    const cache::Knowledge known = parts_.table.find(domain);
    note_record(domain, known, txt);
    const base::seconds wait = get_wait(domain);
    Next next = after_txt(known, txt, why, parts_.clock.now(), wait == base::seconds{0}, tuning_);
    if (auto* fetch = std::get_if<Get>(&next)) {
        std::string id = std::move(fetch->id);
        if (shared_ && why != Why::by_hand)
            co_return co_await get_in_turn(std::move(domain), why, std::move(id), std::move(txt), looked);
        co_return co_await get(std::move(domain), std::move(id), std::move(txt));
    }
    if (const auto* none = std::get_if<NoPolicy>(&next))
        co_return no_policy(domain, none->reason, std::move(txt));
    co_return unchanged(domain, std::move(txt), wait);
}

/// The record of a domain with a policy in use has gone, or has come back.
void Discovery::note_record(const base::Domain& domain, const cache::Knowledge& known,
                            const TxtOutcome& txt) {
    const std::optional<bool> gone = record_is_gone(txt);
    if (!gone || !current_policy(known, parts_.clock.now())) return;
    const auto& entry = std::get<cache::Entry>(known);
    if (entry.record_gone == *gone) return;
    parts_.table.update(domain, [gone](cache::Entry& changed) { changed.record_gone = *gone; });
    if (*gone) emit_vanished(parts_.sink, domain, entry, txt, parts_.clock.now());
}

asio::awaitable<Outcome> Discovery::get(base::Domain domain, std::string id, TxtOutcome txt) {
    gets_.note(domain, parts_.clock.steady());
    const base::Steady begun = parts_.clock.steady();
    const fetch::Result got = co_await parts_.fetcher.get(domain.policy_host());
    counts_.fetch_took.observe(parts_.clock.steady() - begun);
    if (!got) counts_.fetches.of(got.error().reason).add();
    if (!got) co_return failed(domain, id, got.error().reason, got.error().detail, txt);
    const base::Expected<cache::PolicyPtr, sts::PolicyError> policy = parts_.table.intern(got->body);
    counts_.fetches.of(policy ? Reason::none : policy.error().reason).add();
    if (!policy) co_return failed(domain, id, policy.error().reason, describe(policy.error()), txt);
    parts_.sink.emit(events::PolicySource{.domain = domain.name(),
                                          .address = got->how.address,
                                          .tls = got->how.tls,
                                          .issuer = got->how.issuer,
                                          .certificate_ends = got->how.certificate_ends});

    cache::Entry entry = fetched(parts_.table.find(domain), *policy, std::move(id), txt, parts_.clock.now());
    parts_.expiry.note_fetched(entry.fetched_at);
    Outcome outcome = fetched_outcome(entry, parts_.clock.now());
    if (entry.policy->policy.max_age.count() == 0) {
        withdraw(domain, entry);
        co_return outcome;
    }

    if (shared_)
        shared_->offer(domain, {.policy_text = entry.policy->text,
                                .txt_id = entry.txt_id,
                                .fetched_at = entry.fetched_at,
                                .host = {}});
    auto committed = commit(parts_.executor, parts_.timers, parts_.store, row(domain, entry));
    co_await std::move(committed);

    show(domain, std::move(entry));
    co_return outcome;
}

/// A GET is due. Another host of the fleet may have made it, or be about to.
asio::awaitable<Outcome> Discovery::get_in_turn(base::Domain domain, Why why, std::string id, TxtOutcome txt,
                                                std::optional<SharedTurn::Look> looked) {
    using Step = SharedTurn::Step;
    const auto steady = [this] { return parts_.clock.steady(); };
    const cache::Lease lease = lease_for(parts_.table.find(domain), why, id, parts_.clock.now());
    SharedTurn turn(lease, lease != cache::Lease::refresh || !lost_.enough(domain, steady()));
    std::optional<Value> value;
    Step step = looked ? turn.looked(*looked, steady()) : Step::find;
    while (step != Step::get) {
        if (step == Step::take) {
            Outcome taken = co_await adopt(std::move(domain), *std::move(value), std::move(txt));
            co_return taken;
        }
        if (step == Step::leave) co_return left(domain, std::move(txt));
        if (step == Step::find) {
            SharedLookup::Asked asked = shared_->ask(domain);
            cache::Shared::Found found = co_await shared_->answer(std::move(asked));
            auto [look, judged] = judge(domain, std::move(found), txt);
            value = std::move(judged);
            step = turn.looked(look, steady());
        } else if (step == Step::lease) {
            const cache::Shared::Leased leased = co_await shared_->lease(domain, lease);
            const auto won = !leased   ? SharedTurn::Won::trouble
                             : *leased ? SharedTurn::Won::yes
                                       : SharedTurn::Won::no;
            step = turn.asked(won, steady());
        } else {
            const auto left_over = std::chrono::ceil<base::milliseconds>(turn.until() - steady());
            const base::milliseconds longest = std::max(left_over, base::milliseconds{0});
            std::optional<SharedLookup::News> news = co_await shared_->news(domain, longest);
            if (news && news->policy) value = judge(domain, *std::move(news->policy), &txt);
            step = !news          ? turn.waited(steady())
                   : value        ? turn.heard(SharedTurn::News::fits)
                   : news->policy ? turn.heard(SharedTurn::News::other)
                                  : turn.heard(SharedTurn::News::look);
        }
    }
    if (turn.lost()) shared_->waited_in_vain();
    co_return co_await get(std::move(domain), std::move(id), std::move(txt));
}

/// Another host refreshes the policy at hand.
Outcome Discovery::left(const base::Domain& domain, TxtOutcome txt) {
    lost_.note(domain, parts_.clock.steady());
    Outcome outcome = unchanged(domain, std::move(txt), get_wait(domain));
    outcome.elsewhere = true;
    return outcome;
}

bool Discovery::heard(const base::Domain& domain, SharedLookup::News news) {
    if (shared_->wake(domain, news)) return false;
    const cache::Knowledge known = parts_.table.find(domain);
    if (std::holds_alternative<std::monostate>(known)) return false;
    // Most of the news that this host cannot use are its own.
    if (news.policy && worth_parsing(*news.policy, known, nullptr, parts_.clock.now()) != Worth::take)
        return false;
    shared_->keep(domain, std::move(news));
    return true;
}

/// Takes what another host has offered.
asio::awaitable<Outcome> Discovery::offered(base::Domain domain) {
    std::optional<cache::SharedPolicy> found = shared_->take_kept(domain);
    if (!found) {
        SharedLookup::Asked asked = shared_->ask(domain);
        cache::Shared::Found answer = co_await shared_->answer(std::move(asked));
        if (answer) found = *std::move(answer);
    }
    std::optional<Value> value;
    if (found) value = judge(domain, *std::move(found), nullptr);
    if (value) {
        Outcome adopted = co_await adopt(std::move(domain), *std::move(value), std::nullopt);
        co_return adopted;
    }
    co_return kept(parts_.table.find(domain), Reason::none, parts_.clock.now());
}

/// The value, if it is worth taking.
std::optional<Discovery::Value> Discovery::judge(const base::Domain& domain, cache::SharedPolicy found,
                                                 const TxtOutcome* txt) {
    const base::Instant now = parts_.clock.now();
    Worth worth = worth_parsing(found, parts_.table.find(domain), txt, now);
    cache::PolicyPtr policy;
    if (worth == Worth::take) {
        if (const auto parsed = parts_.table.intern(found.policy_text)) policy = *parsed;
        worth = policy ? worth_taking(found, policy->policy, now) : Worth::unreadable;
    }
    shared_->judged(worth);
    if (worth != Worth::take) return std::nullopt;
    return Value{std::move(found), std::move(policy)};
}

std::pair<SharedTurn::Look, std::optional<Discovery::Value>>
Discovery::judge(const base::Domain& domain, cache::Shared::Found found, const TxtOutcome& txt) {
    // Who is stopping begins nothing.
    const bool stopping = !txt.id && txt.id.error() == Reason::shutting_down;
    if (!found || stopping) return {SharedTurn::Look::trouble, std::nullopt};
    std::optional<Value> value;
    if (*found) value = judge(domain, **std::move(found), &txt);
    return {value ? SharedTurn::Look::fits : SharedTurn::Look::nothing, std::move(value)};
}

/// Keeps a policy that another host has fetched.
asio::awaitable<Outcome> Discovery::adopt(base::Domain domain, Value value, std::optional<TxtOutcome> txt) {
    cache::Entry entry = adopted(parts_.table.find(domain), std::move(value.policy), value.found,
                                 txt ? &*txt : nullptr, parts_.clock.now());
    parts_.expiry.note_fetched(entry.fetched_at);
    const std::string from = "host " + value.found.host + " of the fleet";
    parts_.sink.emit(events::PolicySource{
        .domain = domain.name(), .address = from, .tls = {}, .issuer = {}, .certificate_ends = {}});
    Outcome outcome = fetched_outcome(entry, parts_.clock.now());
    outcome.shared = true;
    auto committed = commit(parts_.executor, parts_.timers, parts_.store, row(domain, entry));
    co_await std::move(committed);
    show(domain, std::move(entry), "shared");
    co_return outcome;
}

/// RFC 8461 section 5.1: a policy with max_age 0 is usable at the moment of the fetch, not afterwards. It
/// replaces what was known, expired or not.
void Discovery::withdraw(const base::Domain& domain, const cache::Entry& entry) {
    emit_policy(parts_.sink, domain, parts_.table.find(domain), entry);
    parts_.table.erase(domain);
    parts_.store.forget(domain, std::nullopt);
    parts_.table.put(domain, spent(entry, get_wait(domain)));
}

/// Puts a policy that came into the table.
void Discovery::show(const base::Domain& domain, cache::Entry entry, std::string_view source) {
    const cache::Knowledge before = parts_.table.find(domain);
    emit_policy(parts_.sink, domain, before, entry, source);
    if (shared_) lost_.forget(domain);
    const bool had_policy = std::holds_alternative<cache::Entry>(before);
    if (auto evicted = parts_.table.put(domain, std::move(entry), parts_.clock.now())) {
        parts_.sink.emit(events::PolicyEvicted{.domain = evicted->domain.name(), .newcomer = domain.name()});
        parts_.store.forget(evicted->domain, evicted->fetched_at);
    }
    if (!had_policy && on_new_policy_) on_new_policy_(domain);
}

asio::awaitable<Outcome> Discovery::with_dane(base::Domain domain, Outcome outcome) {
    if (!outcome.policy) co_return outcome;
    cache::Knowledge known = parts_.table.find(domain);
    const auto* in_table = std::get_if<cache::Entry>(&known);
    cache::Entry entry;
    entry.dane = outcome.dane;
    if (in_table) entry = *in_table;
    entry.policy = outcome.policy; // a policy with max_age 0 is in no table
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
        auto committed = commit(parts_.executor, parts_.timers, parts_.store, row(domain, changed));
        co_await std::move(committed);
    }
    parts_.table.update(domain, [&](cache::Entry& e) { e.dane = entry.dane; });
    co_return outcome;
}

/// The TXT record led to no GET, and the policy at hand stays.
Outcome Discovery::unchanged(const base::Domain& domain, TxtOutcome txt, base::seconds get_wait) {
    const Reason reason = txt.id ? Reason::none : txt.id.error();
    parts_.table.update(
        domain, [&](cache::Entry& entry) { note_look(entry, txt, parts_.clock.now(), get_wait, tuning_); });
    Outcome outcome = kept(parts_.table.find(domain), reason, parts_.clock.now());
    if (!txt.id && !is_our_own(reason))
        emit_failure(parts_.sink, domain, reason, txt.detail, outcome.policy, next_txt_look(txt, tuning_));
    outcome.detail = std::move(txt.detail);
    return outcome;
}

/// There is no policy at hand, and none can be fetched now.
Outcome Discovery::no_policy(const base::Domain& domain, Reason reason, TxtOutcome txt) {
    const cache::Knowledge known = parts_.table.find(domain);
    const base::Instant now = parts_.clock.now();
    if (const auto* entry = std::get_if<cache::Entry>(&known)) (void)parts_.expiry.forget(domain, *entry);
    if (!is_our_own(reason))
        parts_.table.put(domain, absent(attempts(known), reason, txt, now, get_wait(domain), tuning_));
    Outcome outcome;
    outcome.reason = reason;
    outcome.detail = std::move(txt.detail);
    return outcome;
}

/// A GET brought no policy.
Outcome Discovery::failed(const base::Domain& domain, const std::string& id, Reason reason,
                          std::string_view detail, const TxtOutcome& txt) {
    const cache::Knowledge known = parts_.table.find(domain);
    const base::Instant now = parts_.clock.now();
    // Trouble of this process is no failure of the policy host. It starts no back-off and is not remembered.
    const bool ours = is_our_own(reason);
    if (ours) gets_.take_back(domain);
    const cache::Attempts gets = ours ? attempts(known) : failed_get(attempts(known), id, reason, now);
    const cache::PolicyPtr current = current_policy(known, now);
    emit_failure(parts_.sink, domain, reason, detail, current, cache::backoff(gets.failures, tuning_));
    Outcome outcome;
    if (current) {
        // RFC 8461 section 3.3: the cached policy must continue to be applied.
        parts_.table.update(domain, [&](cache::Entry& entry) {
            entry.gets = gets;
            entry.txt_checked = now;
            entry.txt_ttl = txt.ttl.value_or(base::seconds{0});
        });
        outcome = kept(parts_.table.find(domain), reason, parts_.clock.now());
    } else {
        const auto* entry = std::get_if<cache::Entry>(&known);
        if (entry && !parts_.expiry.forget(domain, *entry))
            parts_.table.update(domain, [&](cache::Entry& stays) { stays.gets = gets; });
        if (!ours) parts_.table.put(domain, absent(gets, reason, txt, now, get_wait(domain), tuning_));
        outcome.reason = reason;
    }
    outcome.detail = detail;
    return outcome;
}

void Discovery::loaded(const cache::Row& row) {
    const auto ago = parts_.clock.now() - row.fetched_at;
    if (ago > -GetLimit::spacing && ago < GetLimit::spacing)
        gets_.note(row.domain, parts_.clock.steady() - std::max(ago, base::seconds{0}));
}

} // namespace lookup
