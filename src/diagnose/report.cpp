#include "diagnose/report.hpp"

#include "base/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <ostream>

namespace diagnose {

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
    Findings all;
    for (Findings part : {judge(facts.config), judge(facts.postfix), judge(facts.socket), judge(facts.daemon),
                          judge(facts.resolver), judge(facts.egress), judge(facts.ca), judge(facts.clock),
                          judge(facts.state), judge(facts.systemd)})
        std::ranges::move(part, std::back_inserter(all));
    return all;
}

void print_text(const Findings& findings, std::ostream& out) {
    const auto padded = [](std::string_view word, std::size_t width) {
        return std::string(word) + std::string(width - std::min(width, word.size()), ' ');
    };
    constexpr std::size_t text = 10000; // an operator's eyes, not a peer's bytes, are the limit here
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
                          {"verdict", to_string(finding.verdict)},
                          {"words", finding.words},
                          {"fix", finding.fix}});
    const nlohmann::ordered_json whole = {
        {"verdict", to_string(worst(findings))}, {"version", version}, {"checks", std::move(checks)}};
    out << whole.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
}

} // namespace diagnose
