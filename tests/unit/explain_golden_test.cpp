// Saved evidence of many situations, and what `stsmap explain` says about it: the page, the verdict, the exit status.
// tests/unit/explain/NAME.json is the evidence, NAME.txt the page (TZ=UTC stsmap explain --from NAME.json),
// NAME.verdict.json the verdict (the member of the same name with --json).
#include "tool/explain/command_line.hpp"
#include "tool/explain/document.hpp"
#include "tool/explain/judge.hpp"
#include "tool/explain/print.hpp"
#include "tool/show/safe_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace {

using namespace explain;
namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

std::string content(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    EXPECT_TRUE(in) << file;
    return {std::istreambuf_iterator<char>(in), {}};
}

fs::path folder() { return fs::path(STSMAPD_SOURCE_DIR) / "tests/unit/explain"; }

Evidence evidence_of(const std::string& name) {
    const auto document = parse_document(content(folder() / (name + ".json")));
    EXPECT_TRUE(document) << document.error();
    auto evidence = read_evidence(*document);
    EXPECT_TRUE(evidence) << name << ": " << evidence.error();
    admit(*evidence);
    return std::move(*evidence);
}

std::string page_of(const Evidence& evidence, bool colour = false) {
    std::ostringstream out;
    print(evidence, judge(evidence), {.colour = colour, .zone = [](Instant) { return seconds{0}; }}, out);
    return out.str();
}

/// Each situation, and the exit status.
struct Case {
    const char* name;
    base::Exit exit;
};
constexpr Case cases[] = {
    {"enforced", base::Exit::done},
    {"shared", base::Exit::done},
    {"testing", base::Exit::done},
    {"no_policy", base::Exit::done},
    {"hosts_not_found", base::Exit::trouble},
    {"no_such_domain", base::Exit::trouble},
    {"hosts_not_looked_at", base::Exit::done},
    {"broken_dns", base::Exit::done},
    {"host_down_without_policy", base::Exit::done},
    {"host_down_with_policy", base::Exit::done},
    {"changed", base::Exit::trouble},
    {"override", base::Exit::done},
    {"override_secure", base::Exit::done},
    {"held_back", base::Exit::done},
    {"observe", base::Exit::done},
    {"dane", base::Exit::done},
    {"temp", base::Exit::trouble},
    {"not_admitted", base::Exit::trouble},
    {"not_asked_yet", base::Exit::done},
    {"relay", base::Exit::done},
    {"no_daemon", base::Exit::unreachable},
    {"strange", base::Exit::done},
};

TEST(ExplainGolden, SaysTheSameOfEachSituation) {
    for (const Case& each : cases) {
        SCOPED_TRACE(each.name);
        const Evidence evidence = evidence_of(each.name);
        EXPECT_EQ(page_of(evidence), content(folder() / (std::string(each.name) + ".txt")));
        const Json whole = to_json(evidence, judge(evidence));
        EXPECT_EQ(whole.at("verdict").dump(2, ' ', false, Json::error_handler_t::replace) + '\n',
                  content(folder() / (std::string(each.name) + ".verdict.json")));
    }
}

TEST(ExplainGolden, HasAFileForEachCaseAndNoOther) {
    std::size_t files = 0;
    for (const auto& entry : fs::directory_iterator(folder())) {
        ++files;
        const std::string name = entry.path().filename().string();
        EXPECT_TRUE(std::ranges::any_of(cases, [&](const Case& each) { return name.starts_with(each.name); }))
            << name;
    }
    EXPECT_EQ(files, 3 * std::size(cases));
}

TEST(ExplainGolden, ComesBackFromItsOwnDocument) {
    for (const Case& each : cases) {
        SCOPED_TRACE(each.name);
        const Evidence evidence = evidence_of(each.name);
        const std::string first = to_json(evidence, judge(evidence)).dump();
        const auto document = parse_document(first);
        ASSERT_TRUE(document);
        auto again = read_evidence(*document);
        ASSERT_TRUE(again) << again.error();
        admit(*again);
        EXPECT_EQ(again->daemon, evidence.daemon);
        EXPECT_EQ(again->live, evidence.live);
        EXPECT_EQ(again->postfix, evidence.postfix);
        EXPECT_EQ(to_json(*again, judge(*again)).dump(), first);
    }
}

TEST(ExplainGolden, EndsWithItsStatus) {
    for (const Case& each : cases) {
        std::istringstream in;
        std::ostringstream out, err;
        const tool::World world{.in = in, .out = out, .err = err, .zone = [](Instant) { return seconds{0}; }};
        EXPECT_EQ(report(evidence_of(each.name), false, world), each.exit) << each.name;
    }
}

