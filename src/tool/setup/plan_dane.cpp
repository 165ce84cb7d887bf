#include "tool/setup/plan_dane.hpp"

#include "base/text.hpp"
#include "tool/setup/plan_parts.hpp"

#include <algorithm>

namespace setup {
namespace {

using Dane = Surroundings::Dane;
using Kind = Remark::Kind;

constexpr std::string_view level_name = "smtp_dns_support_level";
/// Since this version smtp(8) asks for the name servers of the root, and warns if the answer has no AD.
constexpr Version probes_since{3, 6, 0};

/// What smtp(8) does with DNS for this holder (postconf(5), smtp_dns_support_level).
enum class DnsLevel { disabled, enabled, dnssec };

DnsLevel level_of_dns(const Holder& holder) {
    const std::string level = base::ascii_lower(holder.value(level_name));
    if (level == "dnssec") return DnsLevel::dnssec;
    if (level == "disabled" || (level.empty() && holder.yes("disable_dns_lookups")))
        return DnsLevel::disabled;
    return DnsLevel::enabled;
}

std::string listed(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text.append(text.empty() ? "" : ", ").append(word);
    return text;
}

/// "127.0.0.1:53 (SERVFAIL), 192.0.2.1:53 (no answer within 3000 ms)".
std::string listed(const std::vector<const NameServer*>& servers) {
    std::string text;
    for (const NameServer* server : servers)
        text.append(text.empty() ? "" : ", ").append(server->address + " (" + server->trouble + ')');
    return text;
}

std::string who(const Resolvers& view) {
    return "smtp(8) of " + listed(view.services) + (view.chroot ? ", in its chroot," : "");
}

/// The servers that smtp(8) asks, and the file they come from.
std::string from(const Resolvers& view) {
    return view.there ? "of " + view.file : "as smtp(8) has no " + view.file + " that it may read";
}

std::vector<const NameServer*> silent(const Resolvers& view) {
    std::vector<const NameServer*> servers;
    for (const NameServer& server : view.servers)
        if (!server.answers) servers.push_back(&server);
    return servers;
}

/// One part of the plan.
class DnsPlan {
public:
    DnsPlan(const Installed& postfix, const Surroundings& around, Plan& plan)
        : postfix_(postfix), around_(around), plan_(plan) {}

    void make() {
        const bool off = around_.dane == Dane::off;
        const auto all = holders(postfix_, {level_name, "disable_dns_lookups"});
        const bool open = off || std::ranges::none_of(all, [this](const Holder& holder) {
                              return concerned(holder) && level_of_dns(holder) != DnsLevel::dnssec;
                          });
        bool ready = true;
        for (const Resolvers& view : around_.resolvers) ready &= look_at(view, open);
        bool dnssec = false;
        for (const Holder& holder : all) {
            const bool has = level_of_dns(holder) == DnsLevel::dnssec;
            dnssec |= has || !off;
            if (!off && !has && concerned(holder)) prepare(holder, ready);
        }
        if (dnssec && ready) say_warnings();
    }

private:
    void remark(Kind kind, std::string about, std::string id, std::string words, std::string fix = {}) {
        plan_.remarks.push_back({kind, std::move(about), std::move(words), std::move(fix), std::move(id)});
    }

    /// Is "dane-only" answered to it, now or later?
    [[nodiscard]] bool concerned(const Holder& holder) const {
        return holder.service == nullptr || asks_ours(holder.value("smtp_tls_policy_maps"), around_.ours);
    }

    /// Corrects smtp_dns_support_level where needed. `ready`: all resolvers have answered questions in the form
    /// that smtp(8) will use then.
    void prepare(const Holder& holder, bool ready) {
        const std::string off_fix = "; or dane = \"off\" in stsmapd.toml, then restart stsmapd";
        if (level_of_dns(holder) == DnsLevel::disabled) {
            const std::string name(holder.value(level_name).empty() ? "disable_dns_lookups" : level_name);
            return remark(Kind::refusal, holder.about(name), "dns-disabled",
                          holder.says(name) +
                              ": smtp(8) looks up neither MX hosts nor DANE, and defers what stsmapd answers "
                              "with dane-only once DANE is active",
                          holder.set(level_name, "dnssec") + off_fix);
        }
        if (holder.service != nullptr)
            return remark(
                weight_of_failure(holder), holder.about(level_name), "dnssec-overridden",
                holder.says(level_name) + ": it defers what stsmapd answers with dane-only " +
                    (around_.dane == Dane::active ? "now that DANE is active" : "once DANE is active"),
                holder.set(level_name, "dnssec") + off_fix);
        if (!ready) return; // reported before
        const std::string why = around_.dane_why.empty() ? "" : " (now: " + around_.dane_why + ")";
        plan_.changes.push_back(
            {std::string(level_name), postfix_.written(level_name), "dnssec",
             around_.dane == Dane::active
                 ? "stsmapd looks for DANE, and answers dane-only for domains whose mail hosts all have it; "
                   "without this Postfix defers their mail"
                 : "as soon as a resolver validates DNSSEC, stsmapd looks for DANE and answers dane-only; "
                   "without this Postfix would then defer that mail" +
                       why,
             true, "set-smtp-dns-support-level"});
    }

