#include "admin/domains.hpp"

#include "admin/json.hpp"
#include "admin/told.hpp"
#include "base/utc.hpp"
#include "lookup/steps.hpp"
#include "postfix/request.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace admin {

namespace asio = boost::asio;
using base::Instant;
using base::Reason;

namespace {

Error no_domain(Reason reason) {
    return {400, "bad-request", "no policy domain in this next hop: " + std::string{base::to_string(reason)},
            "domain"};
}

constexpr std::string_view unknown = "unknown-domain";

Error unknown_domain(const std::string& domain) {
    return {404, std::string{unknown}, "nothing is known of " + domain, "domain"};
}

Error wait(base::seconds time) {
    Error error{
        429, "wait", "once a minute for a domain: again in " + std::to_string(time.count()) + " s", {}};
    error.retry_after = time;
    return error;
}

/// Of an enforced policy that has not expired, unless the request says yes.
std::optional<Error> protection_lost(const Known& known, const Request& request, Instant now) {
    const auto* entry = std::get_if<cache::Entry>(&known.table);
    const bool protects =
        entry != nullptr && !cache::expired(*entry, now) && entry->policy->policy.mode == sts::Mode::enforce;
    if (!protects || request.parameter("yes") == "true") return std::nullopt;
    return Error{409, "needs-yes",
                 "the enforced policy of " + known.hop->host.name() + " is valid until " +
                     base::utc(cache::expires_at(*entry, now)) +
                     ": without it, mail goes unprotected until a policy is fetched again",
                 "yes"};
}

Error overloaded() {
    return {503, "unavailable", "too many lookups in progress, or no memory or open files left", {}};
}

} // namespace

Known Domains::known(std::string key, const lookup::ServiceOptions& options) const {
    const postfix::Services& services = options.services ? *options.services : postfix::own_services();
    Known out{.key = std::move(key), .hop = base::unexpected(Reason::none)};
    out.hop = postfix::next_hop(out.key, services);
    out.store_read = parts_.table.complete();
    if (!out.hop) return out;
    const base::Domain& domain = out.hop->host;
    out.table = parts_.table.find(domain);
    out.absence = parts_.table.absence(domain);
    if (!out.hop->usual())
        out.dane = lookup::dane_state(parts_.learner.hop_verdicts(), *out.hop, parts_.clock.now());
    out.get_wait = parts_.learner.get_wait(domain);
    out.past = {parts_.history.of(domain.name()), parts_.history.source(domain.name()),
                parts_.history.failure(domain.name()), std::nullopt};
    return out;
}

asio::awaitable<std::optional<Instant>> Domains::protected_since(std::string domain) const {
    const auto told = std::make_shared<Told<std::optional<Instant>>>(parts_.executor);
    parts_.protected_since(std::move(domain),
                           [told](std::optional<Instant> since) { told->tell(std::move(since)); });
    const std::optional<Instant> since = co_await heard(told);
    co_return since;
}

asio::awaitable<Json> Domains::look_at(std::string key) const {
    const lookup::ServiceOptions options = parts_.options();
    std::optional<Instant> since;
    auto hop = postfix::policy_domain(key);
    if (hop && parts_.protected_since) {
        std::string domain = hop->name();
        since = co_await protected_since(std::move(domain));
    }
    Known all = known(std::move(key), options);
    all.past.protected_since = since;
    co_return evidence(all, options, parts_.version, parts_.clock.now());
}

asio::awaitable<Domains::Result> Domains::show(const Request& request) const {
    std::string key{request.parameter("domain")};
    Reply reply;
    reply.body = co_await look_at(std::move(key));
    co_return reply;
}

asio::awaitable<lookup::Outcome> Domains::look(postfix::NextHop hop, lookup::Why why) {
    const auto told = std::make_shared<Told<lookup::Outcome>>(parts_.executor);
    parts_.learner.learn(hop, why, [told](const lookup::Outcome& outcome) { told->tell(outcome); });
    lookup::Outcome outcome = co_await heard(told);
    co_return outcome;
}

asio::awaitable<Domains::Result> Domains::refresh(const Request& request) {
    std::string key{request.parameter("domain")};
    const Known before = known(key, parts_.options());
    if (!before.hop) co_return base::unexpected(no_domain(before.hop.error()));
    const postfix::NextHop hop = *before.hop;
    const base::Steady now = parts_.clock.steady();
    const base::seconds left = std::max(refreshed_.wait(hop.host, now), before.get_wait);
    if (left > base::seconds{0}) co_return base::unexpected(wait(left));
    refreshed_.note(hop.host, now);
    const lookup::Outcome outcome = co_await look(hop, lookup::Why::by_hand);
    if (outcome.reason == Reason::overloaded) co_return base::unexpected(overloaded());
    if (parts_.replan) parts_.replan(hop.host);
    Reply reply;
    reply.body = co_await look_at(std::move(key));
    co_return reply;
}

