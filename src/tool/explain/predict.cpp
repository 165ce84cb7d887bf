#include "tool/explain/predict.hpp"

#include "base/text.hpp"
#include "sts/match.hpp"
#include "tool/client/query_command.hpp"
#include "tool/setup/plan.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace explain {
namespace {

using setup::Version;

// Parts of what Postfix says in "status=deferred (...)".
constexpr const char* bad_policy = "client TLS configuration problem";
constexpr const char* not_verified = "Server certificate not verified";
constexpr const char* not_trusted = "Server certificate not trusted";
constexpr const char* required = "TLS is required, but";
constexpr const char* cannot_start = "Cannot start TLS";
constexpr const char* all_refused = "server unavailable or unable to receive mail";
constexpr const char* no_tlsa = "no TLSA records found";
constexpr const char* not_signed = "non DNSSEC destination";
constexpr const char* unusable = "TLSA records unusable";
constexpr const char* tlsa_error = "TLSA lookup error";
constexpr const char* not_found = "Host or domain name not found";
constexpr const char* takes_none = "does not accept mail";
/// Where the mail host, such as a relay, cannot be reached or does not want the mail.
constexpr std::array no_delivery{not_found,           "connect to ",           "lost connection",
                                 "conversation with", "refused to talk to me", "said: "};

struct Attribute {
    std::string_view name;
    Version since;
};
/// Of a policy, and since when smtp(8) knows them. Any other makes the whole policy invalid.
constexpr std::array<Attribute, 14> attributes{{
    {"ciphers", {2, 3, 0}},
    {"connection_reuse", {3, 4, 0}},
    {"enable_rpk", {3, 9, 0}},
    {"exclude", {2, 6, 0}},
    {"match", {2, 3, 0}},
    {"mx_host_pattern", {3, 10, 0}},
    {"policy_domain", {3, 10, 0}},
    {"policy_failure", {3, 10, 0}},
    {"policy_string", {3, 10, 0}},
    {"policy_ttl", {3, 10, 0}},
    {"policy_type", {3, 10, 0}},
    {"protocols", {2, 3, 0}},
    {"servername", {3, 4, 0}},
    {"tafile", {2, 11, 0}},
}};
/// Those that need a policy_type.
constexpr std::array<std::string_view, 5> of_type{"mx_host_pattern", "policy_domain", "policy_failure",
                                                  "policy_string", "policy_ttl"};
constexpr std::array<std::string_view, 8> levels{"none",   "may",    "encrypt", "fingerprint",
                                                 "verify", "secure", "dane",    "dane-only"};

bool contains(const auto& range, std::string_view value) {
    return std::ranges::find(range, value) != std::ranges::end(range);
}

bool takes_match(std::string_view level) {
    return level == "secure" || level == "verify" || level == "fingerprint";
}

Applied error(std::string problem) {
    Applied applied;
    applied.kind = Applied::Kind::error;
    applied.problem = std::move(problem);
    return applied;
}

std::string joined(const std::vector<std::string>& words, std::string_view last) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) text += i + 1 == words.size() ? ' ' + std::string(last) + ' ' : ", ";
        text += words[i];
    }
    return text;
}

/// Long lists are cut: a policy may have hundreds of names.
std::string some(std::vector<std::string> words, std::string_view last) {
    constexpr std::size_t most = 6;
    for (std::string& word : words) word = base::printable(word, 100);
    if (words.size() > most) {
        const std::size_t more = words.size() - most + 1;
        words.resize(most - 1);
        words.push_back(std::to_string(more) + " more");
    }
    return joined(words, last);
}

/// One prediction in the making.
class Predictor {
public:
    Predictor(const Postfix& postfix, const std::optional<Live>& live, std::string_view domain,
              const std::optional<Smtp>& smtp)
        : postfix_(postfix), live_(live), domain_(domain), smtp_(smtp) {}

    Prediction of(std::string_view reply) {
        if (!postfix_.earlier_reply.empty()) {
            made_.notes.push_back(
                "The table " + base::printable(postfix_.earlier_table, 100) +
                " comes before stsmapd in smtp_tls_policy_maps and has a policy for the domain.");
            return by("table", read_reply(postfix_.earlier_reply, postfix_.version));
        }
        if (postfix_.map.empty()) {
            made_.notes.emplace_back(
                "Postfix does not ask stsmapd: smtp_tls_policy_maps does not lead to it.");
            return by("main.cf", Applied{});
        }
        if (!postfix_.unreached.empty())
            return by("policy", error("Postfix gets no answer of stsmapd: " +
                                      base::printable(postfix_.unreached, 300)));
        return by("policy", read_reply(reply, postfix_.version));
    }

private:
    Prediction by(const char* from, const Applied& applied) {
        made_.from = applied.kind == Applied::Kind::none ? "main.cf" : from;
        if (applied.kind == Applied::Kind::error) {
            wait(applied.problem, {bad_policy});
        } else {
            made_.level = applied.kind == Applied::Kind::none ? postfix_.level : applied.level;
            at_level(applied);
            settle();
        }
        hosts();
        around();
        return std::move(made_);
    }

