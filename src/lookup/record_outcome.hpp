// lookup/record_outcome.hpp - from the answer for the TXT record at _mta-sts.<domain> to the policy's id. Pure.
//
// RFC 8461 section 3.1. None of the failures removes a cached policy.
#pragma once

#include "base/expected.hpp"
#include "base/reason.hpp"
#include "dns/resolver.hpp"

#include <string>

namespace lookup {

/// The id of the one valid STS record, or why there is none: no_record (also for NXDOMAIN and NODATA),
/// record_multiple, record_invalid, or the resolver's own reason.
[[nodiscard]] base::Expected<std::string, base::Reason> record_outcome(const dns::Result& answer);

} // namespace lookup
