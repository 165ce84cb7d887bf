// tool/explain/command_line.hpp - `stsmap explain`: its options, and from evidence to output and exit status.
#pragma once

#include "base/expected.hpp"
#include "tool/cli/command.hpp"
#include "tool/explain/evidence.hpp"
#include "tool/explain/postfix_look.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace explain {

struct CommandOptions {
    std::string next_hop; ///< as Postfix would ask for it
    bool offline = false; ///< no look at DNS, and no lookup by the daemon
    bool smtp = false;    ///< connect to the mail hosts, up to their certificates
    bool json = false;
    std::string from;              ///< a document to judge instead; "-": standard input
    std::string postfix_directory; ///< as postfix -c; "": the default
    std::string service;           ///< of master.cf, "smtp/unix"; "": that for recipients' domains
    std::optional<Asked> postfix;  ///< of --postfix
};

/// Finds the evidence on this host. The error is about the configuration, in words.
using Collect = std::function<base::Expected<Evidence, std::string>(
    const tool::CommonOptions&, const CommandOptions&, const tool::World&)>;

[[nodiscard]] std::unique_ptr<tool::Command> command(Collect collect);

/// Prints, and says whether mail flows: done, trouble (it waits) or unreachable (no word of the daemon).
[[nodiscard]] base::Exit report(Evidence evidence, bool json, const tool::World& world);

} // namespace explain
