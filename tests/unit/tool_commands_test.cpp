// The table of stsmap's commands; the help and the manual must agree with it.
#include "admin/routes.hpp"
#include "tool/commands.hpp"
#include "tool/tool.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <vector>

namespace {

using base::Exit;
using base::ExitMeaning;
using tool::CommandRow;

std::string help_of(const std::vector<std::string>& arguments) {
    tool::Commands commands;
    commands.postfix_setup = [](const auto&...) { return Exit::done; };
    commands.doctor = [](const auto&...) { return Exit::done; };
    const auto nothing = [](const auto&...) { return base::unexpected(std::string("nothing here")); };
    commands.explain = nothing;
    commands.check = nothing;
    commands.preview = nothing;
    std::istringstream in;
    std::ostringstream out, err;
    tool::World world{.in = in, .out = out, .err = err};
    EXPECT_EQ(tool::run_tool(arguments, world, commands), 0);
    EXPECT_EQ(err.str(), "");
    return out.str();
}

TEST(Commands, EachRowIsWhole) {
    std::set<std::string_view> names;
    for (const CommandRow& row : tool::command_table) {
        SCOPED_TRACE(row.name);
        EXPECT_TRUE(names.insert(row.name).second) << "twice";
        EXPECT_FALSE(row.help.empty() || row.help.ends_with('.'));
        std::vector<Exit> statuses;
        for (const ExitMeaning& exit : row.exits) {
            statuses.push_back(exit.status);
            EXPECT_FALSE(exit.words.empty() || exit.words.ends_with('.'));
        }
        EXPECT_TRUE(std::ranges::is_sorted(statuses, std::less_equal<>{})) << "in order, none twice";
        for (const Exit always : {Exit::done, Exit::usage})
            EXPECT_NE(std::ranges::find(statuses, always), statuses.end());
    }
    for (std::size_t i = 0; i < base::exit_meanings.size(); ++i)
        EXPECT_EQ(base::status(base::exit_meanings[i].status), static_cast<int>(i));
}

TEST(Commands, TheHelpIsMadeOfTheTable) {
    const std::string help = help_of({"--help"});
    std::vector<std::string> listed;
    std::istringstream lines(help.substr(help.find("ubcommands:\n")));
    std::string line;
    for (std::getline(lines, line); std::getline(lines, line) && !line.empty();) listed.push_back(line);
    ASSERT_EQ(listed.size(), tool::command_table.size()) << help;
    for (std::size_t i = 0; i < listed.size(); ++i) {
        const CommandRow& row = tool::command_table[i];
        EXPECT_TRUE(listed[i].starts_with("  " + std::string(row.name) + ' ')) << listed[i];
        EXPECT_TRUE(listed[i].ends_with("  " + std::string(row.help))) << listed[i];
        const std::string own = help_of({std::string(row.name), "--help"});
        EXPECT_TRUE(own.starts_with(std::string(row.help) + '\n')) << own;
        EXPECT_NE(own.find("\n" + tool::help_footer(row) + "\n"), std::string::npos) << own;
    }
}

TEST(Commands, TheFooterSaysWhatItNeedsAndHowItEnds) {
    static constexpr ExitMeaning exits[] = {{Exit::done, "well"}, {Exit::unreachable, "gone"}};
    EXPECT_EQ(tool::help_footer({"x", "Do x", exits, {"a daemon", "its socket", "root for y"}}),
              "Needs:\n  a daemon\n  its socket\n  root for y\n\nExit status:\n  0  well\n  3  gone");
    EXPECT_EQ(tool::help_footer({"x", "Do x", exits, {}}), "Exit status:\n  0  well\n  3  gone");
    EXPECT_EQ(tool::needs_sentence({"x", "Do x", exits, {"a daemon", "its socket", "root for y"}}),
              "Needs a daemon, its socket and root for y");
    EXPECT_EQ(tool::needs_sentence({"x", "Do x", exits, {"", "", "root"}}), "Needs root");
    EXPECT_EQ(tool::needs_sentence({"x", "Do x", exits, {}}), "Needs nothing");
}

/// The manual as lines of mdoc.
const std::vector<std::string>& manual() {
    static const std::vector<std::string> lines = [] {
        std::vector<std::string> all;
        std::ifstream in{STSMAPD_SOURCE_DIR "/man/stsmap.1"};
        for (std::string line; std::getline(in, line);) all.push_back(line);
        return all;
    }();
    return lines;
}

/// The lines after the line `from`, up to the next one that begins with `to`.
std::vector<std::string> part(const std::vector<std::string>& lines, std::string_view from,
                              std::string_view to) {
    const auto begin = std::ranges::find(lines, from);
    EXPECT_NE(begin, lines.end()) << from << " is gone";
    if (begin == lines.end()) return {};
    return {begin + 1, std::find_if(begin + 1, lines.end(),
                                    [to](const std::string& line) { return line.starts_with(to); })};
}

/// A line of mdoc as shown to readers, for the few macros that the lists use.
std::string plain(const std::string& line) {
    if (!line.starts_with('.')) return line;
    std::istringstream words(line);
    std::string macro, text;
    words >> macro;
    bool flag = macro == ".Fl";
    const bool in_brackets = macro == ".Pq";
    std::string closing;
    for (std::string word; words >> word;) {
        if (word == "Fl")
            flag = true;
        else if (word == "No" || word == "Pa")
            flag = false;
        else if (word.size() == 1 && word != "/" && std::ispunct(static_cast<unsigned char>(word[0])) != 0)
            text += word;
        else {
            if (word.starts_with('\\')) word.erase(0, 1);
            text.append(text.empty() ? "" : " ").append(flag ? "-" : "").append(word);
        }
    }
    if (!in_brackets) return text;
    if (text.ends_with(',')) {
        text.pop_back();
        closing = ",";
    }
    return '(' + text + ')' + closing;
}

struct Item {
    std::string head, text;
};

/// The items of the list that begins in these lines.
std::vector<Item> items(const std::vector<std::string>& lines) {
    std::vector<Item> all;
    for (const std::string& line : lines) {
        if (line == ".El") break;
        if (line.starts_with(".It "))
            all.push_back({plain("." + line.substr(line.find("Cm") == std::string::npos ? 1 : 4)), ""});
        else if (!all.empty())
            all.back().text.append(all.back().text.empty() ? "" : " ").append(plain(line));
    }
    return all;
}

/// A sentence may begin with a capital letter or with the name of a file.
std::string without_capital(std::string text) {
    if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
    return text;
}

TEST(Commands, TheManualListsThem) {
    const std::vector<Item> listed = items(part(manual(), "The commands are:", ".Ss"));
    ASSERT_EQ(listed.size(), tool::command_table.size());
    for (std::size_t i = 0; i < listed.size(); ++i) {
        const CommandRow& row = tool::command_table[i];
        EXPECT_EQ(listed[i].head, row.name);
        EXPECT_EQ(listed[i].text, std::string(row.help) + ". " + tool::needs_sentence(row) + '.');
    }
}

TEST(Commands, TheManualHasASynopsisAndASectionOfEach) {
    std::vector<std::string> sections;
    for (const std::string& line : part(manual(), ".Sh DESCRIPTION", ".Sh"))
        if (line.starts_with(".Ss ")) sections.push_back(line.substr(4));
    const std::vector<std::string> synopsis = part(manual(), ".Sh SYNOPSIS", ".Sh");
    ASSERT_GE(sections.size(), tool::command_table.size());
    for (std::size_t i = 0; i < tool::command_table.size(); ++i) {
        const std::string name(tool::command_table[i].name);
        EXPECT_EQ(sections[i], name) << "in the order of the table";
        EXPECT_NE(std::ranges::find(synopsis, ".Cm " + name), synopsis.end()) << name;
    }
}

/// Each status with the words of the table, perhaps followed by more sentences.
void expect_statuses(const std::vector<Item>& listed, std::span<const ExitMeaning> exits) {
    ASSERT_EQ(listed.size(), exits.size());
    for (std::size_t i = 0; i < listed.size(); ++i) {
        EXPECT_EQ(listed[i].head, std::to_string(base::status(exits[i].status)));
        const std::string words = without_capital(std::string(exits[i].words)) + '.';
        const std::string text = without_capital(listed[i].text);
        EXPECT_TRUE(text == words || text.starts_with(words + ' ')) << text << "\nand not: " << words;
    }
}

/// Rows that share their statuses share a list: "Of list, refresh and so on".
TEST(Commands, TheManualHasTheExitStatuses) {
    const std::vector<std::string> section = part(manual(), ".Sh EXIT STATUS", ".Sh");
    expect_statuses(items(part(section, "Of all commands:", "Of")), base::exit_meanings);
    std::map<const ExitMeaning*, std::string> heads;
    for (const CommandRow& row : tool::command_table) {
        std::string& head = heads[row.exits.data()];
        head.append(head.empty() ? ".Cm " : " , ").append(row.name);
    }
    for (const CommandRow& row : tool::command_table) {
        SCOPED_TRACE(row.name);
        expect_statuses(items(part(section, heads[row.exits.data()] + " :", "Of")), row.exits);
    }
    EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(section, ".El")), heads.size() + 1)
        << "and of nothing else";
}

