// `stsmap postfix-setup` on a fake host: what it prints, changes, does not change, and undoes.
#include "tool/setup/command.hpp"

#include "support/bare_host.hpp"

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

/// Files in memory, and a postconf that knows settings of one line.
class PaperHost final : public test::BareHost {
public:
    std::map<std::string, std::string> files{{main_cf, fresh}};
    std::map<std::string, std::string> daemons{
        {"unix:/var/spool/postfix/stsmapd/socketmap", "OK inactive: the resolver does not validate"}};
    std::vector<std::string> ran; ///< commands that change something
    std::string version = "3.7.11", refuse_to_run, refuse_to_write, also, later,
                complaint = "postconf: fatal: no\n";
    std::string services = "smtp unix - - y - - smtp\n", unit; ///< stsmapd.socket, as shown by systemctl
    std::map<std::string, std::string> tables;                 ///< the output of `postmap -q` for an element
    std::map<std::string, std::string> modes{{main_cf, "root:mail 0640+"}};
    std::map<std::string, setup::Reached> ways; ///< by "address as user, chrooted to folder"
    std::vector<std::string> asked;             ///< questions to tables
    unsigned writes = 0;
    bool link = false, root = true, runs = true, forgets_to_end_lines = false;

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
            return setup::Ran{1, "", complaint};
        setup::Ran result;
        if (command[0] == "systemctl") return setup::Ran{unit.empty() ? 1 : 0, unit, ""};
        if (command[0] == "postmap") {
            asked.push_back(command.at(2) + ' ' + command.at(3));
            const auto found = tables.find(command.at(3));
            if (found == tables.end()) return setup::Ran{1, "", ""};
            if (found->second.starts_with("postmap: ")) return setup::Ran{1, "", found->second};
            return setup::Ran{0, found->second + '\n', ""};
        }
        const std::string& what = command.at(1);
        auto set = setup::parse_parameters(files[asked_file]);
        if (what == "-n") {
            for (const auto& [name, value] : set) result.out += name + " = " + value + '\n';
            const bool copy = asked_file.find("/stsmap-1/") != std::string::npos;
            if (copy) result.out += also;
            if (!copy && files[asked_file].find(ours) != std::string::npos) result.out += later;
        } else if (what == "-x") {
            set.insert({{"mail_version", version},
                        {"config_directory", "/etc/postfix"},
                        {"mail_owner", "postfix"},
                        {"queue_directory", "/var/spool/postfix"},
                        {"smtp_tls_security_level", ""}});
            for (auto name = command.begin() + 2; name != command.end(); ++name)
                if (set.contains(*name)) result.out += *name + " = " + set.find(*name)->second + '\n';
        } else if (what == "-M") {
            result.out = services;
        } else if (what == "-e" || what == "-X") {
            ran.push_back(whole);
            for (auto each = command.begin() + 2; each != command.end(); ++each)
                edit(each->substr(0, each->find(" =")),
                     what == "-e" ? std::optional(each->substr(each->find('=') + 1)) : std::nullopt);
        } else if (what == "status") {
            result.status = runs ? 0 : 1;
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
                                            const std::string& like) override {
        if (!refuse_to_write.empty() && file.ends_with(refuse_to_write))
            return base::unexpected(file + ": No space left on device");
        ++writes;
        const std::string mode = modes[like];
        files[file] = content;
        modes[file] = mode;
        return {};
    }
    void remove(const std::string& file) override {
        files.erase(file);
        modes.erase(file);
    }
    base::Expected<std::optional<std::string>, std::string>
    read_as(const std::string&, const std::string& folder, const std::string& file) override {
        return read(folder + file);
    }
    std::vector<std::vector<setup::ServerReply>>
    ask_servers(const std::vector<setup::AskedServer>& servers,
                const std::vector<setup::DnsLookup>& lookups) override {
        return {servers.size(), std::vector(lookups.size(), setup::ServerReply{true, true, true, ""})};
    }
    bool is_link(const std::string&) override { return link; }
    std::string attributes(const std::string& file) override {
        return files.contains(file) ? modes[file] : "";
    }
    base::Expected<std::string, std::string> make_folder(const std::string& folder) override {
        return folder + "/stsmap-1";
    }
    void remove_folder(const std::string& folder) override {
        std::erase_if(files, [&](const auto& each) { return each.first.starts_with(folder + '/'); });
        std::erase_if(modes, [&](const auto& each) { return each.first.starts_with(folder + '/'); });
    }
    bool is_root() override { return root; }
    bool systemd_runs() override { return !unit.empty(); }
    setup::Reached reach(const std::string& address, const setup::Way& way, const std::string& key) override {
        if (const auto told = ways.find(address + ' ' + to_string(way)); told != ways.end())
            return told->second;
        std::string outside = address.starts_with("tcp:") ? "inet:" + address.substr(4) : address;
        if (address.starts_with("unix:")) outside = "unix:" + way.chroot + address.substr(5);
        const auto reply = status(outside, key);
        if (!reply) return {setup::Reached::Kind::absent, reply.error(), {}, {}};
        return setup::judge_reply(*reply, key);
    }
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
        if (forgets_to_end_lines && !text.ends_with('\n') && value) { // as Postfix 3.7
            text += name + " =" + *value + '\n';
            return;
        }
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
    base::Exit exit;
    std::string out, err;
};

