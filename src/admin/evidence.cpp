#include "admin/evidence.hpp"

#include "admin/json.hpp"
#include "base/utc.hpp"
#include "events/table.hpp"
#include "lookup/facts.hpp"
#include "postfix/answer.hpp"

#include <algorithm>
#include <utility>

namespace admin {

using base::Instant;
using base::Reason;
using decision::Decision;
using decision::Facts;

namespace {

/// The entry as an answer uses it: with the time noted, and the verdict of the next hop.
std::optional<cache::Entry> entry_of(const Known& known, Instant now) {
    const auto* in_table = std::get_if<cache::Entry>(&known.table);
    if (in_table == nullptr) return std::nullopt;
    cache::Entry entry = *in_table;
    cache::note_clock(entry, now);
    if (known.hop && !known.hop->usual()) entry.dane = known.dane;
    return entry;
}

Reason failed(const cache::Entry& entry) {
    return entry.gets.failures > 0 ? entry.gets.reason : Reason::none;
}

/// As a lookup: an absence counts when there is no policy, or an expired one.
Facts facts(const Known& known, const cache::Entry* entry, const lookup::ServiceOptions& options,
            Instant now) {
    Facts made;
    if (!known.hop) {
        made.no_domain = known.hop.error();
        return made;
    }
    const std::string& domain = known.hop->host.name();
    if (entry != nullptr && (!known.absence || !cache::expired(*entry, now)))
        made = lookup::facts_of(domain, *entry, failed(*entry), now, options);
    else
        made = lookup::facts_of(domain, known.absence ? known.absence->reason : Reason::none, now, options);
    made.store_read = known.store_read;
    return made;
}

Json rules(const Decision& decision, const Facts& facts, Instant now) {
    Json all = Json::array();
    for (const decision::Why& why : decision.why)
        all.push_back(Json{{"rule", to_string(why.rule)},
                           {"reason", base::to_string(why.reason)},
                           {"evidence", decision::evidence(why, facts, now)}});
    return all;
}

Json policy(const cache::Entry& entry, const Past& past, Instant now) {
    const sts::Policy& policy = entry.policy->policy;
    Json json{{"mode", sts::to_string(policy.mode)},
              {"mx", names(policy.mx)},
              {"max_age_s", policy.max_age.count()},
              {"fetched_at", base::utc(entry.fetched_at)},
              {"expires_at", base::utc(cache::expires_at(entry, now))},
              {"expired", cache::expired(entry, now)},
              {"age_s", (now - cache::counted_from(entry)).count()},
              {"text", entry.policy->text}};
    if (past.source) {
        Json source{{"address", past.source->address}};
        if (!past.source->tls.empty()) source["tls"] = past.source->tls;
        if (!past.source->issuer.empty()) source["issuer"] = past.source->issuer;
        put_time(source, "certificate_ends", past.source->certificate_ends);
        json["source"] = std::move(source);
    }
    return json;
}

Json txt(const cache::Entry& entry, const cache::Tuning& tuning) {
    Json json{{"id", entry.txt_id}};
    put_time(json, "checked_at", entry.txt_checked);
    if (entry.txt_checked != Instant{}) json["ttl_s"] = entry.txt_ttl.count();
    put_time(json, "next_check_at", cache::txt_check_at(entry, tuning));
    return json;
}

/// When the next GET is made: the refresher's time; after a failure without a policy, when one may be made.
Instant next_get_at(const cache::Attempts& gets, const cache::Entry* entry, base::seconds wait, Instant now,
                    const cache::Tuning& tuning) {
    Instant at{};
    if (entry != nullptr && !cache::expired(*entry, now)) {
        if (!tuning.daily_refresh || entry->agenda_at >= cache::expires_at(*entry, now)) return {};
        at = entry->agenda_at;
    } else if (gets.failures > 0) {
        at = cache::next_get(gets, gets.failed_id, now, tuning);
    }
    return at == Instant{} ? at : std::max(at, now + wait);
}

Json get(const cache::Attempts& gets, const cache::Entry* entry, const Known& known, Instant now,
         const cache::Tuning& tuning) {
    Json json = Json::object();
    put_time(json, "last_at", gets.last);
    json["failures"] = gets.failures;
    if (gets.failures > 0) {
        json["reason"] = base::to_string(gets.reason);
        if (!gets.failed_id.empty()) json["failed_id"] = gets.failed_id;
    }
    // The last failure, whether it was a GET or the TXT record: in full, with its own reason and time.
    if (const auto& failure = known.past.failure; failure && failure->at >= gets.last) {
        if (gets.failures == 0) json["reason"] = base::to_string(failure->reason);
        json["detail"] = failure->detail;
        put_time(json, "failed_at", failure->at);
    }
    put_time(json, "next_at", next_get_at(gets, entry, known.get_wait, now, tuning));
    return json;
}

/// The last event about the DANE of this next hop.
struct Look {
    Instant at{};
    std::string why;
};
std::optional<Look> last_look(const Known& known) {
    constexpr std::string_view detail = " detail=", hop = " next_hop=";
    const std::string wanted = known.hop->usual() ? std::string{} : std::string{hop} + to_string(*known.hop);
    for (auto kept = known.past.events.rbegin(); kept != known.past.events.rend(); ++kept) {
        if (kept->kind != events::id_of<events::DaneChanged>() &&
            kept->kind != events::id_of<events::DaneChecked>())
            continue;
        const std::string_view text = kept->text;
        const std::size_t of = std::min(text.rfind(hop), text.size());
        const std::size_t from = text.find(detail);
        if (text.substr(of) != wanted || from >= of) continue;
        return Look{kept->last, std::string{text.substr(from + detail.size(), of - from - detail.size())}};
    }
    return std::nullopt;
}

Json dane(const dane::State& state, const Known& known) {
    Json json{{"verdict", to_string(state.advice)}};
    const std::optional<Look> look = last_look(known);
    if (look) put_time(json, "checked_at", look->at);
    put_time(json, "proven_at", state.known_at);
    put_time(json, "failed_since", state.failed_since);
    put_time(json, "next_check_at", state.check_at);
    if (look && !look->why.empty()) json["why"] = look->why;
    return json;
}

Json exception(const Decision& decision, const Facts& facts, Instant now) {
    Facts without = facts;
    without.exception = nullptr;
    without.observe = false;
    const Decision usual = decision::decide(without, now);
    const bool applies = std::ranges::any_of(
        decision.why, [](const decision::Why& why) { return why.rule == decision::Rule::exception; });
    Json json = to_json(*facts.exception);
    json["hides"] = decision::word(usual.answer);
    json["applies"] = applies;
    return json;
}

Json absence(const cache::Absence& absence) {
    Json json{{"reason", base::to_string(absence.reason)}};
    put_time(json, "until", absence.until);
    put_time(json, "since", absence.since);
    return json;
}

Json happened(const std::vector<events::History::Kept>& events) {
    Json all = Json::array();
    for (const events::History::Kept& kept : events)
        all.push_back(Json{{"event", events::entry(kept.kind).name},
                           {"first", base::utc(kept.first)},
                           {"last", base::utc(kept.last)},
                           {"times", kept.times},
                           {"text", kept.text}});
    return all;
}

std::string_view known_word(const Known& known, const cache::Entry* entry, Instant now) {
    if (entry != nullptr && (!known.absence || !cache::expired(*entry, now))) return "policy";
    return known.absence ? "absence" : "nothing";
}

} // namespace

Decision decide(const Known& known, const lookup::ServiceOptions& options, Instant now) {
    const std::optional<cache::Entry> entry = entry_of(known, now);
    Decision made = decision::decide(facts(known, entry ? &*entry : nullptr, options, now), now);
    return made; // the policy is shared with `known`, which holds it
}

Decision decide(std::string_view domain, const cache::Entry& entry, const lookup::ServiceOptions& options,
                Instant now) {
    return decision::decide(lookup::facts_of(domain, entry, failed(entry), now, options), now);
}

Json evidence(const Known& known, const lookup::ServiceOptions& options, std::string_view version,
              Instant now) {
    const std::optional<cache::Entry> held = entry_of(known, now);
    const cache::Entry* entry = held ? &*held : nullptr;
    const Facts made = facts(known, entry, options, now);
    const Decision decision = decision::decide(made, now);

    Json json{{"next_hop", known.key}};
    if (known.hop) json["domain"] = known.hop->host.name();
    json["now"] = base::utc(now);
    json["daemon"] = Json{{"version", version},
                          {"mode", options.observe ? "observe" : "enforce"},
                          {"dane", options.dane_status}};
    json["answer"] = decision::word(decision.answer);
    json["replies"] = Json{{"sts", postfix::answer(decision.answer, postfix::Dialect::plain)},
                           {"sts-tlsrpt", postfix::answer(decision.answer, postfix::Dialect::tlsrpt)}};
    json["rule"] = to_string(decision.why.applied().rule);
    json["rules"] = rules(decision, made, now);
    if (decision.hidden != decision.answer) json["hidden"] = decision::word(decision.hidden);
    const Reason reason = known.hop ? made.reason : made.no_domain;
    if (reason != Reason::none) json["reason"] = base::to_string(reason);
    json["known"] = known_word(known, entry, now);
    if (!known.hop) return json;

    if (entry != nullptr) json["policy"] = policy(*entry, known.past, now);
    if (known.past.protected_since) json["protected_since"] = base::utc(*known.past.protected_since);
    if (known.absence) json["absence"] = absence(*known.absence);
    if (entry != nullptr) json["txt"] = txt(*entry, options.tuning);
    const cache::Attempts gets = entry != nullptr ? entry->gets
                                 : known.absence  ? known.absence->gets
                                                  : cache::Attempts{};
    if (entry != nullptr || known.absence || known.past.failure)
        json["get"] = get(gets, entry, known, now, options.tuning);
    if (entry != nullptr) json["dane"] = dane(entry->dane, known);
    if (made.exception != nullptr) json["override"] = exception(decision, made, now);
    if (entry != nullptr) {
        if (entry->last_asked != Instant{}) json["last_asked"] = base::utc(entry->last_asked);
    }
    if (!known.past.events.empty()) json["events"] = happened(known.past.events);
    return json;
}

Json summary(const base::Domain& domain, const cache::Entry& in_table, const lookup::ServiceOptions& options,
             Instant now) {
    cache::Entry entry = in_table;
    cache::note_clock(entry, now);
    const sts::Policy& policy = entry.policy->policy;
    Json json{{"domain", domain.name()},
              {"mode", sts::to_string(policy.mode)},
              {"mx", policy.mx.size()},
              {"id", entry.txt_id},
              {"max_age_s", policy.max_age.count()},
              {"fetched_at", base::utc(entry.fetched_at)},
              {"expires_at", base::utc(cache::expires_at(entry, now))}};
    put_time(json, "last_asked", entry.last_asked);
    json["answer"] = decision::word(decide(domain.name(), entry, options, now).answer);
    json["dane"] = to_string(entry.dane.advice);
    json["failures"] = entry.gets.failures;
    if (entry.gets.failures > 0) json["reason"] = base::to_string(entry.gets.reason);
    return json;
}

} // namespace admin
