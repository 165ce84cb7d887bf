// admin/counts.hpp - what the administration's server counts, for each entrance.
#pragma once

#include "base/counter.hpp"

#include <cstddef>
#include <cstdint>

namespace admin {

/// The class of a reply's status.
enum class StatusClass : std::uint8_t { good, refused, failed }; ///< 2xx, 4xx, 5xx
inline constexpr std::size_t status_classes = 3;

[[nodiscard]] constexpr StatusClass class_of(unsigned status) noexcept {
    return status >= 500 ? StatusClass::failed : status >= 400 ? StatusClass::refused : StatusClass::good;
}

/// Written by the back thread, read by any.
struct Counts {
    base::CountersOf<StatusClass, status_classes> replies; ///< also of what was no request
    base::Counter refused; ///< connections that were closed because there were too many
};

} // namespace admin
