// events/table.hpp - the one table of events: name, level, fields, what it means and what to do.
//
// The log line, the manual's DIAGNOSTICS, the history and the counts are made from it. An entry is a
// specialization of About in events/about_*.hpp; other code reads entry(). The words are plain text; names
// that a reader may type or look up stand in `these quotes`.
#pragma once

#include "base/log_port.hpp"
#include "events/event.hpp"

#include <span>
#include <string>
#include <string_view>

namespace events {

enum class Section {
    answers,
    policies,
    overrides,
    dane,
    dns,
    connections,
    control,
    store,
    fleet,
    daemon,
    steps
};

struct Entry {
    std::string_view name; ///< lower-case words joined by hyphens
    Section section{};
    std::string_view levels;  ///< "info", or "info; warning when ...": the first is the usual one
    std::string_view meaning; ///< what happened, in sentences
    std::string_view advice;  ///< what to do about it; "" for nothing
    std::span<const std::string_view> fields; ///< in the order of the line
};

/// The entry of a kind.
[[nodiscard]] const Entry& entry(Id kind);

struct FieldMeaning {
    std::string_view name, meaning;
};
/// The meaning of each field, the same in all events: every field name once, in alphabetical order.
[[nodiscard]] std::span<const FieldMeaning> field_meanings();

/// The manual's lists of events and fields (mdoc): the part of DIAGNOSTICS between its two markers.
[[nodiscard]] std::string man_events();

} // namespace events
