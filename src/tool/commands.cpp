#include "tool/commands.hpp"

#include <vector>

namespace tool {

namespace {

std::vector<std::string_view> needs_of(const CommandRow& row) {
    std::vector<std::string_view> all;
    for (const std::string_view need : {row.needs.daemon, row.needs.socket, row.needs.root})
        if (!need.empty()) all.push_back(need);
    return all;
}

} // namespace

std::string listed(std::span<const std::string_view> words) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i)
        text.append(i == 0 ? "" : i + 1 == words.size() ? " and " : ", ").append(words[i]);
    return text;
}

std::string needs_sentence(const CommandRow& row) {
    const std::vector<std::string_view> needs = needs_of(row);
    return needs.empty() ? "Needs nothing" : "Needs " + listed(needs);
}

std::string help_footer(const CommandRow& row) {
    std::string text;
    for (const std::string_view need : needs_of(row))
        text.append(text.empty() ? "Needs:\n  " : "  ").append(need).append("\n");
    text += text.empty() ? "Exit status:" : "\nExit status:";
    for (const base::ExitMeaning& exit : row.exits)
        text.append("\n  ").append(std::to_string(base::status(exit.status))).append("  ").append(exit.words);
    return text;
}

} // namespace tool
