// The messages about texts that are not TOML, one row for each mistake. toml++ decides that they are mistakes.
#include "config/syntax.hpp"

#include "config/document.hpp"
#include "config/load.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace {

struct Row {
    std::string text;
    std::vector<std::string> want; ///< "line:column: words"
};

const std::vector<Row>& rows() {
    static const std::vector<Row> table{
        // text without quotes
        {"state_dir = /var/lib/x\n", {R"(1:13: text must stand in quotes: state_dir = "/var/lib/x")"}},
        {"[log]\nlevel = info\n", {R"(2:9: text must stand in quotes: level = "info")"}},
        {"[log]\nlevel=info# all\n", {R"(2:7: text must stand in quotes: level = "info")"}},
        {"deadline = 10s # is enough\r\n", {R"(1:12: text must stand in quotes: deadline = "10s")"}},
        {"dane = off", {R"(1:8: text must stand in quotes: dane = "off")"}},
        {"[dns]\ntrust_ad = yes\n", {R"(2:12: text must stand in quotes: trust_ad = "yes")"}},
        {"[socket]\nmode = 0660\n", {R"(2:8: text must stand in quotes: mode = "0660")"}},
        {"[dns]\nservers = [127.0.0.1, ::1]\n", {R"(2:12: text must stand in quotes: "127.0.0.1")"}},
        {"[dns]\nservers = 127.0.0.1\n",
         {R"(2:11: a list stands in brackets, and text in quotes: servers = ["127.0.0.1"])"}},
        {"[dns]\nservers = 127.0.0.1, ::1\n",
         {R"(2:11: a list stands in brackets, and text in quotes: servers = ["127.0.0.1", "::1"])"}},
        {"fetch.proxy = http://proxy.example:3128\n",
         {R"(1:15: text must stand in quotes: fetch.proxy = "http://proxy.example:3128")"}},
        {"fetch = { proxy = http://proxy.example:3128, timeout = \"5s\" }\n",
         {R"(1:19: text must stand in quotes: proxy = "http://proxy.example:3128")"}},
        {"no_option = some words here\n",
         {R"(1:13: text must stand in quotes: no_option = "some words here")"}},
        // several at once
        {"[log]\nlevel = info\nformat = json\n[dns]\ntimeout = \"5s\"\ntry_timeout = 1s\n",
         {R"(2:9: text must stand in quotes: level = "info")",
          R"(3:10: text must stand in quotes: format = "json")",
          R"(6:15: text must stand in quotes: try_timeout = "1s")"}},
        // yes and no
        {"strict_testing = yes\n", {"1:18: strict_testing must be true or false, without quotes, not yes"}},
        {"strict_testing = True\n", {"1:18: strict_testing must be true or false, without quotes, not True"}},
        {"strict_testing = on # for now\n",
         {"1:18: strict_testing must be true or false, without quotes, not on"}},
        {"[fetch]\nallow_private_addresses = no\n",
         {"2:27: allow_private_addresses must be true or false, without quotes, not no"}},
        {"fetch = { allow_private_addresses = no }\n",
         {"1:37: allow_private_addresses must be true or false, without quotes, not no"}},
        // numbers
        {"threads = two\n", {"1:11: threads must be a whole number, not two"}},
        {"threads = 04\n", {"1:11: threads must be a whole number without a leading 0"}},
        {"[limits]\nmax_request = 10k\n", {"2:15: max_request must be a whole number, not 10k"}},
        // quotes that are not closed
        {"deadline = \"10s\n", {R"(1:12: the text that begins here has no closing quote ("))"}},
        {"deadline = '10s\n", {R"(1:12: the text that begins here has no closing quote ('))"}},
        {"deadline = \"10s", {R"(1:12: the text that begins here has no closing quote ("))"}},
        {"deadline = \"10s'\nthreads = 1\n", {R"(1:12: the text that begins here has no closing quote ("))"}},
        {"deadline = 10s\"\n", {R"(1:12: this text has no opening quote: deadline = "10s")"}},
        {"\n# x\nstate_dir = \"\"\"/a\n\nthreads = 1\n",
         {R"(3:13: the text that begins here with """ has no such quotes at its end)"}},
        {"listen = [\"unix:/a]\nthreads = 2\n",
         {R"(1:11: the text that begins here has no closing quote ("))"}},
        {"listen = [\n  \"unix:/a\",\n  \"unix:/b\n]\n",
         {R"(3:3: the text that begins here has no closing quote ("))"}},
        {"deadline = \xe2\x80\x9c"
         "10s\xe2\x80\x9d\n",
         {R"(1:12: text stands in straight quotes, "like this", not in typographic ones)"}},
        {"state_dir = \"C:\\path\"\n",
         {"1:16: a backslash in a text is written as two, or the text in single quotes"}},
        // brackets that are not closed
        {"\n\nlisten = [\"unix:/a\"\n", {"3:10: the list that begins here has no closing bracket (])"}},
        {"listen = [\"unix:/a\",\n\nthreads = 1\n",
         {"1:10: the list that begins here has no closing bracket (])"}},
        {"listen = [\"unix:/a\",\n\"tcp::1\"\n\n[log]\nlevel = \"info\"\n",
         {"1:10: the list that begins here has no closing bracket (])"}},
        {"listen = [\"unix:/a\"}\n", {"1:20: the list that begins in line 1 ends with ], not with }"}},
        {"listen = [\"unix:/a\" \"unix:/b\"]\n", {"1:21: a comma is missing before this entry of the list"}},
        {"listen = [\n\"unix:/a\"\n\"unix:/b\"\n]\n",
         {"3:1: a comma is missing before this entry of the list"}},
        {"listen = [,\"unix:/a\"]\n", {"1:11: there is a comma too many in the list"}},
        {"listen = \"unix:/a\", \"unix:/b\"\n",
         {"1:19: a list stands in brackets, as in listen = [\"a\", \"b\"]"}},
        {"dns = { timeout = \"5s\"\nthreads = 1\n",
         {"1:7: the braces that begin here are not closed (}) in the same line"}},
        {"[log\nlevel = \"info\"\n", {"1:1: the section that begins here has no closing bracket: [log]"}},
        {"[log # lines\nlevel = \"info\"\n",
         {"1:1: the section that begins here has no closing bracket: [log]"}},
        // other formats
        {"level: info\n", {R"(1:1: an option is written with "=", as in level = ...)"}},
        {"deadline \"5s\"\n", {R"(1:1: an option is written with "=", as in deadline = ...)"}},
        {"proxy: \"http://a=b\"\n", {R"(1:1: an option is written with "=", as in proxy = ...)"}},
        {"deadline\n", {R"(1:1: an option is written with "=", as in deadline = ...)"}},
        {"deadline ==\"5s\"\n", {R"(1:11: one "=" is enough)"}},
        {"deadline =\n", {R"(1:11: a value is missing behind "deadline =", from 1s to 90s)"}},
        {"deadline = # later\n", {R"(1:12: a value is missing behind "deadline =", from 1s to 90s)"}},
        {"= 5\n", {R"(1:1: an option's name must stand before the "=")"}},
        {"; a comment\nthreads = 1\n", {R"(1:1: a comment begins with "#")"}},
        {"// a = comment\n", {R"(1:1: a comment begins with "#")"}},
        {"threads = 1 ; one\n", {R"(1:13: a comment begins with "#", not with ";")"}},
        {"deadline = \"5s\" seconds\n",
         {R"(1:17: behind the value the line must end, but there is "seconds")"}},
        {"[log] level = \"info\"\n",
         {R"(1:7: behind the section's name the line must end, but there is "level = \"info\"")"}},
        {"log level = \"info\"\n", {R"(1:1: "log level" cannot be an option's name)"}},
        {"<config>\n",
         {R"(1:1: an option is written as name = value, and a section as [name]; this is neither: "<config>")"}},
        // twice
        {"threads = 1\nthreads = 2\n", {"2:1: threads is set a second time; the first time is in line 1"}},
        {"[log]\nlevel = \"info\"\n[dns]\n[log]\n",
         {"4:1: the section [log] is here a second time; it begins in line 1"}},
        {"dns.timeout = \"5s\"\n[dns]\ntry_timeout = \"1s\"\n",
         {"2:1: the section [dns] has options already, written with its name, in line 1: write them all in "
          "one way"}},
    };
    return table;
}

std::vector<std::string> told(std::string_view text) {
    std::vector<std::string> lines;
    for (const config::SyntaxFault& fault : config::syntax_faults(text))
        lines.push_back(std::to_string(fault.line) + ':' + std::to_string(fault.column) + ": " + fault.words);
    return lines;
}

TEST(ConfigSyntax, SaysWhatIsWrongAndWhere) {
    for (const Row& row : rows()) EXPECT_EQ(told(row.text), row.want) << row.text;
}

TEST(ConfigSyntax, TheReaderRefusesTheseTextsAndSaysTheSame) {
    for (const Row& row : rows()) {
        const auto loaded = config::parse(row.text, "f", {});
        ASSERT_FALSE(loaded) << row.text;
        std::vector<std::string> got;
        for (const config::Problem& problem : loaded.error()) got.push_back(to_string(problem).substr(2));
        EXPECT_EQ(got, row.want) << row.text;
    }
}

TEST(ConfigSyntax, HasNothingToSayAboutWhatIsRight) {
    std::vector<std::string> texts{
        config::example(),
        "a = 1\nb = +1_000\nc = 0xff\nd = 1e5\ne = -0.5\nf = inf\ng = 2026-11-28\nh = 07:32:00\n",
        "a = [1, 2, # two\n  3,\n]\nb = [ [1], [\"]\"] ]\nc = { d = \"}\", e = [1] }\n",
        "a.b . c = \"x\"\n[ d . e ]\n\"quoted key\" = 'C:\\path'\n[[f]]\nx = 1\n[[f]]\nx = 2\n",
        "a = \"\"\"\nmany\nlines \\\" \"\" \"\"\"\nb = ''' it's '''\nc = \"\"\n",
        "\xef\xbb\xbf"
        "a = \"x\"\r\nb = true # [\r\n",
    };
    for (const auto& entry : std::filesystem::directory_iterator{STSMAPD_SOURCE_DIR "/tests/unit/config"}) {
        if (!entry.path().filename().string().starts_with("good_")) continue;
        std::ifstream in{entry.path(), std::ios::binary};
        std::ostringstream text;
        text << in.rdbuf();
        texts.push_back(text.str());
    }
    ASSERT_GE(texts.size(), 12u);
    for (const std::string& text : texts) EXPECT_EQ(told(text), std::vector<std::string>{}) << text;
}

TEST(ConfigSyntax, StopsSomewhere) {
    std::string many;
    for (int i = 0; i < 1000; ++i) many += "name" + std::to_string(i) + " = text\n";
    EXPECT_EQ(config::syntax_faults(many).size(), config::max_syntax_faults);
    for (const char* text : {"[", "a", "a=", "a=[", "a={", "a=\"", "a=\"\"\"", "a=\"\\", "a='''"})
        EXPECT_FALSE(config::parse(text, "f", {})) << text;
    for (const char* bracket : {"[", "{ a = "}) { // no stack is deep enough for this
        std::string deep = "a = ";
        for (int i = 0; i < 100'000; ++i) deep += bracket;
        EXPECT_FALSE(config::parse(deep, "f", {}));
    }
}

TEST(ConfigSyntax, WordsArePrintable) {
    for (const char* text :
         {"a = \x1b[2J\n", "\x1b = 1\n", "a\x1b: 1\n", "[\x1b\n", "a = 1 \x1b\n", "a = {\x1b}\n"})
        for (const config::SyntaxFault& fault : config::syntax_faults(text))
            for (const char c : fault.words) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << fault.words;
}

} // namespace
