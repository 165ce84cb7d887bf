#include "tool/explain/judge.hpp"

#include "base/domain.hpp"
#include "sts/match.hpp"
#include "tool/setup/plan.hpp"
#include "tool/show/safe_text.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace explain {
namespace {

std::string shown(std::string_view text, std::size_t limit = 200) { return tool::safe_text(text, limit); }

/// Safe in a command; "DOMAIN" when it is no domain name.
std::string plain_domain(const Evidence& evidence) {
    const std::string& name =
        evidence.daemon && !evidence.daemon->domain.empty() ? evidence.daemon->domain : evidence.asked;
    const auto domain = base::Domain::parse(name);
    return domain ? domain->name() : "DOMAIN";
}

/// The reply in the form that this Postfix asks for.
const std::string& reply_of(const Daemon& daemon, const Postfix& postfix) {
    return postfix.map.find("tlsrpt") != std::string::npos ? daemon.tlsrpt : daemon.plain;
}

std::string of_override(const Override& exception) {
    std::string text = "The override for " + shown(exception.domain) + " (" + shown(exception.reason) + ") ";
    if (!exception.applies)
        return text + "says " + exception.action + ", which is held back: it would weaken what " +
               "protects the domain, and does not say that it may.";
    text += "decides: " + exception.action;
    if (!exception.hides.empty() && exception.hides != exception.action)
        text += "; without it Postfix would get " + shown(exception.hides, 40);
    return text + '.';
}

std::string of_failures(const Daemon& daemon) {
    if (!daemon.get || daemon.get->failures == 0) return {};
    std::string text = daemon.get->failures == 1 ? " The last try to fetch it failed: "
                                                 : " The last " + std::to_string(daemon.get->failures) +
                                                       " tries to fetch it failed: ";
    text += meaning(daemon.get->reason);
    if (!daemon.get->detail.empty()) text += " (" + shown(daemon.get->detail) + ')';
    text += '.';
    if (daemon.policy && !daemon.policy->expired)
        text += " The policy that is known stays in use until it expires.";
    return text;
}

std::string of_nothing(const Daemon& daemon) {
    const std::string reason = !daemon.reason.empty() ? daemon.reason
                               : daemon.absence       ? daemon.absence->reason
                                                      : std::string{};
    if (daemon.known == "nothing" && reason.empty()) return "stsmapd has not been asked for this domain yet.";
    if (reason.empty()) return "There is no policy for the domain.";
    std::string text = "There is no usable policy: " + meaning(reason);
    if (daemon.get && !daemon.get->detail.empty() && daemon.get->reason == reason)
        text += " (" + shown(daemon.get->detail) + ')';
    return text + '.';
}

/// Why the daemon answers what it answers.
std::string why(const Daemon& daemon) {
    const std::string& rule = daemon.rule;
    if (rule == "no-domain") return "No policy belongs to this next hop: " + meaning(daemon.reason) + '.';
    if (rule == "overload" || rule == "loading")
        return "stsmapd cannot answer now (" + shown(rule, 40) + "): " +
               (rule == "loading" ? "the stored policies are still being read."
                                  : "it is at one of its limits.");
    std::string text;
    if (daemon.exception && !daemon.exception->applies) text = of_override(*daemon.exception) + ' ';
    if (rule == "override" && daemon.exception) return text + of_override(*daemon.exception);
    if (rule == "observe")
        return text + "stsmapd only observes (mode = \"observe\"): enforcing, Postfix would get " +
               shown(daemon.hidden.empty() ? "the same" : daemon.hidden, 40) + '.';
    if (rule == "mode" && daemon.policy)
        return text + "The domain's policy has mode " + daemon.policy->mode + ", which forbids nothing." +
               of_failures(daemon);
    if (rule == "dane") return text + "DANE secures the domain's mail hosts, and goes before MTA-STS.";
    if (rule == "policy") return text + "The domain has a policy that is enforced." + of_failures(daemon);
    if (rule == "no-policy") return text + of_nothing(daemon);
    return text + "The rule " + shown(rule, 40) + " decided.";
}

/// One verdict in the making.
class Judge {
public:
    explicit Judge(const Evidence& evidence)
        : evidence_(evidence), postfix_(evidence.postfix), domain_(plain_domain(evidence)) {}

