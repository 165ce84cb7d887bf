#include "lookup/learner_log.hpp"

#include "lookup/dane_lookup.hpp"
#include "lookup/steps.hpp"
#include "sts/match.hpp"

#include <string>

namespace lookup {

using base::Level;
using base::Reason;

LearnerLog::LearnerLog(base::Log& log, const base::Clock& clock)
    : log_(log), clock_(clock), failures_(std::chrono::hours{1}, max_remembered),
      refusals_(std::chrono::days{30}, max_remembered), short_lives_(std::chrono::days{30}, max_remembered),
      aborts_(std::chrono::minutes{1}, 1) {}

void LearnerLog::policy(const base::Domain& domain, const cache::Known& before, const cache::Entry& after) {
    const auto* old = std::get_if<cache::Entry>(&before);
    const sts::Policy& policy = after.policy->policy;
    const std::string_view mode = sts::to_string(policy.mode);
    const std::int64_t max_age = policy.max_age.count();
    const Change how = change(old ? old->policy : nullptr, after.policy);
    switch (how) {
    case Change::learnt:
        log_.write(Level::info, "policy-learnt",
                   {{"domain", domain.name()},
                    {"mode", mode},
                    {"mx", policy.mx.size()},
                    {"max_age", max_age},
                    {"id", after.txt_id}});
        break;
    case Change::refreshed:
        log_.write(Level::info, "policy-refreshed",
                   {{"domain", domain.name()}, {"mode", mode}, {"max_age", max_age}, {"id", after.txt_id}});
        break;
    case Change::changed:
    case Change::weakened:
        log_.write(how == Change::weakened ? Level::warning : Level::info, "policy-changed",
                   {{"domain", domain.name()},
                    {"mode", mode},
                    {"mode_before", sts::to_string(old->policy->policy.mode)},
                    {"mx", policy.mx.size()},
                    {"max_age", max_age},
                    {"id", after.txt_id},
                    {"id_before", old->txt_id}});
        break;
    }
    if (too_short_to_obey(policy) && short_lives_.allow(domain.name(), clock_.steady()).write)
        log_.write(Level::warning, "policy-too-short",
                   {{"domain", domain.name()}, {"mode", mode}, {"max_age", max_age}, {"id", after.txt_id}});
}

void LearnerLog::dane(const base::Domain& domain, const dane::State& before, const dane::State& after,
                      const dane::Verdict& verdict, std::string_view next_hop) {
    Level level = Level::debug;
    if (after.advice != before.advice) {
        // Losing DANE deserves a look; that a domain has none, seen for the first time, is the usual case.
        if (after.advice == dane::Advice::dane_only)
            level = Level::info;
        else if (before.advice == dane::Advice::dane_only)
            level = Level::warning;
    }
    if (next_hop.empty())
        log_.write(level, level == Level::debug ? "dane-checked" : "dane-changed",
                   {{"domain", domain.name()},
                    {"verdict", to_string(after.advice)},
                    {"before", to_string(before.advice)},
                    {"detail", verdict.why},
                    {"ttl", verdict.ttl.count()}});
    else
        log_.write(level, level == Level::debug ? "dane-checked" : "dane-changed",
                   {{"domain", domain.name()},
                    {"verdict", to_string(after.advice)},
                    {"before", to_string(before.advice)},
                    {"detail", verdict.why},
                    {"ttl", verdict.ttl.count()},
                    {"next_hop", next_hop}});
}

void LearnerLog::refused_hosts(const base::Domain& domain, const cache::Entry& entry,
                               const dane::Verdict& verdict) {
    if (verdict.mx_hosts.empty()) return;
    std::string finding = domain.name() + " " + entry.txt_id, hosts;
    std::size_t named = 0;
    for (const std::string& host : verdict.mx_hosts) {
        if (sts::admits(entry.policy->policy, host)) return;
        finding += " " + host;
        if (named++ < max_hosts) hosts += (hosts.empty() ? "" : ",") + host;
    }
    if (named > max_hosts) hosts += ",and " + std::to_string(named - max_hosts) + " more";
    if (!refusals_.allow(finding, clock_.steady()).write) return;
    log_.write(Level::warning, "policy-admits-no-mx",
               {{"domain", domain.name()}, {"id", entry.txt_id}, {"mx_hosts", hosts}});
}

void LearnerLog::failure(const base::Domain& domain, Reason reason, std::string_view detail,
                         bool kept_enforce, base::seconds next_try) {
    // Failures come five minutes to an hour apart; once an hour and domain says it all.
    const auto allowed = failures_.allow(domain.name(), clock_.steady());
    if (!allowed.write) return;
    log_.write(kept_enforce ? Level::warning : Level::info, "policy-failed",
               {{"domain", domain.name()},
                {"reason", base::to_string(reason)},
                {"detail", detail},
                {"kept", kept_enforce ? "enforce" : "no enforce policy"},
                {"next_try_s", next_try.count()},
                {"repeated", allowed.suppressed_since}});
}

void LearnerLog::expired(const base::Domain& domain, const cache::Entry& entry) {
    log_.write(Level::info, "policy-expired",
               {{"domain", domain.name()},
                {"mode", sts::to_string(entry.policy->policy.mode)},
                {"fetched_at", entry.fetched_at.time_since_epoch().count()},
                {"reason", base::to_string(entry.gets.failures > 0 ? entry.gets.reason : Reason::none)}});
}

void LearnerLog::evicted(const base::Domain& gone, const base::Domain& newcomer) {
    log_.write(Level::warning, "policy-evicted", {{"domain", gone.name()}, {"for", newcomer.name()}});
}

void LearnerLog::aborted(const base::Domain& domain) {
    if (aborts_.allow("", clock_.steady()).write)
        log_.write(Level::error, "lookup-aborted", {{"domain", domain.name()}, {"reason", "out of memory"}});
}

} // namespace lookup
