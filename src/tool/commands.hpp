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
inline constexpr std::array<base::ExitMeaning, 4> explain_exits{{
    {base::Exit::done, "mail flows, or flows under the condition that is printed"},
    {base::Exit::trouble, "mail waits, or is returned to the sender"},
    {base::Exit::usage, "the command line, the configuration or the document is wrong"},
    {base::Exit::unreachable, "the daemon cannot be asked: only what DNS and Postfix say is printed"},
}};
inline constexpr std::array<base::ExitMeaning, 4> check_exits{{
    {base::Exit::done, "mail to every domain would be delivered, verified or not"},
    {base::Exit::trouble, "mail to some domain would wait, or be returned to the sender"},
    {base::Exit::usage, "the command line, the configuration or a document is wrong"},
    {base::Exit::unreachable, "it could not be found out for some domain"},
}};
inline constexpr std::array<base::ExitMeaning, 4> control_exits{{
    {base::Exit::done, "done"},
    {base::Exit::trouble, "the daemon refused, or the output cannot be written"},
    {base::Exit::usage, "the command line or the configuration is wrong"},
    {base::Exit::unreachable, "the daemon cannot be reached, or stopped answering"},
}};
inline constexpr std::array<base::ExitMeaning, 4> warm_exits{{
    {base::Exit::done, "every domain was known, or was looked for"},
    {base::Exit::trouble, "stopped early, some line is not a domain, or the daemon refused"},
    {base::Exit::usage, "the command line or the configuration is wrong"},
    {base::Exit::unreachable, "the daemon cannot be reached, or stopped answering"},
}};
inline constexpr std::array<base::ExitMeaning, 4> import_exits{{
    {base::Exit::done, "all that is valid and newer was taken"},
    {base::Exit::trouble, "some line is invalid, the export is not whole, or the daemon refused"},
    {base::Exit::usage, "the command line or the configuration is wrong"},
    {base::Exit::unreachable, "the daemon cannot be reached, or stopped answering"},
}};
inline constexpr std::array<base::ExitMeaning, 4> fleet_exits{{
    {base::Exit::done, "the engine answers; of sync: begun, or all was compared"},
    {base::Exit::trouble, "there is no shared cache, its engine is away, or the comparison was broken off"},
    {base::Exit::usage, "the command line or the configuration is wrong"},
    {base::Exit::unreachable, "the daemon cannot be reached, or stopped answering"},
}};
inline constexpr std::array<base::ExitMeaning, 4> health_exits{{
    {base::Exit::done, "Postfix gets answers; with --live: each thread that answers Postfix works"},
    {base::Exit::trouble, "it does not, for the reason printed"},
    {base::Exit::usage, "the command line or the configuration is wrong"},
    {base::Exit::unreachable, "the daemon cannot be reached, or stopped answering"},
}};
inline constexpr std::array<base::ExitMeaning, 4> metrics_exits{{
    {base::Exit::done, "printed, or the file is replaced"},
    {base::Exit::trouble, "the daemon refused, or the output or the file cannot be written"},
    {base::Exit::usage, "the command line or the configuration is wrong"},
    {base::Exit::unreachable, "the daemon cannot be reached, or stopped answering; a file stays as it was"},
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

inline constexpr std::array<base::ExitMeaning, 3> lint_exits{{
    {base::Exit::done, "senders can use every text"},
    {base::Exit::trouble, "some text has an error: senders treat it as none"},
    {base::Exit::usage, "the command line is wrong, or a file cannot be read"},
}};
inline constexpr std::array<base::ExitMeaning, 4> preview_exits{{
    {base::Exit::done, "no mail would wait"},
    {base::Exit::trouble, "some mail would wait"},
    {base::Exit::usage, "the command line or the configuration is wrong"},
    {base::Exit::unreachable, "the log cannot be read, or about some domain nothing could be found out"},
}};

inline constexpr std::array<base::ExitMeaning, 4> publish_exits{{
    {base::Exit::done, "proposed; with --verify: senders can use what is published, and no mail waits"},
    {base::Exit::trouble, "refused, or not all is well, for the reasons printed"},
    {base::Exit::usage, "the command line, the configuration or the folder is wrong"},
    {base::Exit::unreachable, "it could not be found out"},
}};

inline constexpr Needs reading{
    .daemon = "a running daemon", .socket = "permission to connect to its control socket", .root = ""};
inline constexpr Needs changing{.daemon = "a running daemon", .socket = "", .root = "root"};

/// In the order of `stsmap --help` and of the manual.
inline constexpr std::array<CommandRow, 21> command_table{{
    {"query",
     "Print what Postfix gets for a domain",
     query_exits,
     {.daemon = "a running daemon", .socket = "permission to connect to its socket", .root = ""}},
    {"explain",
     "Say whether mail to a domain flows, waits or bounces, and why",
     explain_exits,
     {.daemon = "a running daemon (not for --from)",
      .socket = "permission to connect to its control socket: group adm or root",
      .root = ""}},
    {"check",
     "Look at a domain as a sender: DNS, policy, mail servers and their certificates",
     check_exits,
     {}},
    {"preview",
     "Say which mail of the last weeks would have waited under enforcement",
     preview_exits,
     {.daemon = "a running daemon for --daemon",
      .socket = "",
      .root = "permission to read the mail log: group adm or root"}},
    {"list", "Print the domains that have a policy", control_exits, reading},
    {"refresh", "Look for a new policy of a domain now", control_exits, changing},
    {"forget", "Drop all that is known about a domain", control_exits, changing},
    {"override",
     "Make an exception for a domain, list or remove them",
     control_exits,
     {.daemon = "a running daemon",
      .socket = "permission to connect to its control socket",
      .root = "root for add and remove"}},
    {"observed", "Print what domains that are only observed would have got", control_exits, reading},
    {"tail", "Print events as they happen", control_exits, reading},
    {"top", "Show what the daemon does, again and again", control_exits, reading},
    {"warm", "Look for the policies of a list of domains", warm_exits, changing},
    {"export", "Print all policies and overrides, for import", control_exits, reading},
    {"import", "Take policies, and overrides, of an export", import_exits, changing},
    {"fleet",
     "Show the shared cache and the hosts of a fleet, or compare with it",
     fleet_exits,
     {.daemon = "a running daemon",
      .socket = "permission to connect to its control socket",
      .root = "root for sync"}},
    {"health", "Say whether Postfix gets answers", health_exits, reading},
    {"metrics", "Print the metrics, or keep them in a file for node_exporter", metrics_exits, reading},
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
    {"lint", "Say what is wrong with a policy or a TXT record, from its text", lint_exits, {}},
    {"publish",
     "Propose a policy and its records for one's own domain, and the next step",
     publish_exits,
     {}},
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
