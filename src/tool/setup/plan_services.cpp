// The part of the plan about services of master.cf that have their own list of policy maps.
#include "tool/setup/plan_parts.hpp"

#include <algorithm>
#include <array>

namespace setup {
namespace {

using Kind = Remark::Kind;
constexpr std::string_view parameter = "smtp_tls_policy_maps";

/// The service does not ask stsmapd.
void judge_without(const Holder& holder, Plan& plan) {
    const std::string where = "service " + holder.service->where();
    const Level level = level_of(holder);
    if (is_stricter(level.name)) {
        plan.remarks.push_back({Kind::note, "master.cf",
                                where + " does not use MTA-STS, by its own stricter rule: " +
                                    std::string(level.source) + " = " + holder.value(level.source),
                                "", "service-stricter"});
        return;
    }
    const Kind kind = weight_of_policy(holder);
    const std::string list =
        holder.value(parameter).empty() ? holder.says(parameter) + "(empty)" : holder.says(parameter);
    const std::string_view why =
        kind == Kind::refusal        ? ": mail that goes through it obeys no policy"
        : holder.use == Use::unused  ? ": no mail for other domains goes through it now"
        : holder.use == Use::unknown ? ": if mail for other domains goes through it, that obeys no policy"
        : holder.use == Use::fixed_hop
            ? ": it sends to hosts that are written out, for which there is no policy"
            : ": what of its mail does not go to the relay host obeys no policy";
    plan.remarks.push_back({kind, "master.cf", list + ", so it does not ask stsmapd" + std::string(why),
                            kind == Kind::note
                                ? ""
                                : "if that is not meant: " + holder.unset(parameter) +
                                      "; or give it a stricter rule of its own, by smtp_tls_security_level = "
                                      "dane-only, fingerprint, verify or secure",
                            "service-without-map"});
}

/// The service asks stsmapd, and must get the form of answer that this Postfix accepts.
void judge_form(const Holder& holder, const OurPlaces& places, Plan& plan) {
    const bool wanted = holder.postfix->version >= attributes_since;
    std::vector<std::string> elements = split_maps(holder.value(parameter));
    bool wrong = false;
    for (std::string& element : elements) {
        auto map = kind_of(element, places) == MapKind::ours ? parse_socketmap(element) : std::nullopt;
        if (!map || asks_for_attributes(*map) == wanted) continue;
        map->name = wanted ? "sts-tlsrpt" : "sts";
        element = to_string(*map);
        wrong = true;
    }
    if (!wrong) return;
    std::string list;
    for (const std::string& element : elements) list.append(list.empty() ? "" : ",").append(element);
    Kind kind = weight_of_policy(holder);
    if (wanted) kind = Kind::warning; // the short form works, but has less in it
    if (kind == Kind::note) kind = Kind::warning;
    plan.remarks.push_back(
        {kind, "master.cf",
         holder.says(parameter) + (wanted ? ": the answers lack what Postfix 3.10 and newer take for "
                                            "TLSRPT and MX names"
                                          : ": this Postfix does not know the attributes that the "
                                            "map answers with, and defers all mail to domains with a "
                                            "policy"),
         holder.set(parameter, list), "service-map-form"});
}

/// Settings that affect policies, TLS, or where mail goes.
bool matters(std::string_view name) {
    constexpr std::array names{
        "smtp_dns_support_level", "smtp_enforce_tls",       "smtp_fallback_relay",
        "smtp_host_lookup",       "ignore_mx_lookup_error", "smtp_dns_resolver_options",
        "smtp_tcp_port",          "smtp_use_tls",           "tls_append_default_CA",
        "use_srv_lookup",         "smtp_address_preference"};
    return name.starts_with("smtp_tls_") || std::ranges::find(names, name) != names.end();
}

} // namespace

void plan_overrides(const Installed& postfix, const Surroundings& around, Plan& plan) {
    for (const Service& service : postfix.services) {
        const Holder holder{&postfix, &service, service.use};
        for (const auto& [name, value] : service.overrides) {
            const std::string says = "service " + service.where() + " has its own " + name + " = ";
            const bool said = std::ranges::any_of(
                plan.remarks, [&](const Remark& remark) { return remark.words.starts_with(says); });
            if (said || !matters(name) || (name == parameter && asks_ours(value, around.ours))) continue;
            plan.remarks.push_back(
                {Kind::note, "master.cf",
                 says + (value.empty() ? "(empty)" : value) + ", which " + holder.unset(name) + " takes out",
                 "", "service-override"});
        }
    }
}

void plan_services(const Installed& postfix, const Surroundings& around, Plan& plan) {
    for (const Holder& holder : holders(postfix, {parameter})) {
        if (holder.service == nullptr) continue;
        if (asks_ours(holder.value(parameter), around.ours))
            judge_form(holder, around.ours, plan);
        else
            judge_without(holder, plan);
    }
    for (const Service& service : postfix.services)
        if (service.misread)
            plan.remarks.push_back(
                {Kind::warning, "master.cf",
                 "service " + service.where() +
                     ": an -o has its setting right behind it, which smtp(8) takes and postconf misreads: "
                     "postconf -P would break the line",
                 "write a blank behind each -o in the service's lines of master.cf", "service-misread"});
    if (!postfix.services.empty()) return;
    plan.remarks.push_back(
        {Kind::refusal, "master.cf",
         "no service of master.cf delivers mail over SMTP (none runs smtp(8)): nobody would ask "
         "stsmapd",
         "restore the line of the service smtp in master.cf, as in Postfix's own: smtp unix - - n - "
         "- smtp",
         "no-smtp-service"});
}

} // namespace setup
