// daemon/spare_descriptors.hpp - whether there is room for the files and sockets that a start needs.
//
// The errors of open(2) and socket(2) do not say as much. With one or two descriptors less than a start needs
// the daemon would run, but could tell the service manager nothing: a start of Type=notify would hang.
#pragma once

#include <cstddef>

namespace app {

/// What opening the store, telling the service manager and one lookup take at least.
inline constexpr std::size_t descriptors_to_start = 8;

/// Throws std::runtime_error with words when fewer than `count` (at most 64) descriptors can be opened now:
/// the limit of open files, or the system's, is reached. At start, before other threads open any.
void require_spare_descriptors(std::size_t count);

} // namespace app
