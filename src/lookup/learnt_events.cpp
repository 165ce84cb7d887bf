#include "lookup/learnt_events.hpp"

#include "sts/match.hpp"

namespace lookup {

using base::Reason;

void emit_policy(events::Sink& sink, const base::Domain& domain, const cache::Knowledge& before,
                 const cache::Entry& after, std::string_view source) {
    const auto* old = std::get_if<cache::Entry>(&before);
    const sts::Policy& policy = after.policy->policy;
    const Change how = change(old ? old->policy : nullptr, after.policy);
    switch (how) {
    case Change::learnt:
        sink.emit(events::PolicyLearnt{.domain = domain.name(),
                                       .mode = policy.mode,
                                       .mx = policy.mx.size(),
                                       .max_age = policy.max_age,
                                       .id = after.txt_id,
                                       .source = source});
        break;
    case Change::refreshed:
        sink.emit(events::PolicyRefreshed{.domain = domain.name(),
                                          .mode = policy.mode,
                                          .max_age = policy.max_age,
                                          .id = after.txt_id,
                                          .source = source});
        break;
    case Change::changed:
    case Change::weakened:
        sink.emit(events::PolicyChanged{.domain = domain.name(),
                                        .mode = policy.mode,
                                        .mode_before = old->policy->policy.mode,
                                        .mx = policy.mx.size(),
                                        .max_age = policy.max_age,
                                        .id = after.txt_id,
                                        .id_before = old->txt_id,
                                        .weakened = how == Change::weakened,
                                        .source = source});
        break;
    }
    if (too_short_to_obey(policy))
        sink.emit(events::PolicyTooShort{
            .domain = domain.name(), .mode = policy.mode, .max_age = policy.max_age, .id = after.txt_id});
}

void emit_dane(events::Sink& sink, const base::Domain& domain, const dane::State& before,
               const dane::State& after, const dane::Verdict& verdict, std::string_view next_hop) {
    const bool is = after.advice == dane::Advice::dane_only, was = before.advice == dane::Advice::dane_only;
    // Losing DANE deserves a look; that a domain has none, seen for the first time, is the usual case.
    if (is != was) {
        sink.emit(events::DaneChanged{.domain = domain.name(),
                                      .verdict = to_string(after.advice),
                                      .before = to_string(before.advice),
                                      .detail = verdict.why,
                                      .ttl = verdict.ttl,
                                      .next_hop = next_hop,
                                      .lost = was});
        return;
    }
    const bool none_before = before.advice == dane::Advice::no_verdict && before.known_at == base::Instant{};
    const bool is_first =
        none_before && (after.advice != dane::Advice::no_verdict || before.check_at == base::Instant{});
    sink.emit(events::DaneChecked{.domain = domain.name(),
                                  .verdict = to_string(after.advice),
                                  .before = to_string(before.advice),
                                  .detail = verdict.why,
                                  .ttl = verdict.ttl,
                                  .next_hop = next_hop,
                                  .is_first = is_first});
}

void emit_refused_hosts(events::Sink& sink, const base::Domain& domain, const cache::Entry& entry,
                        const dane::Verdict& verdict) {
    if (verdict.mx_hosts.empty()) return;
    std::string finding = domain.name() + " " + entry.txt_id, hosts;
    std::size_t named = 0;
    for (const std::string& host : verdict.mx_hosts) {
        if (sts::admits(entry.policy->policy, host)) return;
        finding += " " + host;
        if (named++ < max_hosts_named) hosts += (hosts.empty() ? "" : ",") + host;
    }
    if (named > max_hosts_named) hosts += ",and " + std::to_string(named - max_hosts_named) + " more";
    sink.emit(events::PolicyAdmitsNoMx{
        .domain = domain.name(), .id = entry.txt_id, .mx_hosts = hosts, .finding = finding});
}

void emit_failure(events::Sink& sink, const base::Domain& domain, Reason reason, std::string_view detail,
                  const cache::PolicyPtr& current, base::seconds next_try) {
    const bool enforce = current && current->policy.mode == sts::Mode::enforce;
    sink.emit(events::PolicyFailed{.domain = domain.name(),
                                   .reason = reason,
                                   .detail = detail,
                                   .kept = enforce ? "enforce" : "no enforce policy",
                                   .next_try = next_try,
                                   .has_policy = current != nullptr});
}

void emit_vanished(events::Sink& sink, const base::Domain& domain, const cache::Entry& entry,
                   const TxtOutcome& txt, base::Instant now) {
    sink.emit(events::PolicyRecordVanished{.domain = domain.name(),
                                           .mode = entry.policy->policy.mode,
                                           .reason = txt.id.error(),
                                           .detail = txt.detail,
                                           .id = entry.txt_id,
                                           .expires_at = cache::expires_at(entry, now)});
}

void emit_expired(events::Sink& sink, const base::Domain& domain, const cache::Entry& entry) {
    sink.emit(events::PolicyExpired{.domain = domain.name(),
                                    .mode = entry.policy->policy.mode,
                                    .fetched_at = entry.fetched_at,
                                    .reason = entry.gets.failures > 0 ? entry.gets.reason : Reason::none});
}

std::string unusable_records(const std::vector<std::string>& records) {
    constexpr std::string_view version = "v=STSv1";
    std::string out;
    for (const std::string& record : records) {
        if (!record.starts_with(version)) continue;
        const std::string_view between = out.empty() ? "" : " | ";
        if (out.size() + between.size() >= max_record_shown) break;
        out += between;
        out += record.substr(0, max_record_shown - out.size());
    }
    return out;
}

} // namespace lookup
