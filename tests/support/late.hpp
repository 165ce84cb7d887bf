// tests/support/late.hpp - how long a busy machine may delay an operation that takes almost no time.
//
// Where a test tells "at once" from "after a time limit", the limit is longer than this.
#pragma once

#include <chrono>

namespace test {

inline constexpr std::chrono::milliseconds late{10'000};

} // namespace test
