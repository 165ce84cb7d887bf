// What the commands over the control socket print for people.
#include "tool/control/texts.hpp"

#include "tool/cli/input.hpp"
#include "tool/control/warming.hpp"
#include "tool/show/safe_text.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "support/temp_folder.hpp"

namespace {

using base::Instant;
using base::seconds;
using tool::Json;
using tool::Learnt;

const tool::Zone cet = [](Instant) { return seconds{3600}; };
const tool::Moment moment{*tool::parse_time("2026-11-28T20:35:20Z"), cet};

Json json(std::string_view text) { return Json::parse(text); }

/// No line is wider than a page.
void expect_narrow(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        EXPECT_LE(tool::columns(line), tool::page_columns) << line;
}

TEST(ControlTexts, OfAList) {
    const std::pair<const char*, const char*> table[] = {
        {R"({"domain":"a.example","mode":"enforce","expires_at":"2026-12-05T20:35:20Z","answer":"secure",
             "last_asked":"2026-11-28T20:30:20Z","failures":0})",
         "a.example                  enforce secure       7d    5m\n"},
        {R"({"domain":"b.example","mode":"testing","expires_at":"2026-11-28T20:00:00Z","answer":"notfound",
             "failures":12,"reason":"http-status"})",
         "b.example                  testing notfound   over     -  12 http-status\n"},
        {R"({"domain":"an-extremely-long-name-that-takes-more-than-its-column.example","mode":"enforce"})",
         "an-extremely-long-name-that-takes-more-than-its-column.example\n"
         "                           enforce -             -     -\n"},
        {R"({"domain":7,"mode":[],"expires_at":"soon","failures":"x"})",
         "-                          -       -             -     -\n"},
    };
    for (const auto& [line, want] : table) {
        EXPECT_EQ(tool::list_row(json(line), moment), want);
        expect_narrow(tool::list_row(json(line), moment));
    }
    EXPECT_EQ(tool::list_head(), "DOMAIN                     MODE    ANSWER     ENDS ASKED  FAILURES\n");
}

TEST(ControlTexts, OfADomain) {
    const std::string text =
        tool::domain_text(json(R"({"domain":"a.example","answer":"notfound","rule":"override",
        "hidden":"secure","known":"policy","policy":{"mode":"enforce","mx":["mx1.a.example","*.b.example"],
        "fetched_at":"2026-11-28T20:30:20Z","expires_at":"2026-12-05T20:35:20Z"},
        "txt":{"id":"20261128","next_check_at":"2026-11-28T20:40:20Z"},
        "get":{"failures":3,"reason":"http-status","detail":"status 404"},"dane":{"verdict":"sts"}})"),
                          moment);
    EXPECT_EQ(text, "a.example\n"
                    "  answer:   notfound, by rule override; hides secure\n"
                    "  policy:   enforce\n"
                    "  mx:       mx1.a.example *.b.example\n"
                    "  fetched:  2026-11-28 21:30:20+01:00, 5 min ago\n"
                    "  expires:  2026-12-05 21:35:20+01:00, in 7 days\n"
                    "  txt id:   20261128, next check 2026-11-28 21:40:20+01:00, in 5 min\n"
                    "  fetch:    3 failures in a row: http-status (status 404)\n"
                    "  dane:     sts\n");
    EXPECT_EQ(tool::domain_text(
                  json(R"({"domain":"b.example","answer":"notfound","rule":"none","reason":"no-record",
                                         "known":"absence"})"),
                  moment),
              "b.example\n  answer:   notfound, by rule none, reason no-record\n  policy:   none\n");
    EXPECT_EQ(tool::forgotten_text(json(R"({"domain":"a.example","mode":"enforce",
                                            "expires_at":"2026-12-05T20:35:20Z"})"),
                                   moment),
              "forgot a.example: its policy (enforce) would have been valid until 2026-12-05\n"
              "21:35:20+01:00, in 7 days\n");
    EXPECT_EQ(tool::forgotten_text(json(R"({"domain":"a.example"})"), moment), "forgot a.example\n");
}

