// tool/doctor/report.hpp - facts into findings: what is in order, what is not, and what to do about it. Pure.
#pragma once

#include "tool/doctor/facts.hpp"

#include <iosfwd>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace doctor {

enum class Verdict {
    ok,
    warn, ///< mail flows; something is weaker than it could be, or could not be checked
    fail, ///< policies are not applied, or mail is deferred
};
[[nodiscard]] std::string_view to_string(Verdict verdict) noexcept;

struct Finding {
    Verdict verdict{};
    /// One word: config, postfix, socket, daemon, shared, resolver, egress, ca, clock, state, systemd, mx.
    std::string check;
    std::string words;
    std::string fix; ///< "" for ok
    std::string id;  ///< stable, one of ids() (tool/doctor/ids.hpp)
    friend bool operator==(const Finding&, const Finding&) = default;
};
using Findings = std::vector<Finding>;
[[nodiscard]] inline Finding finding(Verdict verdict, std::string id, std::string check, std::string words,
                                     std::string fix = {}) {
    return {verdict, std::move(check), std::move(words), std::move(fix), std::move(id)};
}
[[nodiscard]] inline Finding ok(std::string id, std::string check, std::string words) {
    return finding(Verdict::ok, std::move(id), std::move(check), std::move(words));
}
[[nodiscard]] inline Finding warn(std::string id, std::string check, std::string words, std::string fix) {
    return finding(Verdict::warn, std::move(id), std::move(check), std::move(words), std::move(fix));
}
[[nodiscard]] inline Finding fail(std::string id, std::string check, std::string words, std::string fix) {
    return finding(Verdict::fail, std::move(id), std::move(check), std::move(words), std::move(fix));
}

/// In the order of the checks, at least one for each. Left out: mx unless it was requested, shared
/// unless there is one, and the checks that need the configuration if that is bad or was not read. Commands in fixes can be pasted.
[[nodiscard]] Findings report(const Facts& facts);
[[nodiscard]] Verdict worst(const Findings& findings);

// The parts of the report.
[[nodiscard]] Findings judge(const ConfigFacts& facts);
[[nodiscard]] Findings judge(const PostfixFacts& facts);
[[nodiscard]] Findings judge(const SocketFacts& facts);
[[nodiscard]] Findings judge(const DaemonFacts& facts, const ResolverFacts& resolver);
[[nodiscard]] Findings judge(const FleetFacts& facts);
[[nodiscard]] Findings judge(const ResolverFacts& facts);
[[nodiscard]] Findings judge(const EgressFacts& facts);
[[nodiscard]] Findings judge(const ClockFacts& facts);
[[nodiscard]] Findings judge(const CaFacts& facts);
[[nodiscard]] Findings judge(const StateFacts& facts);
[[nodiscard]] Findings judge(const SystemdFacts& facts);
[[nodiscard]] Findings judge(const MxFacts& facts);

/// The findings that are not ok.
[[nodiscard]] Findings troubles(const Findings& findings);

/// One line for each finding, "ok    socket    words", and one "          fix: ..." below if there is a fix.
void print_text(const Findings& findings, std::ostream& out);
/// One object with the members verdict, version and checks; checks is a list of objects with check, id,
/// verdict, words and fix.
void print_json(const Findings& findings, std::string_view version, std::ostream& out);

} // namespace doctor
