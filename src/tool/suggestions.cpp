#include "tool/suggestions.hpp"

#include "base/spelling.hpp"
#include "base/text.hpp"
#include "tool/commands.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <ostream>

namespace tool {

std::string_view command_word(const std::vector<std::string>& arguments,
                              std::span<const std::string_view> valued) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (!arguments[i].starts_with('-')) return arguments[i];
        if (std::ranges::find(valued, arguments[i]) != valued.end()) ++i;
    }
    return {};
}

void suggest_command(std::string_view word, const std::vector<std::string_view>& commands,
                     std::ostream& err) {
    const std::string_view near = base::nearest(word, commands);
    err << "stsmap: there is no command \"" << base::printable(word, 100) << '"';
    if (!near.empty()) err << "; did you mean " << near << '?';
    err << '\n';
    const bool next_hop = word.find('.') != std::string_view::npos || word.starts_with('[');
    if (near.empty() && next_hop)
        err << "stsmap: to see what Postfix gets for it: stsmap query " << base::printable(word, 100) << '\n';
    err << "stsmap: the commands are " << listed(commands) << "; stsmap --help says what they do\n";
}

void suggest_options(const CLI::App& app, std::ostream& err) {
    std::vector<std::string> names, commands;
    const CLI::App* last = &app;
    for (const CLI::App* command = &app; command != nullptr;) {
        last = command;
        for (const CLI::Option* option : command->get_options())
            for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
        const auto below = command->get_subcommands();
        command = below.empty() ? nullptr : below.front();
    }
    for (const CLI::App* command : last->get_subcommands([](const CLI::App*) { return true; }))
        commands.push_back(command->get_name());
    const std::vector<std::string_view> options(names.begin(), names.end()),
        words(commands.begin(), commands.end());
    for (const std::string& word : app.remaining(true)) {
        const bool option = word.starts_with("--");
        const std::string_view near =
            base::nearest(std::string_view(word).substr(0, word.find('=')), option ? options : words);
        if (!near.empty()) err << "stsmap: did you mean " << near << "?\n";
    }
}

} // namespace tool
