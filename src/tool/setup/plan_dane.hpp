// tool/setup/plan_dane.hpp - the part of the plan about DNSSEC: smtp_dns_support_level, and the name servers that
// smtp(8) uses. Pure; part of tool/setup/plan.
#pragma once

#include "tool/setup/plan.hpp"

namespace setup {

/// Adds the remarks and changes needed for Postfix to obey "dane-only", now and when DANE becomes active.
void plan_dane(const Installed& postfix, const Surroundings& around, Plan& plan);

} // namespace setup
