// tool/preview/times.hpp - the times of log lines: RFC 3339, and the traditional form, which has neither year nor zone.
//
// A traditional time is local time, and of the year that makes it the latest one that is not behind the file's own
// last change (a day is allowed: clocks and zones differ). A file that goes back further than a year is found by its
// order: see years(). Pure, but for the zone.
#pragma once

#include "base/clock.hpp"
#include "tool/show/times.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace preview {

class Times {
public:
    /// `last`: when the file was changed last; of what is being written: now. `months`: those of some of its lines, in
    /// their order, with the first and the last one; none: not known.
    Times(base::Instant last, tool::Zone zone, const std::vector<unsigned>& months = {});

    /// nullopt: no time. Lines come in their order, mostly.
    [[nodiscard]] std::optional<base::Instant> at(std::string_view text);

private:
    [[nodiscard]] std::optional<base::Instant> traditional(std::string_view text);
    [[nodiscard]] base::Instant dated(unsigned month, unsigned day, base::seconds in_day) const;

    base::Instant latest_;
    tool::Zone zone_;
    std::optional<int> year_; ///< of the line, by the order of the file's lines
    unsigned month_ = 0;      ///< of the last traditional time; 0: none yet
    std::string known_;       ///< up to the hour, of the last traditional time
    base::Instant hour_{};
};

/// The month (1 to 12) of a traditional time; 0: it is none.
[[nodiscard]] unsigned month_of(std::string_view time) noexcept;
/// How many new years lie between lines, from their months in order: a step back by two months or more is one, a step from
/// January to December takes one back (lines of several processes are not quite in order).
[[nodiscard]] int years(const std::vector<unsigned>& months) noexcept;

} // namespace preview
