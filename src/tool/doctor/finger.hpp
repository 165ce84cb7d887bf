// tool/doctor/finger.hpp - `stsmap doctor --mx DOMAIN`: runs Postfix's posttls-finger(1) with the settings of
// the service that delivers mail to the domain, and reads its output. Pure, except probe_mx().
//
// The only check that connects to port 25; made only on request.
#pragma once

#include "tool/client/query_command.hpp"
#include "tool/doctor/facts.hpp"
#include "tool/setup/host.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace doctor {

/// The parameters that the command is made from, for `postconf -x`.
[[nodiscard]] const std::vector<std::string>& finger_parameters();

/// The policy that smtp(8) uses: a map's answer ("OK ..."), or only its level.
struct MxPolicy {
    tool::Reply reply; ///< level, match, attributes
    bool from_map = false;
};

/// `settings`: those of finger_parameters(), with the service's values; `overrides`: its -o settings.
[[nodiscard]] std::vector<std::string>
finger_command(const setup::Parameters& settings, const setup::Parameters& overrides, const MxPolicy& policy,
               const std::string& config_directory, const std::string& domain);
/// Reads its output, for this policy.
void read_finger(std::string_view output, const MxPolicy& policy, MxFacts& facts);

/// `postfix`: from the survey. Blocking, within the host's limit for each program.
[[nodiscard]] MxFacts probe_mx(setup::Host& host, const setup::Installed& postfix,
                               const std::string& config_directory, const std::string& domain);

} // namespace doctor