TEST(ControlTexts, OfAnImport) {
    EXPECT_EQ(tool::import_text(json(R"({"taken":1,"older":2,"expired":3,"future":0,"invalid":[],
                                         "invalid_count":0})")),
              "1 policy taken; left: 2 older than what is known, 3 expired, 0 from the future,\n0 invalid\n");
    const std::string text = tool::import_text(json(R"({"taken":1200,"older":0,"expired":0,"future":0,
        "invalid":[{"line":7,"words":"not \u001b[2J JSON"}],"invalid_count":30,"overrides_taken":0,
        "overrides_left":4})"));
    EXPECT_NE(text.find("1,200 policies taken"), std::string::npos) << text;
    EXPECT_NE(text.find("0 overrides taken, 4 left (they are taken with --overrides)\n"), std::string::npos)
        << text;
    EXPECT_NE(text.find("line 7: not \\x1b[2J JSON\n"), std::string::npos) << text;
    EXPECT_NE(text.find("and 29 invalid lines more\n"), std::string::npos) << text;
}

TEST(ControlTexts, OfAnEvent) {
    const Json failed = json(R"({"at":"2026-11-28T20:35:20Z","event":"policy-failed","level":"warning",
        "fields":{"domain":"a.example","reason":"http-status","detail":"status \"404\"","failures":3,"e":""}})");
    EXPECT_EQ(tool::event_text(failed, moment, false),
              "2026-11-28 21:35:20+01:00 warning policy-failed domain=a.example reason=http-status "
              "detail=\"status \\\"404\\\"\" failures=3 e=\"\"\n");
    const std::string narrow = tool::event_text(failed, moment, true);
    EXPECT_EQ(narrow, "2026-11-28 21:35:20+01:00 warning policy-failed domain=a.example\n"
                      "                                  reason=http-status detail=\"status \\\"404\\\"\"\n"
                      "                                  failures=3 e=\"\"\n");
    expect_narrow(narrow);
    EXPECT_EQ(tool::event_text(json(R"({"lost":5})"), moment, true), "5 events lost: not read fast enough\n");
    EXPECT_EQ(tool::event_text(json(R"({"at":"\u001b[2J","event":"x\n","fields":{"a\n":"b\u0007"}})"), moment,
                               false),
              "\\x1b[2J -       x\\x0a a\\x0a=b\\x07\n");
}

TEST(ControlTexts, OfAnOverride) {
    const std::string text = tool::override_text(json(R"j({"domain":".a.example","action":"secure",
        "match":["mx.b.example","*.c.example"],"until":"2026-12-12T00:00:00Z",
        "reason":"their certificate has expired, and the partner has promised to renew it before the month is over",
        "weakens":true,"source":"run-time","added_at":"2026-11-28T20:30:20Z","added_by":"uid 0 (alice, unverified)",
        "hides":"secure","applies":true,"ended":false,"still_needed":"yes","why_needed":"other names than its policy"})j"),
                                                 moment);
    EXPECT_EQ(text, ".a.example  secure\n"
                    "    match:  mx.b.example *.c.example\n"
                    "    until:  2026-12-12 01:00:00+01:00, in 13 days\n"
                    "    reason: their certificate has expired, and the partner has promised to renew\n"
                    "            it before the month is over\n"
                    "    added:  2026-11-28 21:30:20+01:00, 5 min ago, by uid 0 (alice, unverified)\n"
                    "    hides:  secure\n"
                    "    needed: yes: other names than its policy\n");
    EXPECT_EQ(tool::override_text(
                  json(R"({"domain":"b.example","action":"off","reason":"x","source":"configuration",
                                           "applies":false,"hides":"dane-only"})"),
                  moment),
              "b.example  off\n"
              "    until:  no end\n"
              "    reason: x\n"
              "    added:  in the configuration\n"
              "    hides:  dane-only\n"
              "    state:  held back: it does not say that it weakens\n");
}

TEST(ControlTexts, OfAnOverrideForManyDomains) {
    EXPECT_EQ(
        tool::override_text(json(R"({"domain":".a.example","action":"may","reason":"x","source":"run-time",
        "added_at":"2026-11-28T20:30:20Z","hides":"secure","domains_known":7,"domains_weakened":3,
        "weakened":["b.a.example","c.a.example"],"applies":true})"),
                            moment),
        ".a.example  may\n"
        "    until:  no end\n"
        "    reason: x\n"
        "    added:  2026-11-28 21:30:20+01:00, 5 min ago\n"
        "    hides:  secure (7 domains known)\n"
        "    weaker: b.a.example c.a.example and 1 domain more\n");
    EXPECT_NE(
        tool::override_text(json(R"({"domain":"a.example","action":"dane-only","applies":false})"), moment)
            .find("not in force: DANE is not used here"),
        std::string::npos);
}

