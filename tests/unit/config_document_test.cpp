// The texts made from the option table, and that the files in the repository are those texts.
#include "config/document.hpp"

#include "config/options.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace {

using namespace config;
namespace fs = std::filesystem;

const fs::path source{STSMAPD_SOURCE_DIR};

std::string read_text(const fs::path& file) {
    std::ifstream in{file, std::ios::binary};
    EXPECT_TRUE(in) << file;
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

TEST(Example, ReadsBackToTheDefaults) {
    const auto loaded = parse(example(), "f", {});
    ASSERT_TRUE(loaded) << to_string(loaded.error().front());
    EXPECT_EQ(loaded->config, Config{});
    EXPECT_TRUE(loaded->origins.empty());
}

TEST(Example, WithEveryCommentMarkRemovedSetsEveryOptionToItsDefault) {
    std::istringstream lines{example()};
    std::string text;
    for (std::string line; std::getline(lines, line);)
        text += (line.size() > 1 && line[0] == '#' && line[1] != ' ' ? line.substr(1) : line) + "\n";
    const auto loaded = parse(text, "f", {});
    ASSERT_TRUE(loaded) << to_string(loaded.error().front());
    EXPECT_EQ(loaded->config, Config{});
    EXPECT_EQ(loaded->origins.size(), options().size());
}

TEST(Example, IsTheFileInConf) {
    EXPECT_EQ(read_text(source / "conf/stsmapd.toml"), example())
        << "Write it anew with: stsmapd --print-example-config > conf/stsmapd.toml";
}

TEST(Manual, HoldsTheOptionList) {
    const std::string manual = read_text(source / "man/stsmapd.toml.5");
    const std::string begin = ".\\\" BEGIN OPTIONS\n", end = ".\\\" END OPTIONS\n";
    const auto from = manual.find(begin), to = manual.find(end);
    ASSERT_NE(from, std::string::npos);
    ASSERT_NE(to, std::string::npos);
    const auto start = from + begin.size();
    EXPECT_EQ(manual.substr(start, to - start), man_fragment())
        << "Write it anew between its two markers with: stsmapd --print-man-options";
}

TEST(Manual, NamesEveryOptionAndItsVariable) {
    const std::string manual = read_text(source / "man/stsmapd.toml.5");
    for (const Option& option : options()) {
        const std::string entry = ".It Ic " + std::string{option.name()} + " No =";
        const auto section = option.section().empty()
                                 ? manual.find(".Ss Top level\n")
                                 : manual.find(".Ss Section " + std::string{option.section()} + "\n");
        ASSERT_NE(section, std::string::npos) << option.path;
        const auto at = manual.find(entry, section);
        ASSERT_NE(at, std::string::npos) << option.path;
        EXPECT_GT(manual.find(".Ss ", section + 1), at) << option.path << " stands in another section";
        EXPECT_NE(manual.find(".Ev " + option.environment() + " .", at), std::string::npos) << option.path;
    }
}

TEST(Manual, FragmentHasNoLineThatMdocTakesForAMacroByMistake) {
    std::istringstream lines{man_fragment()};
    for (std::string line; std::getline(lines, line);) {
        EXPECT_FALSE(line.empty());
        EXPECT_FALSE(line.starts_with("'")) << line;
        if (line.starts_with(".")) {
            EXPECT_TRUE(line.size() > 2 && line[1] >= 'A' && line[1] <= 'Z') << line;
        }
    }
}

TEST(Dump, ReadsBackToTheSameConfiguration) {
    for (const auto& entry : fs::directory_iterator{source / "tests/unit/config"}) {
        if (!entry.path().filename().string().starts_with("good_")) continue;
        const auto loaded = parse(read_text(entry.path()), entry.path(), {{"STSMAPD_FETCH_TIMEOUT", "77"}});
        ASSERT_TRUE(loaded) << entry.path();
        const auto again = parse(dump(*loaded), "dump", {});
        ASSERT_TRUE(again) << entry.path() << ": " << to_string(again.error().front());
        EXPECT_EQ(again->config, loaded->config) << entry.path();
        EXPECT_EQ(again->origins.size(), options().size());
    }
}

TEST(Dump, SaysWhereEachValueCameFrom) {
    const auto loaded = parse("\ndeadline = 5\n[fetch]\nproxy = \"http://p:1\"\n", "/etc/x.toml",
                              {{"STSMAPD_STATE_DIR", "/srv/a \"b\" \\c"}});
    ASSERT_TRUE(loaded);
    const std::string text = dump(*loaded);
    for (const char* line :
         {"deadline = \"5s\" # /etc/x.toml:2\n", "proxy = \"http://p:1\" # /etc/x.toml:4\n",
          "threads = 1 # default\n", "\n[fetch]\n",
          "state_dir = \"/srv/a \\\"b\\\" \\\\c\" # environment STSMAPD_STATE_DIR\n"})
        EXPECT_NE(text.find(line), std::string::npos) << line << "in\n" << text;
}

TEST(Dump, SurvivesAFileNameWithALineBreak) {
    const auto loaded = parse("deadline = 5\n", "a\nthreads = 7", {});
    ASSERT_TRUE(loaded);
    const auto again = parse(dump(*loaded), "dump", {});
    ASSERT_TRUE(again) << to_string(again.error().front());
    EXPECT_EQ(again->config.threads, 1u);
}

} // namespace
