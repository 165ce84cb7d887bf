// tool/preview/eyes.hpp - looks at domains for `stsmap preview`, as `stsmap check` does from this host: first at DNS and
// policies of all, then at the mail hosts of those that enforce, then of those in mode testing.
#pragma once

#include "tool/check/command_line.hpp"
#include "tool/preview/command.hpp"
#include "tool/setup/reach.hpp"

namespace preview {

/// `ask`: as of check_from_here(); `collect`: a check.
[[nodiscard]] MakeEyes make_eyes(setup::Ask ask, check::Collect collect);

} // namespace preview
