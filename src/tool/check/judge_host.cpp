// The policy host: addresses, TLS, certificate, response.
#include "tool/check/judge_parts.hpp"

#include "base/text.hpp"
#include "tool/explain/judge.hpp"
#include "tool/show/times.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace check {
namespace {

struct Match {
    std::string_view reason, id;
};
/// base/reason.hpp -> what it is called here.
constexpr std::array reasons{
    Match{"host-unresolvable", "host-no-address"},
    Match{"host-refused-address", "host-private-address"},
    Match{"connect-failed", "host-unreachable"},
    Match{"connect-timeout", "host-unreachable"},
    Match{"proxy-failed", "host-proxy"},
    Match{"tls-handshake", "host-tls"},
    Match{"cert-untrusted", "host-certificate-untrusted"},
    Match{"cert-name-mismatch", "host-certificate-name"},
    Match{"cert-expired", "host-certificate-expired"},
    Match{"http-status", "host-status"},
    Match{"http-redirect", "host-redirect"},
    Match{"http-media-type", "host-media-type"},
    Match{"http-encoding", "host-encoding"},
    Match{"http-too-large", "host-too-large"},
    Match{"http-truncated", "host-truncated"},
    Match{"http-malformed", "host-not-http"},
    Match{"fetch-timeout", "host-timeout"},
};

std::string_view id_of(std::string_view reason) {
    const auto* const match = std::ranges::find(reasons, reason, &Match::reason);
    return match == reasons.end() ? "host-unreachable" : match->id;
}

const smtp::Certificate* own(const std::optional<smtp::Tls>& tls) {
    return tls && !tls->chain.empty() ? &tls->chain.front() : nullptr;
}

bool works(const PolicyTry& one) { return one.reason.empty() && one.response_reason.empty(); }

std::string shown(std::string_view text, std::size_t limit = 100) { return base::printable(text, limit); }

/// What this address did, beside the title of the finding.
std::string words_of(const PolicyTry& one, std::string_view reason, base::Instant at) {
    const smtp::Certificate* const certificate = own(one.tls);
    if (reason == "http-status") return "status " + std::to_string(one.status);
    if (reason == "http-redirect")
        return "status " + std::to_string(one.status) +
               (one.location.empty() ? std::string{} : " to " + shown(one.location));
    if (reason == "http-media-type") {
        if (one.types.empty()) return "there is no Content-Type";
        std::string text = "Content-Type: " + shown(one.types.front());
        return one.types.size() > 1 ? text + ", and " + std::to_string(one.types.size() - 1) + " more" : text;
    }
    if (reason == "cert-name-mismatch" && certificate != nullptr) return names_of(*certificate);
    if (reason == "cert-expired" && certificate != nullptr)
        return certificate->not_before > at ? "valid from " + tool::utc_text(certificate->not_before) + " on"
                                            : end_of(*certificate, at);
    if (reason == "cert-untrusted" && one.tls) return distrust(*one.tls);
    return one.detail.empty() ? explain::meaning(reason) : shown(one.detail, 200);
}

std::string hint_of(const PolicyTry& one, std::string_view reason, const std::string& name) {
    if (reason == "http-status" && one.status == 404)
        return "is the file at /.well-known/mta-sts.txt, and does the web server have a site for " + name +
               "?";
    if (reason == "http-redirect" && one.location.starts_with("https://"))
        return "a redirect to another name is not followed either: serve the file at " + name + " itself";
    return {};
}

void addresses(const PolicyHost& host, Findings& found) {
    if (is_alias(host.a) || is_alias(host.aaaa))
        found.push_back(
            finding("host-alias", host.name,
                    "it leads to " + shown(is_alias(host.a) ? host.a.canonical : host.aaaa.canonical, 260)));
    if (!host.addresses.empty()) return;
    const bool failed = !host.a.reason.empty() || !host.aaaa.reason.empty();
    if (failed)
        found.push_back(finding("host-dns-failed", host.name,
                                "the lookup failed" +
                                    why_not(host.a.reason.empty() ? host.aaaa : host.a)));
    else
        found.push_back(finding("host-no-address", host.name,
                                host.a.kind == "nxdomain" ? host.name + " does not exist" : std::string{}));
}

} // namespace