/// What a POST of learn tells.
Json Domains::learnt(std::string key, bool before) const {
    const lookup::ServiceOptions options = parts_.options();
    const Known now_known = known(std::move(key), options);
    const decision::Decision decision = decide(now_known, options, parts_.clock.now());
    Json json{{"domain", now_known.hop->host.name()},
              {"known", before},
              {"answer", decision::word(decision.answer)}};
    const auto* entry = std::get_if<cache::Entry>(&now_known.table);
    const bool current = entry != nullptr && !cache::expired(*entry, parts_.clock.now());
    if (current) json["mode"] = sts::to_string(entry->policy->policy.mode);
    if (!current && now_known.absence) json["reason"] = base::to_string(now_known.absence->reason);
    return json;
}

asio::awaitable<Domains::Result> Domains::learn(const Request& request) {
    std::string key{request.parameter("domain")};
    const lookup::ServiceOptions options = parts_.options();
    const Known before = known(key, options);
    if (!before.hop) co_return base::unexpected(no_domain(before.hop.error()));
    const postfix::NextHop hop = *before.hop;
    const Instant now = parts_.clock.now();
    Reply reply;
    const bool has_policy = lookup::current_policy(before.table, now) != nullptr;
    const bool has_none = !has_policy && before.absence &&
                          cache::plan(*before.absence, now, options.tuning) != cache::QueryPlan::resolve;
    if (has_policy || has_none) {
        if (has_policy) (void)parts_.table.ask(hop.host, now); // notes that it is wanted
        reply.body = learnt(std::move(key), true);
        co_return reply;
    }
    const lookup::Outcome outcome = co_await look(hop, lookup::Why::query);
    if (outcome.reason == Reason::overloaded) co_return base::unexpected(overloaded());
    (void)parts_.table.ask(hop.host, parts_.clock.now());
    reply.body = learnt(std::move(key), false);
    // What cannot be seen in the table: a policy of max_age 0, trouble of our own.
    if (!reply.body.contains("mode") && !reply.body.contains("reason") && outcome.reason != Reason::none)
        reply.body["reason"] = base::to_string(outcome.reason);
    co_return reply;
}

asio::awaitable<Domains::Result> Domains::forget(const Request& request) {
    const std::string_view fleet = request.parameter("fleet");
    if (fleet.empty()) co_return forget_here(request);
    if (fleet != "1")
        co_return base::unexpected(Error{400, "bad-request", "fleet is 1, or is left out", "fleet"});
    const Known before = known(std::string{request.parameter("domain")}, parts_.options());
    if (!before.hop) co_return base::unexpected(no_domain(before.hop.error()));
    if (auto lost = protection_lost(before, request, parts_.clock.now()))
        co_return base::unexpected(*std::move(lost));
    base::Domain domain = before.hop->host;
    auto removing = parts_.fleet.forget(std::move(domain));
    const base::Expected<std::size_t, Error> keys = co_await std::move(removing);
    if (!keys) co_return base::unexpected(keys.error());
    Result result = forget_here(request);
    if (!result && result.error().code == unknown && *keys > 0) {
        Reply reply;
        reply.body = Json{{"domain", before.hop->host.name()}, {"forgotten", true}};
        result = std::move(reply);
    }
    if (result) result->body["shared_keys"] = *keys;
    co_return result;
}

Domains::Result Domains::forget_here(const Request& request) {
    const lookup::ServiceOptions options = parts_.options();
    const Known before = known(std::string{request.parameter("domain")}, options);
    if (!before.hop) return base::unexpected(no_domain(before.hop.error()));
    const base::Domain& domain = before.hop->host;
    const auto* entry = std::get_if<cache::Entry>(&before.table);
    if (entry == nullptr && !before.absence) return base::unexpected(unknown_domain(domain.name()));
    const Instant now = parts_.clock.now();
    const bool current = entry != nullptr && !cache::expired(*entry, now);
    if (auto lost = protection_lost(before, request, now)) return base::unexpected(*std::move(lost));
    Json json{{"domain", domain.name()}, {"forgotten", true}};
    if (current) {
        json["mode"] = sts::to_string(entry->policy->policy.mode);
        json["expires_at"] = base::utc(cache::expires_at(*entry, now));
    }
    parts_.table.erase(domain);
    parts_.store.forget(domain, std::nullopt);
    parts_.history.forget(domain.name());
    parts_.sink.emit(
        events::PolicyForgotten{.domain = domain.name(),
                                .mode = current ? sts::to_string(entry->policy->policy.mode) : "-",
                                .uid = static_cast<std::int64_t>(request.peer.uid),
                                .by = request.by});
    if (parts_.forgotten) parts_.forgotten(domain);
    Reply reply;
    reply.body = std::move(json);
    return reply;
}

} // namespace admin
