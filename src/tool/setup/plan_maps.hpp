// tool/setup/plan_maps.hpp - the part of the plan about smtp_tls_policy_maps itself. Pure; part of tool/setup/plan.
#pragma once

#include "tool/setup/plan.hpp"

namespace setup {

/// Adds the remarks and changes about the list of maps to `plan`.
void plan_maps(const Installed& postfix, const Surroundings& around, const Wishes& wishes, Plan& plan);

} // namespace setup
