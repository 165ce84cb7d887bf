// tool/lint/tlsrpt_text.hpp - all that can be said about the TXT records at _smtp._tls (RFC 8460 section 3). Pure.
#pragma once

#include "base/expected.hpp"
#include "base/reason.hpp"
#include "tlsrpt/record.hpp"
#include "tool/findings/finding.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lint {

struct TlsrptLook {
    /// What tlsrpt::find_record() says.
    base::Expected<tlsrpt::Record, base::Reason> record;
    /// `line` is the number of the record. There is "tlsrpt-good" if and only if there is a valid record, and an error
    /// if and only if there is none although a record was meant to be one; else "tlsrpt-missing".
    std::vector<findings::Finding> findings;
};

/// As txt_records() and txt_text().
[[nodiscard]] TlsrptLook tlsrpt_records(std::span<const std::string> records, bool meant = false);
[[nodiscard]] TlsrptLook tlsrpt_text(std::string_view text);

} // namespace lint
