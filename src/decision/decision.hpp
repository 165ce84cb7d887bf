// decision/decision.hpp - what to tell Postfix about a domain, and why. A closed sum type; pure.
//
// Order of authority: overrides > DANE > MTA-STS > no opinion. TryLater is only for our own inability to
// answer (promise 1: a stranger's trouble never defers mail).
#pragma once

#include "base/domain.hpp"
#include "base/memo.hpp"
#include "base/reason.hpp"
#include "sts/policy.hpp"

#include <memory>
#include <string>
#include <variant>

namespace decision {

/// A policy as fetched and as parsed; immutable, shared by all domains that serve the same text.
struct PolicyText {
    std::string text; ///< as served; the only form that is stored
    sts::Policy policy;
    /// What Postfix is told, as far as it is the same for all domains; made and read by postfix/answer.
    base::Memo<std::string> match{}, attributes{};
};
using PolicyPtr = std::shared_ptr<const PolicyText>;

/// Postfix falls back on its own configuration.
struct NoOpinion {
    base::Reason reason = base::Reason::none; ///< none: a policy is known, its mode is testing or none
};

/// Deliver only over TLS to a host that the policy admits.
struct Enforce {
    base::Domain domain;
    PolicyPtr policy; ///< never null
};

/// Deliver only with DANE: all MX hosts have it, and MTA-STS must not override it (RFC 8461 section 2).
struct UseDane {};

/// We cannot answer; Postfix defers and asks again.
struct TryLater {
    base::Reason reason;
    std::string words; ///< what an operator can act on; printable ASCII
};

using Decision = std::variant<NoOpinion, Enforce, UseDane, TryLater>;

/// The decision for a domain with a current policy. `enforce_testing`: treat mode testing as enforce. `dane`:
/// the domain's MX hosts are secured by DANE.
[[nodiscard]] Decision decide(const base::Domain& domain, PolicyPtr policy, bool enforce_testing, bool dane);

} // namespace decision
