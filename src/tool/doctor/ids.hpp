// tool/doctor/ids.hpp - the stable ids of doctor's findings, for programs that read `stsmap doctor --json`.
// Pure.
//
// A released id keeps its meaning; new ones may be added. stsmap(1), "Findings of doctor", lists them all.
#pragma once

#include <string_view>
#include <vector>

namespace doctor {

/// Sorted; with those of the plan (tool/setup/plan.hpp).
[[nodiscard]] const std::vector<std::string_view>& ids();

} // namespace doctor
