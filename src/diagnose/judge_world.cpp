// The part of the report about what stsmapd needs of the world: resolver, policy hosts, certificates, time,
// disk.
#include "diagnose/report.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace diagnose {
namespace {

/// No release of stsmapd is older: a clock before it is wrong, whatever else is true.
constexpr base::Instant first_release = std::chrono::sys_days{std::chrono::year{2026} / 11 / 1};
/// Certificates of policy hosts, DNSSEC signatures and max_age forgive minutes, not days.
constexpr base::seconds clock_warns{300}, clock_fails{86400};
/// A store of 100,000 policies has some 40 MB, its log as much again.
constexpr std::uint64_t disk_warns = 200'000'000, disk_fails = 20'000'000;

Finding finding(Verdict verdict, std::string check, std::string words, std::string fix = {}) {
    return {verdict, std::move(check), std::move(words), std::move(fix)};
}

std::string megabytes(std::uint64_t octets) { return std::to_string(octets / 1'000'000) + " MB"; }

std::string time_text(base::Instant when) {
    const auto day = std::chrono::floor<std::chrono::days>(when);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss time{when - day};
    char text[40];
    std::snprintf(text, sizeof text, "%04d-%02u-%02u %02d:%02d:%02d UTC", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                  static_cast<int>(time.seconds().count()));
    return text;
}

bool is_network(base::Reason reason) {
    using base::Reason;
    return reason == Reason::connect_failed || reason == Reason::connect_timeout ||
           reason == Reason::proxy_failed || reason == Reason::fetch_timeout;
}

} // namespace

namespace {

/// `validated`: another server, or this one, validates and is believed. `answered`: by one of them at least.
Finding judge(const dane::ServerFinding& server, const ResolverFacts& facts, bool validated, bool answered) {
    using State = dane::Validation::State;
    const std::string who = server.server + " (from " + facts.source + ")";
    const std::string& why = server.validation.why;
    const std::string never = ": it is not asked about DANE";
    switch (server.validation.state) {
    case State::unknown:
        if (answered)
            return finding(Verdict::warn, "resolver", who + ": " + why + never,
                           "check it, or take it out of " + facts.source);
        return finding(Verdict::fail, "resolver", who + ": " + why,
                       "stsmapd needs a resolver that answers: check " + facts.source +
                           ", or apt-get install unbound and use 127.0.0.1");
    case State::yes:
        if (server.trusted) return finding(Verdict::ok, "resolver", who + " validates DNSSEC: " + why);
        if (facts.dane_off || validated)
            return finding(Verdict::ok, "resolver",
                           who + " answers, and its word on DNSSEC is not believed" +
                               (facts.dane_off ? "" : never));
        return finding(
            Verdict::warn, "resolver",
            who +
                " seems to validate DNSSEC, but its word is not believed, as it is not on this host or only "
                "hands on the word of another: no DANE is looked for",
            "run a validating resolver on this host (apt-get install unbound; nameserver 127.0.0.1), or, "
            "where nobody can change answers on the way, \"options trust-ad\" in /etc/resolv.conf or "
            "trust_ad = \"yes\" under [dns]");
    case State::no: break;
    }
    if (facts.dane_off)
        return finding(Verdict::ok, "resolver", who + " answers; DNSSEC is not needed with dane = \"off\"");
    if (validated)
        return finding(Verdict::ok, "resolver", who + " answers, but does not validate DNSSEC" + never);
    return finding(
        Verdict::warn, "resolver",
        who + " answers, but does not validate DNSSEC: no DANE is looked for (" + why + ")",
        "run a validating resolver on this host (apt-get install unbound; nameserver 127.0.0.1), or set "
        "dane = \"off\" in stsmapd.toml");
}

} // namespace