TEST(Commands, TheManualListsTheRequestsOfTheControlSocket) {
    const std::vector<Item> listed =
        items(part(part(manual(), ".Sh CONTROL SOCKET", ".Sh"), "The requests are:", ".Pp"));
    ASSERT_EQ(listed.size(), admin::route_table.size());
    for (std::size_t i = 0; i < listed.size(); ++i) {
        const admin::Route& route = admin::route_table[i];
        EXPECT_EQ(listed[i].head, std::string(route.method) + " " + std::string(route.path));
        std::string text(route.help);
        if (!route.queries.empty()) {
            text += " Parameters: ";
            for (const char c : route.queries) text.append(c == ' ' ? ", " : std::string(1, c));
            text += ".";
        }
        if (route.right == admin::Right::change) text += " Root only.";
        if (route.web) text += " Also over the web listener.";
        EXPECT_EQ(listed[i].text, text);
    }
}

/// And the test's folder has no others.
TEST(Commands, TheManualNamesTheSchemas) {
    std::set<std::string> named, there;
    for (const std::string& line : part(manual(), ".Pa /usr/share/stsmapd/schemas :", ".Sh"))
        if (line.starts_with(".Pa ")) named.insert(line.substr(4, line.find(".json") + 1));
    for (const auto& file : std::filesystem::directory_iterator(STSMAPD_SOURCE_DIR "/tests/schemas"))
        there.insert(file.path().filename().string());
    EXPECT_EQ(named, there);
}

} // namespace