Outcome run(PaperHost& host, Action action, bool reload = false, const std::string& folder = {}) {
    CommandOptions options;
    options.action = action;
    options.reload = reload;
    options.survey.config_directory = folder;
    options.survey.listen = {"unix:/var/spool/postfix/stsmapd/socketmap", "tcp:127.0.0.1:8461"};
    std::ostringstream out, err;
    const base::Exit exit = setup::postfix_setup(options, host, out, err);
    return {exit, out.str(), err.str()};
}

TEST(PostfixSetup, ShowsAndChangesNothing) {
    PaperHost host;
    const auto before = host.files;
    const Outcome shown = run(host, Action::show);
    EXPECT_EQ(shown.exit, base::Exit::done);
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
    EXPECT_EQ(applied.exit, base::Exit::done) << applied.err;
    EXPECT_THAT(applied.out, HasSubstr("postfix reload"));
    EXPECT_THAT(host.files[main_cf], HasSubstr("smtp_tls_policy_maps = hash:/a, " + ours + "\n"));
    EXPECT_THAT(host.files[main_cf], HasSubstr("# a comment\n"));
    EXPECT_EQ(host.files[main_cf + ".stsmap-before"], fresh);
    EXPECT_EQ(host.files.size(), 3U) << "main.cf, the copy and the record";
    for (const auto& [file, content] : host.files) EXPECT_EQ(host.modes[file], "root:mail 0640+") << file;
    ASSERT_EQ(host.ran.size(), 1U) << "one edit";

    const auto settled = host.files;
    const unsigned writes = host.writes;
    const Outcome again = run(host, Action::apply, true);
    EXPECT_EQ(again.exit, base::Exit::done);
    EXPECT_THAT(again.out, HasSubstr("Nothing to change."));
    EXPECT_EQ(host.files, settled);
    EXPECT_EQ(host.writes, writes);
    EXPECT_EQ(host.ran.size(), 1U) << "and no reload";

    const Outcome undone = run(host, Action::undo);
    EXPECT_EQ(undone.exit, base::Exit::done) << undone.err;
    EXPECT_EQ(host.files, (std::map<std::string, std::string>{{main_cf, fresh}}));
    const Outcome nothing = run(host, Action::undo);
    EXPECT_EQ(nothing.exit, base::Exit::done);
    EXPECT_THAT(nothing.out, HasSubstr("Nothing to take back."));
}

TEST(PostfixSetup, TakesBackOnlyItsOwnAfterOthersEdits) {
    PaperHost host;
    ASSERT_EQ(run(host, Action::apply).exit, base::Exit::done);
    host.files[main_cf] += "relayhost = [relay.example]\n";
    ASSERT_EQ(run(host, Action::undo).exit, base::Exit::done);
    EXPECT_EQ(host.files[main_cf], fresh + "relayhost = [relay.example]\n");
    EXPECT_EQ(host.files.size(), 1U);
}

TEST(PostfixSetup, KeepsTheFirstWayBackOverASecondApply) {
    PaperHost host;
    ASSERT_EQ(run(host, Action::apply).exit, base::Exit::done);
    host.version = "3.10.5"; // Postfix was upgraded
    ASSERT_EQ(run(host, Action::apply).exit, base::Exit::done);
    EXPECT_THAT(host.files[main_cf], HasSubstr(ours + "-tlsrpt\n"));
    ASSERT_EQ(run(host, Action::undo).exit, base::Exit::done);
    EXPECT_EQ(host.files, (std::map<std::string, std::string>{{main_cf, fresh}}));
}

