// What the survey finds out about the services of master.cf: on a fake host, and with the real postconf as
// judge for master.cf files in unusual forms.
#include "tool/setup/survey.hpp"

#include "support/bare_host.hpp"
#include "support/temp_folder.hpp"
#include "tool/setup/real_host.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

namespace {

using setup::Use;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

setup::Service service(const std::string& name, bool chroot, setup::Parameters overrides = {}) {
    setup::Service made;
    made.name = name;
    made.type = "unix";
    made.program = "smtp";
    made.chroot = chroot;
    made.overrides = std::move(overrides);
    return made;
}

TEST(StartCommand, StartsItAsMasterDoes) {
    setup::Installed postfix;
    postfix.effective = {{"config_directory", "/etc/postfix"}, {"daemon_directory", "/usr/lib/postfix/sbin"}};
    const auto text = [](const std::vector<std::string>& words) {
        std::string all;
        for (const std::string& word : words) all += (all.empty() ? "" : " ") + word;
        return all;
    };
    const std::string quiet = " -o maillog_file=/dev/stdout -o maillog_file_prefixes=/dev/stdout"
                              " -o postlog_service_name=stsmap-none";
    EXPECT_EQ(text(setup::start_command(postfix, service("smtp", true))),
              "sh -c exec env \"$@\" >/dev/null sh MAIL_CONFIG=/etc/postfix /usr/lib/postfix/sbin/smtp -S -V "
              "-c -u" +
                  quiet);
    setup::Service other =
        service("relay", false, {{"a", "$service_name x"}, {"syslog_name", "postfix/relay"}});
    other.unprivileged = false;
    other.program = "/opt/smtp";
    postfix.folder = "/etc/postfix-out";
    EXPECT_EQ(
        text(setup::start_command(postfix, other)),
        "sh -c exec env \"$@\" >/dev/null sh MAIL_CONFIG=/etc/postfix-out /opt/smtp -S -V -o a=relay x" +
            quiet);
    other.overrides = {{"syslog_name", "$syslog_name/x"}}; // smtp(8) would die of that
    EXPECT_EQ(text(setup::start_command(postfix, other)),
              "sh -c exec env \"$@\" >/dev/null sh MAIL_CONFIG=/etc/postfix-out /opt/smtp -S -V -o "
              "syslog_name=$syslog_name/x" +
                  quiet);
}

TEST(StartTrouble, IsWhatKeepsMailOrTlsAway) {
    const std::pair<std::string, std::string> table[] = {
        {"", ""},
        {"postfix/smtp: fatal: Invalid TLS level \"mya\"\n", "Invalid TLS level \"mya\""},
        {"postfix/smtp: warning: x\npostfix/smtp: error: unsupported dictionary type: foo\n",
         "unsupported dictionary type: foo"},
        {"postfix/smtp: panic: y\n", "y"},
        {"postfix/smtp: warning: cannot load CA, CAfile=\"/x\": disabling TLS support\n",
         "cannot load CA, CAfile=\"/x\": disabling TLS support"},
        {"postfix/smtp: warning: Digest \"x\" not found\npostfix/smtp: warning: disabling TLS support\n",
         "Digest \"x\" not found: disabling TLS support"},
        {"postfix/smtp: warning: no entropy for TLS key generation: disabling TLS support\n", ""},
        {"postfix/smtp: warning: connect to private/tlsmgr: No such file or directory\n", ""},
    };
    for (const auto& [err, trouble] : table) {
        setup::Ran ran;
        ran.err = err;
        EXPECT_EQ(setup::start_trouble(ran), trouble);
    }
}

/// A fake host that counts the questions.
class PaperHost final : public test::BareHost {
public:
    std::string master, overrides;
    std::map<std::string, std::string> tables; ///< by element, as postmap -s prints them
    std::map<std::string, std::string> files;
    std::string dies;  ///< smtp(8) dies when its command has this word
    bool down = false; ///< no tlsmgr(8)
    std::vector<std::string> asked;

