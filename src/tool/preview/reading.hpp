// tool/preview/reading.hpp - lines of a log file, and entries of the journal, to the tally. Pure, but for the zone.
#pragma once

#include "tool/preview/tally.hpp"
#include "tool/preview/times.hpp"

#include <string_view>

namespace preview {

/// One line, without its end.
void read_line(std::string_view line, Times& times, Tally& tally);

/// An entry of the journal.
struct Entry {
    base::Instant at{};
    std::string_view host, identifier; ///< "postfix-out/smtp"
    std::uint32_t pid = 0;
    std::string_view message;
};
void read_entry(const Entry& entry, Tally& tally);

} // namespace preview
