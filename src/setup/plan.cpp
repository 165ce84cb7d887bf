#include "setup/plan.hpp"

#include "base/text.hpp"
#include "setup/plan_dane.hpp"
#include "setup/plan_maps.hpp"

#include <algorithm>
#include <array>

namespace setup {
namespace {

using Kind = Remark::Kind;

void remark(Plan& plan, Kind kind, std::string about, std::string words, std::string fix = {}) {
    plan.remarks.push_back({kind, std::move(about), std::move(words), std::move(fix)});
}

void change(Plan& plan, const Installed& postfix, std::string name, std::string after, std::string why,
            bool needed) {
    plan.changes.push_back({name, postfix.written(name), std::move(after), std::move(why), needed});
}

/// The level that holds where there is no policy, and whether it comes from the parameters of before 2.3.
struct Level {
    std::string name;
    bool legacy = false;
};

Level default_level(const Installed& postfix) {
    const std::string level = base::ascii_lower(postfix.value("smtp_tls_security_level"));
    if (!level.empty()) return {level, false};
    if (postfix.yes("smtp_enforce_tls"))
        return {postfix.value("smtp_tls_enforce_peername") == "no" ? "encrypt" : "verify", true};
    if (postfix.yes("smtp_use_tls")) return {"may", true};
    return {"", false};
}

void plan_level(const Installed& postfix, Plan& plan) {
    constexpr std::array stricter{"dane-only", "fingerprint", "verify", "secure"};
    const std::string name = "smtp_tls_security_level";
    const Level level = default_level(postfix);
    if (std::ranges::find(stricter, level.name) != stricter.end()) {
        const std::string source = level.legacy ? "smtp_enforce_tls = yes" : name + " = " + level.name;
        remark(plan, plan.in_force ? Kind::warning : Kind::refusal, level.legacy ? "smtp_enforce_tls" : name,
               source +
                   " authenticates every mail host by your own rule; for a domain with an enforced policy, "
                   "stsmapd's answer would take its place",
               "where MTA-STS shall decide for the domains that have it, set " + name +
                   " = encrypt (or dane) first");
        return;
    }
    if (level.name.empty() || level.name == "none")
        change(plan, postfix, name, "may",
               "TLS where it is offered, for all other domains; without it they get none at all", false);
    else if (level.name == "dane" && postfix.value("smtp_dns_support_level") != "dnssec")
        remark(plan, Kind::warning, name,
               "smtp_tls_security_level = dane without smtp_dns_support_level = dnssec is the same as may",
               "run a validating resolver, then: postconf -e 'smtp_dns_support_level = dnssec'");
}

void plan_trust(const Installed& postfix, const Surroundings& around, Plan& plan) {
    const std::string name = "smtp_tls_CAfile";
    constexpr std::string_view without =
        "Postfix trusts no certificate, and defers the mail of every domain with an enforced policy";
    const CaFile& file = around.configured_ca;
    if (!file.path.empty() && file.readable && file.certificates > 0) return;
    if (!file.path.empty()) {
        remark(plan, Kind::refusal, name,
               name + " = " + file.path + (file.readable ? " has no certificate in it" : " cannot be read") +
                   ": " + std::string(without),
               around.system_ca.empty() ? "apt-get install ca-certificates"
                                        : "postconf -e '" + name + " = " + around.system_ca + "'");
        return;
    }
    if (postfix.yes("tls_append_default_CA")) return;
    const std::string folder = postfix.value("smtp_tls_CApath");
    if (!folder.empty() && around.ca_path_certificates > 0) return;
    if (around.system_ca.empty()) {
        remark(plan, Kind::refusal, name,
               "neither " + name +
                   " nor smtp_tls_CApath leads to CA certificates, and the system's were not found: " +
                   std::string(without),
               "apt-get install ca-certificates");
        return;
    }
    std::string why = "trust anchors; without any " + std::string(without);
    if (!folder.empty())
        why = "smtp_tls_CApath = " + folder + " has no certificates" +
              (any_chroot(postfix) ? " within smtp(8)'s chroot" : "") + "; " + std::string(without);
    change(plan, postfix, name, around.system_ca, std::move(why), true);
}

/// What would be switched off by a policy map, or cannot go together with one.
void refuse_conflicts(const Installed& postfix, const Surroundings& around, Plan& plan) {
    if (!postfix.value("smtp_tls_per_site").empty() && postfix.value("smtp_tls_policy_maps").empty())
        remark(
            plan, Kind::refusal, "smtp_tls_per_site",
            "smtp_tls_per_site is in use, and Postfix ignores it as soon as smtp_tls_policy_maps is set",
            "move its entries to a table in smtp_tls_policy_maps first (TLS_README, \"TLS policy table\")");
    if (postfix.yes("smtp_tls_wrappermode"))
        remark(plan, Kind::refusal, "smtp_tls_wrappermode",
               "smtp_tls_wrappermode = yes: all mail goes to a relay over TLS from the first byte, where "
               "MTA-STS has "
               "no say",
               "set it for the one service in master.cf that needs it");
    if (around.main_cf_is_link)
        remark(plan, Kind::refusal, "main.cf",
               "main.cf is a symbolic link, which postconf would replace by a file",
               "make the changes in the file it leads to");
}

/// A service of master.cf asks stsmapd, if main.cf's smtp_tls_policy_maps do.
bool asks_ours(const Service& service, const Surroundings& around) {
    const auto maps = service.overrides.find("smtp_tls_policy_maps");
    if (maps == service.overrides.end() || maps->second == "$smtp_tls_policy_maps") return true;
    return std::ranges::any_of(split_maps(maps->second), [&](const std::string& element) {
        return kind_of(element, around.ours) == MapKind::ours;
    });
}

/// A setting by which smtp(8) connects elsewhere than its question says, so that the DANE verdict stsmapd
/// answers with is of another host or port than the one Postfix asks TLSA for.
struct Detour {
    std::string_view name;
    std::string_view does; ///< what it does to a key
    [[nodiscard]] bool taken(std::string_view value) const {
        if (name == "smtp_tcp_port") return !value.empty() && value != "smtp" && value != "25";
        return !value.empty();
    }
};

constexpr std::array detours{
    Detour{"smtp_tcp_port", "smtp(8) connects to that port where the next hop names none"},
    Detour{"use_srv_lookup", "smtp(8) takes hosts and ports from SRV records"},
};

void plan_detours(const Installed& postfix, const Surroundings& around, Plan& plan) {
    const bool active = around.dane == Surroundings::Dane::active;
    const Kind kind = active ? Kind::refusal : Kind::warning;
    const auto words = [&](const Detour& detour) {
        return std::string(detour.does) +
               ", which stsmapd cannot see: it looks for DANE at the MX hosts and port 25" +
               (active ? ", and mail can be deferred, or DANE overridden"
                       : "; once DANE is active, mail can be deferred, or DANE overridden");
    };
    for (const Detour& detour : detours) {
        const std::string name(detour.name), value = postfix.value(name);
        bool in_use = postfix.services.empty();
        for (const Service& service : postfix.services) {
            if (!asks_ours(service, around)) continue;
            const auto own = service.overrides.find(name);
            if (own == service.overrides.end() || own->second == '$' + name) {
                in_use = true;
            } else if (detour.taken(own->second)) {
                const std::string where = service.name + '/' + service.type;
                remark(plan, kind, "master.cf",
                       "service " + where + " has its own " + name + " = " + own->second + ": " +
                           words(detour),
                       "name the port in the next hop instead, as in [relay.example]:587: postconf -P -X " +
                           where + '/' + name + "; or take the map away from the service: postconf -P '" +
                           where + "/smtp_tls_policy_maps='; or set dane = \"off\" in stsmapd.toml");
            }
        }
        if (in_use && detour.taken(value))
            remark(plan, kind, name, name + " = " + value + ": " + words(detour),
                   "name the port in the next hop instead, as in [relay.example]:587: postconf -X " + name +
                       "; or set dane = \"off\" in stsmapd.toml");
    }
}

void say_more(const Installed& postfix, const Surroundings& around, Plan& plan) {
    const std::string relay = postfix.value("relayhost");
    if (!relay.empty())
        remark(plan, Kind::warning, "relayhost",
               "relayhost = " + relay +
                   ": mail goes there, and only that name is looked up. The policies of recipients' domains "
                   "are for "
                   "the relay to obey",
               "run stsmapd on the host that sends to the recipients' domains");
    if (!postfix.value("smtp_tls_session_cache_database").empty())
        remark(plan, Kind::note, "smtp_tls_session_cache_database",
               "a resumed TLS session keeps the verdict of the policy before, for up to "
               "smtp_tls_session_cache_timeout (3600s). Where a changed policy shall take effect at once: "
               "postconf "
               "-e 'smtp_tls_session_cache_database ='");
    if (postfix.value("smtp_tls_enforce_sts_mx_patterns") == "no")
        remark(
            plan, Kind::warning, "smtp_tls_enforce_sts_mx_patterns",
            "smtp_tls_enforce_sts_mx_patterns = no: the names of MX hosts are not compared with the policy",
            "postconf -X smtp_tls_enforce_sts_mx_patterns");
    const std::string others = postfix.value("multi_instance_directories");
    if (!others.empty())
        remark(plan, Kind::note, "multi_instance_directories",
               "other instances have settings of their own: stsmap postfix-setup -c DIR for each of " +
                   others);
    for (const Service& service : postfix.services) {
        for (const auto& [name, value] : service.overrides) {
            const bool matters = name == "smtp_tls_policy_maps" || name == "smtp_tls_security_level" ||
                                 name == "smtp_tls_CAfile" || name == "smtp_tls_CApath" ||
                                 name == "smtp_dns_support_level" || name == "smtp_tls_wrappermode";
            if (!matters) continue;
            if (name == "smtp_tls_policy_maps" && asks_ours(service, around)) continue;
            const std::string where = service.name + '/' + service.type;
            remark(plan, Kind::warning, "master.cf",
                   "service " + where + " has its own " + name + " = " + value +
                       (name == "smtp_tls_policy_maps" ? ": it does not ask stsmapd" : ""),
                   "if that is not meant: postconf -P -X " + where + '/' + name);
        }
    }
}

} // namespace

bool Plan::refused() const {
    return std::ranges::any_of(remarks, [](const Remark& r) { return r.kind == Kind::refusal; });
}

bool any_chroot(const Installed& postfix) {
    return std::ranges::any_of(postfix.services, [](const Service& service) { return service.chroot; });
}

Plan make_plan(const Installed& postfix, const Surroundings& around, const Wishes& wishes) {
    Plan plan;
    if (postfix.version < oldest_postfix) {
        remark(plan, Kind::refusal, "mail_version",
               "Postfix " + postfix.version_text +
                   " does not know servername= in a policy: it would defer the mail",
               "upgrade to Postfix 3.4 or newer");
        return plan;
    }
    plan_maps(postfix, around, wishes, plan);
    plan_level(postfix, plan);
    plan_trust(postfix, around, plan);
    plan_dane(postfix, around, plan);
    refuse_conflicts(postfix, around, plan);
    plan_detours(postfix, around, plan);
    say_more(postfix, around, plan);
    const bool adds = std::ranges::any_of(plan.changes, [&](const Change& c) {
        return c.name == "smtp_tls_policy_maps" &&
               std::ranges::none_of(split_maps(c.before.value_or("")), [&](const std::string& element) {
                   return kind_of(element, around.ours) == MapKind::ours;
               });
    });
    if (adds && !around.daemon_answers && !wishes.without_daemon)
        remark(plan, Kind::refusal, "smtp_tls_policy_maps",
               "no stsmapd answers (" + around.daemon_trouble +
                   "): with its map in main.cf, Postfix would defer all mail",
               "start stsmapd first, or say --without-daemon");
    return plan;
}

} // namespace setup
