// base/reason_counters.hpp - a counter for each reason. Pure.
#pragma once

#include "base/counter.hpp"
#include "base/reason.hpp"

#include <cstddef>

namespace base {

inline constexpr std::size_t reasons = static_cast<std::size_t>(Reason::key_not_a_domain) + 1;
using ReasonCounters = CountersOf<Reason, reasons>;

} // namespace base
