// tool/explain/print.hpp - evidence and verdict for people: at most 80 columns, times with their zone and age. Pure.
#pragma once

#include "tool/explain/evidence.hpp"
#include "tool/explain/judge.hpp"
#include "tool/show/times.hpp"

#include <iosfwd>

namespace explain {

struct Look {
    bool colour = false;
    tool::Zone zone; ///< not empty
};

void print(const Evidence& evidence, const Verdict& verdict, const Look& look, std::ostream& out);

} // namespace explain
