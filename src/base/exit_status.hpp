// base/exit_status.hpp - the exit statuses of both programs: one set, so that a number means the same
// whatever the command was.
#pragma once

#include <array>
#include <string_view>

namespace base {

/// What each means is said by exit_meanings; what it means for one command of stsmap, by its row in
/// tool/commands.hpp.
enum class Exit : int {
    done = 0,
    trouble = 1,
    usage = 2,
    unreachable = 3,
    changed = 4,
};

struct ExitMeaning {
    Exit status;
    std::string_view words; ///< without a capital at the beginning or a full stop at the end
};

/// For all commands, as in stsmap(1).
inline constexpr std::array<ExitMeaning, 5> exit_meanings{{
    {Exit::done, "done, or all is well"},
    {Exit::trouble, "not done, or not all is well, for the reasons printed"},
    {Exit::usage, "the command line or the configuration is wrong"},
    {Exit::unreachable, "the daemon, Postfix or others cannot be reached, or stopped answering"},
    {Exit::changed, "something was changed and is not in force yet"},
}};

/// For main().
[[nodiscard]] constexpr int status(Exit exit) noexcept { return static_cast<int>(exit); }

} // namespace base
