#include "decision/decide.hpp"

#include <utility>

namespace decision {

using base::Reason;

namespace {

constexpr std::string_view overload_words =
    "stsmapd: too many lookups in progress, or no memory or open files left";
constexpr std::string_view loading_words = "stsmapd: the stored policies are still being read";

/// The answer without a usable policy.
std::pair<Answer, Rule> without_policy(const Facts& facts) {
    if (facts.reason == Reason::overloaded) return {TryLater{facts.reason, overload_words}, Rule::overload};
    if (facts.reason == Reason::deadline && !facts.store_read)
        return {TryLater{facts.reason, loading_words}, Rule::loading};
    return {NoOpinion{facts.reason}, Rule::no_policy};
}

std::string ago(base::Instant then, base::Instant now) {
    return std::to_string(then < now ? (now - then).count() : 0) + " s ago";
}

std::string dane_evidence(const Facts& facts, base::Instant now) {
    const dane::State& dane = facts.dane;
    if (!facts.dane_limits.active && !facts.dane_limits.remembered) return "DANE is not looked for";
    if (dane.advice == dane::Advice::no_verdict) return "no verdict on DANE";
    std::string text = "DANE verdict " + std::string{to_string(dane.advice)} + ", proven ";
    text += ago(dane.known_at, now);
    if (dane.failed_since != base::Instant{}) text += ", lookups fail since " + ago(dane.failed_since, now);
    return text;
}

std::string policy_evidence(const Facts& facts, base::Instant now) {
    if (facts.policy == nullptr) return std::string{base::to_string(facts.reason)};
    std::string text = "mode " + std::string{sts::to_string(facts.policy->policy.mode)};
    if (facts.just_fetched) return text + ", fetched now";
    if (facts.expires_at <= now) return text + ", expired " + ago(facts.expires_at, now);
    return text + ", expires in " + std::to_string((facts.expires_at - now).count()) + " s";
}

} // namespace

Decision decide(const Facts& facts, base::Instant now) {
    Whys why;
    if (facts.no_domain != Reason::none) {
        const NoOpinion none{facts.no_domain};
        why.add({Rule::no_domain, facts.no_domain});
        return {none, why, none};
    }
    if (facts.policy == nullptr || (now >= facts.expires_at && !facts.just_fetched)) {
        const auto [answer, rule] = without_policy(facts);
        why.add({rule, facts.reason});
        return {answer, why, answer};
    }
    const bool dane = dane::secures(facts.dane, now, facts.dane_limits);
    const Answer enforced = dane ? Answer{DaneOnly{}} : Answer{Enforce{facts.domain, facts.policy}};
    const sts::Mode mode = facts.policy->policy.mode;
    if (!sts::is_enforced(mode, facts.enforce_testing)) {
        why.add({Rule::mode, facts.reason});
        return {NoOpinion{}, why, mode == sts::Mode::testing ? enforced : NoOpinion{}};
    }
    why.add({Rule::dane, facts.reason});
    if (!dane) why.add({Rule::policy, facts.reason});
    return {enforced, why, enforced};
}

std::string evidence(const Why& why, const Facts& facts, base::Instant now) {
    switch (why.rule) {
    case Rule::no_domain: return std::string{base::to_string(why.reason)};
    case Rule::overload: return std::string{overload_words};
    case Rule::loading: return std::string{loading_words};
    case Rule::dane: return dane_evidence(facts, now);
    case Rule::no_policy:
    case Rule::mode:
    case Rule::policy: break;
    }
    return policy_evidence(facts, now);
}

std::string_view unusual(const Whys& why) noexcept {
    const Why& applied = why.applied();
    if (applied.rule == Rule::dane || applied.rule == Rule::overload || applied.rule == Rule::loading)
        return to_string(applied.rule);
    return applied.reason == Reason::deadline ? base::to_string(applied.reason) : std::string_view{};
}

std::string_view word(const Answer& answer) noexcept {
    struct Visitor {
        std::string_view operator()(const NoOpinion&) const noexcept { return "notfound"; }
        std::string_view operator()(const Enforce&) const noexcept { return "secure"; }
        std::string_view operator()(const DaneOnly&) const noexcept { return "dane-only"; }
        std::string_view operator()(const TryLater&) const noexcept { return "temp"; }
    };
    return std::visit(Visitor{}, answer);
}

std::string_view to_string(Rule rule) noexcept {
    switch (rule) {
    case Rule::no_domain: return "no-domain";
    case Rule::overload: return "overload";
    case Rule::loading: return "loading";
    case Rule::no_policy: return "no-policy";
    case Rule::mode: return "mode";
    case Rule::dane: return "dane";
    case Rule::policy: break;
    }
    return "policy";
}

} // namespace decision
