// tool/preview/journal.hpp - reads what Postfix wrote to systemd's journal.
#pragma once

#include "base/expected.hpp"
#include "tool/preview/reading.hpp"

#include <functional>
#include <optional>
#include <string>

namespace preview {

struct JournalOptions {
    std::string folder;                 ///< of journal files; "" the host's own journal
    std::optional<base::Instant> since; ///< earlier entries are not read
};

/// Calls `take` for each entry of a program of Postfix that delivers, whatever its instance, in the order of time.
/// Blocking. The error is words for a person.
[[nodiscard]] base::Expected<void, std::string> read_journal(const JournalOptions& options,
                                                             const std::function<void(const Entry&)>& take);

} // namespace preview
