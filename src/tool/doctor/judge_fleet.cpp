// The part of the report about the shared cache of a fleet.
#include "tool/doctor/report.hpp"

namespace doctor {
namespace {

/// At most three of them.
std::string listed(const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i < names.size() && i < 3; ++i) text.append(i == 0 ? "" : ", ").append(names[i]);
    if (names.size() > 3) text += " and " + std::to_string(names.size() - 3) + " more";
    return text;
}

/// Of one that is used.
Findings judge_use(const FleetFacts& facts) {
    if (!facts.up)
        return {warn("shared-off-now", "shared",
                     "the engine of the shared cache, " + facts.engine + ", cannot be used" +
                         (facts.since.empty() ? "" : " since " + facts.since) +
                         (facts.trouble.empty() ? "" : ": " + facts.trouble) +
                         "; this host looks for policies by itself meanwhile",
                     "SHARED CACHE in stsmapd(8) says what to do; then look at stsmap fleet status")};
    Findings findings;
    if (!facts.subscribed)
        findings.push_back(
            warn("shared-not-notified", "shared",
                 "notifications of " + facts.engine +
                     " do not come: what another host learns is known here when it is asked for",
                 "look for fleet-down in the log; may the user subscribe to the channel? ACL GETUSER"));
    if (!facts.hosts_trouble.empty())
        findings.push_back(warn("shared-unknown-hosts", "shared",
                                "the hosts of the fleet are not known: " + facts.hosts_trouble,
                                "look at stsmap fleet status, and again later"));
    if (!facts.other_clocks.empty())
        findings.push_back(warn("shared-other-clock", "shared",
                                "the clocks of " + listed(facts.other_clocks) +
                                    " are over five minutes ahead of this one: what they share is refused "
                                    "here as from the future",
                                "set the clock that is wrong, and keep all right: apt-get install chrony"));
    if (!facts.refused.empty())
        findings.push_back(
            warn("shared-refuses", "shared",
                 "values of the shared cache were refused since the start: " + listed(facts.refused),
                 "look for fleet-value-refused in the log; SHARED CACHE in stsmapd(8) says what each means"));
    if (!findings.empty()) return findings;
    return {ok("shared-works", "shared", "the shared cache at " + facts.engine + " is used")};
}

} // namespace

Findings judge(const FleetFacts& facts) {
    Findings findings;
    for (const std::string& words : facts.files_refused)
        findings.push_back(warn("shared-file-refused", "shared",
                                words + "; stsmapd would not reload, and start without the shared cache",
                                "correct the file; stsmapd --check-config looks again"));
    if (facts.asked && facts.in_use)
        for (Finding& finding : judge_use(facts)) findings.push_back(std::move(finding));
    else if (facts.asked && facts.configured)
        findings.push_back(
            warn("shared-not-in-use", "shared",
                 "[shared] is in the configuration, and the running stsmapd has no shared cache",
                 "systemctl restart stsmapd.service"));
    else if (facts.configured && findings.empty())
        findings.push_back(warn("shared-not-asked", "shared",
                                "whether the shared cache is used could not be asked of stsmapd",
                                "run stsmap doctor as root, while stsmapd runs"));
    return findings;
}

} // namespace doctor
