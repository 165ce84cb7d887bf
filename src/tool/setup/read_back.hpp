// tool/setup/read_back.hpp - after a change: compares what Postfix has now with what was intended. Pure.
#pragma once

#include "tool/setup/postconf.hpp"
#include "tool/setup/undo.hpp"

#include <string>
#include <vector>

namespace setup {

/// One line for each setting of main.cf (`postconf -n`) that is not what `settings` should have made of
/// `before`: "smtp_x is "a" and should be "b"". Empty: all is as intended, and nothing else has changed.
[[nodiscard]] std::vector<std::string>
differences(const Parameters& before, const std::vector<Undo::Setting>& settings, const Parameters& after);

/// The content with a newline at the end: without it, postconf of Postfix 3.7 and older appends its lines to the
/// last one.
[[nodiscard]] std::string completed(std::string content);

} // namespace setup