void judge_policy_host(const Part& part, Findings& found) {
    if (!part.evidence.policy_host) return;
    const PolicyHost& host = *part.evidence.policy_host;
    const bool announced = !part.learnt.id.empty();
    if (!announced) {
        const bool none = part.learnt.reason == base::Reason::no_record;
        if (host.body && none) found.push_back(finding("host-without-record", host.name));
        if (!host.body) return; // nothing is promised
    }
    addresses(host, found);
    const bool any = std::ranges::any_of(host.tries, works);
    const base::Instant at = part.evidence.at;
    for (const PolicyTry& one : host.tries) {
        if (!works(one)) {
            const std::string& reason = one.reason.empty() ? one.response_reason : one.reason;
            std::string words = words_of(one, reason, at);
            if (any)
                found.push_back(finding("host-partly", one.address,
                                        std::string(findings::found(id_of(reason)).row->title) + ": " +
                                            words));
            else
                found.push_back(finding(id_of(reason), one.address, std::move(words),
                                        hint_of(one, reason, host.name)));
            continue;
        }
        if (one.took_ms > slow_ms)
            found.push_back(finding("host-slow", one.address,
                                    "it took " + std::to_string(one.took_ms) + " ms"));
    }
    const auto has_charset = [](const PolicyTry& one) {
        return works(one) && std::ranges::any_of(one.types, [](const std::string& type) {
                   return base::ascii_lower(type).find("charset=") != std::string::npos;
               });
    };
    if (const auto with = std::ranges::find_if(host.tries, has_charset); with != host.tries.end())
        found.push_back(finding("host-charset", with->address, shown(with->types.front())));
    for (const PolicyTry& one : host.tries) {
        const smtp::Certificate* const certificate = own(one.tls);
        if (certificate == nullptr || !works(one) || certificate->not_after - at >= ends_soon) continue;
        found.push_back(finding("host-certificate-ends", one.address, end_of(*certificate, at)));
        break;
    }
}

std::string end_of(const smtp::Certificate& certificate, base::Instant now) {
    return (certificate.not_after < now ? "it ended " : "it ends ") + tool::utc_text(certificate.not_after) +
           ", " + tool::relative(certificate.not_after, now);
}

std::string distrust(const smtp::Tls& tls) {
    std::string text = tls.trust_error.empty() ? std::string("it is not trusted") : shown(tls.trust_error);
    if (tls.chain.empty()) return text;
    const smtp::Certificate& own_one = tls.chain.front();
    if (own_one.subject == own_one.issuer) return text + "; it has signed itself";
    text += "; it is signed by " + shown(own_one.issuer, 150);
    if (tls.chain.size() == 1) text += ", and no intermediate certificate was sent";
    return text;
}

std::string names_of(const smtp::Certificate& certificate) {
    constexpr std::size_t most = 5;
    if (certificate.dns_names.empty())
        return "it has no dNSName" +
               (certificate.common_name.empty()
                    ? std::string{}
                    : ", only the common name " + shown(certificate.common_name));
    std::string text = "it is for ";
    for (std::size_t i = 0; i < certificate.dns_names.size() && i < most; ++i)
        text += (i == 0 ? "" : ", ") + shown(certificate.dns_names[i]);
    if (certificate.dns_names.size() > most)
        text += " and " + std::to_string(certificate.dns_names.size() - most) + " more names";
    return text;
}

std::string why_not(const Looked& looked) {
    if (looked.reason.empty()) return {};
    return " (" + shown(looked.reason, 40) + (looked.detail.empty() ? "" : ": " + shown(looked.detail, 200)) +
           ')';
}

bool is_alias(const Looked& looked) {
    return looked.reason.empty() && !looked.canonical.empty() && looked.canonical != looked.name;
}

} // namespace check
