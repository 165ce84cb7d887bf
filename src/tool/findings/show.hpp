// tool/findings/show.hpp - findings for people and for programs. Pure.
#pragma once

#include "tool/findings/finding.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

namespace findings {

/// As a compiler prints it, with a line end behind each line:
///     mta-sts.txt:2:7: error: mode is not enforce, testing or none [policy-mode-unknown]
///         mode: test
///               ^
///         did you mean "mode: testing"?
/// `name`: of the text, printed before the place; "" no name. The quote is left out where the place is the whole.
[[nodiscard]] std::string shown_in(std::string_view name, const Finding& finding);

/// {"id", "severity", "title"} and, when they are not empty, about, words, line, column, quote, hint, means, todo, source.
[[nodiscard]] nlohmann::ordered_json to_json(const Finding& finding);

/// The page of the manual, from its first section of findings on: man/stsmap-findings.7.
[[nodiscard]] std::string manual();

} // namespace findings
