// config/overrides.hpp - the [[override]] tables as text: their members, with help, and how they are written. What
// they mean is in decision/override.hpp. Pure.
#pragma once

#include "base/expected.hpp"
#include "config/options.hpp"
#include "decision/override.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace config {

/// A member of an [[override]] table.
struct OverrideMember {
    std::string_view name;
    Type type{};
    bool required = false;
    std::string_view form; ///< what is expected, for the manual
    std::string_view help; ///< one sentence per line, no final newline
};
[[nodiscard]] const std::array<OverrideMember, 6>& override_members();

/// What the tables are for, for the example file and the manual: one sentence per line, no final newline.
inline constexpr std::string_view override_help =
    "An exception for one policy domain, whatever form the next hop has.\n"
    "A reload changes it.\n"
    "The most specific one applies.\n"
    "For one domain, one that was added at run time (stsmap override) goes before one that stands here.\n"
    "There may be 10000 of them, one for each domain or suffix.";

/// The words of one table. Texts that are not there are empty.
struct OverrideTable {
    std::string domain, action, until, reason;
    std::vector<std::string> match;
    bool weakens = false;
};
/// `until` is a date or a time: a length would begin again with each start.
[[nodiscard]] base::Expected<decision::Override, decision::OverrideError>
parse_override_table(const OverrideTable& table);

/// The members of a configured override in the order of override_members(), with their values; those that have
/// their default are left out.
struct OverrideValue {
    std::string_view name;
    Value value;
};
[[nodiscard]] std::vector<OverrideValue> override_values(const decision::Override& entry);

} // namespace config
