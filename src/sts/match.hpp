// sts/match.hpp - RFC 8461 section 4.1 and Appendix B: does a policy admit an MX host? Pure.
#pragma once

#include "sts/policy.hpp"

#include <optional>
#include <string_view>

namespace sts {

/// An mx value as written in a policy ("mail.example.com", "*.example.com"; any case, one final dot) ->
/// pattern; nullopt when it is no valid pattern: ["*."] Domain of RFC 5321, so no underscore and no U-label.
/// See is_address().
[[nodiscard]] std::optional<MxPattern> parse_mx(std::string_view text);

/// True for a pattern that is an IPv4 address (all labels digits). Some policies in use have such lines beside
/// real names. They stay in the parsed policy, cover no host and are in no answer.
[[nodiscard]] bool is_address(const MxPattern& pattern) noexcept;

/// True when `pattern` covers `mx_host`: byte-wise on lower-case A-labels, a wildcard covering exactly one
/// label. `mx_host` comes as DNS gives it: any case, one final dot allowed.
[[nodiscard]] bool matches(const MxPattern& pattern, std::string_view mx_host);

/// True when some pattern of the policy covers `mx_host`.
[[nodiscard]] bool admits(const Policy& policy, std::string_view mx_host);

} // namespace sts
