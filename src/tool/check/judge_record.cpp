// The TXT records at _mta-sts and _smtp._tls, and the text of the policy: DNS here, the rest by tool/lint.
#include "tool/check/judge_parts.hpp"

#include "base/text.hpp"
#include "sts/match.hpp"
#include "tool/lint/policy_text.hpp"
#include "tool/lint/tlsrpt_text.hpp"
#include "tool/lint/txt_text.hpp"

#include <algorithm>
#include <utility>

namespace check {
namespace {

void append(Findings more, Findings& found) {
    std::ranges::move(more, std::back_inserter(found));
}

} // namespace

void judge_record(const Part& part, Findings& found) {
    const Looked& looked = part.evidence.sts.looked;
    if (!looked.reason.empty()) {
        found.push_back(finding("dns-txt-failed", looked.name, "the lookup failed" + why_not(looked)));
        return;
    }
    append(lint::txt_records(part.evidence.sts.records).findings, found);
    if (part.evidence.sts.records.empty()) return;
    if (is_alias(looked))
        found.push_back(
            finding("dns-txt-alias", looked.name, "it leads to " + base::printable(looked.canonical, 260)));
    if (looked.worth == dns::Worth::secure) found.push_back(finding("dns-signed", looked.name));
}

void judge_policy(const Part& part, Findings& found) {
    if (part.evidence.policy_host && part.evidence.policy_host->body)
        append(lint::policy_text(*part.evidence.policy_host->body).findings, found);
    if (!part.learnt.text || part.evidence.mx.empty()) return;
    const sts::Policy& policy = part.learnt.text->policy;
    if (policy.mode == sts::Mode::none) return;
    constexpr std::size_t most = 10;
    std::vector<std::string> idle;
    for (const sts::MxPattern& pattern : policy.mx) {
        const bool used = std::ranges::any_of(
            part.evidence.mx, [&](const Mx& mx) { return sts::matches(pattern, mx.host); });
        if (!used && !sts::is_address(pattern)) idle.push_back((pattern.wildcard ? "*." : "") + pattern.name);
    }
    for (std::size_t i = 0; i < idle.size() && i < most; ++i)
        found.push_back(
            finding("mx-pattern-idle", idle[i],
                    i + 1 == most && idle.size() > most
                        ? "and " + std::to_string(idle.size() - most) + " more cover none either"
                        : std::string{}));
}

void judge_tlsrpt(const Part& part, Findings& found) {
    if (!part.evidence.tlsrpt || !part.evidence.tlsrpt->looked.reason.empty()) return;
    append(lint::tlsrpt_records(part.evidence.tlsrpt->records).findings, found);
}

} // namespace check
