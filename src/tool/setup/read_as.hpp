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

/// Octets of such a file; what follows is not looked at.
inline constexpr std::size_t max_read_as = 65536;

/// `user` and `root` may be "": ours. nullopt: it is not there, is no file, or that user may not open it,
/// which is all the same to who asks. Who is not root looks as himself, and the error says so when that is
/// not enough.
[[nodiscard]] base::Expected<std::optional<std::string>, std::string>
read_as(const std::string& user, const std::string& root, const std::string& file,
        std::chrono::milliseconds limit);

} // namespace setup
