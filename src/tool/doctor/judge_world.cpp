// The part of the report about what stsmapd needs of the world: resolver, policy hosts.
#include "tool/doctor/report.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace doctor {
namespace {

bool is_network(base::Reason reason) {
    using base::Reason;
    return reason == Reason::connect_failed || reason == Reason::connect_timeout ||
           reason == Reason::proxy_failed || reason == Reason::fetch_timeout;
}

/// `validated`: this server or another one validates and is trusted. `answered`: at least one answered.
Finding judge(const dane::ServerFinding& server, const ResolverFacts& facts, bool validated, bool answered) {
    using State = dane::Validation::State;
    const std::string who = server.server + " (from " + facts.source + ")";
    const std::string& why = server.validation.why;
    const std::string never = ": it is not asked about DANE";
    switch (server.validation.state) {
    case State::unknown:
        if (answered)
            return finding(Verdict::warn, "resolver-unreliable", "resolver", who + ": " + why + never,
                           "check it, or take it out of " + facts.source);
        return finding(Verdict::fail, "resolver-silent", "resolver", who + ": " + why,
                       "stsmapd needs a resolver that answers: check " + facts.source +
                           ", or apt-get install unbound and use 127.0.0.1");
    case State::yes:
        if (server.trusted)
            return finding(Verdict::ok, "resolver-validates", "resolver", who + " validates DNSSEC: " + why);
        if (facts.dane_off || validated)
            return finding(Verdict::ok, "resolver-not-asked-about-dane", "resolver",
                           who + " answers, and its word on DNSSEC is not believed" +
                               (facts.dane_off ? "" : never));
        return finding(
            Verdict::warn, "resolver-not-believed", "resolver",
            who +
                " seems to validate DNSSEC, but its word is not believed, as it is not on this host or only "
                "hands on the word of another: no DANE is looked for",
            "run a validating resolver on this host (apt-get install unbound; nameserver 127.0.0.1), or, "
            "where nobody can change answers on the way, \"options trust-ad\" in /etc/resolv.conf or "
            "trust_ad = \"yes\" under [dns]");
    case State::no: break;
    }
    if (facts.dane_off)
        return finding(Verdict::ok, "resolver-dane-off", "resolver",
                       who + " answers; DNSSEC is not needed with dane = \"off\"");
    if (validated)
        return finding(Verdict::ok, "resolver-second", "resolver",
                       who + " answers, but does not validate DNSSEC" + never);
    return finding(
        Verdict::warn, "resolver-without-dnssec", "resolver",
        who + " answers, but does not validate DNSSEC: no DANE is looked for (" + why + ")",
        "run a validating resolver on this host (apt-get install unbound; nameserver 127.0.0.1), or set "
        "dane = \"off\" in stsmapd.toml");
}

} // namespace

Findings judge(const ResolverFacts& facts) {
    using State = dane::Validation::State;
    if (facts.servers.empty())
        return {finding(Verdict::fail, "resolver-none", "resolver", "no name server in " + facts.source,
                        "name one in " + facts.source)};
    const auto any = [&facts](auto is) { return std::ranges::any_of(facts.servers, is); };
    const bool validated = any(
        [](const dane::ServerFinding& each) { return each.trusted && each.validation.state == State::yes; });
    const bool answered =
        any([](const dane::ServerFinding& each) { return each.validation.state != State::unknown; });
    Findings findings;
    for (const dane::ServerFinding& server : facts.servers)
        findings.push_back(judge(server, facts, validated, answered));
    return findings;
}

Findings judge(const EgressFacts& facts) {
    using base::Reason;
    const std::string host = "https://" + facts.policy_host;
    if (facts.fetched)
        return {finding(Verdict::ok, "egress-works", "egress",
                        "the policy at " + host + " can be fetched" +
                            (facts.proxy ? ", through the proxy" : ""))};
    const std::string why =
        std::string(base::to_string(facts.reason)) + ": " + base::printable(facts.detail, 300);
    const std::string another =
        facts.default_domain ? "try another domain: stsmap doctor --domain DOMAIN" : "try another domain";
    if (facts.reason == Reason::host_unresolvable)
        return {finding(Verdict::warn, "egress-no-address", "egress",
                        "not checked, as " + facts.policy_host + " has no address (" + why + ")",
                        "see the line about the resolver, or " + another)};
    if (facts.reason == Reason::host_refused_address)
        return {finding(Verdict::warn, "egress-refused-address", "egress", "not checked (" + why + ")",
                        another + "; allow_private_addresses under [fetch] is for private networks")};
    if (is_network(facts.reason))
        return {finding(
            Verdict::fail, "egress-no-connection", "egress", "no connection to " + host + " (" + why + ")",
            facts.proxy ? "check proxy under [fetch], and that it lets CONNECT to port 443 through"
                        : "let this host connect to port 443 of the internet, or set proxy under [fetch]; "
                          "if only this host is down, " +
                              another)};
    if (facts.reason == Reason::cert_untrusted)
        return {
            finding(Verdict::fail, "egress-untrusted", "egress",
                    host + " has a certificate that is not trusted (" + why + ")",
                    "check ca_file under [fetch] and ca-certificates; something in between may be replacing "
                    "certificates")};
    if (facts.reason == Reason::cert_expired)
        return {finding(Verdict::fail, "egress-expired", "egress",
                        host + " has a certificate that is not in force (" + why + ")",
                        "check the clock; if it is right, " + another)};
    return {finding(Verdict::warn, "egress-no-policy", "egress",
                    host + " can be connected, but gives no policy (" + why + ")", another)};
}

} // namespace doctor
