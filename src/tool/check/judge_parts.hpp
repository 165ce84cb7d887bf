// tool/check/judge_parts.hpp - the parts of judge(): each adds what it finds in one part of the evidence. Pure.
// For judge.cpp and its tests.
#pragma once

#include "tool/check/delivery.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace check {

/// A certificate with fewer days left is worth a warning: renewals are usually made a month before.
inline constexpr base::seconds ends_soon{14 * 86400};
/// Some senders wait no longer for a policy.
inline constexpr std::int64_t slow_ms = 2000;

/// What all parts look at.
struct Part {
    const Evidence& evidence;
    const explain::Postfix& postfix; ///< as judged_postfix() has it
    const Learnt& learnt;
    const Demand& demand; ///< of the enforced policy, or of the hosts' own names
    const std::vector<HostResult>& hosts;
};
using Findings = std::vector<findings::Finding>;

inline findings::Finding finding(std::string_view id, std::string about, std::string words = {},
                                 std::string hint = {}) {
    findings::Finding made = findings::found(id);
    made.about = std::move(about);
    made.words = std::move(words);
    made.hint = std::move(hint);
    return made;
}

void judge_record(const Part& part, Findings& found);      ///< "dns-...", "txt-..."
void judge_policy_host(const Part& part, Findings& found); ///< "host-..."
void judge_policy(const Part& part, Findings& found);      ///< "policy-...", and mx that cover no host
void judge_mx(const Part& part, Findings& found);          ///< "mx-..."
void judge_dane(const Part& part, Findings& found);        ///< "dane-..."
void judge_tlsrpt(const Part& part, Findings& found);      ///< "tlsrpt-..."

/// "ends 2026-12-05T10:00:00Z, in 7 days"
[[nodiscard]] std::string end_of(const smtp::Certificate& certificate, base::Instant now);
/// Why OpenSSL does not trust it, and what that usually is.
[[nodiscard]] std::string distrust(const smtp::Tls& tls);
/// Names of a certificate, for a sentence: "a.example and b.example".
[[nodiscard]] std::string names_of(const smtp::Certificate& certificate);
/// Of a name that was looked up: " (dns-servfail: ...)", printable.
[[nodiscard]] std::string why_not(const Looked& looked);
/// Its TLSA records count, usable or not: they are signed, or nobody knows whether there are any.
[[nodiscard]] bool may_have_tlsa(const Mx& mx);
/// A CNAME led elsewhere.
[[nodiscard]] bool is_alias(const Looked& looked);

} // namespace check
