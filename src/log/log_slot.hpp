// log/log_slot.hpp - a lookup's event in the log's queue: its octets in a row, not formatted yet.
//
// The thread that answers only copies it; the log's writer makes the line. Pure.
#pragma once

#include "events/event.hpp"

#include <cstddef>
#include <string_view>

namespace app {

/// Octets of one text that are kept: more than a line shows (max_log_value), so that the cut is seen.
inline constexpr std::size_t max_slot_text = 204;
/// Octets of a slot at most.
inline constexpr std::size_t max_slot = 7 * max_slot_text + 64;

/// Writes the slot to a place with room for max_slot octets; returns its end. `json`: the line's later form.
[[nodiscard]] char* pack(const events::Lookup& event, bool json, char* at) noexcept;

struct Unpacked {
    events::Lookup event; ///< its texts point into the slot
    bool json = false;
};
/// The inverse. `slot` came from pack().
[[nodiscard]] Unpacked unpack(std::string_view slot) noexcept;

} // namespace app
