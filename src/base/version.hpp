#pragma once
// The version of this program, e.g. "0.1.0": the one in the project() of CMakeLists.txt. Never changes while
// it runs.
#include <string_view>

namespace base {

std::string_view version() noexcept;

} // namespace base
