// events/table.hpp - the one table of events: name, level, fields, what it means and what to do.
//
// The log line, the manual's DIAGNOSTICS and what keeps and counts events come from it. An entry is a
// specialization of About in events/about_*.hpp; others read entry(). Words of the table are plain text, with
// names that a reader may type or look up in `these quotes`.
#pragma once

#include "base/log_port.hpp"
#include "events/event.hpp"

#include <span>
#include <string>
#include <string_view>

namespace events {

enum class Section { answers, policies, dane, dns, connections, store, daemon, steps };

struct Entry {
    std::string_view name; ///< lower-case words joined by hyphens
    Section section{};
    std::string_view levels;  ///< "info", or "info; warning when ...": the first is the usual one
    std::string_view meaning; ///< what happened: sentences
    std::string_view advice;  ///< what to do about it; "" nothing
    std::span<const std::string_view> fields; ///< in the order of the line
};

/// The entry of a kind.
[[nodiscard]] const Entry& entry(Id kind);

struct FieldMeaning {
    std::string_view name, meaning;
};
/// What each field means, whatever the event: every name of the entries once, in alphabetical order.
[[nodiscard]] std::span<const FieldMeaning> field_meanings();

/// The manual's list of events and of fields (mdoc), the part of DIAGNOSTICS between its two markers.
[[nodiscard]] std::string man_events();

} // namespace events
