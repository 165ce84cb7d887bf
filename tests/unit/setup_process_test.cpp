// Running other programs, with a limit of time.
#include "tool/setup/process.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace {

using namespace std::chrono_literals;
using setup::run_program;

TEST(RunProgram, TakesOutputAndStatus) {
    const auto ran = run_program({"sh", "-c", "echo out; echo err >&2; exit 3"}, 10s);
    ASSERT_TRUE(ran) << ran.error();
    EXPECT_EQ(ran->out, "out\n");
    EXPECT_EQ(ran->err, "err\n");
    EXPECT_EQ(ran->status, 3);
    EXPECT_EQ(run_program({"sh", "-c", "kill -TERM $$"}, 10s)->status, 128 + 15);
}

TEST(RunProgram, GivesItNoInputAndAPlainLanguage) {
    EXPECT_EQ(run_program({"cat"}, 10s)->out, "");
    EXPECT_EQ(run_program({"sh", "-c", "echo $LC_ALL"}, 10s)->out, "C\n");
}

TEST(RunProgram, TakesLargeOutputOnBothStreams) {
    const auto ran = run_program({"sh", "-c", "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2"}, 20s);
    ASSERT_TRUE(ran) << ran.error();
    EXPECT_EQ(ran->out.size(), 300000U);
    EXPECT_EQ(ran->err.size(), 300000U);
}

TEST(RunProgram, KillsWhatTakesTooLongOrSaysTooMuch) {
    const auto began = std::chrono::steady_clock::now();
    for (const char* script : {"sleep 600", "sleep 600 & sleep 600",
                               "trap '' TERM; while :; do sleep 600; done", "exec >&- 2>&-; sleep 600"}) {
        const auto ran = run_program({"sh", "-c", script}, 100ms);
        ASSERT_FALSE(ran) << script;
        EXPECT_EQ(ran.error(), "sh took too long") << script;
    }
    const auto ran = run_program({"sh", "-c", "cat /dev/zero"}, 20s);
    ASSERT_FALSE(ran);
    EXPECT_EQ(ran.error(), "sh printed too much");
    EXPECT_LT(std::chrono::steady_clock::now() - began, 30s);
}

TEST(LastWords, AreTwoLinesOfComplaint) {
    const auto words = [](const char* err) { return setup::last_words({1, "", err}); };
    EXPECT_EQ(words(""), "");
    EXPECT_EQ(words("\n"), "");
    EXPECT_EQ(words("a\n"), "a");
    EXPECT_EQ(words("a\nb\nc\n\n"), "b; c");
    EXPECT_EQ(words("\x1b[0m"), "\\x1b[0m");
}

TEST(FailedByItsWords, TakesNoWarningForAFailure) {
    const auto failed = [](int status, const char* err) {
        return setup::failed_by_its_words({status, "", err});
    };
    EXPECT_FALSE(failed(1, ""));
    EXPECT_FALSE(failed(1, "postmap: warning: main.cf, line 3: overriding earlier entry: a=b\n"));
    EXPECT_FALSE(failed(0, "postmap: error: x\n"));
    EXPECT_TRUE(failed(1, "postmap: fatal: open database /x.db: No such file or directory\n"));
    EXPECT_TRUE(failed(1, "postmap: warning: x\npostmap: error: y\n"));
    EXPECT_TRUE(failed(6, "postfix/smtp: panic: z\n"));
}

TEST(RunProgram, SaysWhatIsMissing) {
    EXPECT_EQ(run_program({"no-such-program-here"}, 1s).error(), "no-such-program-here is not installed");
    EXPECT_NE(run_program({"/no/such/program"}, 1s).error().find("No such file"), std::string::npos);
}

} // namespace
