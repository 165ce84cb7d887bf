#include "tool/check/print.hpp"

#include "tool/check/mail_host.hpp"
#include "tool/explain/judge.hpp"
#include "tool/show/page.hpp"
#include "tool/show/safe_text.hpp"

#include <array>
#include <string>
#include <string_view>

namespace check {
namespace {

using findings::Finding;
using findings::Severity;
using tool::Page;

std::string shown(std::string_view text, std::size_t limit = 300) { return tool::safe_text(text, limit); }

std::string listed(const std::vector<std::string>& words, std::size_t most = 12) {
    std::string text;
    for (std::size_t i = 0; i < words.size() && i < most; ++i)
        text += (i == 0 ? "" : ", ") + shown(words[i], 260);
    if (words.size() > most) text += " and " + std::to_string(words.size() - most) + " more";
    return text;
}

/// A connection this near the rest needs no time of its own.
constexpr base::seconds same_time{300};

/// Which part of the page a finding belongs to.
struct Section {
    std::string_view prefix, label;
};
constexpr std::array sections{
    Section{"txt-", "Record"},        Section{"dns-txt", "Record"}, Section{"dns-signed", "Record"},
    Section{"dns-not-valid", "DANE"}, Section{"dns-", "MX"},        Section{"host-", "Host"},
    Section{"policy-", "Policy"},     Section{"mx-pattern", "Policy"}, Section{"mx-", "MX"},
    Section{"dane-", "DANE"},         Section{"tlsrpt-", "TLSRPT"},
};
std::string_view label_of(std::string_view id) {
    for (const Section& each : sections)
        if (id.starts_with(each.prefix)) return each.label;
    return "Other";
}

/// One page in the making.
class Printer {
public:
    Printer(const Evidence& evidence, const Judgement& judgement, const Look& look, std::ostream& out)
        : evidence_(evidence), judgement_(judgement), page_(out, evidence.at, look.zone, look.colour) {}

    void print() {
        headline();
        const Verdict& verdict = judgement_.verdict;
        page_.gap();
        if (!verdict.deferred.empty())
            page_.say("Mail", "Postfix says \"" + shown(verdict.deferred.front()) + '"' +
                                  (verdict.deferred.size() > 1 ? " or the like" : ""));
        for (const std::string& what : verdict.todo) page_.say("To do", shown(what, 700));
        for (const std::string& what : verdict.here) page_.say("Here", shown(what, 700));
        if (!verdict.deferred.empty() || !verdict.todo.empty() || !verdict.here.empty()) page_.gap();
        record();
        host();
        policy();
        mx();
        dane();
        tlsrpt();
        postfix();
        page_.say("Looked", page_.when(evidence_.at) + ", took " + std::to_string(evidence_.took_ms) + " ms");
    }

private:
    void headline() {
        const Verdict& verdict = judgement_.verdict;
        const char* colour = "33";
        if (verdict.outcome == Outcome::verified) colour = "32";
        if (verdict.outcome == Outcome::waits || verdict.outcome == Outcome::no_mail) colour = "31";
        const std::string words = shown(verdict.words, 700);
        const std::size_t colon = words.find(':');
        page_.headline(shown(evidence_.asked, 260) + ':', words.substr(0, colon == std::string::npos ? colon : colon + 1),
                       colon == std::string::npos ? std::string_view{} : std::string_view(words).substr(colon + 1),
                       colour);
    }

    /// "error ID: mx1.example.com: the title: this case", where it is, and what was meant.
    void finding(std::string_view label, const Finding& each) {
        const bool fine = each.row->severity == Severity::fine;
        const bool whole = each.about.empty() || each.about == evidence_.domain;
        std::string text(findings::to_string(each.row->severity));
        text += fine ? ": " : ' ' + std::string(each.row->id) + ": ";
        if (!whole) text += shown(each.about, 260) + ": ";
        if (!each.words.starts_with(each.row->title)) text += each.row->title;
        if (!each.words.empty()) text += (text.ends_with(' ') ? "" : ": ") + shown(each.words, 600);
        page_.say(label, text);
        const bool of_text = each.row->id.starts_with("policy-");
        if (each.line > 0 && !each.quote.empty())
            page_.say(label, (of_text ? "line " : "record ") + std::to_string(each.line) +
                                 (each.column > 0 ? ", octet " + std::to_string(each.column) : "") + ": " +
                                 shown(each.quote, 200));
        if (!each.hint.empty()) page_.say(label, shown(each.hint, 300));
    }

    void findings_of(std::string_view label) {
        for (const Severity severity : {Severity::error, Severity::warning, Severity::note, Severity::fine})
            for (const Finding& each : judgement_.findings)
                if (each.row->severity == severity && label_of(each.row->id) == label &&
                    !each.row->id.ends_with("-good")) // said by the part itself
                    finding(label, each);
    }

    void record() {
        const TxtLook& look = evidence_.sts;
        if (!judgement_.txt_id.empty())
            page_.say("Record", "id " + shown(judgement_.txt_id, 60) + " at " + shown(look.looked.name, 260) +
                                    (look.looked.ttl_s >= 0
                                         ? ", kept for " + tool::length_words(base::seconds{look.looked.ttl_s})
                                         : ""));
        else if (look.looked.reason.empty())
            page_.say("Record", std::to_string(look.records.size()) +
                                    (look.records.size() == 1 ? " TXT record" : " TXT records") + " at " +
                                    shown(look.looked.name, 260) + ", no usable one");
        findings_of("Record");
    }