Findings judge(const ResolverFacts& facts) {
    using State = dane::Validation::State;
    if (facts.servers.empty())
        return {finding(Verdict::fail, "resolver", "no name server in " + facts.source,
                        "name one in " + facts.source)};
    const auto any = [&facts](auto is) { return std::ranges::any_of(facts.servers, is); };
    const bool validated = any(
        [](const dane::ServerFinding& each) { return each.trusted && each.validation.state == State::yes; });
    const bool answered =
        any([](const dane::ServerFinding& each) { return each.validation.state != State::unknown; });
    Findings findings;
    for (const dane::ServerFinding& server : facts.servers)
        findings.push_back(judge(server, facts, validated, answered));
    return findings;
}

Findings judge(const EgressFacts& facts) {
    using base::Reason;
    const std::string host = "https://" + facts.policy_host;
    if (facts.fetched)
        return {finding(Verdict::ok, "egress",
                        "the policy at " + host + " can be fetched" +
                            (facts.proxy ? ", through the proxy" : ""))};
    const std::string why =
        std::string(base::to_string(facts.reason)) + ": " + base::printable(facts.detail, 300);
    const std::string another =
        facts.default_domain ? "try another domain: stsmap doctor --domain DOMAIN" : "try another domain";
    if (facts.reason == Reason::host_unresolvable)
        return {finding(Verdict::warn, "egress",
                        "not checked, as " + facts.policy_host + " has no address (" + why + ")",
                        "see the line about the resolver, or " + another)};
    if (facts.reason == Reason::host_refused_address)
        return {finding(Verdict::warn, "egress", "not checked (" + why + ")",
                        another + "; allow_private_addresses under [fetch] is for private networks")};
    if (is_network(facts.reason))
        return {finding(
            Verdict::fail, "egress", "no connection to " + host + " (" + why + ")",
            facts.proxy ? "check proxy under [fetch], and that it lets CONNECT to port 443 through"
                        : "let this host connect to port 443 of the internet, or set proxy under [fetch]; "
                          "if only this host is down, " +
                              another)};
    if (facts.reason == Reason::cert_untrusted)
        return {
            finding(Verdict::fail, "egress", host + " has a certificate that is not trusted (" + why + ")",
                    "check ca_file under [fetch] and ca-certificates; something in between may be replacing "
                    "certificates")};
    if (facts.reason == Reason::cert_expired)
        return {finding(Verdict::fail, "egress",
                        host + " has a certificate that is not in force (" + why + ")",
                        "check the clock; if it is right, " + another)};
    return {finding(Verdict::warn, "egress", host + " can be connected, but gives no policy (" + why + ")",
                    another)};
}

Findings judge(const ClockFacts& facts) {
    const std::string now = time_text(facts.now),
                      fix = "set the clock, and keep it right: apt-get install chrony";
    if (facts.now < first_release) return {finding(Verdict::fail, "clock", now + " cannot be right", fix)};
    if (!facts.theirs)
        return {finding(Verdict::ok, "clock", now + " is plausible (no policy host to compare with)")};
    const base::seconds off = facts.now - *facts.theirs;
    const std::string by = std::to_string(std::chrono::abs(off).count()) + " s " +
                           (off.count() < 0 ? "behind" : "ahead of") + " a policy host's clock";
    if (std::chrono::abs(off) >= clock_fails) return {finding(Verdict::fail, "clock", now + ", " + by, fix)};
    if (std::chrono::abs(off) >= clock_warns) return {finding(Verdict::warn, "clock", now + ", " + by, fix)};
    return {finding(Verdict::ok, "clock", now + ", as a policy host's clock")};
}

Findings judge(const CaFacts& facts) {
    if (!facts.trouble.empty() || facts.certificates == 0)
        return {finding(Verdict::fail, "ca",
                        facts.source + ": " +
                            (facts.trouble.empty() ? "there is no CA certificate" : facts.trouble) +
                            ", so no policy can be fetched",
                        "apt-get install ca-certificates, or correct ca_file under [fetch]")};
    return {finding(Verdict::ok, "ca",
                    std::to_string(facts.certificates) + " CA certificates in " + facts.source)};
}

