// tool/client/query_command.hpp - `stsmap query`: what Postfix gets for a domain, asked over the daemon's own
// socket.
//
// Blocking, for the tool. In the output every byte of a reply that is not printable ASCII is shown as \xNN.
#pragma once

#include "base/exit_status.hpp"
#include "tool/client/behind.hpp"
#include "tool/client/socketmap_client.hpp"

#include <chrono>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tool {

struct QueryOptions {
    std::vector<std::string> addresses; ///< tried in order; the first that can be connected is asked
    std::string map = "sts";            ///< the map name, which selects the dialect
    bool json = false;                  ///< one object on each line
    std::vector<std::string> domains;   ///< keys, sent as they are; none or "-": lines of the input
    /// What stands behind the answer for a domain; nullopt: not known, and not asked again. Empty: nobody to ask.
    std::function<std::optional<Behind>(const std::string& domain)> behind{};
    std::chrono::milliseconds connect_limit{5000};
    std::chrono::milliseconds reply_limit{100000}; ///< as Postfix's limit
};

/// Asks for each domain and prints one line each: the reply for a single domain, "DOMAIN: REPLY" for several,
/// or one JSON object. A reply never ends in a blank; behind one that is not OK stands the reason in parentheses, if
/// it is known. Words for the operator go to `err`. `done`, `trouble`, `usage` or `unreachable`.
[[nodiscard]] base::Exit query(const QueryOptions& options, std::istream& in, std::ostream& out,
                               std::ostream& err);

/// A reply for people.
[[nodiscard]] std::string shown(std::string_view reply);

/// A reply parsed as Postfix does it. Pure.
struct Reply {
    std::string status;             ///< OK, NOTFOUND, TEMP, PERM; Postfix treats anything else as TEMP
    std::string level;              ///< OK only: the policy's first word, lower case
    std::string words;              ///< TEMP and PERM: the reason
    std::vector<std::string> match; ///< OK only: the patterns of the match attributes
    std::vector<std::pair<std::string, std::string>>
        attributes; ///< OK only, all except match: names in lower case
};
[[nodiscard]] Reply parse_reply(std::string_view payload);

} // namespace tool
