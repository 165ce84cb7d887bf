// sts/policy.hpp - RFC 8461 section 3.2: the text of mta-sts.txt -> Policy. Pure: no I/O, no clock, no log.
#pragma once

#include "base/expected.hpp"
#include "base/reason.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sts {

enum class Mode { none, testing, enforce };
[[nodiscard]] std::string_view to_string(Mode mode) noexcept;
/// Section 5: only mode enforce forbids delivery; testing reports, none withdraws a policy.
/// `enforce_testing`: the operator wants mode testing to be treated as enforce.
[[nodiscard]] constexpr bool is_enforced(Mode mode, bool enforce_testing) noexcept {
    return mode == Mode::enforce || (mode == Mode::testing && enforce_testing);
}

/// RFC 8461 section 3.2: at most one year and six hours; larger values are treated as this one.
inline constexpr std::chrono::seconds max_max_age{31557600};
/// Section 3.3 suggests this limit for the policy body, in octets.
inline constexpr std::size_t max_policy_size = 65536;

/// An mx field (section 4.1). "*." covers exactly one left-most label.
struct MxPattern {
    std::string name; ///< lower-case A-labels, no final dot, without the "*."
    bool wildcard = false;
    friend bool operator==(const MxPattern&, const MxPattern&) = default;
};

struct Policy {
    Mode mode{};
    std::chrono::seconds max_age{}; ///< 0 to max_max_age
    std::vector<MxPattern> mx;      ///< in file order, no duplicates; empty only when mode is none
    friend bool operator==(const Policy&, const Policy&) = default;
};

struct PolicyError {
    base::Reason reason{};    ///< one of the policy_* reasons
    std::size_t line = 0;     ///< 1-based; 0 when the file as a whole is at fault
    std::string_view problem; ///< constant words for a person, e.g. "mode is not enforce, testing or none"
};

/// Parses a policy body of any length. If a field occurs twice, the first counts and later ones are not even
/// checked; all mx fields count. Strict where a lost mx line could do harm, lenient where nothing can go wrong
/// (blank lines, white space at line ends, one UTF-8 byte order mark, unknown fields).
[[nodiscard]] base::Expected<Policy, PolicyError> parse_policy(std::string_view body);

} // namespace sts
