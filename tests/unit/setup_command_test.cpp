// `stsmap postfix-setup` on a host of paper: what it prints, changes, leaves alone and takes back.
#include "setup/command.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

namespace {

using setup::CommandOptions;
using testing::HasSubstr;
using testing::Not;
using Action = CommandOptions::Action;

const std::string ours = "socketmap:unix:stsmapd/socketmap:sts";
const std::string main_cf = "/etc/postfix/main.cf";
const std::string fresh = "# a comment\nmyhostname = mail.example\nsmtp_tls_policy_maps = hash:/a\n";

/// Files in memory and a postconf that knows one line for a setting.
class PaperHost final : public setup::Host {
public:
    std::map<std::string, std::string> files{{main_cf, fresh}};
    std::map<std::string, std::string> daemons{
        {"unix:/var/spool/postfix/stsmapd/socketmap", "OK inactive: the resolver does not validate"}};
    std::vector<std::string> ran; ///< commands that change something
    std::string version = "3.7.11", refuse_to_run, refuse_to_write;
    unsigned writes = 0;
    bool link = false;

    base::Expected<setup::Ran, std::string> run(const std::vector<std::string>& given) override {
        std::vector<std::string> command = given;
        std::string whole;
        for (const std::string& word : command) whole += (whole.empty() ? "" : " ") + word;
        asked_file = main_cf;
        if (command.size() > 2 && command[1] == "-c") {
            asked_file = command[2] + "/main.cf";
            command.erase(command.begin() + 1, command.begin() + 3);
        }
        if (!refuse_to_run.empty() && whole.find(refuse_to_run) != std::string::npos)
            return setup::Ran{1, "", "postconf: fatal: no\n"};
        setup::Ran result;
        const std::string& what = command.at(1);
        auto set = setup::parse_parameters(files[asked_file]);
        if (what == "-n") {
            for (const auto& [name, value] : set) result.out += name + " = " + value + '\n';
        } else if (what == "-x") {
            set.insert({{"mail_version", version},
                        {"config_directory", "/etc/postfix"},
                        {"queue_directory", "/var/spool/postfix"},
                        {"smtp_tls_security_level", ""}});
            for (auto name = command.begin() + 2; name != command.end(); ++name)
                if (set.contains(*name)) result.out += *name + " = " + set.find(*name)->second + '\n';
        } else if (what == "-M") {
            result.out = "smtp unix - - y - - smtp\n";
        } else if (what == "-e" || what == "-X") {
            ran.push_back(whole);
            for (auto each = command.begin() + 2; each != command.end(); ++each)
                edit(each->substr(0, each->find(" =")),
                     what == "-e" ? std::optional(each->substr(each->find('=') + 1)) : std::nullopt);
        } else if (command[0] == "postfix") {
            ran.push_back(whole);
        }
        return result;
    }
    base::Expected<std::optional<std::string>, std::string> read(const std::string& file) override {
        const auto found = files.find(file);
        if (found == files.end()) return std::nullopt;
        return found->second;
    }
    base::Expected<void, std::string> write(const std::string& file, const std::string& content,
                                            const std::string&) override {
        if (!refuse_to_write.empty() && file.ends_with(refuse_to_write))
            return base::unexpected(file + ": No space left on device");
        ++writes;
        files[file] = content;
        return {};
    }
    void remove(const std::string& file) override { files.erase(file); }
    base::Expected<std::optional<std::string>, std::string>
    read_as(const std::string&, const std::string& root, const std::string& file) override {
        return read(root + file);
    }
    std::vector<std::vector<setup::ServerReply>>
    ask_servers(const std::vector<setup::AskedServer>& servers,
                const std::vector<setup::DnsLookup>& lookups) override {
        return {servers.size(), std::vector(lookups.size(), setup::ServerReply{true, true, true, ""})};
    }
    bool is_link(const std::string&) override { return link; }
    setup::CaFile ca_file(const std::string& path) override { return {path, true, 10}; }
    std::size_t ca_folder(const std::string&) override { return 0; }
    std::string system_ca() override { return "/ca.pem"; }
    base::Expected<std::string, std::string> status(const std::string& address, const std::string&) override {
        const auto found = daemons.find(address);
        if (found == daemons.end()) return base::unexpected(address + ": nobody");
        return found->second;
    }

private:
    std::string asked_file = main_cf;

    void edit(const std::string& name, const std::optional<std::string>& value) {
        std::string& text = files[asked_file];
        std::string edited;
        bool done = false;
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);) {
            if (!line.starts_with(name + " =")) {
                edited += line + '\n';
            } else if (value) {
                edited += name + " =" + *value + '\n';
                done = true;
            }
        }
        if (value && !done) edited += name + " =" + *value + '\n';
        text = edited;
    }
};

struct Outcome {
    setup::Exit exit;
    std::string out, err;
};