TEST(ExplainPage, StaysWithinEightyColumns) {
    for (const Case& each : cases) {
        std::istringstream page(page_of(evidence_of(each.name)));
        for (std::string line; std::getline(page, line);)
            EXPECT_TRUE(line.starts_with("Log ") || tool::columns(line) <= 80) << each.name << ": " << line;
    }
}

TEST(ExplainPage, LetsNothingOfOthersThrough) {
    const Evidence evidence = evidence_of("strange");
    const std::string page = page_of(evidence);
    for (const char c : page) EXPECT_TRUE(c == '\n' || (c >= ' ' && c < 0x7f));
    EXPECT_THAT(judge(evidence).command, Not(HasSubstr("`")));
    EXPECT_THAT(judge(evidence).command, Not(HasSubstr("$")));
}

TEST(ExplainPage, HasColoursOnlyWhenAsked) {
    EXPECT_THAT(page_of(evidence_of("temp"), true), HasSubstr("\x1b[1;31mmail waits\x1b[0m"));
    EXPECT_THAT(page_of(evidence_of("temp")), Not(HasSubstr("\x1b")));
}

/// A document with one member changed; "" removes it.
std::string changed(const std::string& pointer, const std::string& value) {
    Json document = Json::parse(content(folder() / "enforced.json"));
    const Json::json_pointer place(pointer);
    if (value.empty())
        document.at(place.parent_pointer()).erase(place.back());
    else
        document[place] = Json::parse(value);
    return document.dump();
}

TEST(ExplainDocument, NamesThePlaceOfAnError) {
    struct {
        const char *pointer, *value, *problem;
    } const all[] = {
        {"/schema", "2", "JSON of another schema than 1"},
        {"/asked", "7", "asked: not a text"},
        {"/at", "\"yesterday\"", "at: not a time like 2026-11-28T20:35:20Z"},
        {"/daemon", "", "daemon: missing"},
        {"/daemon", "[]", "daemon: not an object"},
        {"/daemon/answer", "\"perhaps\"", "daemon.answer: \"perhaps\" is no such word"},
        {"/daemon/replies/sts", "", "daemon.replies.sts: missing"},
        {"/daemon/policy/mx/1", "{}", "daemon.policy.mx[1]: not a text"},
        {"/daemon/policy/max_age_s", "-1", "daemon.policy.max_age_s: not a whole number of 0 or more"},
        {"/daemon/policy/expired", "\"no\"", "daemon.policy.expired: neither true nor false"},
        {"/daemon/events/0/last", "\"2026-02-30T00:00:00Z\"",
         "daemon.events[0].last: not a time like "
         "2026-11-28T20:35:20Z"},
        {"/live/mx/0", "7", "live.mx[0]: not an object"},
        {"/live/mx", "{}", "live.mx: not a list"},
        {"/postfix/version", "\"new\"", "postfix.version: not a version like 3.10.5"},
    };
    for (const auto& each : all) {
        SCOPED_TRACE(each.pointer);
        const auto document = parse_document(changed(each.pointer, each.value));
        const std::string problem = !document ? document.error() : [&] {
            const auto evidence = read_evidence(*document);
            return evidence ? std::string("none") : evidence.error();
        }();
        EXPECT_EQ(problem, each.problem);
    }
}

TEST(ExplainDocument, TakesMembersThatItDoesNotKnow) {
    const auto document = parse_document(changed("/daemon/policy/flavour", "\"new\""));
    ASSERT_TRUE(document);
    EXPECT_TRUE(read_evidence(*document));
}

TEST(ExplainDocument, HasBounds) {
    EXPECT_EQ(parse_document(std::string(max_document + 1, ' ')).error(),
              "longer than " + std::to_string(max_document) + " octets");
    EXPECT_FALSE(
        parse_document("{\"schema\":1,\"x\":" + std::string(100000, '[') + std::string(100000, ']') + "}"));
    std::string list = "[\"a\"";
    for (std::size_t i = 0; i < max_items; ++i) list += ",\"a\"";
    const auto long_list = parse_document(changed("/daemon/policy/mx", list + "]"));
    ASSERT_TRUE(long_list);
    EXPECT_EQ(read_evidence(*long_list).error(), "daemon.policy.mx: too long");
}

TEST(ExplainReasons, HaveWords) {
    EXPECT_EQ(meaning("no-record"), "the domain shows no MTA-STS record in DNS");
    EXPECT_EQ(meaning("a-new-one"), "a-new-one");
}

} // namespace
