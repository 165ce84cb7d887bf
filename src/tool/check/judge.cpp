#include "tool/check/judge.hpp"

#include "base/text.hpp"
#include "sts/match.hpp"
#include "tool/check/judge_parts.hpp"
#include "tool/explain/judge.hpp"
#include "tool/explain/predict.hpp"
#include "tool/setup/plan.hpp"

#include <algorithm>
#include <utility>

namespace check {
namespace {

using findings::Severity;

constexpr std::size_t max_todo = 6;
constexpr const char* not_found = "Host or domain name not found";
constexpr const char* takes_none = "does not accept mail";

std::string shown(std::string_view text, std::size_t limit = 200) { return base::printable(text, limit); }

/// Postfix asks nothing of any mail host: level dane asks only of those with TLSA records.
bool goes_anyway(const Need& need, const std::vector<Mx>& hosts) {
    if (need.demand.level == "may" || need.demand.level == "none") return true;
    return need.demand.level == "dane" && std::ranges::none_of(hosts, may_have_tlsa);
}

/// "DOMAIN" in the texts of the table.
std::string with_domain(std::string_view text, const std::string& domain) {
    constexpr std::string_view word = "DOMAIN";
    std::string made;
    for (std::size_t at = 0; at < text.size();) {
        if (text.substr(at).starts_with(word)) {
            made += domain;
            at += word.size();
        } else {
            made += text[at++];
        }
    }
    return made;
}

/// One judgement in the making.
class Judge {
public:
    explicit Judge(const Evidence& evidence)
        : evidence_(evidence), postfix_(judged_postfix(evidence.postfix)), learnt_(learn(evidence)),
          answered_(answer_for(evidence, learnt_, postfix_)), domain_(shown(evidence.domain, 260)) {}

    Judgement judge() {
        const bool asked_for = learnt_.text && learnt_.text->policy.mode != sts::Mode::none;
        const Need now = need_of(answered_.reply, postfix_, evidence_.domain);
        const Need enforced = asked_for ? need_of(answered_.enforced, postfix_, evidence_.domain)
                                        : need_of_own_names(postfix_, evidence_.domain);
        made_.txt_id = learnt_.id;
        policy();
        made_.hosts = host_results(evidence_.mx, enforced);
        admit();
        collect({evidence_, postfix_, learnt_, enforced.demand, made_.hosts});
        decide(now, enforced, asked_for);
        tell_of_silence();
        todo();
        here(enforced, asked_for);
        return std::move(made_);
    }

private:
    void policy() {
        if (!learnt_.text) return;
        const sts::Policy& policy = learnt_.text->policy;
        PolicyResult made;
        made.mode = sts::to_string(policy.mode);
        made.max_age_s = policy.max_age.count();
        for (const sts::MxPattern& pattern : policy.mx) {
            made.mx.push_back((pattern.wildcard ? "*." : "") + pattern.name);
            const auto covers = [&](const Mx& mx) { return sts::matches(pattern, mx.host); };
            if (std::ranges::none_of(evidence_.mx, covers)) made.idle.push_back(made.mx.back());
        }
        made_.policy = std::move(made);
    }

    void admit() {
        if (!learnt_.text) return;
        for (HostResult& host : made_.hosts)
            for (const sts::MxPattern& pattern : learnt_.text->policy.mx)
                if (sts::matches(pattern, host.host)) {
                    host.admitted_by = (pattern.wildcard ? "*." : "") + pattern.name;
                    break;
                }
    }

    void collect(const Part& part) {
        judge_record(part, made_.findings);
        judge_policy_host(part, made_.findings);
        judge_policy(part, made_.findings);
        judge_mx(part, made_.findings);
        judge_dane(part, made_.findings);
        judge_tlsrpt(part, made_.findings);
    }

