// tool/lint/txt_text.hpp - all that can be said about the TXT records at _mta-sts (RFC 8461 section 3.1). Pure.
#pragma once

#include "base/expected.hpp"
#include "base/reason.hpp"
#include "tool/findings/finding.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lint {

struct TxtLook {
    /// What sts::find_id() says.
    base::Expected<std::string, base::Reason> id;
    /// `line` is the number of the record. There is "txt-good" if and only if there is an id, and an error if and only
    /// if there is none although a record was meant to be one; else "txt-missing".
    std::vector<findings::Finding> findings;
};

/// As DNS has them: each element is one TXT RR with its character-strings joined. `meant`: it is known that each was
/// meant to be the STS record.
[[nodiscard]] TxtLook txt_records(std::span<const std::string> records, bool meant = false);

/// A record as a person writes it: as it is, or in quotes as in a zone file.
[[nodiscard]] TxtLook txt_text(std::string_view text);

/// "a" "b" as in a zone file (RFC 1035 section 5.1: \" and \DDD) is ab, also behind owner, TTL, class and TXT; nullopt:
/// no text of this form.
[[nodiscard]] std::optional<std::string> joined_strings(std::string_view text);

} // namespace lint
