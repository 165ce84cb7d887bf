// lookup/facts.hpp - what is known of a policy domain, as the facts of a decision. Pure.
//
// The facts refer to the domain's name, the policy and the overrides, which outlive them.
#pragma once

#include "cache/entry.hpp"
#include "decision/decide.hpp"
#include "lookup/options.hpp"
#include "lookup/outcome.hpp"

#include <string_view>

namespace lookup {

/// Of a domain with a policy. A failure is a fact while the policy is still valid, too.
[[nodiscard]] decision::Facts facts_of(std::string_view domain, const cache::PolicyState& entry,
                                       base::Reason reason, base::Instant now, const ServiceOptions& options);
/// Of a domain without a policy.
[[nodiscard]] decision::Facts facts_of(std::string_view domain, base::Reason reason, base::Instant now,
                                       const ServiceOptions& options);
/// Of a search that has ended, or is late.
[[nodiscard]] decision::Facts facts_of(std::string_view domain, const Outcome& outcome, base::Instant now,
                                       const ServiceOptions& options);

} // namespace lookup