    void decide(const Need& now, const Need& enforced, bool asked_for) {
        Verdict& made = made_.verdict;
        made.guard = answered_.guard;
        made.reply = answered_.reply;
        made.level = now.demand.level;
        const bool earlier = !postfix_.earlier_reply.empty();
        if (earlier || (now.of_settings && !goes_anyway(now, evidence_.mx))) made.guard = Guard::settings;
        if (without_mail()) return;
        if (!learnt_.looked) return unknown("", "the policy host was not looked at");
        if (base::is_dns_failure(learnt_.reason))
            return unknown("dns-txt-failed", explain::meaning(base::to_string(learnt_.reason)));
        if (!evidence_.mx_looked) return unknown("", "the mail hosts were not looked at");
        if (goes_anyway(now, evidence_.mx)) return unprotected(enforced, asked_for);
        const bool same = now == enforced;
        outcome(deliver(same ? made_.hosts : host_results(evidence_.mx, now), now));
    }

    /// The domain takes no mail, or nobody knows where it takes it.
    bool without_mail() {
        Verdict& made = made_.verdict;
        const auto returned = [&made, this](std::string_view id, const char* said, const std::string& why) {
            made.outcome = Outcome::no_mail;
            made.deferred = {said};
            made.reason = id;
            made.words = "mail from here would be returned: " + why + or_fallback(postfix_);
            return true;
        };
        if (evidence_.null_mx) return returned("dns-null-mx", takes_none, "the domain takes none (null MX)");
        if (!evidence_.mx_looked) return false;
        if (evidence_.mx_looked->kind == "nxdomain")
            return returned("dns-no-domain", not_found, "the domain does not exist");
        if (!evidence_.mx_looked->reason.empty()) {
            unknown("dns-mx-failed", "the MX records cannot be looked up");
            return true;
        }
        const auto has_none = [](const HostResult& host) { return host.finding == "mx-no-address"; };
        if (!made_.hosts.empty() && std::ranges::all_of(made_.hosts, has_none))
            return returned("mx-no-address", not_found, "no mail host has an address");
        return false;
    }

    void unknown(std::string_view id, const std::string& why) {
        Verdict& made = made_.verdict;
        made.outcome = Outcome::unknown;
        made.reason = id;
        made.words = "what becomes of mail from here could not be found out: " + why;
    }

    /// The verdict is about the domain; where Postfix cannot ask stsmapd, no mail goes out now.
    void tell_of_silence() {
        Verdict& made = made_.verdict;
        const bool flows = made.outcome == Outcome::verified || made.outcome == Outcome::unprotected;
        made.stuck_here = !evidence_.postfix.unreached.empty();
        if (flows && made.stuck_here)
            made.words += "; but now all mail waits, as Postfix gets no answer of stsmapd";
    }

    static std::string by(Guard guard) {
        if (guard == Guard::sts) return " by MTA-STS";
        if (guard == Guard::dane) return " by DANE";
        return " as Postfix's settings ask";
    }

    void outcome(const Delivered& delivered) {
        Verdict& made = made_.verdict;
        made.outcome = delivered.outcome;
        made.reason = delivered.finding;
        switch (delivered.outcome) {
        case Outcome::verified:
            made.words = "mail from here would be delivered, verified" + by(made.guard);
            break;
        case Outcome::waits:
            made.deferred = delivered.deferred;
            made.words = "mail from here would wait: " + delivered.words + or_fallback(postfix_);
            break;
        case Outcome::unprotected:
            made.reason = worst_before_mail();
            made.words = "mail from here is not protected: nothing obliges Postfix to verify " +
                         shown(delivered.host, 260);
            break;
        case Outcome::no_mail:
            made.deferred = delivered.deferred;
            made.words = "mail from here would be returned: " + delivered.words + or_fallback(postfix_);
            break;
        case Outcome::unknown:
            unknown(delivered.finding,
                    delivered.words.empty() ? "no mail host was looked at" : delivered.words);
        }
    }

