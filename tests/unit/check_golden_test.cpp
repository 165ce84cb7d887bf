// Saved evidence of many situations, and what `stsmap check` says about it: tests/unit/check/NAME.json is the evidence,
// NAME.txt the page (TZ=UTC stsmap check --from NAME.json), NAME.verdict.json the members of judgement (--json).
#include "tool/check/document.hpp"
#include "tool/check/judge.hpp"
#include "tool/check/judge_document.hpp"
#include "tool/check/print.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace {

using namespace check;
namespace fs = std::filesystem;

std::string content(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    EXPECT_TRUE(in) << file;
    return {std::istreambuf_iterator<char>(in), {}};
}

fs::path folder() { return fs::path(STSMAPD_SOURCE_DIR) / "tests/unit/check"; }

/// Each situation, and the exit status.
struct Case {
    const char* name;
    base::Exit exit;
};
constexpr Case cases[] = {
    {"good", base::Exit::done},          {"testing", base::Exit::done},
    {"mode_test", base::Exit::done},     {"self_signed", base::Exit::trouble},
    {"no_policy", base::Exit::done},     {"not_admitted", base::Exit::trouble},
    {"no_smtp", base::Exit::unreachable}, {"strange", base::Exit::done},
};

Evidence evidence_of(const std::string& name) {
    auto evidence = read_evidence(content(folder() / (name + ".json")));
    EXPECT_TRUE(evidence) << name << ": " << evidence.error();
    return std::move(*evidence);
}

TEST(CheckGolden, SaysTheSameOfEachSituation) {
    for (const Case& each : cases) {
        SCOPED_TRACE(each.name);
        const Evidence evidence = evidence_of(each.name);
        const Judgement judgement = judge(evidence);
        std::ostringstream page;
        print(evidence, judgement, {.colour = false, .zone = [](base::Instant) { return base::seconds{0}; }}, page);
        EXPECT_EQ(page.str(), content(folder() / (std::string(each.name) + ".txt")));
        explain::Json members = explain::Json::object();
        put_judgement(members, judgement);
        EXPECT_EQ(members.dump(2, ' ', true, explain::Json::error_handler_t::replace) + '\n',
                  content(folder() / (std::string(each.name) + ".verdict.json")));
        EXPECT_EQ(exit_of(judgement), each.exit);
    }
}

TEST(CheckGolden, HasAFileForEachCaseAndNoOther) {
    std::size_t files = 0;
    for (const auto& entry : fs::directory_iterator(folder())) {
        ++files;
        const std::string name = entry.path().filename().string();
        EXPECT_TRUE(std::ranges::any_of(cases, [&](const Case& each) { return name.starts_with(each.name); }))
            << name;
    }
    EXPECT_EQ(files, 3 * std::size(cases));
}

TEST(CheckGolden, LetsNothingOfOthersThrough) {
    const std::string page = content(folder() / "strange.txt");
    EXPECT_TRUE(std::ranges::all_of(page, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
    std::istringstream lines(page);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
}

} // namespace