Outcome run(PaperHost& host, Action action, bool reload = false, const std::string& folder = {}) {
    CommandOptions options;
    options.action = action;
    options.reload = reload;
    options.survey.config_directory = folder;
    options.survey.listen = {"unix:/var/spool/postfix/stsmapd/socketmap", "tcp:127.0.0.1:8461"};
    std::ostringstream out, err;
    const setup::Exit exit = setup::postfix_setup(options, host, out, err);
    return {exit, out.str(), err.str()};
}

TEST(PostfixSetup, ShowsAndChangesNothing) {
    PaperHost host;
    const auto before = host.files;
    const Outcome shown = run(host, Action::show);
    EXPECT_EQ(shown.exit, setup::Exit::done);
    EXPECT_EQ(shown.err, "");
    EXPECT_THAT(shown.out, HasSubstr("smtp_tls_policy_maps = hash:/a, " + ours));
    EXPECT_THAT(shown.out, HasSubstr("now: hash:/a"));
    EXPECT_THAT(shown.out, HasSubstr("    postconf -e 'smtp_tls_policy_maps = hash:/a, " + ours + "'\n"));
    EXPECT_THAT(shown.out, HasSubstr("    postfix reload\n"));
    EXPECT_EQ(host.files, before);
    EXPECT_TRUE(host.ran.empty());
}

TEST(PostfixSetup, AppliesOnceAndTakesItBack) {
    PaperHost host;
    const Outcome applied = run(host, Action::apply);
    EXPECT_EQ(applied.exit, setup::Exit::done) << applied.err;
    EXPECT_THAT(applied.out, HasSubstr("postfix reload"));
    EXPECT_THAT(host.files[main_cf], HasSubstr("smtp_tls_policy_maps = hash:/a, " + ours + "\n"));
    EXPECT_THAT(host.files[main_cf], HasSubstr("# a comment\n"));
    EXPECT_EQ(host.files[main_cf + ".stsmap-before"], fresh);
    ASSERT_EQ(host.ran.size(), 1U) << "one edit";

    const auto settled = host.files;
    const unsigned writes = host.writes;
    const Outcome again = run(host, Action::apply, true);
    EXPECT_EQ(again.exit, setup::Exit::done);
    EXPECT_THAT(again.out, HasSubstr("Nothing to change."));
    EXPECT_EQ(host.files, settled);
    EXPECT_EQ(host.writes, writes);
    EXPECT_EQ(host.ran.size(), 1U) << "and no reload";

    const Outcome undone = run(host, Action::undo);
    EXPECT_EQ(undone.exit, setup::Exit::done) << undone.err;
    EXPECT_EQ(host.files, (std::map<std::string, std::string>{{main_cf, fresh}}));
    const Outcome nothing = run(host, Action::undo);
    EXPECT_EQ(nothing.exit, setup::Exit::done);
    EXPECT_THAT(nothing.out, HasSubstr("Nothing to take back."));
}

TEST(PostfixSetup, TakesBackOnlyItsOwnAfterOthersEdits) {
    PaperHost host;
    ASSERT_EQ(run(host, Action::apply).exit, setup::Exit::done);
    host.files[main_cf] += "relayhost = [relay.example]\n";
    ASSERT_EQ(run(host, Action::undo).exit, setup::Exit::done);
    EXPECT_EQ(host.files[main_cf], fresh + "relayhost = [relay.example]\n");
    EXPECT_EQ(host.files.size(), 1U);
}

TEST(PostfixSetup, KeepsTheFirstWayBackOverASecondApply) {
    PaperHost host;
    ASSERT_EQ(run(host, Action::apply).exit, setup::Exit::done);
    host.version = "3.10.5"; // Postfix was upgraded
    ASSERT_EQ(run(host, Action::apply).exit, setup::Exit::done);
    EXPECT_THAT(host.files[main_cf], HasSubstr(ours + "-tlsrpt\n"));
    ASSERT_EQ(run(host, Action::undo).exit, setup::Exit::done);
    EXPECT_EQ(host.files, (std::map<std::string, std::string>{{main_cf, fresh}}));
}

TEST(PostfixSetup, UndoesWithoutItsCopy) {
    PaperHost host;
    ASSERT_EQ(run(host, Action::apply).exit, setup::Exit::done);
    host.files.erase(main_cf + ".stsmap-before");
    ASSERT_EQ(run(host, Action::undo).exit, setup::Exit::done);
    EXPECT_EQ(host.files, (std::map<std::string, std::string>{{main_cf, fresh}}));
}

