// tool/check/document.hpp - the evidence about a domain as JSON: an object a domain, written for --json and --save, and
// read for --from. Pure.
//
// As strict as tool/explain/document.hpp: documents may come from strangers, and octets, depth and the length of lists
// are bounded.
#pragma once

#include "base/expected.hpp"
#include "tool/check/evidence.hpp"
#include "tool/explain/document.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace check {

using explain::DocumentError;
using explain::Json;

inline constexpr std::size_t max_document = std::size_t{16} << 20; ///< octets
inline constexpr std::size_t max_read_mx = 100, max_read_addresses = 100, max_read_chain = 50;

[[nodiscard]] Json to_json(const Evidence& evidence);

/// One object; what else is in it (a verdict, findings) is not read.
[[nodiscard]] base::Expected<Evidence, DocumentError> read_evidence(std::string_view text);

} // namespace check
