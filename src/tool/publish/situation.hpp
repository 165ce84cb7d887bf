// tool/publish/situation.hpp - what check found out about one's own domain, as publish needs it. Pure.
#pragma once

#include "tool/check/evidence.hpp"
#include "tool/check/judge.hpp"
#include "tool/publish/next.hpp"

namespace publish {

[[nodiscard]] Situation situation_of(const check::Evidence& evidence, const check::Judgement& judgement);

/// With what is served, when senders can use it; `history` as it is otherwise.
[[nodiscard]] History seen(History history, const Situation& situation, base::Instant at);

} // namespace publish
