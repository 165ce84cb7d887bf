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

std::string exception_evidence(const Override& exception, base::Instant now) {
    std::string text = "override for " + exception.domain + ": " + std::string{to_string(exception.action)};
    if (exception.until) text += ", ends in " + std::to_string((*exception.until - now).count()) + " s";
    return text + (exception.configured ? ", configured" : ", added " + ago(exception.added_at, now));
}

std::string policy_evidence(const Facts& facts, base::Instant now) {
    if (facts.policy == nullptr) return std::string{base::to_string(facts.reason)};
    std::string text = "mode " + std::string{sts::to_string(facts.policy->policy.mode)};
    if (facts.just_fetched) return text + ", fetched now";
    if (facts.expires_at <= now) return text + ", expired " + ago(facts.expires_at, now);
    return text + ", expires in " + std::to_string((facts.expires_at - now).count()) + " s";
}

} // namespace

namespace {

/// The answer without overrides, and whether or not the daemon only observes.
Decision usual_decision(const Facts& facts, base::Instant now) {
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

Answer answer_of(const Override& exception) {
    switch (exception.action) {
    case Action::off:
    case Action::observe: break;
    case Action::may: return May{};
    case Action::encrypt: return Encrypt{};
    case Action::secure: return Secure{&exception};
    case Action::dane_only: return DaneOnly{};
    }
    return NoOpinion{};
}

bool applies(const Override& exception, const Answer& usual, const Facts& facts) {
    const bool looks_for_dane = facts.dane_limits.active || facts.dane_limits.remembered;
    if (exception.action == Action::dane_only && !looks_for_dane) return false;
    return exception.weakens || !weakens(exception, usual);
}

} // namespace

bool weakens(const Override& exception, const Answer& usual) {
    if (std::holds_alternative<DaneOnly>(usual)) return exception.action != Action::dane_only;
    const auto* enforced = std::get_if<Enforce>(&usual);
    if (enforced == nullptr || exception.action == Action::dane_only) return false;
    return exception.action != Action::secure || !is_within(exception.match, enforced->policy->policy);
}

Decision decide(const Facts& facts, base::Instant now) {
    const Decision usual = usual_decision(facts, now);
    if (facts.no_domain != Reason::none) return usual;
    Decision made = usual;
    if (facts.exception != nullptr && !std::holds_alternative<TryLater>(usual.answer)) {
        made.why = {};
        if (applies(*facts.exception, usual.answer, facts)) {
            made.answer = answer_of(*facts.exception);
            made.hidden = usual.answer;
            made.why.add({Rule::exception, facts.reason});
        } else {
            made.why.add({Rule::held_back, facts.reason});
            for (const Why& one : usual.why) made.why.add(one);
        }
    }
    if (facts.observe && !std::holds_alternative<NoOpinion>(made.answer)) {
        made.hidden = made.answer;
        made.answer = NoOpinion{};
        made.why.add({Rule::observe, facts.reason});
    }
    return made;
}

std::string evidence(const Why& why, const Facts& facts, base::Instant now) {
    switch (why.rule) {
    case Rule::no_domain: return std::string{base::to_string(why.reason)};
    case Rule::overload: return std::string{overload_words};
    case Rule::loading: return std::string{loading_words};
    case Rule::dane: return dane_evidence(facts, now);
    case Rule::held_back:
    case Rule::exception: return exception_evidence(*facts.exception, now);
    case Rule::observe: return "mode = \"observe\"";
    case Rule::no_policy:
    case Rule::mode:
    case Rule::policy: break;
    }
    return policy_evidence(facts, now);
}

std::string_view unusual(const Whys& why) noexcept {
    const Why& applied = why.applied();
    switch (applied.rule) {
    case Rule::dane:
    case Rule::overload:
    case Rule::loading:
    case Rule::exception:
    case Rule::observe: return to_string(applied.rule);
    default: break;
    }
    return applied.reason == Reason::deadline ? base::to_string(applied.reason) : std::string_view{};
}

Kind kind_of(const Answer& answer) noexcept {
    struct Visitor {
        Kind operator()(const NoOpinion&) const noexcept { return Kind::notfound; }
        Kind operator()(const Enforce&) const noexcept { return Kind::secure; }
        Kind operator()(const DaneOnly&) const noexcept { return Kind::dane_only; }
        Kind operator()(const TryLater&) const noexcept { return Kind::temp; }
        Kind operator()(const May&) const noexcept { return Kind::may; }
        Kind operator()(const Encrypt&) const noexcept { return Kind::encrypt; }
        Kind operator()(const Secure&) const noexcept { return Kind::secure; }
    };
    return std::visit(Visitor{}, answer);
}

std::string_view to_string(Rule rule) noexcept {
    switch (rule) {
    case Rule::no_domain: return "no-domain";
    case Rule::overload: return "overload";
    case Rule::loading: return "loading";
    case Rule::held_back: return "override-held-back";
    case Rule::exception: return "override";
    case Rule::no_policy: return "no-policy";
    case Rule::mode: return "mode";
    case Rule::dane: return "dane";
    case Rule::observe: return "observe";
    case Rule::policy: break;
    }
    return "policy";
}

} // namespace decision
