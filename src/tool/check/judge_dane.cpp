// DANE: does it protect the domain, and do the TLSA records fit?
#include "tool/check/judge_parts.hpp"

#include "base/text.hpp"
#include "smtp/dane_chain.hpp"

#include <algorithm>

namespace check {
namespace {

const smtp::Sighting* seen_of(const Mx& mx) {
    for (const MxAddress& each : mx.addresses)
        if (each.sighting && each.sighting->tls && !each.sighting->tls->chain.empty()) return &*each.sighting;
    return nullptr;
}

bool any_usable(const Mx& mx) { return std::ranges::any_of(mx.tlsa_records, dane::usable); }

/// Signed, with a record that can be used.
bool has_dane(const Mx& mx) {
    return mx.tlsa && mx.tlsa->worth == dns::Worth::secure && any_usable(mx);
}

void records_of(const Mx& mx, const std::string& domain, Findings& found) {
    if (!mx.tlsa || mx.tlsa_records.empty()) return;
    if (mx.tlsa->worth != dns::Worth::secure) {
        if (mx.tlsa->worth == dns::Worth::insecure) found.push_back(finding("dane-unsigned", mx.host));
        return;
    }
    if (!any_usable(mx)) {
        found.push_back(finding("dane-unusable", mx.host));
        return;
    }
    const smtp::Sighting* const seen = seen_of(mx);
    if (seen == nullptr) return;
    const std::vector<std::string> names{mx.host, domain};
    switch (smtp::dane_match(seen->tls->chain, mx.tlsa_records, names, seen->at)) {
    case smtp::DaneMatch::matches: return found.push_back(finding("dane-match", mx.host));
    case smtp::DaneMatch::differs: return found.push_back(finding("dane-mismatch", mx.host));
    case smtp::DaneMatch::unusable: return found.push_back(finding("dane-unusable", mx.host));
    case smtp::DaneMatch::unknown: return;
    }
}

} // namespace

bool may_have_tlsa(const Mx& mx) {
    if (!mx.tlsa) return false;
    return !mx.tlsa->reason.empty() || (mx.tlsa->worth == dns::Worth::secure && !mx.tlsa_records.empty());
}

void judge_dane(const Part& part, Findings& found) {
    const Evidence& evidence = part.evidence;
    if (evidence.dane_advice) {
        const std::string why = base::printable(evidence.dane_why, 200);
        if (*evidence.dane_advice == "dane-only") found.push_back(finding("dane-used", evidence.domain, why));
        if (*evidence.dane_advice == "unknown") {
            const bool blind = evidence.sts.looked.worth == dns::Worth::indeterminate &&
                               evidence.sts.looked.reason.empty();
            found.push_back(finding(blind ? "dns-not-validated" : "dane-unknown", evidence.domain, why));
        }
    }
    for (const Mx& mx : evidence.mx) records_of(mx, evidence.domain, found);
    const auto with = std::ranges::count_if(evidence.mx, has_dane);
    if (with == 0 || with == static_cast<std::ptrdiff_t>(evidence.mx.size())) return;
    for (const Mx& mx : evidence.mx)
        if (!has_dane(mx)) {
            found.push_back(finding("dane-partly", mx.host, mx.host + " has none that can be used"));
            break;
        }
}

} // namespace check
