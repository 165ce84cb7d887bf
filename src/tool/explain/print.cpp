#include "tool/explain/print.hpp"

#include "tool/show/page.hpp"
#include "tool/show/safe_text.hpp"

#include <algorithm>
#include <ostream>
#include <string>

namespace explain {
namespace {

using tool::Page;

std::string shown(std::string_view text, std::size_t limit = 300) { return tool::safe_text(text, limit); }

std::string listed(const std::vector<std::string>& words, std::size_t most = 12) {
    std::string text;
    for (std::size_t i = 0; i < words.size() && i < most; ++i)
        text += (i == 0 ? "" : ", ") + shown(words[i], 100);
    if (words.size() > most) text += " and " + std::to_string(words.size() - most) + " more";
    return text;
}

std::string deferred_words(const Prediction& made) {
    if (made.deferred.empty()) return {};
    return ": \"" + made.deferred.front() + '"' + (made.deferred.size() > 1 ? " or the like" : "");
}

void print_verdict(const Evidence& evidence, const Verdict& verdict, Page& page) {
    const std::string asked = shown(evidence.asked, 260) + ':';
    if (!verdict.prediction) {
        page.headline(asked, "stsmapd cannot be asked", "", "33");
    } else {
        const Prediction& made = *verdict.prediction;
        switch (made.mail) {
        case Mail::flows: page.headline(asked, "mail flows", "", "32"); break;
        case Mail::flows_if: page.headline(asked, "mail flows", "if " + made.condition, "33"); break;
        case Mail::waits: page.headline(asked, "mail waits", "", "31"); break;
        case Mail::bounces: page.headline(asked, "mail bounces", "", "31"); break;
        }
    }
    page.gap();
    page.say("Why", verdict.words);
    if (!verdict.prediction) return;
    const Prediction& made = *verdict.prediction;
    page.say("Mail", made.words + '.');
    if (made.mail == Mail::flows_if)
        page.say("Mail", "Otherwise it is deferred" + deferred_words(made) + '.');
    if (made.mail == Mail::waits) page.say("Mail", "It is deferred" + deferred_words(made) + '.');
    if (made.mail == Mail::bounces)
        page.say("Mail", "It is returned to the sender" + deferred_words(made) + '.');
    for (const std::string& note : made.notes) page.say("Mail", note);
}

void print_answer(const Daemon& daemon, const Postfix& postfix, Page& page) {
    const bool tlsrpt = postfix.map.find("tlsrpt") != std::string::npos;
    page.say("Answer", "sts: " + shown(daemon.plain, 400));
    if (daemon.tlsrpt != daemon.plain)
        page.say("Answer", "sts-tlsrpt: " + shown(daemon.tlsrpt, tlsrpt ? 600 : 160));
    for (const Rule& rule : daemon.rules) {
        std::string text = shown(rule.rule, 40);
        if (!rule.reason.empty()) text += " (" + shown(rule.reason, 40) + ')';
        if (!rule.evidence.empty() && rule.evidence != "none" && rule.evidence != rule.reason)
            text += ": " + shown(rule.evidence);
        else if (rule.rule == "no-policy" && rule.reason.empty())
            text += ": not looked for yet";
        page.say("Rules", text);
    }
    if (!daemon.hidden.empty())
        page.say("Rules", (daemon.rule == "mode" ? "with mode enforce it would be " : "hidden: ") +
                              shown(daemon.hidden, 40));
}

void print_policy(const Daemon& daemon, Page& page) {
    if (!daemon.policy) {
        if (daemon.absence) {
            std::string text = "none: " + meaning(daemon.absence->reason);
            if (daemon.absence->since) text += ", since " + page.when(daemon.absence->since);
            if (daemon.absence->until) text += "; looked for again from " + page.when(daemon.absence->until);
            page.say("Policy", text);
        } else {
            page.say("Policy", daemon.known == "nothing" ? "not known: nobody has asked yet" : "none");
        }
        return;
    }
    const Policy& policy = *daemon.policy;
    page.say("Policy", policy.mode + (policy.mx.empty() ? "" : "; mx " + listed(policy.mx)) + "; max_age " +
                           tool::length_words(policy.max_age));
    page.say("Policy", "fetched " + page.when(policy.fetched_at));
    if (policy.source) {
        std::string text = "from " + shown(policy.source->address, 280);
        if (!policy.source->tls
                 .empty()) // of a policy that another host of the fleet fetched, that one knows it
            text += ", " + shown(policy.source->tls, 40) + ", certificate of " +
                    shown(policy.source->issuer, 100);
        if (policy.source->certificate_ends) text += ", ends " + page.when(policy.source->certificate_ends);
        page.say("Policy", text);
    }
    page.say("Policy", (policy.expired ? "expired " : "expires ") + page.when(policy.expires_at));
    if (daemon.protected_since) page.say("Policy", "protected since " + page.when(daemon.protected_since));
}

void print_checks(const Daemon& daemon, const std::optional<Live>& live, Page& page) {
    if (daemon.txt) {
        std::string text = daemon.txt->id.empty() ? "no id" : "id " + shown(daemon.txt->id, 40);
        if (daemon.txt->checked_at) text += ", seen " + page.when(daemon.txt->checked_at);
        if (daemon.txt->next_check_at) text += "; next look " + page.when(daemon.txt->next_check_at);
        page.say("Record", text);
    }
    if (live && !live->txt_id.empty())
        page.say("Record", "now in DNS: id " + shown(live->txt_id, 40) +
                               (daemon.txt && daemon.txt->id == live->txt_id ? ", the same" : ""));
    if (live && !live->txt_reason.empty())
        page.say("Record", "now in DNS: " + meaning(live->txt_reason) +
                               (live->txt_detail.empty() ? "" : " (" + shown(live->txt_detail) + ')'));
    if (daemon.get) {
        const Get& get = *daemon.get;
        std::string text =
            get.last_at ? "last " + page.when(get.last_at) : std::string("none since the start");
        if (get.next_at) text += "; next " + page.when(get.next_at);
        page.say("Fetch", text);
        if (get.failures > 0)
            page.say("Fetch", "failed " + std::to_string(get.failures) +
                                  (get.failures == 1 ? " time: " : " times: ") + shown(get.reason, 40) +
                                  (get.detail.empty() ? "" : ": " + shown(get.detail)) +
                                  (get.failed_id.empty() ? "" : " (id " + shown(get.failed_id, 40) + ')'));
    }
    std::string dane = shown(daemon.dane_state, 200);
    if (daemon.dane) {
        dane = shown(daemon.dane->verdict, 20) + (daemon.dane->verdict == "dane-only" ? ": used"
                                                  : daemon.dane->verdict == "sts"     ? ": not used"
                                                                                      : "");
        if (!daemon.dane->why.empty()) dane += ": " + shown(daemon.dane->why);
        if (daemon.dane->proven_at) dane += "; proven " + page.when(daemon.dane->proven_at);
        if (daemon.dane->failed_since) dane += "; lookups fail since " + page.when(daemon.dane->failed_since);
    }
    page.say("DANE", dane);
}

void print_override(const Daemon& daemon, Page& page) {
    if (!daemon.exception) return;
    const Override& made = *daemon.exception;
    std::string text = shown(made.domain) + ' ' + made.action;
    if (!made.match.empty()) text += ' ' + listed(made.match);
    text += made.until ? ", ends " + page.when(made.until) : ", without an end";
    text += ": " + shown(made.reason, 500);
    page.say("Override", text);
    if (!made.source.empty())
        page.say("Override", made.source +
                                 (made.added_by.empty() ? "" : ", added by " + shown(made.added_by, 100)) +
                                 (made.added_at ? ' ' + page.when(made.added_at) : ""));
    if (!made.hides.empty()) page.say("Override", "hides: " + shown(made.hides, 40));
}

/// `no_pattern`: what is said of a host that no pattern admits.
void print_hosts(const Live& live, std::string_view no_pattern, Page& page) {
    if (!live.mx_known) {
        page.say("MX now", "not known: " + meaning(live.mx_reason) +
                               (live.mx_detail.empty() ? "" : " (" + shown(live.mx_detail) + ')'));
        return;
    }
    if (live.mx.empty()) page.say("MX now", "none: the domain takes no mail");
    constexpr std::size_t most = 20;
    for (std::size_t i = 0; i < live.mx.size() && i < most; ++i) {
        const MxHost& host = live.mx[i];
        std::string text = std::to_string(host.preference) + ' ' + shown(host.host, 260);
        if (!host.addresses.empty()) text += ' ' + listed(host.addresses, 3);
        if (host.no_address) text += " (no address)";
        if (!host.admitted_by.empty())
            text += "; admitted by " + shown(host.admitted_by, 260);
        else
            text += no_pattern;
        page.say("MX now", text);
    }
    if (live.mx.size() > most) page.say("MX now", "and " + std::to_string(live.mx.size() - most) + " more");
}

std::string_view of_no_pattern(const Evidence& evidence) {
    if (!evidence.daemon) return {};
    if (has_names_of_override(*evidence.daemon)) return "; needs a certificate for a name of the override";
    const bool has_patterns = evidence.daemon->policy && !evidence.daemon->policy->mx.empty();
    return has_patterns ? "; admitted by no mx of the policy" : "";
}

void print_smtp(const Smtp& smtp, Page& page) {
    for (const Probed& host : smtp.hosts)
        page.say("SMTP", shown(host.host, 260) + ": " +
                             (host.outcome == "verified"      ? "verified"
                              : host.outcome == "waits"       ? "does not satisfy"
                              : host.outcome == "unprotected" ? "not verified"
                                                              : "not known") +
                             (host.words.empty() ? "" : " (" + shown(host.words, 400) + ')'));
    page.say("SMTP", "looked " + page.when(smtp.at));
}

void print_postfix(const Postfix& postfix, Page& page) {
    if (!postfix.trouble.empty()) page.say("Postfix", "not known: " + shown(postfix.trouble));
    if (postfix.version_text.empty()) return;
    std::string text = shown(postfix.version_text, 40);
    if (postfix.assumed) text += " (as asked for)";
    text += postfix.map.empty() ? ", does not ask stsmapd" : ", map " + shown(postfix.map, 60);
    if (!postfix.service.empty()) text += ", service " + shown(postfix.service, 60);
    page.say("Postfix", text + ", level " + shown(postfix.level, 40) + " without a policy");
}

void print_events(const Daemon& daemon, Page& page) {
    for (const Event& event : daemon.events)
        page.say("Events", page.when(event.last) + ' ' + shown(event.event, 60) + ' ' + shown(event.text) +
                               (event.times > 1 ? " (" + std::to_string(event.times) + " times)" : ""));
}

} // namespace

void print(const Evidence& evidence, const Verdict& verdict, const Look& look, std::ostream& out) {
    Page page(out, evidence.at, look.zone, look.colour);
    print_verdict(evidence, verdict, page);
    for (const std::string& what : verdict.todo) page.say("To do", what);
    for (const Delay& delay : verdict.delays)
        page.say("Delays", delay.words + ", for " + tool::length_words(delay.at_most) + " at most.");
    page.command("Log", verdict.command);
    page.gap();
    if (evidence.daemon) {
        print_answer(*evidence.daemon, evidence.postfix, page);
        print_policy(*evidence.daemon, page);
        print_checks(*evidence.daemon, evidence.live, page);
        print_override(*evidence.daemon, page);
    } else if (evidence.live) {
        if (!evidence.live->txt_id.empty())
            page.say("Record", "now in DNS: id " + shown(evidence.live->txt_id, 40));
        if (!evidence.live->txt_reason.empty())
            page.say("Record", "now in DNS: " + meaning(evidence.live->txt_reason));
    }
    if (evidence.live) print_hosts(*evidence.live, of_no_pattern(evidence), page);
    if (evidence.smtp) print_smtp(*evidence.smtp, page);
    print_postfix(evidence.postfix, page);
    if (evidence.daemon) print_events(*evidence.daemon, page);
}

} // namespace explain