    base::Expected<setup::Ran, std::string> run(const std::vector<std::string>& command) override {
        std::string whole;
        for (const std::string& word : command) whole += (whole.empty() ? "" : " ") + word;
        asked.push_back(whole);
        setup::Ran result;
        if (command[0] == "sh") {
            if (down)
                result.err = "postfix/smtp: warning: connect to private/tlsmgr: No such file or directory\n";
            if (!dies.empty() && whole.find(dies) != std::string::npos)
                result.err += "postfix/smtp: fatal: no\n";
        } else if (command[0] == "postmap") {
            const auto table = tables.find(command.back());
            result.status = table == tables.end() ? 1 : 0;
            if (table != tables.end()) result.out = table->second;
        } else if (command[1] == "-M") {
            result.out = master;
        } else if (command[1] == "-P") {
            result.out = overrides;
        } else if (command[1] == "-m") {
            result.out = "hash\ninline\n";
        } else if (command[1] == "-x") {
            result.out = "mail_version = 3.7.11\nqueue_directory = /q\ndefault_transport = smtp\n"
                         "compatibility_level = 3.6\nconfig_directory = /etc/postfix\n" +
                         main;
            for (std::size_t i = 2; i + 1 < command.size() && command[i] == "-o"; i += 2) {
                const std::string& setting = command[i + 1];
                if (setting.find("loop") != std::string::npos)
                    return setup::Ran{1, "", "postconf: fatal: macro\n"};
                const std::size_t equals = setting.find('=');
                result.out += setting.substr(0, equals) + " = " + setting.substr(equals + 1) + '\n';
            }
        }
        return result;
    }
    base::Expected<std::optional<std::string>, std::string> read(const std::string& file) override {
        const auto found = files.find(file);
        if (found == files.end()) return std::nullopt;
        return found->second;
    }
    base::Expected<void, std::string> write(const std::string&, const std::string&,
                                            const std::string&) override {
        return {};
    }
    void remove(const std::string&) override {}
    base::Expected<std::optional<std::string>, std::string>
    read_as(const std::string&, const std::string& root, const std::string& file) override {
        return read(root + file);
    }
    std::vector<std::vector<setup::ServerReply>>
    ask_servers(const std::vector<setup::AskedServer>& servers,
                const std::vector<setup::DnsLookup>& lookups) override {
        return {servers.size(), std::vector(lookups.size(), setup::ServerReply{true, true, true, ""})};
    }
    bool is_link(const std::string&) override { return false; }
    setup::CaFile ca_file(const std::string& path) override { return {path, true, 10, 10}; }
    std::size_t ca_folder(const std::string&) override { return 0; }
    std::string system_ca() override { return "/ca.pem"; }
    base::Expected<std::string, std::string> status(const std::string&, const std::string&) override {
        return base::unexpected("nobody");
    }