    void at_level(const Applied& applied) {
        const std::string& level = made_.level;
        if (level == "none") return flow("Postfix delivers without TLS");
        if (level == "may") return flow("Postfix delivers, with TLS where the mail host offers it");
        if (level == "encrypt")
            return flow_if("Postfix delivers over TLS, whatever the certificate",
                           "a mail host offers STARTTLS", {required, cannot_start});
        if (level == "dane") return dane();
        if (level == "dane-only") return dane_only();
        if (level == "fingerprint")
            return flow_if("Postfix delivers to hosts whose certificate or key has a digest that is in its "
                           "settings or the table",
                           "a mail host shows such a certificate",
                           {not_verified, not_trusted, required, cannot_start});
        authenticated(applied);
    }

    void dane() {
        // As smtp(8) does it: without DNSSEC the level is may, with a warning.
        if (!postfix_.dnssec)
            return flow("Postfix has level dane, but its settings rule DANE out, so this is level may");
        flow_if("Postfix uses TLSA records where there are some, and otherwise TLS where it is offered",
                "no mail host has TLSA records, or one shows a certificate that they allow",
                {not_verified, not_trusted, required, cannot_start, tlsa_error});
    }

    void dane_only() {
        if (!postfix_.dnssec)
            return wait("Postfix delivers only with DANE, and its settings rule DANE out "
                        "(smtp_dns_support_level, smtp_host_lookup, ignore_mx_lookup_error, "
                        "smtp_dns_resolver_options), so it refuses the policy",
                        {bad_policy});
        flow_if(
            "Postfix delivers only to hosts whose certificate their TLSA records allow",
            "a mail host shows a certificate that its TLSA records allow",
            {not_verified, not_trusted, required, cannot_start, no_tlsa, not_signed, unusable, tlsa_error});
    }

    /// secure and verify.
    void authenticated(const Applied& applied) {
        std::vector<std::string> match = applied.match;
        if (match.empty()) match = made_.level == "secure" ? postfix_.secure_match : postfix_.verify_match;
        std::vector<std::string> deferred{not_verified, not_trusted, required, cannot_start};
        const bool checks = applied.sts && !applied.patterns.empty() && postfix_.enforces_patterns &&
                            postfix_.version >= names_checked_since;
        std::string only = "Postfix " + postfix_.version_text + " delivers only ";
        if (checks) {
            if (!admitted(applied.patterns))
                return wait(only + "to MX hosts that the policy names, and it names none of those in DNS",
                            {all_refused});
            if (refused_some_) deferred.emplace_back(all_refused);
            // smtp(8) then compares the certificate with the host's name alone.
            if (!applied.match.empty()) match = {"hostname"};
            only += "to MX hosts that the policy names";
        } else {
            only += "to mail hosts with a certificate for ";
            if (made_.from == "policy") unchecked(applied);
        }
        if (!postfix_.trusts_some_ca)
            return wait(
                "Postfix delivers only over TLS with a certificate of an authority that it trusts, and it "
                "trusts none (smtp_tls_CAfile is empty)",
                deferred);
        if (!postfix_.trust_anchor_file.empty()) {
            made_.notes.push_back(
                "smtp_tls_trust_anchor_file = " + base::printable(postfix_.trust_anchor_file, 100) +
                ": Postfix trusts only what is in it, and refuses the policy where smtp(8), perhaps "
                "in its chroot, cannot read it.");
            deferred.emplace_back(bad_policy);
        }
        const bool own = contains(match, "hostname");
        std::vector<std::string> shown;
        for (const std::string& name : match) {
            std::string expanded = name == "nexthop"       ? std::string(domain_)
                                   : name == "dot-nexthop" ? '.' + std::string(domain_)
                                                           : name;
            if (name == "hostname") continue;
            shown.push_back(expanded.starts_with('.') ? '*' + expanded : expanded);
            made_.names.push_back(std::move(expanded));
        }
        if (own) shown.insert(shown.begin(), "its own name");
        const std::string names = some(shown, "or");
        const std::string host = checks && !made_.hosts.empty() ? some(made_.hosts, "or")
                                 : checks                       ? "an MX host that the policy names"
                                                                : "an MX host";
        flow_if(checks ? only + ", with a certificate for the host's own name" : only + names,
                host + " shows a certificate for " + names, std::move(deferred));
    }

