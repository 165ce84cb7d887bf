#include "tool/check/mail_host.hpp"

#include "base/text.hpp"
#include "postfix/peer_names.hpp"
#include "tool/check/judge_parts.hpp"
#include "tool/check/tls_outcome.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace check {
namespace {

using smtp::Stage;
using smtp::Trouble;

std::string shown(std::string_view text, std::size_t limit = 200) { return base::printable(text, limit); }

Outcome outcome_of(HostOutcome::Kind kind) {
    using Kind = HostOutcome::Kind;
    switch (kind) {
    case Kind::verified: return Outcome::verified;
    case Kind::delivered: return Outcome::unprotected;
    case Kind::waits: return Outcome::waits;
    case Kind::no_smtp:
    case Kind::not_known: break;
    }
    return Outcome::unknown;
}

/// Of two addresses, the one that serves Postfix better: it tries one after the other.
int rank(Outcome outcome) {
    switch (outcome) {
    case Outcome::verified: return 3;
    case Outcome::unprotected: return 2;
    case Outcome::waits: return 1;
    case Outcome::no_mail:
    case Outcome::unknown: break;
    }
    return 0;
}

/// What the certificate lacks: an id.
std::string_view fault_of(const Mx& mx, const smtp::Tls& tls, base::Instant at, const Demand& demand) {
    if (demand.level == "dane-only" || demand.level == "dane")
        return mx.tlsa_records.empty() ? "dane-partly" : "dane-mismatch";
    if (tls.chain.empty()) return "mx-tls-failed";
    const smtp::Certificate& own = tls.chain.front();
    if (own.not_after < at || own.not_before > at) return "mx-certificate-expired";
    return tls.trusted ? "mx-certificate-name" : "mx-certificate-untrusted";
}

void take(const Mx& mx, const smtp::Sighting& sighting, HostOutcome seen, const Demand& demand, HostResult& made) {
    using Kind = HostOutcome::Kind;
    made.outcome = outcome_of(seen.kind);
    made.looked = seen.kind != Kind::not_known;
    made.deferred = std::move(seen.deferred);
    made.returned = seen.returned;
    made.words = std::move(seen.why);
    made.finding = trouble_id(sighting);
    if (made.finding.empty() && seen.kind == Kind::waits)
        made.finding = fault_of(mx, *sighting.tls, sighting.at, demand);
    if (seen.kind == Kind::verified) made.words.clear(), made.finding.clear();
}

struct Words {
    std::string_view word, words;
};
constexpr std::array skips{
    Words{"no-smtp", "left out by --no-smtp"},
    Words{"port-25-closed-here", "port 25 is closed from here"},
    Words{"operator-refused", "its operator has refused this host in this run"},
    Words{"another-address-tried", "another address of the host was tried"},
    Words{"protocol-off", "not used by this Postfix (inet_protocols)"},
    Words{"same-host", "looked at for another domain"},
    Words{"not-admitted", "the policy does not admit the host"},
    Words{"stopped", "the run was stopped before"},
};

} // namespace

void judge_mail_host(const Mx& mx, const Demand& demand, HostResult& made) {
    const bool validated = mx.tlsa && mx.tlsa->worth == dns::Worth::secure;
    const MxAddress* skipped = nullptr;
    bool any = false;
    for (const MxAddress& address : mx.addresses) {
        if (!address.sighting) {
            if (skipped == nullptr && address.skipped != "protocol-off") skipped = &address;
            continue;
        }
        HostOutcome seen = tls_outcome(*address.sighting, demand,
                                       validated ? mx.tlsa_records : std::vector<dane::Tlsa>{});
        if (any && rank(outcome_of(seen.kind)) <= rank(made.outcome)) continue;
        any = true;
        take(mx, *address.sighting, std::move(seen), demand, made);
    }
    if (any) return;
    made.looked = false;
    made.finding = "mx-not-looked-at";
    made.words = skipped == nullptr ? "it was not looked at" : skipped_words(*skipped);
}

std::string skipped_words(const MxAddress& address) {
    const auto* const known = std::ranges::find(skips, address.skipped, &Words::word);
    std::string text(known == skips.end() ? std::string_view("not looked at") : known->words);
    if (!address.see_domain.empty()) text += ", see " + shown(address.see_domain, 260);
    return text;
}

bool is_for(const smtp::Certificate& certificate, std::string_view name) {
    const std::vector<std::string> wanted{std::string(name)};
    return postfix::matching_peer_name(certificate.dns_names, certificate.common_name, wanted).has_value();
}

std::string_view trouble_id(const smtp::Sighting& sighting) noexcept {
    const Trouble trouble = sighting.trouble;
    const bool refuses = trouble == Trouble::reply_4xx || trouble == Trouble::reply_5xx;
    switch (sighting.stage) {
    case Stage::connect: return "mx-unreachable";
    case Stage::banner:
    case Stage::ehlo: return refuses ? "mx-refuses" : "mx-not-smtp";
    case Stage::starttls:
        if (trouble == Trouble::not_offered) return "mx-no-starttls";
        if (trouble == Trouble::injected) return "mx-injected";
        return refuses ? "mx-starttls-refused" : "mx-not-smtp";
    case Stage::tls: return trouble == Trouble::tls_version ? "mx-tls-version" : "mx-tls-failed";
    case Stage::done: break;
    }
    return sighting.tls ? "" : "mx-tls-failed";
}

std::string trouble_words(const smtp::Sighting& sighting) {
    const bool refuses = sighting.trouble == Trouble::reply_4xx || sighting.trouble == Trouble::reply_5xx;
    std::string text = shown(sighting.address, 60);
    switch (sighting.stage) {
    case Stage::connect:
        text += sighting.trouble == Trouble::refused   ? " refuses the connection"
                : sighting.trouble == Trouble::timeout ? " accepts no connection in time"
                                                       : " cannot be reached";
        break;
    case Stage::banner: text += refuses ? " refuses the connection with" : " gives no greeting"; break;
    case Stage::ehlo: text += refuses ? " answers EHLO with" : " gives no answer to EHLO"; break;
    case Stage::starttls:
        text += sighting.trouble == Trouble::not_offered ? " does not offer STARTTLS"
                : sighting.trouble == Trouble::injected  ? " sends octets behind its reply to STARTTLS"
                : refuses                                ? " answers STARTTLS with"
                                                         : " gives no answer to STARTTLS";
        break;
    case Stage::tls:
    case Stage::done: text += " does not complete the TLS handshake"; break;
    }
    if (sighting.words.empty()) return text;
    return text + (refuses ? ": " : " (") + shown(sighting.words) + (refuses ? "" : ")");
}

} // namespace check