    /// Delivered, whoever is there.
    void unprotected(const Need& enforced, bool asked_for) {
        Verdict& made = made_.verdict;
        made.outcome = Outcome::unprotected;
        made.words = "mail from here is not protected: ";
        if (made.guard == Guard::settings) {
            made.words += "the table " + shown(postfix_.earlier_table, 100) + " says level " + made.level;
            return;
        }
        made.reason = worst_before_mail();
        if (made.guard == Guard::withdrawn) {
            made.words += "the policy has mode none, which withdraws it";
        } else if (asked_for) {
            const Delivered would = deliver(made_.hosts, enforced);
            made.enforced = would.outcome;
            made.words += "the policy has mode testing; with mode enforce it would ";
            made.words += would.outcome == Outcome::verified ? "be delivered, verified"
                          : would.outcome == Outcome::waits  ? "wait: " + would.words + or_fallback(postfix_)
                          : would.outcome == Outcome::no_mail
                              ? "be returned: " + would.words + or_fallback(postfix_)
                              : "be what could not be found out: " + would.words;
        } else {
            made.words += explain::meaning(base::to_string(learnt_.reason));
        }
    }

    /// The finding on the way to the policy that says most about why there is no protection.
    [[nodiscard]] std::string worst_before_mail() const {
        const findings::Finding* worst = nullptr;
        for (const findings::Finding& each : made_.findings) {
            const std::string_view id = each.row->id;
            const bool before = id.starts_with("txt-") || id.starts_with("host-") ||
                                id.starts_with("policy-") || id == "dns-txt-failed";
            const bool says = each.row->severity != Severity::fine;
            if (!before || !says) continue;
            const bool by_mode = id == "policy-mode-testing" || id == "policy-mode-none";
            if (worst == nullptr || each.row->severity > worst->row->severity ||
                (by_mode && worst->row->severity != Severity::error))
                worst = &each;
        }
        return worst == nullptr ? std::string{} : std::string(worst->row->id);
    }

    void add_todo(const findings::Finding& each) {
        std::vector<std::string>& all = made_.verdict.todo;
        if (each.row->todo.empty() || all.size() == max_todo) return;
        std::string text = with_domain(each.row->todo, domain_);
        const std::string_view id = each.row->id;
        if (!each.about.empty() && each.about != evidence_.domain &&
            (id.starts_with("mx-") || id.starts_with("dane-") || id.starts_with("host-")))
            text = shown(each.about, 260) + ": " + text;
        if (each.line > 0 && id.starts_with("policy-") && each.row->severity >= Severity::warning)
            text += " (Line " + std::to_string(each.line) + ".)";
        if (std::ranges::find(all, text) == all.end()) all.push_back(std::move(text));
    }

    void todo() {
        for (const findings::Finding& each : made_.findings)
            if (each.row->id == made_.verdict.reason) add_todo(each);
        for (const Severity severity : {Severity::error, Severity::warning})
            for (const findings::Finding& each : made_.findings)
                if (each.row->severity == severity && each.row->id != made_.verdict.reason) add_todo(each);
    }

