#include "admin/override_view.hpp"

#include "admin/json.hpp"
#include "base/domain.hpp"
#include "base/text.hpp"
#include "base/utc.hpp"
#include "lookup/facts.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace admin {

using decision::Answer;
using decision::Override;

namespace {

auto refuse(std::string words, std::string field = {}) {
    return base::unexpected(Error{400, "bad-request", std::move(words), std::move(field)});
}

/// How much an answer protects.
int strength(const Answer& answer) {
    if (std::holds_alternative<decision::DaneOnly>(answer)) return 4;
    if (std::holds_alternative<decision::Enforce>(answer)) return 3;
    return std::holds_alternative<decision::TryLater>(answer) ? 1 : 0;
}

std::string protection(const decision::Facts& facts, const Answer& usual) {
    if (std::holds_alternative<decision::DaneOnly>(usual)) return "DANE";
    return "an enforced policy until " + base::utc(facts.expires_at);
}

bool says_the_same(const Override& entry, const Answer& usual) {
    using decision::Action;
    switch (entry.action) {
    case Action::off:
    case Action::observe: return std::holds_alternative<decision::NoOpinion>(usual);
    case Action::dane_only: return std::holds_alternative<decision::DaneOnly>(usual);
    case Action::may:
    case Action::encrypt:
    case Action::secure: break;
    }
    return false;
}

} // namespace

base::Expected<OverrideText, Error> read_override(std::string_view body) {
    const Json json = Json::parse(body, nullptr, false);
    if (!json.is_object()) return refuse("the body is no JSON object");
    OverrideText text;
    for (const auto& [name, value] : json.items()) {
        if (name == "schema") continue;
        if (name == "match") {
            const bool texts = value.is_array() &&
                               std::ranges::all_of(value, [](const Json& one) { return one.is_string(); });
            if (!texts) return refuse("match has to be a list of texts", "match");
            for (const Json& one : value) text.match.push_back(one.get<std::string>());
            continue;
        }
        std::string* const into = name == "domain"   ? &text.domain
                                  : name == "action" ? &text.action
                                  : name == "until"  ? &text.until
                                  : name == "reason" ? &text.reason
                                                     : nullptr;
        if (into == nullptr)
            return refuse("an override has no member \"" + base::printable(name, 60) + "\"",
                          base::printable(name, 60));
        if (!value.is_string()) return refuse(name + " has to be a text", name);
        *into = value.get<std::string>();
    }
    return text;
}

base::Expected<Override, Error> parse_override(const OverrideText& text, bool weakens, std::string by,
                                               base::Instant now) {
    decision::OverrideWords words{.domain = text.domain, .action = text.action, .reason = text.reason};
    words.until = text.until;
    words.match.assign(text.match.begin(), text.match.end());
    words.weakens = weakens;
    auto made = decision::parse_override(words, now);
    if (!made)
        return refuse(std::string{made.error().field} + ": " + made.error().problem,
                      std::string{made.error().field});
    made->added_by = std::move(by);
    return std::move(*made);
}

base::Expected<Override, std::string> parse_listed(const Json& one, std::string by, base::Instant now) {
    const auto text = [&one](const char* name) {
        const auto found = one.find(name);
        return found != one.end() && found->is_string() ? found->get<std::string>() : std::string{};
    };
    OverrideText words{text("domain"), text("action"), text("until"), text("reason"), {}};
    if (const auto match = one.find("match"); match != one.end() && match->is_array())
        for (const Json& name : *match)
            if (name.is_string()) words.match.push_back(name.get<std::string>());
    const auto weakens = one.find("weakens");
    const auto added_at = decision::parse_until(text("added_at"), now);
    const base::Instant then = added_at && *added_at >= base::Instant{} && *added_at < now ? *added_at : now;
    auto made = parse_override(words, weakens != one.end() && *weakens == Json(true), std::move(by), then);
    if (!made) return base::unexpected(std::move(made.error().words));
    return std::move(*made);
}

std::string who(const Request& request) {
    std::string text = "uid " + std::to_string(request.peer.uid);
    if (!request.by.empty()) text += " (" + base::printable(request.by, 100) + ", unverified)";
    return text;
}

std::string usual_scope(std::string_view text) {
    const bool below = text.starts_with('.');
    const auto domain = base::Domain::parse(below ? text.substr(1) : text);
    return domain ? (below ? "." : "") + domain->name() : std::string{};
}

void Hidden::add(std::string_view domain, const cache::Knowledge& known) {
    decision::Facts facts;
    if (const auto* entry = std::get_if<cache::Entry>(&known))
        facts = lookup::facts_of(domain, *entry, base::Reason::none, now_, options_);
    else if (const auto* absence = std::get_if<cache::Absence>(&known))
        facts = lookup::facts_of(domain, absence->reason, now_, options_);
    else
        return;
    facts.exception = nullptr;
    facts.observe = false;
    const Answer usual = decision::decide(facts, now_).answer;
    ++known_;
    if (strength(usual) > strength_) {
        strength_ = strength(usual);
        hides_ = word(usual);
    }
    if (says_the_same(entry_, usual)) ++same_;
    if (strength(usual) < 3) ++unprotected_;
    if (!weakens(entry_, usual)) return;
    if (weakened_++ >= max_named) return;
    named_.emplace_back(domain);
    lost_ +=
        (lost_.empty() ? "" : "; ") + std::string{domain} + " is protected by " + protection(facts, usual);
}

std::string Hidden::loss() const {
    std::string text = lost_;
    if (weakened_ > max_named) text += "; and " + std::to_string(weakened_ - max_named) + " domains more";
    return text;
}

Hidden::Need Hidden::need() const {
    using decision::Action;
    if (ended()) return {"no", "it has ended"};
    if (known_ == 0) return {"unknown", "nothing is known of the domain: no mail has gone to it lately"};
    if (same_ == known_) return {"no", "the answer would be the same without it"};
    if (unprotected_ == known_ && entry_.action != Action::dane_only) {
        if (entry_.weakens)
            return {"no", "there is neither DANE nor an enforced policy that it could weaken"};
        return {"yes", "it asks for more than the domain does"};
    }
    return {"unknown", "whether mail would flow without it cannot be known here"};
}

Json Hidden::json() const {
    Json json = to_json(entry_);
    if (!hides_.empty()) json["hides"] = hides_;
    if (entry_.domain.starts_with('.')) json["domains_known"] = known_;
    if (weakened_ > 0) {
        json["domains_weakened"] = weakened_;
        json["weakened"] = named_;
    }
    const bool looks_for_dane = options_.tuning.dane.active || options_.tuning.dane.remembered;
    const bool can = entry_.action != decision::Action::dane_only || looks_for_dane;
    const bool held_back = weakened_ > 0 && weakened_ == known_ && !entry_.weakens;
    json["applies"] = !ended() && can && !held_back;
    json["ended"] = ended();
    const Need needed = need();
    json["still_needed"] = needed.word;
    json["why_needed"] = needed.why;
    return json;
}

} // namespace admin
