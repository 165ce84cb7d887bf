// The part of the report about this host: certificates, time, disk.
#include "tool/doctor/report.hpp"

#include "base/text.hpp"
#include "base/utc.hpp"
#include "base/words.hpp"

#include <chrono>

namespace doctor {
namespace {

/// No release of stsmapd is older, so a clock before it is wrong in any case.
constexpr base::Instant first_release = std::chrono::sys_days{std::chrono::year{2026} / 11 / 1};
/// Certificates of policy hosts, DNSSEC signatures and max_age tolerate an error of minutes, not of days.
constexpr base::seconds clock_warns{300}, clock_fails{86400};
/// A store of 100,000 policies has some 40 MB, and its log another 40 MB.
constexpr std::uint64_t disk_warns = 200'000'000, disk_fails = 20'000'000;

std::string megabytes(std::uint64_t octets) { return std::to_string(octets / 1'000'000) + " MB"; }

/// At most three of them.
std::string listed(const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i < names.size() && i < 3; ++i)
        text.append(i == 0 ? "" : ", ").append(base::printable(names[i], 100));
    if (names.size() > 3) text += " and " + std::to_string(names.size() - 3) + " more";
    return text;
}

/// The finding without a policy host's time.
Finding judge_alone(const ClockFacts& facts, const std::string& now, const std::string& fix) {
    if (facts.written && *facts.written - facts.now >= clock_fails)
        return finding(Verdict::fail, "clock-went-back", "clock",
                       now + ", but stsmapd's store was written on " + base::utc(*facts.written) + ", " +
                           base::relative(*facts.written, facts.now) + ": the clock has gone back",
                       fix);
    if (facts.certificate_held)
        return finding(Verdict::ok, "clock-plausible", "clock",
                       now + " is plausible: a policy host's certificate is in force");
    if (facts.synchronised)
        return finding(Verdict::ok, "clock-synchronised", "clock", now + ", kept right by a time service");
    return finding(Verdict::warn, "clock-not-compared", "clock",
                   now +
                       " could not be compared: no policy host told its time, and no time service keeps this "
                       "clock right",
                   fix);
}

} // namespace

Findings judge(const ClockFacts& facts) {
    const std::string now = base::utc(facts.now),
                      fix = "set the clock, and keep it right: apt-get install chrony";
    if (facts.now < first_release)
        return {finding(Verdict::fail, "clock-impossible", "clock", now + " cannot be right", fix)};
    if (!facts.theirs) return {judge_alone(facts, now, fix)};
    const base::seconds off = facts.now - *facts.theirs;
    const std::string by = std::to_string(std::chrono::abs(off).count()) + " s " +
                           (off.count() < 0 ? "behind" : "ahead of") + " a policy host's clock";
    if (std::chrono::abs(off) >= clock_fails)
        return {finding(Verdict::fail, "clock-off", "clock", now + ", " + by, fix)};
    if (std::chrono::abs(off) >= clock_warns)
        return {finding(Verdict::warn, "clock-off", "clock", now + ", " + by, fix)};
    return {finding(Verdict::ok, "clock-right", "clock", now + ", as a policy host's clock")};
}

Findings judge(const CaFacts& facts) {
    if (!facts.trouble.empty() || facts.certificates == 0)
        return {finding(Verdict::fail, "fetch-ca-missing", "ca",
                        facts.source + ": " +
                            (facts.trouble.empty() ? "there is no CA certificate" : facts.trouble) +
                            ", so no policy can be fetched",
                        "apt-get install ca-certificates, or correct ca_file under [fetch]")};
    return {finding(Verdict::ok, "fetch-ca-good", "ca",
                    std::to_string(facts.certificates) + " CA certificates in " + facts.source)};
}