    /// Reports on the servers of a view; false if a change must wait for them. `open`: no change of the level
    /// is wanted.
    bool look_at(const Resolvers& view, bool open) {
        if (!view.trouble.empty()) {
            remark(view.unseen ? Kind::warning : Kind::refusal, "resolv.conf", "resolv-conf-unread",
                   view.trouble + ": whether the name servers that " + who(view) +
                       " asks answer is not known",
                   view.unseen ? "run this as root, and when the host is less busy" : "mend the file");
            return view.unseen;
        }
        if (!view.difference.empty() && around_.dane != Dane::off) {
            remark(Kind::refusal, "resolv.conf", "resolv-conf-differs",
                   view.file + ", which " + who(view) + " reads, is not as the system's: " + view.difference +
                       "; what stsmapd says of DANE need not fit what Postfix sees",
                   restart());
            return false;
        }
        const auto mute = silent(view);
        if (!mute.empty()) {
            const Lookups lookups = lookups_at(view);
            complain(view, mute, lookups, open);
            if (lookups != Lookups::wait || !open) return false;
        }
        return validates(view);
    }

    /// What becomes of lookups at servers of which some do not answer.
    enum class Lookups {
        wait,   ///< for another server
        fail,   ///< for now: mail is deferred
        end,    ///< for good: mail bounces
        may_end ///< when the turn is at one of the servers
    };
    static Lookups lookups_at(const Resolvers& view) {
        const bool ends = std::ranges::any_of(view.servers, &NameServer::last_word);
        const bool answers = std::ranges::any_of(view.servers, &NameServer::answers);
        if (view.rotate && ends && answers) return Lookups::may_end;
        for (const NameServer& server : view.servers) {
            if (server.answers) return Lookups::wait;
            if (server.last_word) return Lookups::end;
        }
        return Lookups::fail;
    }

    void complain(const Resolvers& view, const std::vector<const NameServer*>& mute, Lookups lookups,
                  bool open) {
        const std::string asked =
            view.dnssec ? " for MX and A with EDNS and DO, as libc does with smtp_dns_support_level = dnssec"
                        : " for MX and A";
        const std::string servers = listed(mute) + ' ' + from(view);
        const std::string fix =
            "mend it, or take it out of " + view.file + (view.chroot ? " and the system's" : "") +
            " (apt-get install unbound, and nameserver 127.0.0.1, answers so)" +
            (view.dnssec && around_.dane != Dane::off
                 ? "; or dane = \"off\" in stsmapd.toml, restart stsmapd, and leave " +
                       std::string(level_name) + " alone"
             : view.dnssec ? "; or, as dane = \"off\" needs no DNSSEC: " + Holder{&postfix_}.unset(level_name)
                           : "");
        remark(lookups != Lookups::wait || !open ? Kind::refusal : Kind::warning, "resolv.conf",
               view.dnssec ? "resolver-fails-dnssec" : "resolver-fails",
               "no answer from " + servers + ", asked" + asked + ": " + effect(view, lookups, open), fix);
    }

    static std::string effect(const Resolvers& view, Lookups lookups, bool open) {
        const std::string level = open ? "" : " with that level";
        switch (lookups) {
        case Lookups::fail: return who(view) + " defers all mail" + level;
        case Lookups::end:
            return who(view) + " returns all mail to its senders" + level + ", and does not try again";
        case Lookups::may_end:
            return who(view) + " returns mail to its sender" + level +
                   ", and does not try again, whenever it asks such a server first (options rotate)";
        case Lookups::wait: break;
        }
        return open ? who(view) + " has to go on to another server, which takes seconds"
                    : "it would hold up or defer mail with that level";
    }

    /// False if "dane-only" would be answered although smtp(8)'s own server does not say that it is secure.
    bool validates(const Resolvers& view) {
        if (around_.dane != Dane::active) return true;
        for (const NameServer& server : view.servers) {
            if (!server.answers) continue;
            if (!server.validates) {
                remark(Kind::refusal, "resolv.conf", "resolver-not-validating",
                       "stsmapd's resolver validates DNSSEC, but " + server.address + ' ' + from(view) +
                           ", which " + who(view) +
                           " asks, does not: Postfix defers what stsmapd answers with "
                           "dane-only",
                       "name the validating resolver first in " + view.file +
                           "; or dane = \"off\" in stsmapd.toml, then restart stsmapd");
                return false;
            }
            if (!view.rotate) return true; // the others are only asked when it does not answer
        }
        return true;
    }

    void say_warnings() {
        const bool any = std::ranges::any_of(around_.resolvers, [](const Resolvers& view) {
            return std::ranges::any_of(view.servers, &NameServer::validates);
        });
        if (any || around_.resolvers.empty() || postfix_.version < probes_since ||
            postfix_.value("dnssec_probe").empty())
            return;
        remark(
            Kind::note, "dnssec_probe", "dnssec-probe-warns",
            "no resolver validates DNSSEC yet, so each smtp(8) process logs two warnings, \"DNSSEC "
            "validation may be unavailable\" and \"reason: dnssec_probe ...\". They mean no more than that; "
            "who does not want them: " +
                Holder{&postfix_}.set("dnssec_probe", ""));
    }

    [[nodiscard]] std::string restart() const {
        constexpr const char* words = "restart Postfix (a reload does not renew it): ";
        if (around_.systemd) return std::string(words) + "systemctl restart postfix";
        const std::string folder = postfix_.folder.empty() ? "" : "-c " + postfix_.folder + ' ';
        return std::string(words) + "postfix " + folder + "stop; cp /etc/resolv.conf " +
               postfix_.value("queue_directory") + "/etc/resolv.conf; postfix " + folder + "start";
    }

    const Installed& postfix_;
    const Surroundings& around_;
    Plan& plan_;
};

} // namespace

void plan_dane(const Installed& postfix, const Surroundings& around, Plan& plan) {
    DnsPlan(postfix, around, plan).make();
}

} // namespace setup
