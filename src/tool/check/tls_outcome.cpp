#include "tool/check/tls_outcome.hpp"

#include "base/text.hpp"
#include "postfix/peer_names.hpp"
#include "smtp/dane_chain.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <openssl/x509_vfy.h>

namespace check {
namespace {

using Kind = HostOutcome::Kind;
using smtp::Stage;
using smtp::Trouble;

// Parts of what Postfix says in "status=deferred (...)".
constexpr const char* bad_policy = "client TLS configuration problem";
constexpr const char* not_verified = "Server certificate not verified";
constexpr const char* not_offered = "TLS is required, but was not offered by host";
constexpr const char* refused_tls = "refused to start TLS";
constexpr const char* cannot_start = "Cannot start TLS: handshake failure";
constexpr const char* all_refused = "server unavailable or unable to receive mail";
constexpr const char* no_tlsa = "no TLSA records found";
constexpr const char* unusable = "TLSA records unusable";
constexpr const char* connect = "connect to ";
constexpr const char* lost = "lost connection with";
constexpr const char* silent = "timed out while";
constexpr const char* refused_talk = "refused to talk to me";

bool requires_tls(std::string_view level) { return level != "none" && level != "may"; }
bool compares_names(std::string_view level) { return level == "secure" || level == "verify"; }

HostOutcome waits(std::vector<std::string> deferred, std::string why) {
    return {Kind::waits, false, std::move(deferred), false, std::move(why), {}};
}
HostOutcome no_smtp(std::vector<std::string> deferred, std::string why) {
    return {Kind::no_smtp, false, std::move(deferred), false, std::move(why), {}};
}
HostOutcome not_known(std::string why) { return {Kind::not_known, false, {}, false, std::move(why), {}}; }
HostOutcome delivered(bool encrypted, std::string why) {
    return {Kind::delivered, encrypted, {}, false, std::move(why), {}};
}

std::string in_words(const smtp::Sighting& seen) {
    return seen.words.empty() ? "" : ": " + base::printable(seen.words, 200);
}

/// Troubles that any stage has.
std::optional<HostOutcome> of_connection(const smtp::Sighting& seen, const char* while_what) {
    switch (seen.trouble) {
    case Trouble::timeout: return no_smtp({silent}, std::string("it is silent ") + while_what);
    case Trouble::closed:
        return no_smtp({lost, connect}, std::string("it closes the connection ") + while_what);
    case Trouble::not_smtp:
        return no_smtp({silent, lost}, std::string("it speaks no SMTP ") + while_what + in_words(seen));
    default: return std::nullopt;
    }
}

/// smtp(8) makes a refusal with 5xx final, but not of the greeting (smtp_skip_5xx_greeting).
HostOutcome final_if_5xx(HostOutcome made, const smtp::Sighting& seen, const Demand& demand) {
    made.returned = seen.trouble == Trouble::reply_5xx && !demand.soft_bounce;
    return made;
}

HostOutcome without_starttls(const smtp::Sighting& seen, const Demand& demand) {
    const bool offered = seen.trouble != Trouble::not_offered;
    std::string why = (offered ? "it refuses STARTTLS" : "it does not offer STARTTLS") + in_words(seen);
    if (!requires_tls(demand.level)) return delivered(false, std::move(why));
    return final_if_5xx(waits({offered ? refused_tls : not_offered}, std::move(why)), seen, demand);
}

HostOutcome without_handshake(const smtp::Sighting& seen, const Demand& demand) {
    std::string why = seen.trouble == Trouble::tls_version
                          ? "it has no version of TLS that Postfix accepts here"
                      : seen.trouble == Trouble::timeout ? "it does not answer the TLS handshake"
                                                         : "the TLS handshake fails";
    why += in_words(seen);
    // At level may smtp(8) takes older versions than the check, and delivers in clear when that fails, too.
    if (!requires_tls(demand.level)) return delivered(false, std::move(why));
    // In TLS 1.3 a server may refuse after what is a finished handshake to smtp(8).
    return waits({cannot_start, lost}, std::move(why));
}

std::string listed(const std::vector<std::string>& names) {
    constexpr std::size_t most = 4;
    std::string text;
    for (std::size_t i = 0; i < std::min(names.size(), most); ++i)
        text += (i > 0 ? ", " : "") + base::printable(names[i], 80);
    if (names.size() > most) text += " and " + std::to_string(names.size() - most) + " more";
    return text;
}

std::string names_in(const smtp::Certificate& certificate) {
    if (!certificate.dns_names.empty()) return listed(certificate.dns_names);
    return certificate.common_name.empty() ? "none" : base::printable(certificate.common_name, 80);
}

std::string untrusted(const smtp::Tls& tls) {
    switch (tls.trust_code) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return "its certificate, or one that it rests on, has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID: return "its certificate, or one that it rests on, is not valid yet";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return "its certificate is self-signed";
    default: return "its certificate is not trusted: " + base::printable(tls.trust_error, 200);
    }
}

HostOutcome by_name(const smtp::Sighting& seen, const Demand& demand) {
    const smtp::Tls& tls = *seen.tls;
    if (tls.chain.empty()) return waits({not_verified}, "it shows no certificate");
    if (demand.other_anchors)
        return not_known("smtp_tls_trust_anchor_file is set, by which the check does not verify");
    if (tls.trust_code == X509_V_ERR_APPLICATION_VERIFICATION)
        return not_known("its certificates are not verified by the check: " +
                         base::printable(tls.trust_error, 200));
    if (!tls.trusted) return waits({not_verified}, untrusted(tls));
    const std::vector<std::string> wanted = postfix::expand_match(demand.match, seen.host, demand.next_hop);
    const smtp::Certificate& own = tls.chain.front();
    auto name = postfix::matching_peer_name(own.dns_names, own.common_name, wanted);
    if (!name)
        return waits({not_verified},
                     "its certificate is for " + names_in(own) + ", and must be for " + listed(wanted));
    return {Kind::verified, true, {}, false, {}, std::move(*name)};
}

/// Both levels with TLSA records.
HostOutcome by_tlsa(const smtp::Sighting& seen, const Demand& demand, const std::vector<dane::Tlsa>& tlsa) {
    std::vector<std::string> names{seen.host};
    if (demand.next_hop != seen.host) names.push_back(demand.next_hop);
    switch (smtp::dane_match(seen.tls->chain, tlsa, names, seen.at)) {
    case smtp::DaneMatch::matches: return {Kind::verified, true, {}, false, {}, {}};
    case smtp::DaneMatch::differs:
        return waits({not_verified}, "its certificate is not what its TLSA records allow");
    case smtp::DaneMatch::unusable: break;
    case smtp::DaneMatch::unknown:
        return not_known("its certificates cannot be compared with its TLSA records");
    }
    if (demand.level == "dane") return delivered(true, "its TLSA records cannot be used");
    return waits({unusable}, "its TLSA records cannot be used");
}

HostOutcome with_tls(const smtp::Sighting& seen, const Demand& demand, const std::vector<dane::Tlsa>& tlsa) {
    if (demand.level == "none") return delivered(false, "Postfix uses no TLS");
    if (demand.level == "may" || demand.level == "encrypt")
        return delivered(true, "no certificate is asked for");
    if (compares_names(demand.level)) return by_name(seen, demand);
    if (demand.level == "dane" || demand.level == "dane-only") return by_tlsa(seen, demand, tlsa);
    return not_known("the level " + base::printable(demand.level, 40) +
                     " compares digests, which the check does not");
}

} // namespace

