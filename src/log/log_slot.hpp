// log/log_slot.hpp - a lookup's event as it waits in the log's queue: its octets in a row, no form given yet.
//
// The thread that answers copies, and the log's writer makes the line of it. Pure.
#pragma once

#include "events/event.hpp"

#include <cstddef>
#include <string_view>

namespace app {

/// Octets of one text that are kept: more than a line shows (max_log_value), so that the cut is seen.
inline constexpr std::size_t max_slot_text = 204;
/// Octets of a slot at most.
inline constexpr std::size_t max_slot = 6 * max_slot_text + 64;

/// Writes the slot, where there is room for max_slot octets; its end. `json`: the form that the line is to
/// get.
[[nodiscard]] char* pack(const events::Lookup& event, bool json, char* at) noexcept;

struct Unpacked {
    events::Lookup event; ///< its texts are those of the slot
    bool json = false;
};
/// The inverse. `slot` came from pack().
[[nodiscard]] Unpacked unpack(std::string_view slot) noexcept;

} // namespace app
