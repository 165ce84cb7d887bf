// base/mdoc.hpp - sentences as lines of a manual (mdoc(7)). Pure.
#pragma once

#include <string>
#include <string_view>

namespace base {

/// Appends words as lines of mdoc: one sentence on each line, long ones on several; a `quoted` name becomes the macro
/// .Ic. Words are plain text without backslashes, and no line of them begins with a dot.
void append_mdoc(std::string& out, std::string_view words);

} // namespace base
