// tool/check/judge_document.hpp - a judgement as members of the domain's JSON object. Pure.
#pragma once

#include "tool/check/judge.hpp"
#include "tool/explain/evidence.hpp"

namespace check {

/// Adds "verdict", "txt_id", "policy", "hosts" and "findings" to the object, in this order. Nobody reads them back:
/// evidence is judged again.
void put_judgement(explain::Json& object, const Judgement& judgement);

} // namespace check
