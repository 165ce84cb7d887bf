// tool/setup/read_as.hpp - a file as a process of Postfix finds it: within its chroot, as its user.
//
// Blocking, within the limit. As root a child process goes that way: call it while there is one thread only.
#pragma once

#include "base/expected.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

namespace setup {

/// Octets of a file that are read; the rest is ignored.
inline constexpr std::size_t max_read_as = 65536;

/// `user` and `root` may be "": ours. nullopt: there is no such file, it is not a regular file, or that user may
/// not open it; these are the same for the process. If we are not root, it is opened as our own user; the error
/// says so when that is not enough.
[[nodiscard]] base::Expected<std::optional<std::string>, std::string>
read_as(const std::string& user, const std::string& root, const std::string& file,
        std::chrono::milliseconds limit);

} // namespace setup
