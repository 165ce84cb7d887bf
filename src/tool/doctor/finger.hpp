// tool/doctor/finger.hpp - `stsmap doctor --mx DOMAIN`: Postfix's own posttls-finger(1), with the settings of
// the service that mail to the domain goes through, and what it printed. Pure but for probe_mx().
//
// The only check that connects to port 25, and only when asked for.
#pragma once

#include "tool/doctor/facts.hpp"
#include "tool/query_command.hpp"
#include "tool/setup/host.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace doctor {

/// The parameters that a command is made of, for `postconf -x`.
[[nodiscard]] const std::vector<std::string>& finger_parameters();

/// The policy that smtp(8) goes by: a map's answer ("OK ..."), or its level alone.
struct MxPolicy {
    tool::Reply reply; ///< level, match, attributes
    bool from_map = false;
};

/// `settings` are those of finger_parameters(), as the service has them; `overrides` its -o settings.
[[nodiscard]] std::vector<std::string>
finger_command(const setup::Parameters& settings, const setup::Parameters& overrides, const MxPolicy& policy,
               const std::string& config_directory, const std::string& domain);
/// What its output says, for this policy.
void read_finger(std::string_view output, const MxPolicy& policy, MxFacts& facts);

/// The keys that smtp(8) asks its maps for: the domain, then ".parent" up to the last label.
[[nodiscard]] std::vector<std::string> map_keys(const std::string& domain);

/// `postfix`: as surveyed. Blocking, within the host's limit for each program.
[[nodiscard]] MxFacts probe_mx(setup::Host& host, const setup::Installed& postfix,
                               const std::string& config_directory, const std::string& domain);

} // namespace doctor