    /// What concerns this host rather than the domain.
    void here(const Need& need, bool asked_for) {
        const explain::Postfix& real = evidence_.postfix;
        std::vector<std::string>& all = made_.verdict.here;
        if (real.version_text.empty()) {
            all.push_back("Postfix's settings are not known here" +
                          (real.trouble.empty() ? std::string{} : " (" + shown(real.trouble) + ")") +
                          ": judged as Postfix " + postfix_.version_text + " with the map's form " +
                          postfix_.map + ". Another one: --postfix 3.7.11/sts");
        } else if (real.map.empty()) {
            all.emplace_back(
                "This Postfix does not ask stsmapd yet, so it does none of this: stsmap postfix-setup");
        }
        if (!real.unreached.empty())
            all.push_back("Postfix gets no answer of stsmapd (" + shown(real.unreached, 300) +
                          "): stsmap doctor");
        if (!real.earlier_reply.empty())
            all.push_back("The table " + shown(real.earlier_table, 100) +
                          " comes before stsmapd and has a policy for the domain, which counts.");
        if (!real.unread_tables.empty())
            all.push_back("Tables before stsmapd could not be asked, such as " +
                          shown(real.unread_tables.front(), 100) + ": what they have counts.");
        if (!real.trusts_some_ca && need.demand.level == "secure")
            all.emplace_back(
                "Postfix trusts no certificate of any authority here (smtp_tls_CAfile is empty): "
                "stsmap postfix-setup");
        if (postfix_.version >= explain::names_checked_since && !real.version_text.empty() &&
            postfix_.map.find("tlsrpt") == std::string::npos)
            all.push_back("Postfix " + shown(postfix_.version_text, 40) +
                          " compares the names of MX hosts only under the map name sts-tlsrpt: stsmap "
                          "postfix-setup");
        if (!real.relayhost.empty())
            all.push_back("relayhost = " + shown(real.relayhost, 100) +
                          ": mail goes to that host, and it is what the policy is asked for.");
        if (!real.fallback_relay.empty())
            all.push_back("smtp_fallback_relay = " + shown(real.fallback_relay, 100) +
                          " gets the mail that cannot be delivered, without the domain's policy.");
        for (const explain::Detour& detour : real.detours)
            if (!detour.result.empty())
                all.push_back(detour.parameter + " has " + shown(detour.result, 100) +
                              " for the domain: its mail goes that way.");
        if (made_.verdict.outcome == Outcome::waits && asked_for)
            all.push_back("To have its mail go out until this is repaired: stsmap override add " + domain_ +
                          " may --until 7d --yes --reason '...'");
        if (evidence_.port_25_closed)
            all.emplace_back(
                "Look at the mail hosts from a host whose port 25 is open: stsmap check --save DIR "
                "there, stsmap check --from DIR here.");
    }

    const Evidence& evidence_;
    explain::Postfix postfix_;
    Learnt learnt_;
    Answered answered_;
    std::string domain_;
    Judgement made_;
};

} // namespace

std::string_view to_string(Outcome outcome) noexcept {
    switch (outcome) {
    case Outcome::verified: return "verified";
    case Outcome::waits: return "waits";
    case Outcome::unprotected: return "unprotected";
    case Outcome::no_mail: return "no-mail";
    case Outcome::unknown: break;
    }
    return "unknown";
}

std::string_view to_string(Guard guard) noexcept {
    switch (guard) {
    case Guard::none: return "none";
    case Guard::withdrawn: return "withdrawn";
    case Guard::testing: return "testing";
    case Guard::sts: return "sts";
    case Guard::dane: return "dane";
    case Guard::settings: break;
    }
    return "settings";
}

Judgement judge(const Evidence& evidence) { return Judge(evidence).judge(); }

bool takes_no_mail(const Verdict& verdict) noexcept {
    return verdict.outcome == Outcome::no_mail &&
           (verdict.reason == "dns-null-mx" || verdict.reason == "dns-no-domain" ||
            verdict.reason == "mx-no-address");
}

std::string or_fallback(const explain::Postfix& postfix) {
    return postfix.fallback_relay.empty() ? "" : ", or smtp_fallback_relay takes it";
}

base::Exit exit_of(const Judgement& judgement) noexcept {
    switch (judgement.verdict.outcome) {
    case Outcome::verified:
    case Outcome::unprotected: return judgement.verdict.stuck_here ? base::Exit::trouble : base::Exit::done;
    case Outcome::waits:
    case Outcome::no_mail: return base::Exit::trouble;
    case Outcome::unknown: break;
    }
    return base::Exit::unreachable;
}

base::Exit worse(base::Exit one, base::Exit other) noexcept {
    const auto weight = [](base::Exit exit) {
        switch (exit) {
        case base::Exit::done: return 0;
        case base::Exit::unreachable: return 1;
        case base::Exit::changed:
        case base::Exit::trouble: return 2;
        case base::Exit::usage: break;
        }
        return 3;
    };
    return weight(one) >= weight(other) ? one : other;
}

} // namespace check