Findings judge(const StateFacts& facts) {
    const std::string user = facts.daemon_user.value_or("_stsmapd");
    const std::string& folder = facts.folder;
    if (!facts.trouble.empty())
        return {finding(Verdict::fail, "state-trouble", "state", folder + ": " + facts.trouble,
                        "check the disk")};
    if (!facts.there)
        return {finding(Verdict::fail, "state-missing", "state", folder + " does not exist",
                        "install -d -o " + user + " -g " + user + " -m 0750 " + folder)};
    if (!facts.is_folder)
        return {finding(Verdict::fail, "state-no-folder", "state", folder + " is not a folder",
                        "move it away, or set state_dir in stsmapd.toml")};
    if (!facts.may_look)
        return {finding(Verdict::warn, "state-unseen", "state",
                        "there is no permission to look into " + folder, "run stsmap doctor as root")};
    Findings findings;
    const bool foreign =
        (facts.daemon_user && *facts.daemon_user != facts.owner && *facts.daemon_user != "root") ||
        (!facts.file_owner.empty() && facts.file_owner != facts.owner);
    if (facts.read_only)
        findings.push_back(finding(Verdict::fail, "state-read-only", "state",
                                   folder + " is on a file system that is mounted read-only",
                                   "mount it for writing, or set state_dir in stsmapd.toml"));
    else if (foreign)
        findings.push_back(
            finding(Verdict::fail, "state-foreign", "state",
                    folder + " belongs to " + facts.owner +
                        (facts.file_owner.empty() ? "" : ", its stsmapd.sqlite to " + facts.file_owner) +
                        (facts.daemon_user ? ", and stsmapd runs as " + *facts.daemon_user : ""),
                    "chown -R " + (facts.daemon_user ? user : facts.file_owner) + ": " + folder));
    else if (!facts.writable_by_owner)
        findings.push_back(finding(Verdict::fail, "state-not-writable", "state",
                                   folder + " cannot be written by its owner, " + facts.owner,
                                   "chmod u+rwx " + folder));
    if (facts.free_octets < disk_fails || (facts.counts_inodes && facts.free_inodes == 0))
        findings.push_back(
            finding(Verdict::fail, "state-full", "state",
                    "the disk of " + folder + " is full: " + megabytes(facts.free_octets) + " are free" +
                        (facts.counts_inodes && facts.free_inodes == 0 ? ", and no inode" : ""),
                    "make room: new policies do not outlive a restart otherwise"));
    else if (facts.free_octets < disk_warns)
        findings.push_back(finding(Verdict::warn, "state-nearly-full", "state",
                                   "the disk of " + folder +
                                       " is nearly full: " + megabytes(facts.free_octets) + " are free",
                                   "make room"));
    using Store = StateFacts::Store;
    switch (facts.store) {
    case Store::damaged:
        findings.push_back(
            finding(Verdict::fail, "store-damaged", "state",
                    folder + "/stsmapd.sqlite is damaged: " + facts.store_words,
                    "systemctl restart stsmapd.service sets it aside and saves what can be read"));
        break;
    case Store::newer:
        findings.push_back(finding(Verdict::fail, "store-newer", "state",
                                   folder + "/stsmapd.sqlite: " + facts.store_words,
                                   "install the newer stsmapd again, or move the file away"));
        break;
    case Store::not_looked:
        findings.push_back(finding(Verdict::warn, "store-not-looked", "state",
                                   folder + "/stsmapd.sqlite was not looked through: " + facts.store_words,
                                   "run stsmap doctor as root, and again when the disk is less busy"));
        break;
    case Store::none:
    case Store::in_use:
    case Store::good: break;
    }
    if (!facts.set_aside.empty())
        findings.push_back(
            finding(Verdict::warn, "state-set-aside", "state",
                    "the store has been damaged before, and was set aside: " + listed(facts.set_aside) +
                        " in " + folder + "; what could be read of it has been saved",
                    "look for the cause (dmesg, smartctl), then rm " + folder + "/stsmapd.sqlite.damaged-*"));
    if (!findings.empty()) return findings;
    return {finding(Verdict::ok, "state-good", "state",
                    folder + " belongs to " + facts.owner + ", " + megabytes(facts.free_octets) +
                        " are free; " +
                        (facts.store == Store::none ? "nothing is stored yet"
                         : facts.store == Store::in_use
                             ? "the daemon has the store open (" + megabytes(facts.store_octets) + ")"
                             : "the store is sound (" + megabytes(facts.store_octets) + ")"))};
}

} // namespace doctor
