// The part of the report about the daemon: its configuration, its version, its unit.
#include "tool/doctor/report.hpp"

#include "base/utc.hpp"
#include "base/words.hpp"

namespace doctor {
namespace {

constexpr const char* start_it = "systemctl enable --now stsmapd.socket stsmapd.service";
constexpr const char* as_root = "run stsmap doctor as root";
constexpr const char* not_looked_at = "; Postfix's settings, socket, daemon, resolver, policy hosts and "
                                      "state were not looked at, as they hang on it";

/// Compares what the resolver can do with what the daemon says about DANE.
Findings judge_dane(const DaemonFacts& facts, const ResolverFacts& resolver) {
    const bool inactive = facts.dane.starts_with("inactive");
    if (resolver.dane_off || !inactive || facts.dane.starts_with("inactive: dane = ")) return {};
    const dane::Validation now = dane::together(resolver.servers);
    const bool seen = facts.dane.starts_with("inactive: validates now");
    if (!seen && now.state != dane::Validation::State::yes) return {};
    return {fail(
        "dane-not-noticed", "daemon",
        "the resolver validates DNSSEC, but stsmapd, as it found at its start that it does not, looks for "
        "no DANE until it is reloaded or restarted",
        "stsmap postfix-setup --apply --reload, and then systemctl reload stsmapd.service")};
}

/// What an administrator has switched off, and may have forgotten.
Findings judge_exceptions(const DaemonFacts& facts) {
    constexpr std::size_t max_shown = 10;
    Findings findings;
    if (facts.observes)
        findings.push_back(
            warn("daemon-observes", "daemon",
                 "stsmapd only observes: Postfix gets NOTFOUND for every domain, and no mail is protected",
                 "look at stsmap observed, set mode = \"enforce\", and systemctl reload stsmapd.service"));
    for (const WeakeningFacts& one : facts.weakening) {
        if (findings.size() > max_shown) break;
        findings.push_back(warn(
            "override-weakens", "daemon",
            "the override for " + one.domain + " (" + one.action + ", " +
                (one.until ? "until " + base::utc(*one.until) + ", " + base::relative(*one.until, facts.now)
                           : "without an end") +
                ") may give less than DANE or an enforced policy",
            one.configured
                ? "is it still needed? stsmap override list; it stands in the configuration"
                : "is it still needed? stsmap override list; if not: stsmap override remove " + one.domain));
    }
    if (facts.weakening.size() > max_shown)
        findings.back().words += "; there are " + std::to_string(facts.weakening.size()) + " such overrides";
    return findings;
}

/// What it says of itself.
Findings judge_health(const DaemonFacts& facts) {
    Findings findings;
    if (!facts.not_ready.empty())
        findings.push_back(fail("daemon-not-ready", "daemon",
                                "stsmapd says that Postfix does not get every answer: " + facts.not_ready,
                                "look at stsmap health and the log; systemctl restart stsmapd.service"));
    for (const std::string& address : facts.web_open)
        findings.push_back(
            warn("web-open", "daemon",
                 "the web listener at " + address +
                     " has no password, and other hosts can reach it: whoever connects may read",
                 "see to it that only those connect who may read, or set web.listen to "
                 "tcp:127.0.0.1:9461, behind a web server with a password"));
    return findings;
}

Finding judge_unit(const SystemdFacts::Unit& unit, bool socket_open) {
    const std::string& name = unit.name;
    if (unit.load == "masked")
        return fail("unit-masked", "systemd", name + " is masked", "systemctl unmask " + name);
    if (unit.load != "loaded")
        return warn("unit-missing", "systemd", name + " is not installed: who starts stsmapd after a reboot?",
                    "install the unit, or see to it that something starts stsmapd");
    if (unit.active == "inactive" && name == "stsmapd.service" && socket_open)
        return warn("unit-was-stopped", "systemd",
                    name + " was not running when this began" +
                        (unit.after == "active" || unit.after == "activating"
                             ? "; the question to its socket has started it, as Postfix's next one would have"
                             : ", and its socket is open: the next question starts it"),
                    "systemctl status " + name +
                        "; who means to stop it: systemctl stop stsmapd.socket stsmapd.service");
    if (unit.active != "active" && unit.active != "activating" && unit.active != "reloading")
        return fail("unit-not-active", "systemd",
                    name + " is " + unit.active +
                        (!unit.after.empty() && unit.after != unit.active
                             ? ", and " + unit.after + " once it had been asked"
                             : ""),
                    "systemctl status " + name + ", then systemctl start " + name);
    if (unit.file_state == "disabled")
        return warn("unit-disabled", "systemd", name + " is active, and will not be started at boot",
                    "systemctl enable " + name);
    return ok("unit-active", "systemd", name + " is " + unit.active);
}

} // namespace

Findings judge(const ConfigFacts& facts) {
    if (facts.unseen)
        return {warn("config-unseen", "config",
                     facts.file + " is not to be read by this user" + not_looked_at, as_root)};
    if (facts.problems.empty())
        return {ok("config-good", "config",
                   facts.there ? facts.file + " is good"
                               : facts.file + " is not there: the defaults are in force")};
    Findings findings;
    for (const std::string& problem : facts.problems)
        findings.push_back(fail("config-bad", "config", problem + (findings.empty() ? not_looked_at : ""),
                                "correct the line; stsmapd --check-config looks again"));
    return findings;
}

Findings judge(const DaemonFacts& facts, const ResolverFacts& resolver) {
    if (!facts.answers && facts.unseen)
        return {
            warn("daemon-unseen", "daemon", "whether stsmapd runs is not to be seen by this user", as_root)};
    if (!facts.answers)
        return {fail("daemon-silent", "daemon",
                     "no stsmapd answers: while its map is in main.cf, Postfix defers all mail", start_it)};
    const std::string restart = "systemctl restart stsmapd.service";
    Findings findings;
    if (!facts.version)
        findings.push_back(warn("daemon-older", "daemon",
                                "the running stsmapd does not tell its version: it is older than stsmap " +
                                    facts.tool_version,
                                restart));
    else if (*facts.version != facts.tool_version)
        findings.push_back(warn("daemon-other-version", "daemon",
                                "stsmapd " + *facts.version + " runs, and stsmap is " + facts.tool_version,
                                restart));
    else
        findings.push_back(
            ok("daemon-runs", "daemon", "stsmapd " + *facts.version + " runs; DANE: " + facts.dane));
    for (const std::string& other : facts.others)
        findings.push_back(
            warn("daemon-second", "daemon",
                 "another stsmapd, " + other + ", answers besides " + facts.version.value_or("the first"),
                 "end the one that should not run, or give each its own address (listen)"));
    for (Finding& finding : judge_dane(facts, resolver)) findings.push_back(std::move(finding));
    for (Finding& finding : judge_exceptions(facts)) findings.push_back(std::move(finding));
    for (Finding& finding : judge_health(facts)) findings.push_back(std::move(finding));
    return findings;
}

Findings judge(const SystemdFacts& facts) {
    if (!facts.running)
        return {ok("systemd-absent", "systemd", "does not run this system: units are not looked at")};
    if (!facts.trouble.empty())
        return {warn("systemd-silent", "systemd", "cannot be asked: " + facts.trouble,
                     "systemctl status stsmapd.service")};
    bool socket_open = false;
    for (const SystemdFacts::Unit& unit : facts.units)
        socket_open |= unit.name == "stsmapd.socket" && unit.active == "active";
    Findings findings;
    for (const SystemdFacts::Unit& unit : facts.units) findings.push_back(judge_unit(unit, socket_open));
    return findings;
}

} // namespace doctor