Demand demand_of(const explain::Applied& applied, const explain::Postfix& postfix,
                 std::string_view next_hop) {
    using Applied = explain::Applied;
    Demand made;
    made.next_hop = next_hop;
    made.soft_bounce = postfix.soft_bounce;
    made.address_limit = postfix.mx_address_limit;
    if (applied.kind == Applied::Kind::error) return made;
    made.level = applied.kind == Applied::Kind::none ? postfix.level : applied.level;
    if ((made.level == "dane") && !postfix.dnssec) made.level = "may"; // smtp(8) warns, and goes on
    if (made.level == "dane-only" && !postfix.dnssec) made.level.clear();
    if (!compares_names(made.level)) return made;
    made.other_anchors = !postfix.trust_anchor_file.empty();
    made.match = applied.match;
    if (made.match.empty()) made.match = made.level == "secure" ? postfix.secure_match : postfix.verify_match;
    if (!applied.sts || applied.patterns.empty() || !postfix.enforces_patterns ||
        postfix.version < explain::names_checked_since)
        return made;
    made.patterns = applied.patterns;
    // The certificate is then compared with the host's name alone, where the answer has match=.
    if (!applied.match.empty()) made.match = {"hostname"};
    return made;
}

bool admits(const Demand& demand, std::string_view host) {
    if (demand.patterns.empty()) return true;
    return std::ranges::any_of(demand.patterns, [host](std::string_view pattern) {
        if (base::iequals(pattern, host)) return true;
        const std::size_t dot = host.find('.');
        return pattern.size() > 2 && pattern.starts_with("*.") && dot != std::string_view::npos && dot > 0 &&
               base::iequals(pattern.substr(2), host.substr(dot + 1));
    });
}

std::string_view to_string(HostOutcome::Kind kind) noexcept {
    switch (kind) {
    case Kind::verified: return "verified";
    case Kind::delivered: return "delivered";
    case Kind::waits: return "waits";
    case Kind::no_smtp: return "no-smtp";
    case Kind::not_known: break;
    }
    return "not-known";
}

HostOutcome tls_outcome(const smtp::Sighting& seen, const Demand& demand,
                        const std::vector<dane::Tlsa>& tlsa) {
    if (demand.level.empty()) return waits({bad_policy}, "Postfix refuses the policy");
    if (!admits(demand, seen.host)) return waits({all_refused}, "the policy does not name it");
    Demand its = demand;
    if (tlsa.empty() && its.level == "dane-only") return waits({no_tlsa}, "it has no TLSA records");
    if (tlsa.empty() && its.level == "dane") its.level = "may";
    switch (seen.stage) {
    case Stage::connect:
        return no_smtp({connect}, seen.trouble == Trouble::timeout ? "no connection in time"
                                                                   : "no connection" + in_words(seen));
    case Stage::banner:
        if (auto outcome = of_connection(seen, "before its greeting")) return std::move(*outcome);
        return no_smtp({refused_talk}, "it refuses us" + in_words(seen));
    case Stage::ehlo:
        if (auto outcome = of_connection(seen, "after EHLO")) return std::move(*outcome);
        return final_if_5xx(no_smtp({refused_talk}, "it refuses EHLO and HELO" + in_words(seen)), seen, its);
    case Stage::starttls:
        if (auto outcome = of_connection(seen, "after STARTTLS")) return std::move(*outcome);
        if (seen.trouble == Trouble::injected)
            return not_known(
                "it sends octets behind its reply to STARTTLS, in clear: somebody in between may");
        return without_starttls(seen, its);
    case Stage::tls: return without_handshake(seen, its);
    case Stage::done: break;
    }
    if (!seen.tls) return not_known("nothing is known of its TLS");
    return with_tls(seen, its, tlsa);
}

} // namespace check
