// tool/check/print.hpp - evidence and judgement for people: the verdict first, who has to do what, then part by part;
// in 80 columns, times with their zone and age. Pure.
#pragma once

#include "tool/check/judge.hpp"
#include "tool/show/times.hpp"

#include <iosfwd>

namespace check {

struct Look {
    bool colour = false;
    tool::Zone zone; ///< not empty
};

void print(const Evidence& evidence, const Judgement& judgement, const Look& look, std::ostream& out);

} // namespace check
