// The command line of stsmap: from options to the arguments of the commands.
#include "tool/tool.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <sstream>

namespace {

using Action = setup::CommandOptions::Action;

/// The tool with commands that only record their arguments.
struct Tool {
    tool::CommonOptions place;
    std::optional<setup::CommandOptions> setup_options;
    std::optional<doctor::CommandOptions> doctor_options;
    std::string out, err;

    int run(const std::vector<std::string>& arguments) {
        const tool::Commands commands{
            [this](const tool::CommonOptions& where, const setup::CommandOptions& options, std::ostream&,
                   std::ostream&) {
                place = where;
                setup_options = options;
                return static_cast<base::Exit>(7);
            },
            [this](const tool::CommonOptions& where, const doctor::CommandOptions& options, std::ostream&) {
                place = where;
                doctor_options = options;
                return static_cast<base::Exit>(8);
            }};
        std::istringstream in;
        std::ostringstream o, e;
        tool::World world{.in = in, .out = o, .err = e};
        const int status = tool::run_tool(arguments, world, commands);
        out = o.str();
        err = e.str();
        return status;
    }
};

TEST(ToolCommandLine, AsksForASetup) {
    Tool tool;
    EXPECT_EQ(tool.run({"postfix-setup"}), 7);
    EXPECT_EQ(tool.setup_options->action, Action::show);
    EXPECT_FALSE(tool.setup_options->wishes.replace_other_daemon ||
                 tool.setup_options->wishes.without_daemon);
    EXPECT_EQ(tool.run({"--config", "x.toml", "postfix-setup", "--apply", "--reload", "--replace",
                        "--without-daemon", "-c", "/etc/postfix-out"}),
              7);
    EXPECT_EQ(tool.setup_options->action, Action::apply);
    EXPECT_TRUE(tool.setup_options->reload);
    EXPECT_TRUE(tool.setup_options->wishes.replace_other_daemon);
    EXPECT_TRUE(tool.setup_options->wishes.without_daemon);
    EXPECT_EQ(tool.setup_options->survey.config_directory, "/etc/postfix-out");
    EXPECT_EQ(tool.place.config, "x.toml");
    EXPECT_EQ(tool.run({"--socket", "unix:/s", "postfix-setup", "--undo"}), 7);
    EXPECT_EQ(tool.setup_options->action, Action::undo);
    EXPECT_EQ(tool.place.socket, "unix:/s");
}

TEST(ToolCommandLine, AsksTheDoctor) {
    Tool tool;
    EXPECT_EQ(tool.run({"doctor"}), 8);
    EXPECT_EQ(tool.doctor_options->domain, "gmail.com");
    EXPECT_TRUE(tool.doctor_options->default_domain);
    EXPECT_EQ(tool.run({"doctor", "--json", "--domain", "Good.Example.", "-c", "/p"}), 8);
    EXPECT_EQ(tool.doctor_options->domain, "good.example");
    EXPECT_FALSE(tool.doctor_options->default_domain);
    EXPECT_TRUE(tool.doctor_options->json);
    EXPECT_EQ(tool.doctor_options->postfix_directory, "/p");
    EXPECT_FALSE(tool.doctor_options->quiet);
    EXPECT_EQ(tool.doctor_options->mx, "");
    EXPECT_EQ(tool.run({"doctor", "--quiet", "--mx",
                        "B\xc3\xbc"
                        "cher.Example"}),
              8);
    EXPECT_TRUE(tool.doctor_options->quiet);
    EXPECT_EQ(tool.doctor_options->mx, "xn--bcher-kva.example");
}

TEST(ToolCommandLine, RefusesWhatMakesNoSense) {
    const std::vector<std::string> table[] = {
        {"postfix-setup", "--apply", "--undo"},
        {"postfix-setup", "--reload"},
        {"postfix-setup", "--undo", "--replace"},
        {"postfix-setup", "--undo", "--without-daemon"},
        {"postfix-setup", "surplus"},
        {"doctor", "--domain", "not a domain"},
        {"doctor", "--mx", "not a domain"},
        {"doctor", "surplus"},
        {"doctor", "postfix-setup", "--nonsense"},
    };
    for (const auto& arguments : table) {
        Tool tool;
        EXPECT_EQ(tool.run(arguments), 2) << testing::PrintToString(arguments);
        EXPECT_NE(tool.err, "") << testing::PrintToString(arguments);
        EXPECT_EQ(tool.out, "");
        EXPECT_FALSE(tool.setup_options || tool.doctor_options);
    }
}

TEST(ToolCommandLine, HelpsWithEachCommand) {
    for (const char* command : {"postfix-setup", "doctor"}) {
        Tool tool;
        EXPECT_EQ(tool.run({command, "--help"}), 0);
        EXPECT_NE(tool.out.find("Exit status"), std::string::npos) << tool.out;
        EXPECT_EQ(tool.run({"--help"}), 0);
        EXPECT_NE(tool.out.find(command), std::string::npos);
    }
}

TEST(ToolCommandLine, SuggestsTheCommandThatIsMeant) {
    const std::tuple<std::vector<std::string>, std::string, std::string> table[] = {
        {{"docter"}, "there is no command \"docter\"; did you mean doctor?", ""},
        {{"qeury", "a.example"}, "there is no command \"qeury\"; did you mean query?", ""},
        {{"setup", "--apply"}, "there is no command \"setup\"; did you mean postfix-setup?", ""},
        {{"postfix_setup"}, "did you mean postfix-setup?", ""},
        {{"--socket", "unix:/s", "docter"}, "there is no command \"docter\"; did you mean doctor?", ""},
        {{"--config=x", "docter", "--json"}, "there is no command \"docter\"; did you mean doctor?", ""},
        {{"xyzzy"}, "there is no command \"xyzzy\"\n", "did you mean"},
        {{"a.example"}, "stsmap query a.example", "did you mean"},
        {{"[mx.a.example]:25"}, "stsmap query [mx.a.example]:25", "did you mean"},
        {{"doctor", "--jsno"}, "did you mean --json?", ""},
        {{"postfix-setup", "--aply", "--relaod"},
         "did you mean --apply?\nstsmap: did you mean --reload?",
         ""},
        {{"--scoket", "unix:/s", "doctor"}, "", ""},
        {{"doctor", "--nothing-like-it"}, "--nothing-like-it", "did you mean"},
        {{"overide", "list"}, "did you mean override?", ""},
        {{"override", "ad", "a.example"}, "did you mean add?", ""},
        {{"override", "add", "a.example", "off", "--untill", "7d", "--reason", "x"},
         "did you mean --until?",
         ""},
        {{"list", "--mode", "enforced"}, "--mode: enforced not in", ""},
        {{"list", "--expiring", "soon"}, "--expiring: a length of time is such as 12h or 7d", ""},
        {{"override", "add", "a.example", "off", "--reason", "x"}, "--until is required", ""},
        {{"\x1b[2J"}, "\\x1b[2J", "\x1b"},
    };
    for (const auto& [arguments, want, unwanted] : table) {
        Tool tool;
        EXPECT_EQ(tool.run(arguments), 2) << testing::PrintToString(arguments);
        EXPECT_NE(tool.err.find(want), std::string::npos) << testing::PrintToString(arguments) << tool.err;
        if (!unwanted.empty()) {
            EXPECT_EQ(tool.err.find(unwanted), std::string::npos) << tool.err;
        }
        EXPECT_EQ(tool.out, "");
        EXPECT_FALSE(tool.setup_options || tool.doctor_options);
    }
    Tool tool;
    (void)tool.run({"docter"});
    EXPECT_NE(tool.err.find("the commands are query, "), std::string::npos) << tool.err;
}

TEST(ToolCommandLine, PrintsTheLinesForMainCf) {
    Tool tool;
    EXPECT_EQ(tool.run({"postfix-setup", "--print-lines", "3.7.11"}), 0);
    EXPECT_TRUE(tool.out.starts_with("smtp_tls_policy_maps = socketmap:unix:stsmapd/socketmap:sts\n"))
        << tool.out;
    EXPECT_FALSE(tool.setup_options) << "nothing else is done";
    EXPECT_EQ(tool.run({"--socket", "tcp:127.0.0.1:8462", "postfix-setup", "--print-lines", "3.10.0"}), 0);
    EXPECT_TRUE(tool.out.starts_with("smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8462:sts-tlsrpt\n"))
        << tool.out;
    for (const std::vector<std::string>& bad :
         std::vector<std::vector<std::string>>{{"postfix-setup", "--print-lines", "new"},
                                               {"postfix-setup", "--apply", "--print-lines", "3.7.0"}}) {
        EXPECT_EQ(tool.run(bad), 2);
        EXPECT_EQ(tool.out, "");
    }
}

} // namespace
