// tool/control/commands.hpp - the commands of stsmap(1) that ask the daemon over its control socket.
#pragma once

#include "base/expected.hpp"
#include "tool/cli/command.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tool {

[[nodiscard]] std::unique_ptr<Command> list_command();
/// Prints all that is known of a next hop, and why (`stsmap explain`).
using Explain = std::function<void(const CommonOptions& common, const std::string& next_hop, World& world)>;
/// `explain`: what is printed after a refresh; empty: what the daemon's reply says.
[[nodiscard]] std::unique_ptr<Command> refresh_command(Explain explain);
[[nodiscard]] std::unique_ptr<Command> forget_command();
[[nodiscard]] std::unique_ptr<Command> warm_command();
[[nodiscard]] std::unique_ptr<Command> export_command();
[[nodiscard]] std::unique_ptr<Command> import_command();
[[nodiscard]] std::unique_ptr<Command> fleet_command();
[[nodiscard]] std::unique_ptr<Command> tail_command();
[[nodiscard]] std::unique_ptr<Command> top_command();
/// What would become of mail to a domain by its own policy, DANE and mail servers, as `stsmap check` finds it.
struct WithoutOverride {
    std::string domain;
    std::string outcome; ///< "verified", "waits", "unprotected", "no-mail" or "unknown"
    std::string words;
};
/// Looks at these domains; one that is missing in the result was not looked at. The error is words for a person.
using CheckDomains = std::function<base::Expected<std::vector<WithoutOverride>, std::string>(
    const CommonOptions& common, const std::vector<std::string>& domains, const World& world)>;
/// `check`: for `list --check`; empty: there is no such option.
[[nodiscard]] std::unique_ptr<Command> override_command(CheckDomains check);
[[nodiscard]] std::unique_ptr<Command> observed_command();
[[nodiscard]] std::unique_ptr<Command> health_command();
[[nodiscard]] std::unique_ptr<Command> metrics_command();

} // namespace tool
