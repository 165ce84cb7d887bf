// sts/record.hpp - RFC 8461 section 3.1: the TXT records at _mta-sts.<domain> -> the policy's id. Pure.
#pragma once

#include "base/expected.hpp"
#include "base/reason.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace sts {

inline constexpr std::size_t max_id = 32; ///< letters and digits
[[nodiscard]] bool valid_id(std::string_view id) noexcept;

/// The id of the one valid STS record among `records`, or why there is none: Reason::no_record,
/// record_multiple or record_invalid. Each element is one TXT RR with its character-strings joined, in any
/// order. RRs that do not begin with "v=STSv1;" (blanks allowed before the ';', erratum 6285) are discarded
/// first; then exactly one must be left and be valid. The id is 1 to 32 letters and digits; compare it byte
/// by byte.
[[nodiscard]] base::Expected<std::string, base::Reason> find_id(std::span<const std::string> records);

} // namespace sts