TEST(PostfixSetup, UndoesWithoutItsCopy) {
    PaperHost host;
    ASSERT_EQ(run(host, Action::apply).exit, base::Exit::done);
    host.files.erase(main_cf + ".stsmap-before");
    ASSERT_EQ(run(host, Action::undo).exit, base::Exit::done);
    EXPECT_EQ(host.files, (std::map<std::string, std::string>{{main_cf, fresh}}));
}

TEST(PostfixSetup, LeavesNoTraceOfAnEditThatFailed) {
    for (const char* what : {"-e", ".stsmap-undo", ".stsmap-before"}) {
        PaperHost host;
        (*what == '.' ? host.refuse_to_write : host.refuse_to_run) = what;
        const Outcome failed = run(host, Action::apply, true);
        EXPECT_EQ(failed.exit, base::Exit::trouble) << what;
        EXPECT_NE(failed.err, "") << what;
        EXPECT_EQ(host.files[main_cf], fresh) << what;
        EXPECT_FALSE(host.files.contains(main_cf + ".stsmap-undo")) << what;
        EXPECT_THAT(host.ran, testing::Each(HasSubstr("/stsmap-1")))
            << what << ": main.cf itself was not edited";
    }
}

TEST(PostfixSetup, ReloadsWhenAsked) {
    PaperHost host;
    host.files["/etc/postfix-out/main.cf"] = fresh;
    EXPECT_EQ(run(host, Action::apply, true, "/etc/postfix-out").exit, base::Exit::done);
    EXPECT_TRUE(host.files.contains("/etc/postfix-out/main.cf.stsmap-undo"));
    EXPECT_EQ(host.files[main_cf], fresh);
    EXPECT_EQ(host.ran.back(), "postfix -c /etc/postfix-out reload");
    EXPECT_THAT(host.ran.front(),
                testing::StartsWith("postconf -c /etc/postfix-out/stsmap-1 -e smtp_tls_policy_maps"))
        << "on a copy";
    EXPECT_EQ(run(host, Action::undo, true, "/etc/postfix-out").exit, base::Exit::done);
    EXPECT_EQ(host.ran.back(), "postfix -c /etc/postfix-out reload");
    EXPECT_EQ(host.files["/etc/postfix-out/main.cf"], fresh);
}

TEST(PostfixSetup, TellsChangedFromReloaded) {
    PaperHost failing;
    failing.refuse_to_run = "postfix reload";
    failing.complaint = "";
    const Outcome outcome = run(failing, Action::apply, true);
    EXPECT_EQ(outcome.exit, base::Exit::changed);
    EXPECT_THAT(outcome.err,
                HasSubstr("main.cf is changed, but Postfix has not been reloaded: Postfix's log has"));
    EXPECT_TRUE(failing.files.contains(main_cf + ".stsmap-undo"));
    PaperHost stopped;
    stopped.runs = false;
    for (const Action action : {Action::apply, Action::undo}) {
        const Outcome down = run(stopped, action, true);
        EXPECT_EQ(down.exit, base::Exit::done);
        EXPECT_EQ(down.err, "");
        EXPECT_THAT(down.out,
                    HasSubstr("Postfix is not running; it will read the new settings when it starts."));
    }
}

TEST(PostfixSetup, EndsTheLastLineFirst) {
    PaperHost host;
    host.forgets_to_end_lines = true;
    const std::string open = fresh + "relayhost =";
    host.files[main_cf] = open;
    const Outcome applied = run(host, Action::apply);
    EXPECT_EQ(applied.exit, base::Exit::done) << applied.err;
    EXPECT_THAT(host.files[main_cf], HasSubstr("relayhost =\nsmtp_tls_"));
    EXPECT_EQ(run(host, Action::undo).exit, base::Exit::done);
    EXPECT_EQ(host.files, (std::map<std::string, std::string>{{main_cf, open}})) << "every octet";
}

