// The table of findings: every row is whole and used, and the manual has them all.
#include "tool/findings/show.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace {

using namespace findings;

std::string text_of(const std::filesystem::path& path) {
    std::ifstream in{path};
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

TEST(Findings, EachRowIsWhole) {
    std::set<std::string_view> ids;
    for (const Row& row : table()) {
        SCOPED_TRACE(row.id);
        EXPECT_TRUE(ids.insert(row.id).second) << "twice";
        EXPECT_EQ(row.id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-"), row.id.npos);
        EXPECT_FALSE(row.title.empty() || row.title.ends_with('.'));
        EXPECT_TRUE(row.means.ends_with('.')) << "whole sentences";
        EXPECT_TRUE(row.todo.empty() || row.todo.ends_with('.') || row.todo.ends_with("..."));
        const bool bad = row.severity == Severity::error || row.severity == Severity::warning;
        EXPECT_TRUE(!bad || !row.todo.empty()) << "what is bad has a way out";
        EXPECT_EQ(findings::row(row.id), &row);
    }
    EXPECT_EQ(row("no-such"), nullptr);
    EXPECT_THROW((void)found("no-such"), std::logic_error);
}

/// By a string literal in the tool, outside the table itself.
TEST(Findings, EachIsUsed) {
    std::string sources;
    for (const auto& file : std::filesystem::recursive_directory_iterator(STSMAPD_SOURCE_DIR "/src/tool"))
        if (file.path().extension() == ".cpp" &&
            file.path().string().find("/findings/table_") == std::string::npos)
            sources += text_of(file.path());
    ASSERT_GT(sources.size(), 100000u);
    for (const Row& row : table())
        EXPECT_NE(sources.find('"' + std::string(row.id) + '"'), std::string::npos)
            << row.id << " is never found";
}

TEST(Findings, TheManualIsMadeOfTheTable) {
    const std::string page = text_of(STSMAPD_SOURCE_DIR "/man/stsmap-findings.7");
    const std::string begin =
                          ".\\\" The list up to END FINDINGS is the output of stsmap --print-man-findings.\n",
                      end = ".\\\" END FINDINGS\n";
    const std::size_t from = page.find(begin) + begin.size(), to = page.find(end);
    ASSERT_NE(page.find(begin), std::string::npos);
    ASSERT_NE(to, std::string::npos);
    EXPECT_EQ(page.substr(from, to - from), manual())
        << "Write it again between its two markers with: stsmap --print-man-findings";
}

TEST(Findings, TheManualIsMdoc) {
    std::istringstream lines(manual());
    std::size_t items = 0;
    for (std::string line; std::getline(lines, line);) {
        SCOPED_TRACE(line);
        EXPECT_LE(line.size(), 120u);
        EXPECT_FALSE(line.empty());
        if (!line.starts_with('.')) continue;
        items += line.starts_with(".It Ic ") ? 1 : 0;
        EXPECT_TRUE(line.starts_with(".It Ic ") || line.starts_with(".Ss ") || line == ".El" ||
                    line == ".Bl -tag -width Ds");
    }
    EXPECT_EQ(items, table().size());
}

TEST(Findings, AreShownAsACompilerShowsThem) {
    Finding finding = found("policy-mode-unknown");
    finding.line = 2;
    finding.column = 7;
    finding.quote = "mode: test\x1b[31m";
    finding.hint = "did you mean \"mode: testing\"?";
    EXPECT_EQ(shown_in("mta-sts.txt", finding),
              "mta-sts.txt:2:7: error: mode is not enforce, testing or none [policy-mode-unknown]\n"
              "    mode: test\\x1b[31m\n"
              "          ^\n"
              "    did you mean \"mode: testing\"?\n");
    Finding whole = found("policy-mx-missing");
    whole.about = "example.com";
    whole.words = "there was one";
    EXPECT_EQ(shown_in("", whole),
              "error: example.com: there is no mx [policy-mx-missing]\n    there was one\n");
    Finding good = found("policy-good");
    good.words = "the policy is valid: mode none";
    EXPECT_EQ(shown_in("x", good), "x: fine: the policy is valid: mode none [policy-good]\n");
}

/// The mark stands below its octet's column, however the octets before it are shown.
TEST(Findings, PutTheMarkBelowItsColumn) {
    Finding finding = found("policy-not-utf8");
    finding.line = 1;
    finding.column = 4;
    finding.quote = "\xff\xc3\xa4z";
    EXPECT_EQ(shown_in("", finding),
              "1:4: error: a line is not UTF-8 [policy-not-utf8]\n    \\xff\xc3\xa4z\n         ^\n");
}

TEST(Findings, BecomeJson) {
    Finding finding = found("policy-mx-final-dot");
    EXPECT_EQ(to_json(finding).dump(), nlohmann::ordered_json({{"id", "policy-mx-final-dot"},
                                                               {"severity", "warning"},
                                                               {"title", finding.row->title},
                                                               {"means", finding.row->means},
                                                               {"todo", finding.row->todo},
                                                               {"source", "RFC 8461 section 4.1"}})
                                           .dump());
    finding.quote = "mx: a.\xff";
    finding.line = 3;
    finding.column = 5;
    const auto json = to_json(finding);
    EXPECT_EQ(json.at("quote"), "mx: a.\\xff");
    EXPECT_EQ(json.at("line"), 3);
    EXPECT_EQ(json.at("column"), 5);
}

} // namespace
