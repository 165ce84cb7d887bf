// tool/publish/print.hpp - what is proposed, and what senders may hold, for people and for programs. Pure.
#pragma once

#include "tool/publish/next.hpp"
#include "tool/show/times.hpp"

#include <nlohmann/json_fwd.hpp>

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace publish {

/// Words in lines of 79 columns where they have blanks, the first behind `head`, the others below its end; with a line
/// end behind each.
[[nodiscard]] std::string wrapped(const std::string& head, std::string_view text);

/// The proposal, in 80 columns but for what has to stay whole: records and names.
void print_next(const std::string& domain, const Next& next, std::ostream& out);
/// "Senders may still hold": nothing is printed when nobody holds anything.
void print_held(const std::vector<Held>& held, base::Instant now, const tool::Zone& zone, std::ostream& out);

/// Adds step, words, policy, id, steps and findings.
void put_next(nlohmann::ordered_json& object, const Next& next);
/// Adds held.
void put_held(nlohmann::ordered_json& object, const std::vector<Held>& held);

} // namespace publish
