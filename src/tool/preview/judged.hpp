// tool/preview/judged.hpp - what `stsmap check` finds about a domain, as a verdict on its mail. Pure.
#pragma once

#include "tool/check/judge.hpp"
#include "tool/preview/verdict.hpp"

namespace preview {

[[nodiscard]] Checked verdict_of(const check::Evidence& evidence, const check::Judgement& judgement);

/// Without a look at its mail hosts nothing can be said of its mail, or of mode enforce: it has an enforced policy, one
/// of mode testing, or DANE. `judgement`: of evidence without that look.
[[nodiscard]] bool needs_mail_hosts(const check::Evidence& evidence, const check::Judgement& judgement);

} // namespace preview