TEST(PostfixSetup, NeverLeavesWhatIsNotAsPlanned) {
    PaperHost host;
    host.also = "relayhost = [x]\n"; // a change in the copy
    const auto before = host.files;
    const Outcome copy = run(host, Action::apply, true);
    EXPECT_EQ(copy.exit, base::Exit::trouble);
    EXPECT_THAT(copy.err, HasSubstr("relayhost is \"[x]\" and should be not set"));
    EXPECT_EQ(host.files, before);
    EXPECT_EQ(host.writes, 1U) << "the copy in a folder of its own";

    PaperHost later;
    later.later = "relayhost = [x]\n"; // a change only when main.cf itself is read back
    const Outcome put_back = run(later, Action::apply, true);
    EXPECT_EQ(put_back.exit, base::Exit::trouble);
    EXPECT_THAT(put_back.err, HasSubstr("relayhost is \"[x]\" and should be not set"));
    EXPECT_THAT(put_back.err, HasSubstr("main.cf is again as it was"));
    EXPECT_EQ(later.files, before);
    EXPECT_EQ(later.modes[main_cf], "root:mail 0640+");
    EXPECT_THAT(later.ran, testing::Not(testing::Contains(HasSubstr("reload"))));
}

TEST(PostfixSetup, KeepsOwnerAndModeOfBeforeTheFirstChange) {
    PaperHost host;
    ASSERT_EQ(run(host, Action::apply).exit, base::Exit::done);
    host.files[main_cf] += "relayhost = [relay.example]\n";
    host.modes[main_cf] = "root:root 0644"; // by somebody's postconf -e
    ASSERT_EQ(run(host, Action::undo).exit, base::Exit::done);
    EXPECT_EQ(host.modes[main_cf], "root:mail 0640+");
    ASSERT_EQ(run(host, Action::apply).exit, base::Exit::done);
    host.modes[main_cf] = "root:root 0600"; // by somebody, on purpose
    ASSERT_EQ(run(host, Action::undo).exit, base::Exit::done);
    EXPECT_EQ(host.modes[main_cf], "root:root 0600");
}

TEST(PostfixSetup, LeavesNothingBehind) {
    PaperHost host;
    ASSERT_EQ(run(host, Action::apply).exit, base::Exit::done);
    host.files.erase(main_cf + ".stsmap-undo"); // somebody removed the record
    ASSERT_EQ(run(host, Action::undo).exit, base::Exit::done);
    EXPECT_EQ(host.files.size(), 1U);
}

const std::string second = "/etc/postfix-out";

/// The packaged socket, and an instance with another queue directory.
PaperHost two_instances() {
    PaperHost host;
    host.unit = "LoadState=loaded\nListen=/var/spool/postfix/stsmapd/socketmap (Stream)\n";
    host.files[second + "/main.cf"] = fresh + "queue_directory = /var/spool/postfix-out\n";
    return host;
}

TEST(PostfixSetup, OffersNothingToASecondInstanceThatDoesNotAnswer) {
    PaperHost host = two_instances();
    const auto before = host.files;
    const Outcome refused = run(host, Action::apply, true, second);
    EXPECT_EQ(refused.exit, base::Exit::trouble);
    EXPECT_EQ(host.files, before);
    EXPECT_THAT(refused.out, Not(HasSubstr("inet:127.0.0.1:8461:sts")));
    EXPECT_THAT(refused.out, HasSubstr("ListenStream=%s\\n' /var/spool/postfix-out/stsmapd/socketmap > "
                                       "/etc/systemd/system/stsmapd.socket.d/postfix-out.conf"));

    // After that was done.
    host.unit += "Listen=/var/spool/postfix-out/stsmapd/socketmap (Stream)\n";
    host.daemons["unix:/var/spool/postfix-out/stsmapd/socketmap"] = "OK active";
    const Outcome applied = run(host, Action::apply, true, second);
    EXPECT_EQ(applied.exit, base::Exit::done) << applied.out << applied.err;
    EXPECT_THAT(host.files[second + "/main.cf"], HasSubstr(ours));
    EXPECT_THAT(applied.out, HasSubstr("\"stsmap postfix-setup -c /etc/postfix-out --undo\""));
}

TEST(PostfixSetup, FindsASocketThatNoConfigurationNames) {
    PaperHost host = two_instances();
    host.files["/proc/net/unix"] = "Num RefCount Protocol Flags Type St Inode Path\n"
                                   "0: 2 0 00010000 1 1 7 /var/spool/postfix-out/other/socketmap\n";
    host.daemons["unix:/var/spool/postfix-out/other/socketmap"] = "OK active";
    EXPECT_EQ(run(host, Action::apply, false, second).exit, base::Exit::done);
    EXPECT_THAT(host.files[second + "/main.cf"], HasSubstr("socketmap:unix:other/socketmap:sts"));
}