    /// The condition, by what the mail hosts showed.
    void settle() {
        if (!smtp_ || made_.mail != Mail::flows_if) return;
        const std::string why = base::printable(smtp_->words, 300);
        if (smtp_->outcome == "verified" || smtp_->outcome == "unprotected") {
            made_.mail = Mail::flows;
            made_.condition.clear();
            made_.deferred.clear();
        } else if (smtp_->outcome == "waits" || smtp_->outcome == "returned") {
            made_.mail = smtp_->outcome == "waits" ? Mail::waits : Mail::bounces;
            made_.condition.clear();
            if (!smtp_->deferred.empty()) made_.deferred = smtp_->deferred;
            made_.notes.push_back("No mail host satisfies this now: " + why + '.');
        } else {
            made_.notes.push_back("Whether a mail host satisfies this could not be found out: " + why + '.');
        }
    }

    /// Finds the hosts that the patterns admit; false: they admit none of those that are known.
    bool admitted(const std::vector<std::string>& patterns) {
        if (!live_ || !live_->mx_known || live_->mx.empty()) {
            refused_some_ = true; // as far as is known
            return true;
        }
        std::vector<sts::MxPattern> parsed;
        for (const std::string& text : patterns)
            if (auto pattern = sts::parse_mx(text)) parsed.push_back(std::move(*pattern));
        for (const MxHost& each : live_->mx) {
            const bool any = std::ranges::any_of(
                parsed, [&](const sts::MxPattern& pattern) { return sts::matches(pattern, each.host); });
            refused_some_ |= !any;
            if (any) made_.hosts.push_back(each.host);
        }
        return !made_.hosts.empty();
    }

    /// The names of MX hosts are not compared with the policy.
    void unchecked(const Applied& applied) {
        const bool could_be =
            postfix_.version >= setup::attributes_since && postfix_.map.find("tlsrpt") != std::string::npos;
        if (could_be && !applied.sts) return; // no policy of the domain: an override's names
        if (!live_) return;
        std::vector<std::string> strangers;
        for (const MxHost& each : live_->mx)
            if (each.admitted_by.empty()) strangers.push_back(each.host);
        if (strangers.empty()) return;
        const std::string why = postfix_.version < setup::attributes_since ? "this version cannot"
                                : postfix_.version < names_checked_since   ? "versions before 3.10.5 do not"
                                : postfix_.map == "sts"
                                    ? "with the form sts it cannot; sts-tlsrpt has what it needs"
                                    : "smtp_tls_enforce_sts_mx_patterns is off";
        made_.notes.push_back("Postfix does not compare names of MX hosts with the policy (" + why +
                              "): to " + some(strangers, "and") +
                              " it delivers as well, if the certificate fits.");
    }

    void without_hosts() {
        made_.hosts.clear();
        flow_if(made_.words, "DNS names a mail host for the domain: now it names none",
                {not_found, takes_none, bad_policy});
    }

    /// smtp(8) looks for the mail hosts first, by name servers of its own.
    void hosts() {
        if (!postfix_.found) {
            if (live_ && live_->mx_known && live_->mx.empty()) without_hosts();
            return;
        }
        const Found& found = *postfix_.found;
        const std::string why = found.words.empty() ? "" : " (" + base::printable(found.words, 300) + ')';
        switch (found.kind) {
        case Found::Kind::hosts: break;
        case Found::Kind::fails:
            return nowhere(Mail::waits, "Postfix cannot find the mail hosts now" + why, not_found);
        case Found::Kind::absent:
            return nowhere(Mail::bounces, "Postfix finds no mail host" + why, not_found);
        case Found::Kind::no_mail:
            return nowhere(Mail::bounces, "Postfix sends the domain no mail" + why, takes_none);
        case Found::Kind::unknown:
            also_if("Postfix finds the mail hosts, which could not be looked at" + why, not_found);
        }
    }

    void nowhere(Mail mail, std::string words, const char* said) {
        made_.hosts.clear();
        made_.names.clear();
        wait(std::move(words), {said});
        made_.condition.clear();
        if (mail == Mail::bounces && !postfix_.soft_bounce) made_.mail = Mail::bounces;
    }

    /// One more condition, and what Postfix says when it is not met.
    void also_if(std::string condition, const char* said) {
        if (made_.mail == Mail::waits) return;
        if (made_.mail == Mail::flows)
            flow_if(std::move(made_.words), std::move(condition), {});
        else
            made_.condition = std::move(condition) + ", and " + made_.condition;
        if (!contains(made_.deferred, said)) made_.deferred.emplace_back(said);
    }

    void other_ways() {
        for (const Detour& detour : postfix_.detours) {
            if (!detour.result.empty())
                made_.notes.push_back(detour.parameter + " has " + base::printable(detour.result, 100) +
                                      " for the domain: its mail goes that way, which may be another "
                                      "service or next hop than this is about.");
            else
                made_.notes.push_back(
                    detour.parameter + ": mail " +
                    (detour.parameter.starts_with("sender") ? "of some senders" : "for some recipients") +
                    " may go another way, which this is not about.");
        }
    }

