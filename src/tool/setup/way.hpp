// tool/setup/way.hpp - does something as a process of Postfix would: with its groups, within its chroot, as its
// user.
//
// Blocking, within the limit. run_as() forks: call it while there is one thread only.
#pragma once

#include <chrono>
#include <compare>
#include <functional>
#include <string>

namespace setup {

/// Who a process is, and where.
struct Way {
    std::string user;   ///< "": whoever runs this program
    std::string chroot; ///< "": none
    friend auto operator<=>(const Way&, const Way&) = default;
    friend bool operator==(const Way&, const Way&) = default;
};
/// "as user postfix, chrooted to /var/spool/postfix"; "" for ourselves.
[[nodiscard]] std::string to_string(const Way& way);

struct ChildResult {
    enum class How {
        done,   ///< `words` is what `work` returned
        late,   ///< it had not ended within the limit
        failed, ///< there is no such user, or this process may not go that way: `words` say why
    } how = How::failed;
    std::string words;
};

/// Calls `work` in a child process that goes that way, and ends the child after the limit. `work` returns
/// any text. Only root can go another way than its own.
[[nodiscard]] ChildResult run_as(const Way& way, const std::function<std::string()>& work,
                                 std::chrono::milliseconds limit);

} // namespace setup