TEST(PostfixSetup, AsksAsEachServiceWould) {
    PaperHost host;
    host.services += "relay unix - - n - - smtp\nold unix - n n - - smtp\n";
    const std::string outside = "unix:/var/spool/postfix/stsmapd/socketmap as user ";
    host.ways[outside + "root"] = {setup::Reached::Kind::no_permission, "the folder /f (root:root 0700)",
                                   "/f", ""};
    const Outcome closed = run(host, Action::apply);
    EXPECT_EQ(closed.exit, base::Exit::trouble);
    EXPECT_THAT(closed.out, HasSubstr("as user root: the folder /f (root:root 0700)"));
    EXPECT_THAT(closed.out, HasSubstr("chmod a+x /f"));
    host.ways.clear();
    host.ways["unix:/stsmapd/socketmap as user postfix, chrooted to /var/spool/postfix"] = {
        setup::Reached::Kind::absent, "no such socket", "", ""};
    const Outcome chrooted = run(host, Action::apply);
    EXPECT_EQ(chrooted.exit, base::Exit::trouble) << chrooted.out;
    host.daemons["inet:127.0.0.1:8461"] = "OK inactive: the resolver does not validate";
    const Outcome over_tcp = run(host, Action::apply);
    EXPECT_EQ(over_tcp.exit, base::Exit::done) << over_tcp.out << over_tcp.err;
    EXPECT_THAT(host.files[main_cf], HasSubstr("socketmap:inet:127.0.0.1:8461:sts"));
}

TEST(PostfixSetup, PutsRightWhatLeadsNowhere) {
    for (const char* element : {"socketmap:unix:stsmap/sock:sts", "socketmap:inet:127.0.0.1:9:sts-tlsrpt",
                                "socketmap:unix:/var/spool/postfix/stsmapd/socketmap:sts"}) {
        PaperHost host;
        host.files[main_cf] = std::string("smtp_tls_policy_maps = ") + element + '\n';
        const Outcome applied = run(host, Action::apply);
        EXPECT_EQ(applied.exit, base::Exit::done) << applied.out;
        EXPECT_THAT(applied.out, HasSubstr(std::string("Postfix asks ") + element));
        EXPECT_THAT(host.files[main_cf], HasSubstr("smtp_tls_policy_maps = " + ours + '\n'));
    }
}

TEST(PostfixSetup, NeverSaysNothingToChangeWhileNobodyAnswers) {
    PaperHost host;
    ASSERT_EQ(run(host, Action::apply).exit, base::Exit::done);
    host.daemons.clear();
    const Outcome silent = run(host, Action::show);
    EXPECT_EQ(silent.exit, base::Exit::trouble);
    EXPECT_THAT(silent.out, HasSubstr("no stsmapd answers there"));
}

TEST(PostfixSetup, AsksWhatStandsBefore) {
    PaperHost host;
    host.tables["hash:/a"] = "may";
    const Outcome everything = run(host, Action::apply);
    EXPECT_EQ(everything.exit, base::Exit::trouble);
    EXPECT_THAT(everything.out, HasSubstr("refused: hash:/a answers for domains it cannot know "
                                          "(stsmap-asks.invalid: may)"));
    host.tables["hash:/a"] = "postmap: fatal: open database /a.db: No such file or directory\n";
    const Outcome broken = run(host, Action::apply);
    EXPECT_EQ(broken.exit, base::Exit::trouble);
    EXPECT_THAT(broken.out, HasSubstr("hash:/a cannot be asked"));
    EXPECT_THAT(broken.out, HasSubstr("open database /a.db: No such file"));
    host.tables.clear();
    host.asked.clear();
    EXPECT_EQ(run(host, Action::show).exit, base::Exit::done);
    EXPECT_EQ(host.asked, (std::vector<std::string>{
                              "stsmap-asks.invalid hash:/a", "stsmap-asks.example.com hash:/a",
                              "stsmap-asks.example.net hash:/a", "stsmap-asks.example.org hash:/a"}));
}

TEST(PostfixSetup, SaysWhichTablesItDoesNotAsk) {
    PaperHost host;
    std::string list = "smtp_tls_policy_maps =";
    for (int i = 0; i < 26; ++i) list += " hash:/t" + std::to_string(i);
    host.files[main_cf] = list + '\n';
    const Outcome shown = run(host, Action::show);
    EXPECT_EQ(shown.exit, base::Exit::done) << shown.out;
    EXPECT_EQ(host.asked.size(), 24U * 4);
    for (const std::string table : {"hash:/t24", "hash:/t25"})
        EXPECT_THAT(shown.out, HasSubstr("warning: " + table +
                                         " could not be asked: no more than 24 tables are asked\n"
                                         "    fix: postmap -q stsmap-asks.invalid " +
                                         table));
}

