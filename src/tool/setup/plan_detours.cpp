// The part of the plan about settings that make smtp(8) connect to another place than its question says, or
// look names up in a way that excludes DANE: then smtp(8) cannot obey what stsmapd answers.
#include "tool/setup/plan_parts.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>

namespace setup {
namespace {

using Kind = Remark::Kind;

struct Detour {
    std::string_view name, id;
    std::string_view does;
    /// true: another host or port than stsmapd checks; false: Postfix does no DANE, and defers "dane-only".
    bool other_place;
    [[nodiscard]] bool taken(const std::string& value) const {
        const std::vector<std::string> words = split_maps(value);
        const auto has = [&](std::string_view word) { return std::ranges::find(words, word) != words.end(); };
        if (name == "smtp_tcp_port") return !value.empty() && value != "smtp" && value != "25";
        if (name == "smtp_host_lookup") return !value.empty() && !has("dns");
        if (name == "ignore_mx_lookup_error") return base::ascii_lower(value) == "yes";
        return !words.empty();
    }
};

constexpr std::array detours{
    Detour{"smtp_tcp_port", "detour-port", "smtp(8) connects to that port where the next hop names none",
           true},
    Detour{"use_srv_lookup", "detour-srv", "smtp(8) takes hosts and ports from SRV records", true},
    Detour{"smtp_host_lookup", "host-lookup-without-dns", "smtp(8) looks up no host in the DNS", false},
    Detour{"ignore_mx_lookup_error", "mx-errors-ignored",
           "smtp(8) goes on to the domain's address when its MX cannot be looked up", false},
    Detour{"smtp_dns_resolver_options", "resolver-search",
           "the resolver completes names with domains of its own", false},
};

std::string words_of(const Detour& detour, bool active) {
    if (detour.other_place)
        return std::string(detour.does) +
               ", which stsmapd cannot see: it looks for DANE at the MX hosts and port 25" +
               (active ? ", and mail can be deferred, or DANE overridden"
                       : "; once DANE is active, mail can be deferred, or DANE overridden");
    return std::string(detour.does) + ", and does no DANE then: " +
           (active ? "mail to domains for which stsmapd answers dane-only is deferred"
                   : "once DANE is active, mail to domains for which stsmapd answers dane-only is deferred");
}

std::string fix_of(const Detour& detour, const Holder& holder) {
    const bool own = holder.service != nullptr && holder.service->overrides.contains(detour.name);
    const Holder place = own ? holder : Holder{holder.postfix};
    std::string fix =
        detour.other_place
            ? "name the port in the next hop instead, as in [relay.example]:587: " + place.unset(detour.name)
            : place.unset(detour.name);
    if (own) fix += "; or take the map away from the service: " + place.set("smtp_tls_policy_maps", "");
    return fix + "; or set dane = \"off\" in stsmapd.toml";
}

} // namespace

void plan_detours(const Installed& postfix, const Surroundings& around, Plan& plan) {
    using Dane = Surroundings::Dane;
    const bool active = around.dane == Dane::active;
    const bool to_be = std::ranges::any_of(
        plan.changes, [](const Change& change) { return change.name == "smtp_tls_policy_maps"; });
    for (const Detour& detour : detours) {
        if (!detour.other_place && around.dane == Dane::off) continue;
        for (const Holder& holder : holders(postfix, {detour.name, "smtp_tls_policy_maps"})) {
            const bool main_list =
                holder.service == nullptr || !holder.service->overrides.contains("smtp_tls_policy_maps");
            const bool asks = asks_ours(holder.value("smtp_tls_policy_maps"), around.ours) ||
                              (main_list && to_be) || holder.service == nullptr;
            if (!asks || !detour.taken(holder.value(detour.name))) continue;
            const bool own =
                holder.service != nullptr && holder.value(detour.name) != postfix.value(detour.name);
            const std::string says =
                own ? holder.says(detour.name) : std::string(detour.name) + " = " + holder.value(detour.name);
            const std::string about = own ? "master.cf" : std::string(detour.name);
            const bool said = std::ranges::any_of(plan.remarks, [&](const Remark& remark) {
                return remark.id == detour.id && remark.about == about && !own;
            });
            if (said) continue;
            plan.remarks.push_back({active && holder.use != Use::fixed_hop ? Kind::refusal : Kind::warning,
                                    about, says + ": " + words_of(detour, active), fix_of(detour, holder),
                                    std::string(detour.id)});
        }
    }
}

} // namespace setup