TEST(ControlTexts, OfWhatWasObserved) {
    EXPECT_EQ(tool::observed_text(json(R"({"domains":0,"lookups":0,"would":{},"top":[]})"), moment),
              "nothing is observed yet\n");
    const std::string text =
        tool::observed_text(json(R"({"since":"2026-11-21T20:35:20Z","domains":21,"lookups":12345,
        "would":{"secure":{"domains":20,"lookups":12000},"dane-only":{"domains":1,"lookups":345}},
        "top":[{"domain":"a.example","would":"secure","lookups":9000,"first":"2026-11-21T20:35:20Z",
                "last":"2026-11-28T20:35:15Z"}],"forgotten":1})"),
                            moment);
    EXPECT_EQ(text, "12,345 lookups of 21 domains got no opinion because they are observed, since\n"
                    "2026-11-21 21:35:20+01:00, 7 days ago.\n"
                    "They would have got:\n\n"
                    "  secure            20 domains      12,000 lookups\n"
                    "  dane-only           1 domain         345 lookups\n\n"
                    "DOMAIN                           WOULD GET     LOOKUPS   FIRST    LAST\n"
                    "a.example                        secure          9,000      7d      5s\n\n"
                    "1 domain more had no room and count in the sums only.\n");
    expect_narrow(text);
}

TEST(ControlTexts, WrapAtTheEndOfThePage) {
    EXPECT_EQ(tool::wrapped("", ""), "\n");
    EXPECT_EQ(tool::wrapped("head: ", "a  b "), "head: a b\n");
    EXPECT_EQ(tool::wrapped("> ", std::string(100, 'x') + " y"), "> " + std::string(100, 'x') + "\n  y\n");
    std::string words;
    for (int i = 0; i < 100; ++i) words += "word ";
    expect_narrow(tool::wrapped("    ", words));
}

TEST(Warming, KeepsItsPace) {
    using namespace std::chrono_literals;
    const tool::Pace::Time start{};
    tool::Pace pace(10, start);
    EXPECT_EQ(pace.take(start), std::nullopt) << "the first at once";
    EXPECT_EQ(pace.take(start), 100ms);
    EXPECT_EQ(pace.take(start + 60ms), 40ms);
    EXPECT_EQ(pace.take(start + 100ms), std::nullopt);
    pace.give_back();
    EXPECT_EQ(pace.take(start + 100ms), std::nullopt) << "what cost nothing does not count";
    int taken = 0;
    for (auto now = start + 1h; !pace.take(now) && taken < 100;) ++taken;
    EXPECT_EQ(taken, 10) << "a second's at most after a pause";
    tool::Pace slow(0.5, start);
    EXPECT_EQ(slow.take(start), std::nullopt);
    EXPECT_EQ(slow.take(start), 2s);
    EXPECT_EQ(slow.take(start + 2s), std::nullopt);
    EXPECT_EQ(slow.take(start + 1s), 2s) << "a clock that goes back earns nothing";
}

TEST(Warming, JudgesWhatWasLearnt) {
    const std::pair<const char*, Learnt> table[] = {
        {R"({"known":true,"answer":"secure","mode":"enforce"})", Learnt::known},
        {R"({"known":false,"answer":"secure","mode":"enforce"})", Learnt::found},
        {R"({"known":false,"answer":"notfound","mode":"testing"})", Learnt::found},
        {R"({"known":false,"answer":"dane-only","reason":"no-record"})", Learnt::found},
        {R"({"known":false,"answer":"notfound","mode":"none"})", Learnt::none},
        {R"({"known":false,"answer":"notfound","reason":"no-record"})", Learnt::none},
        {R"({"known":false,"answer":"notfound","reason":"http-status"})", Learnt::failing},
        {R"({"known":false,"answer":"temp","reason":"deadline"})", Learnt::failing},
    };
    for (const auto& [reply, want] : table) EXPECT_EQ(tool::judge_learnt(json(reply)), want) << reply;
}