TEST(PostfixSetup, SaysWhichPlacesItDoesNotAsk) {
    PaperHost host;
    std::string list = "smtp_tls_security_level = may\nsmtp_tls_policy_maps =";
    for (int port = 1; port <= 50; ++port) list += " socketmap:inet:127.0.0.1:" + std::to_string(port) + ":x";
    host.files[main_cf] = list + ' ' + ours + '\n';
    const Outcome shown = run(host, Action::show);
    EXPECT_THAT(shown.out,
                HasSubstr("warning: whether stsmapd answers at " + ours +
                          " was not seen: as user postfix, chrooted to /var/spool/postfix: no more "
                          "than 48 ways are asked"))
        << shown.out;
}

TEST(PostfixSetup, FailsNothingForWantOfPermission) {
    PaperHost host;
    host.root = false;
    host.ways["unix:/var/spool/postfix/stsmapd/socketmap "] = {setup::Reached::Kind::not_seen,
                                                               "no permission", "", ""};
    host.tables["hash:/a"] = "postmap: fatal: open database /a.db: Permission denied\n";
    const Outcome shown = run(host, Action::show);
    EXPECT_EQ(shown.exit, base::Exit::done) << shown.out;
    EXPECT_THAT(shown.out, HasSubstr("warning: whether stsmapd answers"));
    EXPECT_THAT(shown.out, HasSubstr("warning: hash:/a could not be asked"));
    EXPECT_THAT(shown.out, HasSubstr("run this command as root"));
}

TEST(PostfixSetup, AsksProxymapsWay) {
    PaperHost host;
    host.services += "proxymap unix - - n - - proxymap\n";
    host.files[main_cf] = "smtp_tls_policy_maps = proxy:" + ours +
                          "\nsmtp_tls_security_level = may\nsmtp_dns_support_level = dnssec\n"
                          "smtp_tls_CAfile = /ca.pem\nproxy_read_maps = proxy:" +
                          ours + '\n';
    // A place that smtp(8) would not reach.
    host.ways["unix:/stsmapd/socketmap as user postfix, chrooted to /var/spool/postfix"] = {
        setup::Reached::Kind::absent, "no such socket", "", ""};
    const Outcome works = run(host, Action::show);
    EXPECT_EQ(works.exit, base::Exit::done) << works.out;
    EXPECT_THAT(works.out, HasSubstr("Nothing to change."));
    host.files[main_cf] += "proxy_read_maps = proxy:unix:passwd.byname\n";
    const Outcome denied = run(host, Action::show);
    EXPECT_EQ(denied.exit, base::Exit::trouble);
    EXPECT_THAT(denied.out, HasSubstr("proxymap(8) does not open it"));
}

TEST(PostfixSetup, RefusesAndSaysWhatItWouldDo) {
    PaperHost host;
    host.daemons.clear();
    const Outcome refused = run(host, Action::apply);
    EXPECT_EQ(refused.exit, base::Exit::trouble);
    EXPECT_THAT(refused.out, HasSubstr("refused: no stsmapd answers"));
    EXPECT_THAT(refused.out, HasSubstr("hash:/a, " + ours));
    EXPECT_EQ(host.files, (std::map<std::string, std::string>{{main_cf, fresh}}));
    PaperHost linked;
    linked.link = true;
    EXPECT_EQ(run(linked, Action::apply).exit, base::Exit::trouble);
    EXPECT_EQ(run(linked, Action::undo).exit, base::Exit::trouble);
}

TEST(PostfixSetup, DoesNotGuessAtADamagedRecord) {
    PaperHost host;
    host.files[main_cf + ".stsmap-undo"] = "something else\n";
    const auto before = host.files;
    for (const Action action : {Action::apply, Action::undo}) {
        const Outcome outcome = run(host, action);
        EXPECT_EQ(outcome.exit, base::Exit::trouble);
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
    EXPECT_EQ(known.exit, base::Exit::done);
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
    EXPECT_EQ(outcome.exit, base::Exit::unreachable);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err,
                HasSubstr("Postfix cannot be asked for its settings: postconf failed: postconf: fatal: no"));
    PaperHost odd;
    odd.version = "strange";
    EXPECT_EQ(run(odd, Action::show).exit, base::Exit::unreachable);
}

} // namespace