    Verdict judge() {
        if (evidence_.daemon) {
            made_.words = why(*evidence_.daemon);
            predict_mail(*evidence_.daemon);
            advise(*evidence_.daemon);
        } else {
            made_.words = "stsmapd could not be asked: " + shown(evidence_.daemon_error, 300);
            do_("Without an answer of stsmapd Postfix defers all its mail. See what is wrong: stsmap doctor");
        }
        about_postfix();
        delays();
        std::string pattern;
        for (const char c : domain_) (c == '.' ? pattern += '\\' : pattern) += c;
        made_.command = "journalctl -t stsmapd -t postfix/smtp --since -1d -g '" + pattern + '\'';
        return std::move(made_);
    }

private:
    void do_(std::string what) { made_.todo.push_back(std::move(what)); }

    void predict_mail(const Daemon& daemon) {
        Prediction predicted =
            predict(reply_of(daemon, postfix_), postfix_, evidence_.live, daemon.domain, evidence_.smtp);
        // The next mail has stsmapd look for a policy, which nobody knows yet.
        const bool not_yet =
            daemon.known == "nothing" && daemon.answer == "notfound" && daemon.rule == "no-policy";
        if (not_yet && predicted.mail == Mail::flows) {
            predicted.mail = Mail::flows_if;
            predicted.condition =
                "the policy that stsmapd looks for at the first mail, if there is one, is met";
            predicted.deferred = of_any_policy();
        }
        made_.prediction = std::move(predicted);
    }

    void advise(const Daemon& daemon) {
        const Mail mail = made_.prediction->mail;
        const bool lost = postfix_.found && (postfix_.found->kind == Found::Kind::fails ||
                                             postfix_.found->kind == Found::Kind::absent);
        if (lost)
            do_("What the name servers that Postfix asks say does not depend on stsmapd. See whether they "
                "work: "
                "stsmap doctor");
        if (daemon.answer == "temp") do_("Nothing is lost: Postfix asks again. If it lasts: stsmap doctor");
        advise_on_change(daemon);
        advise_on_hosts(daemon);
        advise_on_dane(daemon);
        if (daemon.rule == "override" && daemon.exception && daemon.exception->source != "configuration")
            do_("End the override before its time: stsmap override remove " + scope(*daemon.exception));
        if (daemon.exception && !daemon.exception->applies)
            do_("To have the override apply all the same, add it with --yes, in the configuration with "
                "weakens = "
                "true.");
        if (daemon.rule == "observe") do_("See whom enforcing would affect: stsmap observed");
        const bool enforced = daemon.answer == "secure" || daemon.answer == "dane-only";
        if (enforced && !lost && mail != Mail::flows && mail != Mail::bounces && daemon.rule != "override")
            do_("If its mail has to go out although no mail host satisfies the policy: stsmap override add " +
                domain_ + " may --until 7d --yes --reason '...'");
        if (mail != Mail::flows && mail != Mail::bounces && daemon.known != "nothing")
            do_("Have Postfix try waiting mail at once: postqueue -f");
    }

    static std::string scope(const Override& exception) {
        const bool below = exception.domain.starts_with('.');
        const auto domain = base::Domain::parse(std::string_view(exception.domain).substr(below ? 1 : 0));
        return domain ? (below ? "." : "") + domain->name() : "DOMAIN";
    }

    /// They changed their policy: do we know?
    void advise_on_change(const Daemon& daemon) {
        if (!evidence_.live) return;
        const std::string& seen = evidence_.live->txt_id;
        const std::string refresh = " Look now: stsmap refresh " + domain_;
        if (!seen.empty() && daemon.txt && !daemon.txt->id.empty() && daemon.txt->id != seen)
            return do_("The domain has changed its policy: DNS shows the id " + shown(seen, 40) +
                       ", stsmapd has the policy of id " + shown(daemon.txt->id, 40) + '.' + refresh);
        if (!seen.empty() && daemon.known == "absence" && daemon.reason == "no-record")
            return do_("DNS shows a record now (id " + shown(seen, 40) + ") that stsmapd has not seen yet." +
                       refresh);
        if (daemon.known == "policy" && evidence_.live->txt_reason == "no-record")
            do_("The domain no longer shows a record. Its policy stays in use until it expires: only a "
                "policy with "
                "mode none withdraws one (RFC 8461 section 8.3).");
    }

