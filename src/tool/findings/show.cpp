#include "tool/findings/show.hpp"

#include "base/text.hpp"
#include "tool/show/safe_text.hpp"

#include <nlohmann/json.hpp>

namespace findings {

namespace {

constexpr std::size_t widest = 110; ///< columns of a quoted line

/// The quoted line, with a mark below its column.
std::string quoted_line(const Finding& finding) {
    if (finding.quote.empty()) return {};
    constexpr std::string_view indent = "    ";
    std::string out = std::string(indent) + tool::fitted(tool::safe_text(finding.quote), widest) + '\n';
    if (finding.column == 0 || finding.column > finding.quote.size() + 1) return out;
    const std::string before =
        tool::safe_text(std::string_view(finding.quote).substr(0, finding.column - 1), 1000);
    const std::size_t column = tool::columns(before);
    if (column >= widest) return out;
    return out.append(indent).append(column, ' ').append("^\n");
}

} // namespace

std::string shown_in(std::string_view name, const Finding& finding) {
    std::string out;
    if (!name.empty()) out.append(tool::safe_text(name)).append(":");
    if (finding.line > 0) {
        out += std::to_string(finding.line) + ":";
        if (finding.column > 0) out += std::to_string(finding.column) + ":";
    }
    if (!out.empty()) out += ' ';
    const Row& row = *finding.row;
    out.append(to_string(row.severity)).append(": ");
    if (!finding.about.empty()) out.append(base::printable(finding.about)).append(": ");
    out.append(finding.words.empty() || row.severity != Severity::fine ? std::string(row.title)
                                                                       : finding.words);
    out.append(" [").append(row.id).append("]\n");
    out += quoted_line(finding);
    if (!finding.words.empty() && row.severity != Severity::fine) out += "    " + finding.words + '\n';
    if (!finding.hint.empty()) out += "    " + finding.hint + '\n';
    return out;
}

nlohmann::ordered_json to_json(const Finding& finding) {
    const Row& row = *finding.row;
    nlohmann::ordered_json out{{"id", row.id}, {"severity", to_string(row.severity)}, {"title", row.title}};
    const auto text = [&](const char* name, std::string_view value) {
        if (!value.empty()) out[name] = value;
    };
    text("about", base::printable(finding.about));
    text("words", finding.words);
    if (finding.line > 0) out["line"] = finding.line;
    if (finding.column > 0) out["column"] = finding.column;
    text("quote", tool::safe_text(finding.quote, 4 * max_quote + 3));
    text("hint", finding.hint);
    text("means", row.means);
    text("todo", row.todo);
    text("source", row.source);
    return out;
}

} // namespace findings