    std::string main; ///< more of main.cf
    [[nodiscard]] std::ptrdiff_t count(const std::string& words) const {
        return std::ranges::count_if(
            asked, [&](const std::string& each) { return each.find(words) != std::string::npos; });
    }
};

setup::Survey survey(PaperHost& host, bool root = true) {
    setup::SurveyOptions options;
    options.root = root;
    auto made = setup::make_survey(host, options);
    EXPECT_TRUE(made) << (made ? "" : made.error());
    return made ? *made : setup::Survey{};
}

TEST(Survey, AsksOnceForEachDifferentSetOfOverrides) {
    PaperHost host;
    host.master = "smtp unix - - y - - smtp\na unix - - y - - smtp\nb unix - - y - - smtp\n"
                  "relay unix - - y - - smtp\nlmtp unix - - y - - lmtp\n";
    host.overrides = "a/unix/smtp_tcp_port = 26\nb/unix/smtp_tcp_port = 26\nrelay/unix/syslog_name = x\n";
    const setup::Survey found = survey(host);
    ASSERT_EQ(found.postfix.services.size(), 4U);
    EXPECT_EQ(found.postfix.others.size(), 1U);
    EXPECT_EQ(host.count("postconf -x"), 2) << "main.cf, and a and b";
    EXPECT_EQ(host.count("sh MAIL_CONFIG"), 2);
    EXPECT_EQ(found.postfix.services[1].value("smtp_tcp_port"), "26");
    EXPECT_EQ(found.postfix.services[3].value("default_transport"), "smtp");
    EXPECT_EQ(found.postfix.services[0].use, Use::default_route);
    EXPECT_EQ(found.postfix.services[1].use, Use::unused);
    EXPECT_THAT(found.postfix.map_types, ElementsAre("hash", "inline"));
    PaperHost again;
    again.master = host.master;
    EXPECT_EQ(survey(again, false).postfix.services.size(), 4U);
    EXPECT_EQ(again.count("sh MAIL_CONFIG"), 0) << "an ordinary user cannot start it as master(8) does";
}

TEST(Survey, NotesWhatServicesDieOf) {
    PaperHost host;
    host.master = "smtp unix - - y - - smtp\na unix - - y - - smtp\nb unix - - y - - smtp\n";
    host.overrides = "a/unix/smtp_tcp_port = loop\nb/unix/smtp_connect_timeout = 30sek\n";
    host.dies = "30sek";
    const setup::Survey found = survey(host);
    EXPECT_EQ(found.postfix.services[0].trouble, "");
    EXPECT_EQ(found.postfix.services[1].trouble, "postconf: fatal: macro");
    EXPECT_TRUE(found.postfix.services[1].effective.empty());
    EXPECT_EQ(found.postfix.services[2].trouble, "no");
}

TEST(Survey, AsksForAtMostSoMany) {
    PaperHost host;
    for (int i = 0; i < 100; ++i) {
        const std::string name = "s" + std::to_string(i);
        host.master += name + " unix - - y - - smtp\n";
        host.overrides += name + "/unix/smtp_tcp_port = " + std::to_string(i + 100) + '\n';
    }
    host.main = "transport_maps = ";
    for (int i = 0; i < 40; ++i) host.main += "hash:/t" + std::to_string(i) + ' ';
    host.main += '\n';
    const setup::Survey found = survey(host);
    EXPECT_LE(host.count("postconf -x"), 33);
    EXPECT_LE(host.count("sh MAIL_CONFIG"), 6);
    host.asked.clear();
    host.down = true;
    EXPECT_EQ(survey(host).postfix.services.size(), 100U);
    EXPECT_EQ(host.count("sh MAIL_CONFIG"), 2) << "each of them takes a second";
    EXPECT_LE(host.count("postmap -s"), 16);
    EXPECT_TRUE(found.postfix.services.back().effective.empty());
    const setup::Plan plan = setup::make_plan(found.postfix, found.around);
    EXPECT_TRUE(std::ranges::any_of(plan.remarks, [](const setup::Remark& remark) {
        return remark.id == "service-not-judged" && remark.words.ends_with("s99/unix");
    }));
    EXPECT_EQ(found.postfix.unread.size(), 40U);
}

TEST(Survey, ReadsTheTablesOfRoutes) {
    PaperHost host;
    host.master = "smtp unix - - y - - smtp\nslow unix - - y - - smtp\nsmtp inet n - y - - smtpd\n";
    host.overrides = "smtp/inet/content_filter = $filter\n";
    host.main = "transport_maps = hash:/t, proxy:inline:{ a=slow: } regexp:/r mysql:/m\n";
    host.tables = {{"hash:/t", "a.example\tsmtp:[x]\n"}, {"inline:{ a=slow: }", "a\tslow:\n"}};
    host.files = {{"/r", "/x/ slow:[y]\n"}};
    const setup::Survey found = survey(host);
    EXPECT_THAT(found.postfix.routes, Contains(setup::Route{"transport_maps", "smtp", "[x]"}));
    EXPECT_THAT(found.postfix.routes, Contains(setup::Route{"transport_maps", "slow", ""}));
    EXPECT_THAT(found.postfix.routes, Contains(setup::Route{"transport_maps", "slow", "[y]"}));
    EXPECT_THAT(found.postfix.unread,
                ElementsAre("smtp/inet -o content_filter = $filter", "transport_maps = mysql:/m"));
    EXPECT_EQ(found.postfix.services[1].use, Use::routed);
}

// --- the real postconf

struct RealRow {
    const char* what;
    const char* master;
    /// Each delivering service, in the form of line(), separated by "".
    std::vector<std::string> expected;
};

/// "relay/unix chroot level=may port=smtp maps=x": what differs between services.
std::string line(const setup::Service& each) {
    return each.where() + (each.chroot ? " chroot" : "") + (each.unprivileged ? "" : " root") +
           " level=" + each.value("smtp_tls_security_level") + " port=" + each.value("smtp_tcp_port") +
           " maps=" + each.value("smtp_tls_policy_maps") + (each.trouble.empty() ? "" : " dies");
}

const RealRow real_rows[] = {
    {"as Debian has it",
     "smtp unix - - y - - smtp\nrelay unix - - y - - smtp\n\t-o syslog_name=postfix/$service_name\n",
     {"smtp/unix chroot level=may port=smtp maps=hash:/a",
      "relay/unix chroot level=may port=smtp maps=hash:/a"}},
    {"chroot by default is off from level 1 on",
     "smtp unix - - - - - smtp\n",
     {"smtp/unix level=may port=smtp maps=hash:/a"}},
    {"not unprivileged", "smtp unix - n n - - smtp\n", {"smtp/unix root level=may port=smtp maps=hash:/a"}},
    {"comments, blank lines and lines that go on",
     "# smtp unix - - y - - smtp\n\nsmtp unix -\n  # a comment within\n\n  - n\n\t- -\n  smtp -o\n  "
     "smtp_tcp_port=26\n",
     {"smtp/unix level=may port=26 maps=hash:/a"}},
    {"an argument in braces",
     "smtp unix - - n - - smtp\n  -o { smtp_tls_policy_maps = inline:{ a=b, c=d }, hash:/x } -o "
     "smtp_tcp_port=26\n",
     {"smtp/unix level=may port=26 maps=inline:{ a=b, c=d }, hash:/x"}},
    {"a flag before",
     "smtp unix - - n - - smtp -v -o smtp_tls_security_level=encrypt\n",
     {"smtp/unix level=encrypt port=smtp maps=hash:/a"}},
    {"an empty value",
     "smtp unix - - n - - smtp -o smtp_tls_policy_maps=\n",
     {"smtp/unix level=may port=smtp maps="}},
    {"twice, the last one counts",
     "smtp unix - - n - - smtp -o smtp_tcp_port=26 -o smtp_tcp_port=27\n",
     {"smtp/unix level=may port=27 maps=hash:/a"}},
    {"a value with another parameter in it",
     "smtp unix - - n - - smtp -o smtp_tls_policy_maps=$my_maps,hash:/b\n",
     {"smtp/unix level=may port=smtp maps=hash:/my,hash:/b"}},
    {"by way of a parameter of the same service",
     "smtp unix - - n - - smtp -o my_maps=hash:/own -o smtp_tls_policy_maps=$my_maps\n",
     {"smtp/unix level=may port=smtp maps=hash:/own"}},
    {"a parameter that main.cf's value names",
     "smtp unix - - n - - smtp -o my_level=secure\n",
     {"smtp/unix level=secure port=smtp maps=hash:/a"}},
    {"a condition",
     "smtp unix - - n - - smtp -o smtp_tcp_port=${my_maps?26}\n",
     {"smtp/unix level=may port=26 maps=hash:/a"}},
    {"the service's own name",
     "smtp unix - - n - - smtp -o smtp_tls_policy_maps=hash:/$service_name\n",
     {"smtp/unix level=may port=smtp maps=hash:/smtp"}},
    {"other names and a path",
     "slow unix - - n - 1 smtp\nfast unix - - n - - /usr/lib/postfix/sbin/smtp\nout-1 unix - - n - - smtp\n",
     {"slow/unix level=may port=smtp maps=hash:/a", "fast/unix level=may port=smtp maps=hash:/a",
      "out-1/unix level=may port=smtp maps=hash:/a"}},
    {"nothing that delivers over SMTP",
     "smtp inet n - n - - smtpd\nlmtp unix - - n - - lmtp\nsmtp-pipe unix - n n - - pipe user=x argv=smtp\n",
     {}},
    {"nothing at all", "# empty\n", {}},
};

bool there_is_postconf() {
    const auto ran = setup::run_program({"postconf", "-d", "mail_version"}, std::chrono::seconds(10));
    return ran && ran->status == 0;
}

/// Makes the file look old, because Postfix waits when it was changed within the last seconds.
void put_main_cf(const std::string& file, const std::string& content) {
    std::ofstream(file) << content;
    std::filesystem::last_write_time(file,
                                     std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
}

TEST(SurveyWithPostconf, ReadsMasterCfInEveryForm) {
    if (!there_is_postconf()) GTEST_SKIP() << "no postconf here";
    for (const RealRow& row : real_rows) {
        const test::TempFolder folder;
        put_main_cf(folder / "main.cf",
                    "compatibility_level = 2\nmy_maps = hash:/my\nmy_level = may\n"
                    "smtp_tls_policy_maps = hash:/a\nsmtp_tls_security_level = $my_level\n");
        std::ofstream(folder / "master.cf") << row.master;
        setup::RealHost host(
            [](const auto&, const auto&, auto) -> base::Expected<std::string, setup::NoReply> {
                return base::unexpected(setup::NoReply{0, "not asked"});
            });
        setup::SurveyOptions options;
        options.config_directory = folder.path().string();
        const auto found = setup::make_survey(host, options);
        ASSERT_TRUE(found) << row.what << found.error();
        std::vector<std::string> lines;
        for (const setup::Service& each : found->postfix.services) lines.push_back(line(each));
        EXPECT_EQ(lines, row.expected) << row.what;

        // postconf itself, field by field and setting by setting
        const auto ask = [&](const char* option) {
            const auto ran = host.run({"postconf", "-c", options.config_directory, option});
            return setup::parse_parameters(ran && ran->status == 0 ? ran->out : "");
        };
        const setup::Parameters fields = ask("-F"), settings = ask("-P"), expanded = ask("-Px");
        for (const setup::Service& each : found->postfix.services) {
            EXPECT_EQ(fields.at(each.where() + "/chroot") == "y", each.chroot) << row.what;
            EXPECT_TRUE(fields.at(each.where() + "/command").starts_with(each.program)) << row.what;
            for (const auto& [name, value] : each.overrides) {
                EXPECT_EQ(settings.at(each.where() + '/' + name), value) << row.what;
                // -x ignores the service's own settings
                if (!each.effective.contains(name) || each.overrides.contains("my_maps")) continue;
                EXPECT_EQ(expanded.at(each.where() + '/' + name), each.value(name)) << row.what;
            }
        }
    }
}

/// "-oNAME=VALUE": smtp(8) accepts it, and postconf reads each further "o" as an option.
TEST(SurveyWithPostconf, ReadsWhatPostconfMisreads) {
    if (!there_is_postconf()) GTEST_SKIP() << "no postconf here";
    const test::TempFolder folder;
    put_main_cf(folder / "main.cf",
                "compatibility_level = 2\nsmtp_tls_policy_maps = inline:{a.example=may}\n");
    std::ofstream(folder / "master.cf") << "smtp unix - - n - - smtp -osmtp_tls_policy_maps=\n"
                                           "two unix - - n - - smtp -v -o smtp_tls_loglevel=1\n"
                                           "# a comment\n"
                                           "  -vosmtp_tls_security_level=none\n"
                                           "  -o { smtp_host_lookup = dns, native }\n"
                                           "three unix - - n - - smtp -o smtp_tls_loglevel=2\n";
    setup::RealHost host([](const auto&, const auto&, auto) -> base::Expected<std::string, setup::NoReply> {
        return base::unexpected(setup::NoReply{0, "not asked"});
    });
    setup::SurveyOptions options;
    options.config_directory = folder.path().string();
    const auto found = setup::make_survey(host, options);
    ASSERT_TRUE(found) << found.error();
    const auto& services = found->postfix.services;
    ASSERT_EQ(services.size(), 3U);
    EXPECT_EQ(services[0].overrides, (setup::Parameters{{"smtp_tls_policy_maps", ""}}));
    EXPECT_EQ(services[0].value("smtp_tls_policy_maps"), "");
    EXPECT_EQ(services[1].overrides, (setup::Parameters{{"smtp_host_lookup", "dns, native"},
                                                        {"smtp_tls_loglevel", "1"},
                                                        {"smtp_tls_security_level", "none"}}));
    EXPECT_EQ(services[1].value("smtp_tls_security_level"), "none");
    EXPECT_TRUE(services[0].misread && services[1].misread);
    EXPECT_FALSE(services[2].misread);
    EXPECT_EQ(services[2].overrides, (setup::Parameters{{"smtp_tls_loglevel", "2"}}));
    const setup::Plan plan = setup::make_plan(found->postfix, found->around, {});
    const auto has = [&plan](std::string_view id, setup::Remark::Kind kind) {
        return std::ranges::any_of(plan.remarks, [&](const setup::Remark& remark) {
            return remark.id == id && remark.kind == kind;
        });
    };
    EXPECT_TRUE(has("service-without-map", setup::Remark::Kind::refusal)) << "smtp/unix obeys no policy";
    EXPECT_TRUE(has("service-misread", setup::Remark::Kind::warning));
}

/// A setting that refers to itself: postconf no longer works, and smtp(8) would fail.
TEST(SurveyWithPostconf, PassesOnWhatPostconfDiesOf) {
    if (!there_is_postconf()) GTEST_SKIP() << "no postconf here";
    const test::TempFolder folder;
    put_main_cf(folder / "main.cf", "compatibility_level = 2\n");
    std::ofstream(folder / "master.cf") << "smtp unix - - n - - smtp -o smtp_tcp_port=$smtp_tcp_port\n";
    setup::RealHost host([](const auto&, const auto&, auto) -> base::Expected<std::string, setup::NoReply> {
        return base::unexpected(setup::NoReply{0, "not asked"});
    });
    setup::SurveyOptions options;
    options.config_directory = folder.path().string();
    const auto found = setup::make_survey(host, options);
    ASSERT_FALSE(found);
    EXPECT_THAT(found.error(), HasSubstr("macro call nesting: \"smtp_tcp_port\""));
}

} // namespace
