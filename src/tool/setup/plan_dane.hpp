// tool/setup/plan_dane.hpp - the part of the plan about DNSSEC: smtp_dns_support_level, and the name servers that
// smtp(8) uses. Pure; part of tool/setup/plan.
#pragma once

#include "tool/setup/plan.hpp"

namespace setup {

/// Adds what is to be said and done for "dane-only" to be understood, now and once DANE becomes active.
void plan_dane(const Installed& postfix, const Surroundings& around, Plan& plan);

} // namespace setup
