#include "decision/decision.hpp"

#include <utility>

namespace decision {

Decision decide(const base::Domain& domain, PolicyPtr policy, bool enforce_testing, bool dane) {
    const sts::Mode mode = policy->policy.mode;
    // RFC 8461 section 5: only enforce forbids delivery; testing reports, none withdraws.
    if (mode == sts::Mode::none || (mode == sts::Mode::testing && !enforce_testing)) return NoOpinion{};
    if (dane) return UseDane{};
    return Enforce{domain, std::move(policy)};
}

} // namespace decision
