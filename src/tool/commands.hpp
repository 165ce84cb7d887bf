// tool/commands.hpp - the commands of stsmap(1), each in one row: name, help, exit statuses, what it
// needs.
//
// `stsmap --help`, and the start and the end of `stsmap COMMAND --help`, are made from the rows; so is the
// completion, from these help texts. A test compares the rows with the list of commands and the exit statuses
// in man/stsmap.1.
#pragma once

#include "base/exit_status.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace tool {

/// What a command needs, each as the end of "Needs ..."; empty when it does not.
struct Needs {
    std::string_view daemon;
    std::string_view socket;
    std::string_view root;
};

struct CommandRow {
    std::string_view name;
    std::string_view help;                    ///< one line, without a full stop
    std::span<const base::ExitMeaning> exits; ///< in the order of their numbers
    Needs needs;
};

inline constexpr std::array<base::ExitMeaning, 4> query_exits{{
    {base::Exit::done, "every domain got OK or NOTFOUND"},
    {base::Exit::trouble, "some domain got TEMP or PERM: Postfix would defer its mail"},
    {base::Exit::usage, "the command line or the configuration is wrong"},
    {base::Exit::unreachable, "the daemon cannot be reached, or stopped answering"},
}};
inline constexpr std::array<base::ExitMeaning, 5> postfix_setup_exits{{
    {base::Exit::done, "shown, applied, taken back, or nothing to do"},
    {base::Exit::trouble, "nothing was changed, for the reasons printed"},
    {base::Exit::usage, "the command line or the configuration is wrong"},
    {base::Exit::unreachable, "Postfix is not there, or cannot be asked"},
    {base::Exit::changed, "main.cf is changed, and Postfix has not been reloaded"},
}};
inline constexpr std::array<base::ExitMeaning, 3> doctor_exits{{
    {base::Exit::done, "no line says fail"},
    {base::Exit::trouble, "some line says fail"},
    {base::Exit::usage, "the command line is wrong"},
}};

/// In the order of `stsmap --help` and of the manual.
inline constexpr std::array<CommandRow, 3> command_table{{
    {"query",
     "Print what Postfix gets for a domain",
     query_exits,
     {.daemon = "a running daemon", .socket = "permission to connect to its socket", .root = ""}},
    {"postfix-setup",
     "Show or make the settings that Postfix needs",
     postfix_setup_exits,
     {.daemon = "a running daemon (not for --undo, --without-daemon and --print-lines)",
      .socket = "permission to connect to its socket",
      .root = "root for --apply and --undo"}},
    {"doctor",
     "Check all that stsmapd and Postfix need to work together",
     doctor_exits,
     {.daemon = "", .socket = "", .root = "root to see everything"}},
}};

/// A name that has no row does not compile.
[[nodiscard]] consteval const CommandRow& command_row(std::string_view name) {
    const auto* const row = std::ranges::find(command_table, name, &CommandRow::name);
    if (row == command_table.end()) throw std::logic_error("no such command");
    return *row;
}

/// "a, b and c"
[[nodiscard]] std::string listed(std::span<const std::string_view> words);
/// "Needs a running daemon and ..."; without a full stop.
[[nodiscard]] std::string needs_sentence(const CommandRow& row);
/// The end of the command's --help: what it needs, and its exit statuses.
[[nodiscard]] std::string help_footer(const CommandRow& row);

} // namespace tool
