#include "base/version.hpp"

#include "base/version_number.hpp" // generated

namespace base {

std::string_view version() noexcept { return version_number; }

} // namespace base