    void advise_on_hosts(const Daemon& daemon) {
        if (!evidence_.live || !evidence_.live->mx_known || daemon.answer != "secure") return;
        if (daemon.rule == "override") return; // its names are an administrator's
        const auto& hosts = evidence_.live->mx;
        const auto strangers =
            std::ranges::count_if(hosts, [](const MxHost& host) { return host.admitted_by.empty(); });
        if (strangers == 0) return;
        const std::string which = strangers == static_cast<std::ptrdiff_t>(hosts.size()) ? "none" : "not all";
        do_("The policy admits " + which +
            " of the domain's MX hosts: its postmaster has to correct the policy or "
            "the MX records. The same may be an attack on its DNS.");
    }

    void advise_on_dane(const Daemon& daemon) {
        if (daemon.answer == "dane-only" && !postfix_.dnssec)
            do_("Let Postfix look up with DNSSEC: stsmap postfix-setup shows what to change.");
        if (daemon.answer == "secure" && daemon.dane_state != "active")
            do_("DANE is not looked for (" + shown(daemon.dane_state, 100) +
                "), so a domain that has it is not recognised.");
    }

    void about_postfix() {
        if (!postfix_.trouble.empty()) {
            do_("Postfix's settings could not be read (" + shown(postfix_.trouble) +
                "): what is said of Postfix holds for level may. Another version: --postfix "
                "3.10.13/sts-tlsrpt");
        } else if (postfix_.map.empty()) {
            do_("Let Postfix ask stsmapd: stsmap postfix-setup shows how.");
        } else if (postfix_.version < setup::attributes_since &&
                   postfix_.map.find("tlsrpt") != std::string::npos) {
            do_("Postfix " + shown(postfix_.version_text, 40) +
                " needs the map name sts: stsmap postfix-setup.");
        } else if (postfix_.version >= names_checked_since &&
                   postfix_.map.find("tlsrpt") == std::string::npos) {
            do_("Postfix " + shown(postfix_.version_text, 40) +
                " compares the names of MX hosts only under the map name sts-tlsrpt: stsmap postfix-setup.");
        }
    }

    void delay(std::string what, seconds at_most, std::string words) {
        made_.delays.push_back({std::move(what), at_most, std::move(words)});
    }

    void delays() {
        // smtp(8) keeps a policy for one delivery only.
        if (postfix_.session_cache > seconds{0})
            delay("tls-session", postfix_.session_cache,
                  "A TLS session that Postfix resumes keeps the verdict of the policy before");
        if (postfix_.connection_reuse > seconds{0})
            delay("connection", postfix_.connection_reuse,
                  "A connection that Postfix uses again keeps the verdict of the policy before");
        if (made_.prediction && made_.prediction->mail != Mail::flows &&
            made_.prediction->mail != Mail::bounces)
            delay("queue", postfix_.maximal_backoff,
                  "Mail that waits is tried again after " + std::to_string(postfix_.minimal_backoff.count()) +
                      " s at the earliest");
    }

    const Evidence& evidence_;
    const Postfix& postfix_;
    std::string domain_;
    Verdict made_;
};

} // namespace

Verdict judge(const Evidence& evidence) { return Judge(evidence).judge(); }

bool has_names_of_override(const Daemon& daemon) {
    return daemon.exception && daemon.exception->applies && daemon.exception->action == "secure";
}

void admit(Evidence& evidence) {
    if (!evidence.live || !evidence.daemon) return;
    const Daemon& daemon = *evidence.daemon;
    const std::vector<std::string> none;
    const std::vector<std::string>& patterns = has_names_of_override(daemon) ? daemon.exception->match
                                               : daemon.policy               ? daemon.policy->mx
                                                                             : none;
    std::vector<std::pair<sts::MxPattern, const std::string*>> parsed;
    for (const std::string& text : patterns)
        if (const auto pattern = sts::parse_mx(text)) parsed.emplace_back(*pattern, &text);
    for (MxHost& host : evidence.live->mx) {
        host.admitted_by.clear();
        for (const auto& [pattern, text] : parsed)
            if (sts::matches(pattern, host.host)) {
                host.admitted_by = *text;
                break;
            }
    }
}

} // namespace explain
