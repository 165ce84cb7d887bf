// The part of the plan about the level of TLS that applies where there is no policy.
#include "tool/setup/plan_parts.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace setup {
namespace {

using Kind = Remark::Kind;
constexpr std::string_view parameter = "smtp_tls_security_level";
constexpr std::string_view maps = "smtp_tls_policy_maps", support = "smtp_dns_support_level";

/// main.cf's level, for all services that take it from there.
void judge_main(const Holder& main, Plan& plan) {
    const Level level = level_of(main);
    if (is_stricter(level.name)) {
        plan.remarks.push_back({plan.in_force ? Kind::warning : Kind::refusal, std::string(level.source),
                                main.says(level.source) + ": Postfix authenticates every mail host by your "
                                                          "own rule; for a domain with an enforced policy, "
                                                          "stsmapd's answer would take its place",
                                "where MTA-STS shall decide for the domains that have it, set " +
                                    std::string(parameter) +
                                    " = encrypt (or dane) first: " + main.set(parameter, "encrypt"),
                                "level-stricter"});
    } else if (level.name.empty() || level.name == "none") {
        plan.changes.push_back(
            {std::string(parameter), main.postfix->written(parameter), "may",
             "TLS where it is offered, for all other domains; without it they get none at all", false,
             "set-smtp-tls-security-level"});
    }
}

/// The level of a service that has its own.
void judge_service(const Holder& holder, const OurPlaces& ours, Plan& plan) {
    const Level level = level_of(holder);
    const bool main_changes =
        std::ranges::any_of(plan.changes, [](const Change& c) { return c.name == maps; });
    const bool will_ask =
        asks_ours(holder.value(maps), ours) || (main_changes && !holder.service->overrides.contains(maps));
    if (is_stricter(level.name)) {
        // A service without the map is judged in plan_services().
        if (!will_ask || !serves_domains(holder)) return;
        plan.remarks.push_back(
            {plan.in_force ? Kind::warning : Kind::refusal, "master.cf",
             holder.says(level.source) +
                 ", which authenticates every mail host by your own rule; for a domain with an "
                 "enforced policy, stsmapd's answer takes its place",
             "so that the service keeps its own rule, take the map away from it: " + holder.set(maps, ""),
             "level-stricter"});
    } else if ((level.name.empty() || level.name == "none") && holder.use != Use::fixed_hop) {
        plan.remarks.push_back(
            {holder.use == Use::unused ? Kind::note : Kind::warning, "master.cf",
             holder.says(level.source) +
                 ": to domains without a policy it sends without TLS, even where it is offered",
             holder.use == Use::unused ? "" : "if that is not meant: " + holder.unset(level.source),
             "level-none"});
    }
}

} // namespace

void plan_level(const Installed& postfix, const Surroundings& around, Plan& plan) {
    for (const Holder& holder :
         holders(postfix, {parameter, "smtp_enforce_tls", "smtp_use_tls", "smtp_tls_enforce_peername"})) {
        if (holder.service == nullptr)
            judge_main(holder, plan);
        else
            judge_service(holder, around.ours, plan);
    }
}

void plan_dane_level(const Installed& postfix, Plan& plan) {
    const bool planned = std::ranges::any_of(plan.changes, [](const Change& c) { return c.name == support; });
    for (const Holder& holder : holders(postfix, {parameter, support})) {
        const std::string level = level_of(holder).name;
        const bool only = level == "dane-only";
        if ((level != "dane" && !only) || base::ascii_lower(holder.value(support)) == "dnssec" ||
            holder.use == Use::unused)
            continue;
        if (planned && holder.value(support) == postfix.value(support)) continue; // dnssec will be there
        plan.remarks.push_back(
            {only ? weight_of_failure(holder) : Kind::warning, holder.about(parameter),
             holder.says(parameter) + (only ? " without smtp_dns_support_level = dnssec defers all mail, but "
                                              "where a policy says otherwise"
                                            : " without smtp_dns_support_level = dnssec is the same as may"),
             "run a validating resolver, then: " +
                 (holder.service != nullptr && holder.service->overrides.contains(support)
                      ? holder.set(support, "dnssec")
                      : Holder{&postfix}.set(support, "dnssec")),
             "level-dane-without-dnssec"});
    }
}

} // namespace setup
