// tool/check/explained.hpp - for `stsmap explain --smtp`: what the mail hosts showed, judged by the answer that the
// daemon gives. Pure.
#pragma once

#include "tool/check/evidence.hpp"
#include "tool/explain/evidence.hpp"

namespace check {

/// `postfix`: whose outcome it is.
[[nodiscard]] explain::Smtp smtp_of(const Evidence& seen, const explain::Daemon& daemon,
                                    const explain::Postfix& postfix);

} // namespace check
