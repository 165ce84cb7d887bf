// The list of man/stsmap-findings.7, made from the table.
#include "tool/findings/rows.hpp"
#include "tool/findings/show.hpp"

namespace findings {

namespace {

constexpr std::size_t wide = 110; // columns; a line of the manual ends with the word before it

/// One sentence on each line, long ones on several.
void append_words(std::string& out, std::string_view words) {
    std::size_t begin = out.size(); // of the line
    const auto new_line = [&] {
        if (out.size() > begin) out += '\n';
        begin = out.size();
    };
    while (!words.empty()) {
        const std::size_t end = std::min(words.find(' '), words.size());
        const std::string_view word = words.substr(0, end);
        if (out.size() > begin && out.size() - begin + 1 + word.size() > wide) new_line();
        if (out.size() > begin)
            out += ' ';
        else if (word.starts_with('.') || word.starts_with('\''))
            out += "\\&";
        for (const char c : word) out.append(c == '\\' ? "\\e" : std::string(1, c));
        words.remove_prefix(std::min(end + 1, words.size()));
        if (word.ends_with('.') && !words.empty() && words.front() >= 'A' && words.front() <= 'Z') new_line();
    }
    new_line();
}

void append_part(std::string& out, std::string_view title, std::span<const Row> rows) {
    if (rows.empty()) return;
    out.append(".Ss ").append(title).append("\n.Bl -tag -width Ds\n");
    for (const Row& row : rows) {
        out.append(".It Ic ").append(row.id).append("\n");
        append_words(out, "(" + std::string(to_string(row.severity)) + ") " + std::string(row.title) + ".");
        append_words(out, row.means);
        if (!row.todo.empty()) append_words(out, "What to do: " + std::string(row.todo));
        if (!row.source.empty()) append_words(out, "See " + std::string(row.source) + ".");
    }
    out += ".El\n";
}

} // namespace

std::string manual() {
    std::string out;
    append_part(out, "The text of the policy", policy_rows());
    append_part(out, "TXT records", record_rows());
    append_part(out, "DNS and the policy host", host_rows());
    append_part(out, "Mail servers", mail_rows());
    append_part(out, "Changing a policy", publish_rows());
    return out;
}

} // namespace findings
