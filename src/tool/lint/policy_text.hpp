// tool/lint/policy_text.hpp - all that can be said about the text of a policy (RFC 8461 section 3.2). Pure.
//
// Whether senders can use it is decided by sts::parse_policy() and the limit on its size, as in the daemon; what is
// added here is each fault with its place, what was probably meant, and what works today but not with every sender.
#pragma once

#include "base/expected.hpp"
#include "sts/policy.hpp"
#include "tool/findings/finding.hpp"

#include <string_view>
#include <vector>

namespace lint {

struct PolicyLook {
    /// What parse_policy() says.
    base::Expected<sts::Policy, sts::PolicyError> parsed;
    /// Senders can use it: it parses, and is not too large. The findings have an error if and only if they cannot.
    bool usable = false;
    /// By line, those about the whole last. At least one.
    std::vector<findings::Finding> findings;
};

/// `body` as served, of any length; linear in it, but for what is bounded.
[[nodiscard]] PolicyLook policy_text(std::string_view body);

} // namespace lint
