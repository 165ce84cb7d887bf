// tool/doctor/ids.hpp - the stable ids of doctor's findings, for programs that read `stsmap doctor --json`.
// Pure.
//
// An id once released keeps its meaning; new ones may come. stsmap(1), "Findings of doctor", lists them all.
#pragma once

#include <string_view>
#include <vector>

namespace doctor {

/// Sorted; those of the plan included (tool/setup/plan.hpp).
[[nodiscard]] const std::vector<std::string_view>& ids();

} // namespace doctor
