// tool/control/whole_file.hpp - puts a text into a file, as a whole: who reads it meanwhile sees the old one or the new
// one, also after a loss of power.
#pragma once

#include "base/expected.hpp"

#include <string>
#include <string_view>

namespace tool {

/// The new file has mode 0644. The error is words for a person, and the old file, if there was one, is unchanged.
[[nodiscard]] base::Expected<void, std::string> replace_file(const std::string& path, std::string_view text);

} // namespace tool
