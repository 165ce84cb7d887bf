#include "decision/decision.hpp"

namespace decision {

Decision decide(const base::Domain& domain, const PolicyPtr& policy, bool enforce_testing) {
    const sts::Mode mode = policy->policy.mode;
    // RFC 8461 section 5: only enforce forbids delivery; testing reports, none withdraws.
    if (mode == sts::Mode::enforce || (mode == sts::Mode::testing && enforce_testing))
        return Enforce{domain, policy};
    return NoOpinion{};
}

} // namespace decision
