// The part of the report about one domain's mail host, from the output of Postfix's posttls-finger.
#include "tool/doctor/report.hpp"

namespace doctor {
namespace {

Finding of_mx(Verdict verdict, std::string id, std::string words, std::string fix = {}) {
    return finding(verdict, std::move(id), "mx", std::move(words), std::move(fix));
}

bool must_be_verified(const std::string& level) {
    return level == "secure" || level == "verify" || level == "fingerprint" || level == "dane-only";
}

} // namespace

Findings judge(const MxFacts& facts) {
    using Outcome = MxFacts::Outcome;
    if (!facts.trouble.empty())
        return {of_mx(Verdict::warn, "mx-not-asked", facts.domain + " was not tried: " + facts.trouble,
                      facts.command.empty() ? "see the lines about Postfix" : facts.command)};
    const std::string how = facts.policy.empty() ? "no policy, so level " + facts.level + " of Postfix's own"
                                                 : "policy " + facts.policy;
    const std::string what = facts.domain + " by " + facts.service + " (" + how + "): " + facts.words;
    switch (facts.outcome) {
    case Outcome::map_failed:
        return {of_mx(Verdict::fail, "mx-map-failed",
                      facts.domain + " by " + facts.service +
                          ": a map cannot be asked, so its mail is deferred: " + facts.words,
                      "see the lines about Postfix and its socket")};
    case Outcome::not_looked_up:
        return {of_mx(Verdict::warn, "mx-not-found", what,
                      "see the line about the resolver, or try another domain")};
    case Outcome::not_connected:
        return {of_mx(Verdict::fail, "mx-not-connected", what,
                      "let this host connect to port 25 of the internet; if only this host is down, try "
                      "another domain")};
    case Outcome::no_tls:
        if (facts.level == "may" || facts.level == "dane" || facts.level == "none")
            return {of_mx(Verdict::warn, "mx-in-clear", what + ": its mail goes in clear", facts.command)};
        return {of_mx(Verdict::fail, "mx-no-tls", what + ": its mail is deferred", facts.command)};
    case Outcome::encrypted:
        if (!must_be_verified(facts.level)) return {of_mx(Verdict::ok, "mx-encrypted", what)};
        return {of_mx(Verdict::fail, "mx-not-verified", what + ": its mail is deferred",
                      "compare with smtp_tls_CAfile and the domain's policy: " + facts.command)};
    case Outcome::foreign_host:
        return {of_mx(Verdict::fail, "mx-foreign-host",
                      what + ": the name of this host is none of the policy's", facts.command)};
    case Outcome::no_dane:
        return {of_mx(Verdict::fail, "mx-no-dane",
                      what + ": Postfix sees no DANE where stsmapd does, and the mail is deferred",
                      "see the lines about Postfix and its resolvers; " + facts.command)};
    case Outcome::verified: break;
    }
    return {of_mx(Verdict::ok, "mx-verified", what)};
}

} // namespace doctor