Findings judge(const StateFacts& facts) {
    const std::string user = facts.daemon_user.value_or("_stsmapd");
    const std::string& folder = facts.folder;
    if (!facts.trouble.empty())
        return {finding(Verdict::fail, "state", folder + ": " + facts.trouble, "check the disk")};
    if (!facts.there)
        return {finding(Verdict::fail, "state", folder + " does not exist",
                        "install -d -o " + user + " -g " + user + " -m 0750 " + folder)};
    if (!facts.is_folder)
        return {finding(Verdict::fail, "state", folder + " is not a folder",
                        "move it away, or set state_dir in stsmapd.toml")};
    if (!facts.may_look)
        return {finding(Verdict::warn, "state", "there is no permission to look into " + folder,
                        "run stsmap doctor as root")};
    Findings findings;
    const bool foreign =
        (facts.daemon_user && *facts.daemon_user != facts.owner && *facts.daemon_user != "root") ||
        (!facts.file_owner.empty() && facts.file_owner != facts.owner);
    if (facts.read_only)
        findings.push_back(finding(Verdict::fail, "state",
                                   folder + " is on a file system that is mounted read-only",
                                   "mount it for writing, or set state_dir in stsmapd.toml"));
    else if (foreign)
        findings.push_back(
            finding(Verdict::fail, "state",
                    folder + " belongs to " + facts.owner +
                        (facts.file_owner.empty() ? "" : ", its stsmapd.sqlite to " + facts.file_owner) +
                        (facts.daemon_user ? ", and stsmapd runs as " + *facts.daemon_user : ""),
                    "chown -R " + (facts.daemon_user ? user : facts.file_owner) + ": " + folder));
    else if (!facts.writable_by_owner)
        findings.push_back(finding(Verdict::fail, "state",
                                   folder + " cannot be written by its owner, " + facts.owner,
                                   "chmod u+rwx " + folder));
    if (facts.free_octets < disk_fails || (facts.counts_inodes && facts.free_inodes == 0))
        findings.push_back(
            finding(Verdict::fail, "state",
                    "the disk of " + folder + " is full: " + megabytes(facts.free_octets) + " are free" +
                        (facts.counts_inodes && facts.free_inodes == 0 ? ", and no inode" : ""),
                    "make room: new policies do not outlive a restart otherwise"));
    else if (facts.free_octets < disk_warns)
        findings.push_back(finding(Verdict::warn, "state",
                                   "the disk of " + folder +
                                       " is nearly full: " + megabytes(facts.free_octets) + " are free",
                                   "make room"));
    using Store = StateFacts::Store;
    switch (facts.store) {
    case Store::damaged:
        findings.push_back(
            finding(Verdict::fail, "state", folder + "/stsmapd.sqlite is damaged: " + facts.store_words,
                    "systemctl restart stsmapd.service sets it aside and saves what can be read"));
        break;
    case Store::newer:
        findings.push_back(finding(Verdict::fail, "state", folder + "/stsmapd.sqlite: " + facts.store_words,
                                   "install the newer stsmapd again, or move the file away"));
        break;
    case Store::not_looked:
        findings.push_back(finding(Verdict::warn, "state",
                                   folder + "/stsmapd.sqlite was not looked through: " + facts.store_words,
                                   "run stsmap doctor as root, and again when the disk is less busy"));
        break;
    case Store::none:
    case Store::in_use:
    case Store::good: break;
    }
    if (!findings.empty()) return findings;
    return {finding(Verdict::ok, "state",
                    folder + " belongs to " + facts.owner + ", " + megabytes(facts.free_octets) +
                        " are free; " +
                        (facts.store == Store::none ? "nothing is stored yet"
                         : facts.store == Store::in_use
                             ? "the daemon has the store open (" + megabytes(facts.store_octets) + ")"
                             : "the store is sound (" + megabytes(facts.store_octets) + ")"))};
}

} // namespace diagnose
