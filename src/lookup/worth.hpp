// lookup/worth.hpp - what a policy of the shared cache is worth to this host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lookup {

enum class Worth : std::uint8_t {
    take,
    other_id,   ///< the TXT record shows another id
    older,      ///< no newer than what this host knows
    future,     ///< fetched more than max_ahead from now: one of the two clocks is wrong
    unreadable, ///< its text is no valid policy, or its id is none
    expired,
};
inline constexpr std::size_t worths = 6;
[[nodiscard]] std::string_view to_string(Worth worth) noexcept;

} // namespace lookup
