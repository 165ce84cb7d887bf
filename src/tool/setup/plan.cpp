#include "tool/setup/plan.hpp"

#include "base/text.hpp"
#include "tool/setup/plan_dane.hpp"
#include "tool/setup/plan_maps.hpp"
#include "tool/setup/plan_parts.hpp"
#include "tool/setup/plan_reach.hpp"

#include <algorithm>

namespace setup {
namespace {

using Kind = Remark::Kind;

void remark(Plan& plan, std::string id, Kind kind, std::string about, std::string words,
            std::string fix = {}) {
    plan.remarks.push_back({kind, std::move(about), std::move(words), std::move(fix), std::move(id)});
}

/// Refuses settings that a policy map would switch off, or that do not work together with one.
void refuse_conflicts(const Installed& postfix, const Surroundings& around, Plan& plan) {
    if (!postfix.value("smtp_tls_per_site").empty() && postfix.value("smtp_tls_policy_maps").empty())
        remark(
            plan, "per-site", Kind::refusal, "smtp_tls_per_site",
            "smtp_tls_per_site is in use, and Postfix ignores it as soon as smtp_tls_policy_maps is set",
            "move its entries to a table in smtp_tls_policy_maps first (TLS_README, \"TLS policy table\")");
    for (const Holder& holder : holders(postfix, {"smtp_tls_wrappermode"})) {
        if (!holder.yes("smtp_tls_wrappermode")) continue;
        const Kind kind = holder.service == nullptr ? Kind::refusal : weight_of_policy(holder);
        remark(plan, "wrappermode", kind, holder.about("smtp_tls_wrappermode"),
               holder.says("smtp_tls_wrappermode") +
                   ": all its mail goes to a relay over TLS from the first byte, where MTA-STS has no say",
               kind == Kind::note          ? ""
               : holder.service == nullptr ? "set it for the one service in master.cf that needs it: " +
                                                 holder.unset("smtp_tls_wrappermode")
                                           : holder.unset("smtp_tls_wrappermode"));
    }
    if (around.main_cf_is_link)
        remark(plan, "main-cf-link", Kind::refusal, "main.cf",
               "main.cf is a symbolic link, which postconf would replace by a file",
               "make the changes in the file it leads to");
}

void say_more(const Installed& postfix, Plan& plan) {
    const Holder main{&postfix};
    if (!postfix.value("smtp_tls_session_cache_database").empty())
        remark(plan, "session-cache", Kind::note, "smtp_tls_session_cache_database",
               "a resumed TLS session keeps the verdict of the policy before, for up to "
               "smtp_tls_session_cache_timeout (3600s). Where a changed policy shall take effect at once: " +
                   main.set("smtp_tls_session_cache_database", ""));
    constexpr std::string_view patterns = "smtp_tls_enforce_sts_mx_patterns";
    for (const Holder& holder : holders(postfix, {patterns})) {
        if (base::ascii_lower(holder.value(patterns)) != "no") continue;
        const Kind kind = serves_domains(holder) ? Kind::warning : Kind::note;
        remark(plan, "mx-patterns-off", kind, holder.about(patterns),
               holder.says(patterns) + ": the names of MX hosts are not compared with the policy",
               kind == Kind::note ? "" : holder.unset(patterns));
    }
    const std::string others = postfix.value("multi_instance_directories");
    if (!others.empty())
        remark(plan, "other-instances", Kind::note, "multi_instance_directories",
               "other instances have settings of their own: stsmap postfix-setup -c DIR for each of " +
                   others);
}

} // namespace

bool Plan::refused() const {
    return std::ranges::any_of(remarks, [](const Remark& r) { return r.kind == Kind::refusal; });
}

bool any_chroot(const Installed& postfix) {
    return std::ranges::any_of(postfix.services, [](const Service& service) { return service.chroot; });
}

const std::vector<std::string_view>& plan_ids() {
    static const std::vector<std::string_view> ids{
        "ca-missing",
        "ca-private",
        "ca-unusable",
        "daemon-silent",
        "default-transport",
        "detour-port",
        "detour-srv",
        "dns-disabled",
        "dnssec-overridden",
        "dnssec-probe-warns",
        "fallback-relay",
        "host-lookup-without-dns",
        "level-dane-without-dnssec",
        "level-none",
        "level-stricter",
        "level-unknown",
        "main-cf-link",
        "map-absolute",
        "map-after-ours",
        "map-another-daemon",
        "map-elsewhere",
        "map-form-elsewhere",
        "map-no-address",
        "map-not-approved",
        "map-outside-chroot",
        "map-proxied",
        "map-two-daemons",
        "map-type-missing",
        "mx-errors-ignored",
        "mx-patterns-off",
        "no-daemon",
        "no-smtp-service",
        "other-instances",
        "per-site",
        "postfix-too-old",
        "protocols-too-old",
        "relayhost",
        "resolv-conf-differs",
        "resolv-conf-unread",
        "resolver-fails",
        "resolver-fails-dnssec",
        "resolver-not-validating",
        "resolver-search",
        "sender-dependent-default-transport-maps",
        "sender-dependent-relayhost-maps",
        "service-map-form",
        "service-misread",
        "service-not-judged",
        "service-override",
        "service-socket-out-of-reach",
        "service-stricter",
        "service-without-map",
        "session-cache",
        "set-smtp-dns-support-level",
        "set-smtp-tls-cafile",
        "set-smtp-tls-policy-maps",
        "set-smtp-tls-security-level",
        "smtp-fails",
        "socket-closed",
        "socket-not-seen",
        "socket-out-of-reach",
        "table-broken",
        "table-catch-all",
        "table-not-seen",
        "tlsproxy-missing",
        "transport-maps",
        "transport-missing",
        "trust-anchor-file",
        "value-unknown",
        "wrappermode",
    };
    return ids;
}

Plan make_plan(const Installed& postfix, const Surroundings& around, const Wishes& wishes) {
    Plan plan;
    plan.folder = postfix.folder;
    if (postfix.version < oldest_postfix) {
        remark(plan, "postfix-too-old", Kind::refusal, "mail_version",
               "Postfix " + postfix.version_text +
                   " does not know servername= in a policy: it would defer the mail",
               "upgrade to Postfix 3.4 or newer");
        return plan;
    }
    plan_maps(postfix, around, wishes, plan);
    look_at_tables(postfix, around, wishes, plan);
    look_at_own_lists(postfix, around, wishes, plan);
    plan_level(postfix, around, plan);
    plan_trust(postfix, around, plan);
    plan_dane(postfix, around, plan);
    plan_dane_level(postfix, plan);
    refuse_conflicts(postfix, around, plan);
    plan_services(postfix, around, plan);
    plan_detours(postfix, around, plan);
    plan_values(postfix, plan);
    plan_routes(postfix, plan);
    say_more(postfix, plan);
    plan_overrides(postfix, around, plan);
    const bool adds = std::ranges::any_of(plan.changes, [&](const Change& c) {
        return c.name == "smtp_tls_policy_maps" && !asks_ours(c.before.value_or(""), around.ours);
    });
    if (adds && !around.daemon_answers && !around.daemon_not_seen && !wishes.without_daemon)
        remark(plan, "no-daemon", Kind::refusal, "smtp_tls_policy_maps",
               "no stsmapd answers (" + around.daemon_trouble +
                   "): with its map in main.cf, Postfix would defer all mail",
               "start stsmapd first, or say --without-daemon");
    return plan;
}

} // namespace setup
