// The part of the report about this host: configuration, Postfix, daemon, systemd.
#include "diagnose/report.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace diagnose {
namespace {

Finding ok(std::string check, std::string words) {
    return {Verdict::ok, std::move(check), std::move(words), {}};
}
Finding warn(std::string check, std::string words, std::string fix) {
    return {Verdict::warn, std::move(check), std::move(words), std::move(fix)};
}
Finding fail(std::string check, std::string words, std::string fix) {
    return {Verdict::fail, std::move(check), std::move(words), std::move(fix)};
}

constexpr const char* start_it = "systemctl enable --now stsmapd.socket stsmapd.service";

} // namespace

Findings judge(const ConfigFacts& facts) {
    if (facts.problems.empty())
        return {ok("config", facts.there ? facts.file + " is good"
                                         : facts.file + " is not there: the defaults are in force")};
    Findings findings;
    for (const std::string& problem : facts.problems)
        findings.push_back(fail("config", problem, "correct the line; stsmapd --check-config looks again"));
    return findings;
}

Findings judge(const PostfixFacts& facts) {
    if (!facts.trouble.empty())
        return {fail("postfix", "Postfix cannot be asked for its settings: " + facts.trouble,
                     "apt-get install postfix, or name its folder with -c")};
    using Kind = setup::Remark::Kind;
    Findings findings;
    const bool told = std::ranges::any_of(facts.plan.changes, &setup::Change::needed) || facts.plan.refused();
    if (facts.plan.in_force)
        findings.push_back(ok("postfix", "Postfix " + facts.version + " asks " + facts.plan.map));
    else if (!told)
        findings.push_back(fail("postfix", "Postfix " + facts.version + " does not ask stsmapd",
                                "stsmap postfix-setup --apply --reload"));
    for (const setup::Change& change : facts.plan.changes) {
        const std::string words = change.name +
                                  (!change.before           ? " is not set"
                                   : change.before->empty() ? " is empty"
                                                            : " = " + *change.before) +
                                  ", and should be: " + change.after + " (" + change.why + ")";
        findings.push_back({change.needed ? Verdict::fail : Verdict::warn, "postfix", words,
                            "stsmap postfix-setup --apply --reload"});
    }
    for (const setup::Remark& remark : facts.plan.remarks)
        findings.push_back({remark.kind == Kind::refusal   ? Verdict::fail
                            : remark.kind == Kind::warning ? Verdict::warn
                                                           : Verdict::ok,
                            "postfix", remark.words, remark.fix});
    return findings;
}

Findings judge(const DaemonFacts& facts) {
    if (!facts.answers)
        return {fail("daemon", "no stsmapd answers: while its map is in main.cf, Postfix defers all mail",
                     start_it)};
    const std::string restart = "systemctl restart stsmapd.service";
    Findings findings;
    if (!facts.version)
        findings.push_back(warn("daemon",
                                "the running stsmapd does not tell its version: it is older than stsmap " +
                                    facts.tool_version,
                                restart));
    else if (*facts.version != facts.tool_version)
        findings.push_back(warn(
            "daemon", "stsmapd " + *facts.version + " runs, and stsmap is " + facts.tool_version, restart));
    else
        findings.push_back(ok("daemon", "stsmapd " + *facts.version + " runs; DANE: " + facts.dane));
    if (facts.dane.starts_with("inactive: validates now"))
        findings.push_back(warn("daemon", "DANE was off when stsmapd started, and its resolver validates now",
                                "stsmap postfix-setup, then systemctl reload stsmapd"));
    return findings;
}

Findings judge(const SystemdFacts& facts) {
    if (!facts.running) return {ok("systemd", "does not run this system: units are not looked at")};
    if (!facts.trouble.empty())
        return {warn("systemd", "cannot be asked: " + facts.trouble, "systemctl status stsmapd.service")};
    Findings findings;
    for (const SystemdFacts::Unit& unit : facts.units) {
        if (unit.load == "masked")
            findings.push_back(fail("systemd", unit.name + " is masked", "systemctl unmask " + unit.name));
        else if (unit.load != "loaded")
            findings.push_back(warn("systemd",
                                    unit.name + " is not installed: who starts stsmapd after a reboot?",
                                    "install the unit, or see to it that something starts stsmapd"));
        else if (unit.active != "active" && unit.active != "activating" && unit.active != "reloading")
            findings.push_back(fail("systemd", unit.name + " is " + unit.active,
                                    "systemctl status " + unit.name + ", then systemctl start " + unit.name));
        else if (unit.file_state == "disabled")
            findings.push_back(warn("systemd", unit.name + " is active, and will not be started at boot",
                                    "systemctl enable " + unit.name));
        else
            findings.push_back(ok("systemd", unit.name + " is " + unit.active));
    }
    return findings;
}

} // namespace diagnose