TEST(PostfixSetup, LeavesNoTraceOfAnEditThatFailed) {
    for (const char* what : {"-e", ".stsmap-undo", ".stsmap-before"}) {
        PaperHost host;
        (*what == '.' ? host.refuse_to_write : host.refuse_to_run) = what;
        const Outcome failed = run(host, Action::apply, true);
        EXPECT_EQ(failed.exit, setup::Exit::refused) << what;
        EXPECT_NE(failed.err, "") << what;
        EXPECT_EQ(host.files[main_cf], fresh) << what;
        EXPECT_FALSE(host.files.contains(main_cf + ".stsmap-undo")) << what;
        EXPECT_TRUE(host.ran.empty()) << what;
    }
}

TEST(PostfixSetup, ReloadsWhenAsked) {
    PaperHost host;
    host.files["/etc/postfix-out/main.cf"] = fresh;
    EXPECT_EQ(run(host, Action::apply, true, "/etc/postfix-out").exit, setup::Exit::done);
    EXPECT_TRUE(host.files.contains("/etc/postfix-out/main.cf.stsmap-undo"));
    EXPECT_EQ(host.files[main_cf], fresh);
    EXPECT_EQ(host.ran.back(), "postfix -c /etc/postfix-out reload");
    EXPECT_THAT(host.ran.front(),
                testing::StartsWith("postconf -c /etc/postfix-out -e smtp_tls_policy_maps"));
    EXPECT_EQ(run(host, Action::undo, true, "/etc/postfix-out").exit, setup::Exit::done);
    EXPECT_EQ(host.ran.back(), "postfix -c /etc/postfix-out reload");
    EXPECT_EQ(host.files["/etc/postfix-out/main.cf"], fresh);
    PaperHost stopped;
    stopped.refuse_to_run = "postfix reload";
    const Outcome outcome = run(stopped, Action::apply, true);
    EXPECT_EQ(outcome.exit, setup::Exit::refused);
    EXPECT_THAT(outcome.err, HasSubstr("postfix reload failed"));
}

TEST(PostfixSetup, RefusesAndSaysWhatItWouldDo) {
    PaperHost host;
    host.daemons.clear();
    const Outcome refused = run(host, Action::apply);
    EXPECT_EQ(refused.exit, setup::Exit::refused);
    EXPECT_THAT(refused.out, HasSubstr("refused: no stsmapd answers"));
    EXPECT_THAT(refused.out, HasSubstr("hash:/a, " + ours));
    EXPECT_EQ(host.files, (std::map<std::string, std::string>{{main_cf, fresh}}));
    PaperHost linked;
    linked.link = true;
    EXPECT_EQ(run(linked, Action::apply).exit, setup::Exit::refused);
    EXPECT_EQ(run(linked, Action::undo).exit, setup::Exit::refused);
}

TEST(PostfixSetup, DoesNotGuessAtADamagedRecord) {
    PaperHost host;
    host.files[main_cf + ".stsmap-undo"] = "something else\n";
    const auto before = host.files;
    for (const Action action : {Action::apply, Action::undo}) {
        const Outcome outcome = run(host, action);
        EXPECT_EQ(outcome.exit, setup::Exit::refused);
        EXPECT_THAT(outcome.err, HasSubstr("is damaged"));
        EXPECT_EQ(host.files, before);
    }
}

TEST(PostfixSetup, FindsTheDaemonBehindAnotherName) {
    PaperHost host;
    host.files[main_cf] = "smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:postfix\n";
    EXPECT_THAT(run(host, Action::show).out, HasSubstr("another MTA-STS daemon"));
    host.daemons["inet:127.0.0.1:8461"] = "OK active";
    const Outcome known = run(host, Action::show);
    EXPECT_EQ(known.exit, setup::Exit::done);
    EXPECT_THAT(known.out, Not(HasSubstr("smtp_tls_policy_maps =")));
    host.daemons["inet:127.0.0.1:8461"] = "NOTFOUND ";
    EXPECT_THAT(run(host, Action::show).out, HasSubstr("another MTA-STS daemon"));
}

TEST(PostfixSetup, BelievesTheDaemonAboutDane) {
    PaperHost host;
    std::string& status = host.daemons.begin()->second;
    status = "OK active";
    EXPECT_THAT(run(host, Action::show).out, HasSubstr("smtp_dns_support_level = dnssec"));
    status = "OK inactive: dane = \"off\"";
    EXPECT_THAT(run(host, Action::show).out, Not(HasSubstr("smtp_dns_support_level")));
}

TEST(PostfixSetup, SaysThatPostfixIsMissing) {
    PaperHost host;
    host.refuse_to_run = "postconf";
    const Outcome outcome = run(host, Action::show);
    EXPECT_EQ(outcome.exit, setup::Exit::no_postfix);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err,
                HasSubstr("Postfix cannot be asked for its settings: postconf failed: postconf: fatal: no"));
    PaperHost odd;
    odd.version = "strange";
    EXPECT_EQ(run(odd, Action::show).exit, setup::Exit::no_postfix);
}

} // namespace
