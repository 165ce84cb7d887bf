#include "tool/doctor/report.hpp"

#include "tool/doctor/hints.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <ostream>

namespace doctor {

std::string_view to_string(Verdict verdict) noexcept {
    switch (verdict) {
    case Verdict::ok: return "ok";
    case Verdict::warn: return "warn";
    case Verdict::fail: break;
    }
    return "fail";
}

Verdict worst(const Findings& findings) {
    Verdict verdict = Verdict::ok;
    for (const Finding& finding : findings) verdict = std::max(verdict, finding.verdict);
    return verdict;
}

Findings report(const Facts& facts) {
    std::vector<Findings> parts{judge(facts.config)};
    // With another configuration than the daemon's, these findings would be about another daemon.
    const bool known = facts.config.problems.empty() && !facts.config.unseen;
    if (known)
        for (Findings part : {judge(facts.postfix), judge(facts.socket), judge(facts.daemon, facts.resolver),
                              judge(facts.fleet), judge(facts.resolver), judge(facts.egress), judge(facts.ca),
                              judge(facts.clock), judge(facts.state)})
            parts.push_back(std::move(part));
    parts.push_back(judge(facts.systemd));
    if (known && !facts.mx.domain.empty()) parts.push_back(judge(facts.mx));
    Findings all;
    for (Findings& part : parts) std::ranges::move(part, std::back_inserter(all));
    for (Finding& finding : all) finding.fix = fitting(std::move(finding.fix), facts.place);
    return all;
}

Findings troubles(const Findings& findings) {
    Findings some;
    std::ranges::copy_if(findings, std::back_inserter(some),
                         [](const Finding& finding) { return finding.verdict != Verdict::ok; });
    return some;
}

void print_text(const Findings& findings, std::ostream& out) {
    const auto padded = [](std::string_view word, std::size_t width) {
        return std::string(word) + std::string(width - std::min(width, word.size()), ' ');
    };
    constexpr std::size_t text = 10000; // generous: these are our own words for an operator
    for (const Finding& finding : findings) {
        out << padded(to_string(finding.verdict), 6) << padded(finding.check, 10) << finding.words << '\n';
        if (!finding.fix.empty())
            out << std::string(16, ' ') << "fix: " << finding.fix.substr(0, text) << '\n';
    }
}

void print_json(const Findings& findings, std::string_view version, std::ostream& out) {
    nlohmann::ordered_json checks = nlohmann::ordered_json::array();
    for (const Finding& finding : findings)
        checks.push_back({{"check", finding.check},
                          {"id", finding.id},
                          {"verdict", to_string(finding.verdict)},
                          {"words", finding.words},
                          {"fix", finding.fix}});
    const nlohmann::ordered_json whole = {{"schema", 1},
                                          {"verdict", to_string(worst(findings))},
                                          {"version", version},
                                          {"checks", std::move(checks)}};
    out << whole.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
}

} // namespace doctor
