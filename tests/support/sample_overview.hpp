// support/sample_overview.hpp - overviews of the daemon for tests of the page: a healthy one, and its parts to change.
#pragma once

#include "admin/page/overview.hpp"

namespace test {

inline constexpr base::Instant overview_now{base::seconds{1'800'000'000}};

/// A daemon that runs well: 1,200 policies, answers from memory and after searches, an hour of minutes.
[[nodiscard]] page::Overview healthy_overview();
/// Everything that can be wrong is.
[[nodiscard]] page::Overview broken_overview();
[[nodiscard]] page::Overview observing_overview();

} // namespace test