TEST(Warming, SaysHowFarItIs) {
    tool::Warmed warmed;
    warmed.all = 5000;
    for (int i = 0; i < 97; ++i) warmed.count(Learnt::found);
    for (int i = 0; i < 3; ++i) warmed.count(Learnt::failing);
    EXPECT_EQ(tool::progress_text(warmed, 9.84),
              "100 of 5,000, 9.8 a second, 97 found, 3 failing, 8 min left");
    EXPECT_EQ(tool::progress_text(warmed, 0), "100 of 5,000, 0.0 a second, 97 found, 3 failing");
    warmed.count(Learnt::refused);
    EXPECT_EQ(tool::warmed_text(warmed, seconds{130}),
              "5,000 domains: 0 known before, 97 found, 0 without a policy, 3 failing, 1\nrefused; 2 min\n"
              "4,899 left: the same command goes on with them\n");
    EXPECT_EQ(tool::warmed_json(warmed, seconds{130})["left"], 4899);
    EXPECT_LE(
        tool::progress_text({.all = 99'999'999, .found = 9'999'999, .failing = 9'999'999}, 1000.0).size(),
        79U);
}

TEST(Warming, ShowsItsProgressOnceAPeriod) {
    using namespace std::chrono_literals;
    const tool::Progress::Time begin{};
    tool::Progress progress{10s, begin};
    EXPECT_EQ(progress.next(), begin + 10s);
    tool::Warmed warmed;
    warmed.all = 1000;
    warmed.found = 50;
    EXPECT_EQ(progress.due(warmed, begin), "");
    EXPECT_EQ(progress.due(warmed, begin + 9999ms), "");
    EXPECT_EQ(progress.due(warmed, begin + 10s),
              "50 of 1,000, 5.0 a second, 50 found, 0 failing, 3 min left");
    EXPECT_EQ(progress.due(warmed, begin + 10s), "");
    EXPECT_EQ(progress.next(), begin + 20s);
    warmed.found = 250;
    EXPECT_EQ(progress.due(warmed, begin + 20s),
              "250 of 1,000, 12.5 a second, 250 found, 0 failing, 60 s left");
    // The process stood still: one line, not three, and the next one a period later.
    EXPECT_NE(progress.due(warmed, begin + 55s), "");
    EXPECT_EQ(progress.due(warmed, begin + 55s), "");
    EXPECT_EQ(progress.next(), begin + 65s);
    // The rate is that of the last half minute.
    EXPECT_EQ(progress.due(warmed, begin + 65s), "250 of 1,000, 0.0 a second, 250 found, 0 failing");
    warmed.found = 260;
    EXPECT_EQ(progress.due(warmed, begin + 75s),
              "260 of 1,000, 0.5 a second, 260 found, 0 failing, 24 min left");
}

TEST(Warming, ShowsItsProgressOftenOnATerminal) {
    using namespace std::chrono_literals;
    const tool::Progress::Time begin{};
    tool::Progress progress{500ms, begin};
    const tool::Warmed warmed{.all = 2, .found = 1};
    for (int i = 1; i <= 1000; ++i) EXPECT_NE(progress.due(warmed, begin + i * 500ms), "") << i;
    EXPECT_EQ(progress.next(), begin + 1001 * 500ms);
}

TEST(ToolInput, ReadsNames) {
    std::istringstream in("A.example\n# a comment\n\n  b.example  more\r\na.EXAMPLE\nc.example,d\n" +
                          std::string(5000, 'x'));
    const auto names = tool::read_names(in);
    ASSERT_EQ(names.size(), 4U);
    EXPECT_EQ(names[0], "a.example");
    EXPECT_EQ(names[1], "b.example");
    EXPECT_EQ(names[2], "c.example");
    EXPECT_EQ(names[3].size(), 1000U);
}

TEST(ToolInput, GivesPieces) {
    std::istringstream standard("from the input");
    tool::Input input("-", standard);
    EXPECT_EQ(input.problem(), "");
    EXPECT_EQ(input.piece(), "from the input");
    EXPECT_EQ(input.piece(), std::nullopt);

    const test::TempFolder folder;
    std::ofstream(folder / "file") << std::string(100'000, 'x');
    tool::Input file(folder / "file", standard);
    EXPECT_EQ(file.problem(), "");
    EXPECT_EQ(file.piece()->size(), 65536U);
    EXPECT_EQ(file.piece()->size(), 100'000U - 65536U);
    EXPECT_EQ(file.piece(), std::nullopt);
    std::ofstream(folder / "empty").close();
    tool::Input empty(folder / "empty", standard);
    EXPECT_EQ(empty.problem(), "");
    EXPECT_EQ(empty.piece(), std::nullopt);
    EXPECT_EQ(tool::Input(folder / "none", standard).problem(),
              "cannot read " + (folder / "none") + ": No such file or directory");
    EXPECT_EQ(tool::Input(folder.path().string(), standard).problem(),
              "cannot read " + folder.path().string() + ": Is a directory");
}

} // namespace