    /// What else main.cf says.
    void around() {
        if (!postfix_.unread_tables.empty() && made_.from != "table") unread();
        if (!postfix_.relayhost.empty() && postfix_.relayhost != domain_)
            made_.notes.push_back(
                "relayhost = " + base::printable(postfix_.relayhost, 100) +
                ": Postfix sends mail for recipients' domains there, and asks stsmapd about that "
                "host, not about the domain.");
        other_ways();
        if (postfix_.fallback_relay.empty()) return;
        made_.notes.push_back("smtp_fallback_relay = " + base::printable(postfix_.fallback_relay, 100) +
                              " gets the mail when it cannot be delivered, without the domain's policy.");
        if (made_.mail == Mail::waits || made_.mail == Mail::bounces)
            flow_if(std::move(made_.words), "smtp_fallback_relay takes the mail", std::move(made_.deferred));
        else if (made_.mail == Mail::flows_if)
            made_.condition += ", or smtp_fallback_relay takes the mail";
        if (made_.mail == Mail::flows) return;
        made_.hosts.clear();
        // It may be the relay then that says why.
        for (const char* said : no_delivery)
            if (!contains(made_.deferred, said)) made_.deferred.emplace_back(said);
    }

    /// Tables before ours: smtp(8) may be able to ask them, and to find something.
    void unread() {
        made_.notes.push_back("Tables that come before stsmapd could not be asked here (" +
                              some(postfix_.unread_tables, "and") + "): what they have goes first.");
        if (made_.mail == Mail::bounces) return;
        also_if("Postfix can ask the tables that come before stsmapd", bad_policy);
    }

    void flow(std::string words) {
        made_.mail = Mail::flows;
        made_.words = std::move(words);
    }
    void flow_if(std::string words, std::string condition, std::vector<std::string> deferred) {
        made_.mail = Mail::flows_if;
        made_.words = std::move(words);
        made_.condition = std::move(condition);
        made_.deferred = std::move(deferred);
    }
    void wait(std::string words, std::vector<std::string> deferred) {
        made_.mail = Mail::waits;
        made_.words = std::move(words);
        made_.deferred = std::move(deferred);
    }

    const Postfix& postfix_;
    const std::optional<Live>& live_;
    std::string_view domain_;
    const std::optional<Smtp>& smtp_;
    Prediction made_;
    bool refused_some_ = false;
};

} // namespace

std::string_view to_string(Mail mail) noexcept {
    switch (mail) {
    case Mail::flows: return "flows";
    case Mail::flows_if: return "flows-if";
    case Mail::waits: return "waits";
    case Mail::bounces: break;
    }
    return "bounces";
}

Applied read_reply(std::string_view text, const Version& version) {
    const tool::Reply reply = tool::parse_reply(text);
    if (reply.status == "NOTFOUND") return {};
    if (reply.status != "OK")
        return error("Postfix takes \"" + base::printable(text, 100) + "\" for an error of the table");
    if (reply.level.empty()) return error("the policy is empty");
    if (!contains(levels, reply.level))
        return error("Postfix knows no level \"" + base::printable(reply.level, 40) + '"');
    Applied applied;
    applied.kind = Applied::Kind::policy;
    applied.level = reply.level;
    if (applied.level == "none") return applied;
    bool typed = false, needs_type = false;
    for (const auto& [name, value] : reply.attributes) {
        const auto known = std::ranges::find(attributes, std::string_view(name), &Attribute::name);
        if (known == attributes.end() || version < known->since)
            return error("Postfix " + std::to_string(version.major) + '.' + std::to_string(version.minor) +
                         " does not know the attribute " + base::printable(name, 40) +
                         ", so it refuses the whole policy");
        if (name == "mx_host_pattern") applied.patterns.push_back(value);
        if (name == "policy_type") {
            typed = true;
            applied.sts = base::iequals(value, "sts");
        }
        needs_type |= contains(of_type, name);
    }
    if (needs_type && !typed) return error("an attribute needs policy_type, which is missing");
    if (!reply.match.empty() && !takes_match(applied.level))
        return error("Postfix allows no match= with the level " + applied.level);
    applied.match = reply.match;
    return applied;
}

std::vector<std::string> of_any_policy() {
    return {not_verified, not_trusted, required, cannot_start, all_refused,
            no_tlsa,      not_signed,  unusable, tlsa_error,   bad_policy};
}

Prediction predict(std::string_view reply, const Postfix& postfix, const std::optional<Live>& live,
                   std::string_view domain, const std::optional<Smtp>& smtp) {
    return Predictor(postfix, live, domain, smtp).of(reply);
}

} // namespace explain