    /// "TLSv1.3, certificate of R11, ends ...".
    [[nodiscard]] std::string tls_words(const smtp::Tls& tls) const {
        std::string text = shown(tls.version, 20);
        if (tls.chain.empty()) return text;
        const smtp::Certificate& own = tls.chain.front();
        text += own.subject == own.issuer ? ", certificate signed by itself"
                                          : ", certificate of " + shown(issuer_of(own.issuer), 80);
        if (!own.key.empty()) text += " (" + shown(own.key, 40) + ')';
        return text + (own.not_after < evidence_.at ? ", ended " : ", ends ") + page_.when(own.not_after);
    }

    /// The common name of "CN=R11,O=Let's Encrypt,C=US", or all of it.
    static std::string_view issuer_of(std::string_view issuer) {
        const std::size_t at = issuer.find("CN=");
        if (at == std::string_view::npos) return issuer;
        issuer.remove_prefix(at + 3);
        return issuer.substr(0, issuer.find(','));
    }

    void host() {
        if (!evidence_.policy_host) return;
        const PolicyHost& host = *evidence_.policy_host;
        page_.say("Host", shown(host.name, 260) + ' ' + listed(host.addresses, 4));
        for (const PolicyTry& one : host.tries) {
            std::string text = shown(one.address, 60) + ": ";
            if (one.status > 0) {
                text += "status " + std::to_string(one.status);
                if (!one.types.empty()) text += ", " + shown(one.types.front(), 80);
                if (one.status == 200) text += ", " + std::to_string(one.size) + " octets";
            } else {
                text += shown(one.reason, 60);
            }
            text += ", " + std::to_string(one.took_ms) + " ms";
            if (one.tls) text += ", " + tls_words(*one.tls);
            page_.say("Host", text);
        }
        findings_of("Host");
    }

    void policy() {
        if (judgement_.policy) {
            const PolicyResult& policy = *judgement_.policy;
            page_.say("Policy", "mode " + policy.mode + "; max_age " +
                                    tool::length_words(base::seconds{policy.max_age_s}) +
                                    (policy.mx.empty() ? "" : "; mx " + listed(policy.mx)));
        }
        findings_of("Policy");
    }

    void mx() {
        for (std::size_t i = 0; i < judgement_.hosts.size() && i < evidence_.mx.size(); ++i) {
            const HostResult& host = judgement_.hosts[i];
            std::string text = std::to_string(host.preference) + ' ' + shown(host.host, 260) + ": ";
            text += host.outcome == Outcome::verified      ? "verified"
                    : host.outcome == Outcome::waits       ? "does not satisfy"
                    : host.outcome == Outcome::unprotected ? "not verified"
                    : host.looked                          ? "no delivery now"
                                                           : "not known";
            if (!host.words.empty()) text += " (" + shown(host.words, 400) + ')';
            if (!host.admitted_by.empty()) text += "; admitted by " + shown(host.admitted_by, 260);
            page_.say("MX", text);
            for (const MxAddress& address : evidence_.mx[i].addresses) of_address(address);
        }
        if (evidence_.more_mx)
            page_.say("MX", "and more, which are left out: more than " + std::to_string(max_mx) + " hosts");
        findings_of("MX");
    }

    void of_address(const MxAddress& address) {
        std::string text = shown(address.address, 60) + ": ";
        if (!address.sighting) {
            page_.say("MX", text + skipped_words(address));
            return;
        }
        const smtp::Sighting& sighting = *address.sighting;
        if (sighting.tls)
            text += tls_words(*sighting.tls);
        else
            text = trouble_words(sighting);
        if (sighting.at + same_time < evidence_.at || sighting.at > evidence_.at + same_time)
            text += "; looked " + page_.when(sighting.at);
        page_.say("MX", text);
    }

    void dane() {
        if (evidence_.dane_advice)
            page_.say("DANE", (*evidence_.dane_advice == "dane-only" ? "used" : *evidence_.dane_advice == "sts" ? "not used" : "not known") +
                                  (evidence_.dane_why.empty() ? std::string{} : ": " + shown(evidence_.dane_why)));
        findings_of("DANE");
    }

    void tlsrpt() {
        if (!evidence_.tlsrpt) return;
        if (!evidence_.tlsrpt->looked.reason.empty())
            page_.say("TLSRPT", "not known: " + explain::meaning(evidence_.tlsrpt->looked.reason));
        for (const std::string& record : evidence_.tlsrpt->records) page_.say("TLSRPT", shown(record, 300));
        findings_of("TLSRPT");
    }

    void postfix() {
        const explain::Postfix& postfix = evidence_.postfix;
        if (postfix.version_text.empty()) return;
        std::string text = shown(postfix.version_text, 40);
        if (postfix.assumed) text += " (as asked for)";
        text += postfix.map.empty() ? ", does not ask stsmapd" : ", map " + shown(postfix.map, 60);
        if (!postfix.service.empty()) text += ", service " + shown(postfix.service, 60);
        page_.say("Postfix", text + ", level " + shown(postfix.level, 40) + " without a policy");
        if (!judgement_.verdict.reply.empty())
            page_.say("Postfix", "gets \"" + shown(judgement_.verdict.reply, 300) + '"');
    }

    const Evidence& evidence_;
    const Judgement& judgement_;
    Page page_;
};

} // namespace

void print(const Evidence& evidence, const Judgement& judgement, const Look& look, std::ostream& out) {
    Printer(evidence, judgement, look, out).print();
}

} // namespace check
