// Configuration files: a corpus of good and bad ones, the environment, and files that cannot be read.
#include "config/load.hpp"

#include "config/options.hpp"
#include "support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace {

using namespace config;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

const fs::path corpus = fs::path{STSMAPD_SOURCE_DIR} / "tests/unit/config";

std::string read_text(const fs::path& file) {
    std::ifstream in{file, std::ios::binary};
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

std::vector<fs::path> files(std::string_view prefix) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator{corpus})
        if (entry.path().filename().string().starts_with(prefix)) found.push_back(entry.path());
    return found;
}

/// "..." in `pattern` stands for any text, because the TOML library words its syntax errors.
bool matches(std::string_view text, std::string_view pattern) {
    const auto dots = pattern.find("...");
    if (dots == std::string_view::npos) return text == pattern;
    if (!text.starts_with(pattern.substr(0, dots))) return false;
    text.remove_prefix(dots);
    pattern.remove_prefix(dots + 3);
    for (std::size_t i = 0; i <= text.size(); ++i)
        if (matches(text.substr(i), pattern)) return true;
    return false;
}

TEST(ConfigCorpus, BadFilesGiveExactlyTheProblemsInTheirFirstLines) {
    const auto bad = files("bad_");
    ASSERT_GE(bad.size(), 30u);
    for (const fs::path& file : bad) {
        std::vector<std::string> expected;
        std::istringstream lines{read_text(file)};
        constexpr std::string_view mark = "# expect: ";
        for (std::string line; std::getline(lines, line) && line.starts_with(mark);)
            expected.push_back("f:" + line.substr(mark.size()));
        ASSERT_FALSE(expected.empty()) << file;
        const auto loaded = parse(read_text(file), "f", {});
        ASSERT_FALSE(loaded) << file;
        std::vector<std::string> got;
        for (const Problem& problem : loaded.error()) got.push_back(to_string(problem));
        ASSERT_EQ(got.size(), expected.size()) << file << ": " << testing::PrintToString(got);
        for (std::size_t i = 0; i < got.size(); ++i)
            EXPECT_TRUE(matches(got[i], expected[i]))
                << file << "\n got " << got[i] << "\nwant " << expected[i];
    }
}

TEST(ConfigCorpus, GoodFilesHaveNoProblem) {
    const auto good = files("good_");
    ASSERT_GE(good.size(), 6u);
    for (const fs::path& file : good) {
        const auto loaded = parse(read_text(file), "f", {});
        EXPECT_TRUE(loaded) << file << ": " << (loaded ? "" : to_string(loaded.error().front()));
    }
}

TEST(ConfigLoad, EveryOptionOfAFileArrives) {
    const auto loaded = parse(read_text(corpus / "good_all.toml"), "f", {});
    ASSERT_TRUE(loaded);
    Config want;
    want.listen = {parse_listen_address("unix:/run/stsmapd.sock").value(),
                   parse_listen_address("tcp:127.0.0.1:8461").value(),
                   parse_listen_address("tcp:[::1]:8461").value(), parse_listen_address("tcp::8462").value()};
    want.state_dir = "/srv/stsmapd";
    want.deadline = 5s;
    want.threads = 4;
    want.dane = Dane::off;
    want.strict_testing = true;
    want.log = {base::Level::debug, LogFormat::json, LogTarget::syslog};
    want.socket = {{0666}, "postfix", ""};
    want.limits = {100, 120s, 512};
    want.dns.servers = {net::Endpoint{net::parse_ip("127.0.0.1").value(), 53},
                        {net::parse_ip("127.0.0.1").value(), 5300},
                        {net::parse_ip("::1").value(), 53},
                        {net::parse_ip("::1").value(), 5300}};
    want.dns.trust_ad = TrustAd::yes;
    want.dns.timeout = 4s;
    want.dns.try_timeout = 1s;
    const std::vector prefixes{base::parse_nat64_prefix("64:ff9b:1::/96").value(),
                               base::parse_nat64_prefix("2a00:64::/32").value()};
    want.fetch = {
        "/etc/ssl/certs/ca.pem", true, prefixes, {"", net::parse_ip("2001:db8::1"), 3128}, 30s, 8, 2};
    want.cache = {1000, 500, 12h};
    want.mode = Mode::observe;
    want.state = {720h};
    Shared& shared = want.shared;
    using Kind = EngineAddress::Kind;
    shared.sentinels = {{Kind::tls, "", "s1.example", 26379}, {Kind::tls, "", "2001:db8::1", 26380}};
    shared.primary = "mail";
    shared.read_replicas = shared.read_only = shared.hide_domains = true;
    shared.database = 3;
    shared.user = "stsmapd";
    shared.password_file = "/etc/stsmapd/engine.password";
    shared.sentinel_user = "asker";
    shared.sentinel_password_file = "/etc/stsmapd/sentinel.password";
    shared.tls_ca_file = "/etc/stsmapd/ca.pem";
    shared.tls_name = "valkey.example";
    shared.tls_certificate_file = "/etc/stsmapd/client.pem";
    shared.tls_key_file = "/etc/stsmapd/client.key";
    shared.timeout = 100ms;
    shared.key_file = "/etc/stsmapd/fleet.keys";
    shared.prefix = "mail";
    shared.host = "mx1";
    want.overrides = loaded->config.overrides; // another test looks at them
    EXPECT_EQ(loaded->config, want);
    EXPECT_TRUE(loaded->is_set("listen"));
    EXPECT_EQ(loaded->origins.at("deadline"), (Origin{"f", 3, 12}));
}

TEST(ConfigLoad, AnEmptyTextIsTheDefaults) {
    const auto loaded = parse("", "f", {});
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->config, Config{});
    EXPECT_TRUE(loaded->origins.empty());
    EXPECT_FALSE(loaded->is_set("listen"));
}

TEST(ConfigLoad, TheEnvironmentGoesOverTheFile) {
    const auto loaded = parse("deadline = \"5s\"\nthreads = 2\n", "f",
                              {{"STSMAPD_DEADLINE", "7s"}, {"STSMAPD_CONFIG", "/etc/x.toml"}});
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->config.deadline, 7s);
    EXPECT_EQ(loaded->config.threads, 2u);
    EXPECT_EQ(loaded->origins.at("deadline"), (Origin{"environment STSMAPD_DEADLINE", 0, 0}));
    EXPECT_EQ(loaded->origins.at("threads"), (Origin{"f", 2, 11}));
}

TEST(ConfigLoad, ListsInTheEnvironment) {
    const std::pair<const char*, std::size_t> rows[] = {
        {"", 0}, {"::1", 1}, {"::1,127.0.0.1", 2}, {" ::1 , 127.0.0.1\t", 2}};
    for (const auto& [text, want] : rows) {
        const auto loaded = parse("", "f", {{"STSMAPD_DNS_SERVERS", text}});
        ASSERT_TRUE(loaded) << text;
        EXPECT_EQ(loaded->config.dns.servers.size(), want) << text;
    }
    for (const char* text : {",", "::1,", ",::1", "::1,,127.0.0.1"})
        EXPECT_FALSE(parse("", "f", {{"STSMAPD_DNS_SERVERS", text}})) << text;
}

TEST(ConfigLoad, ProblemsOfTheEnvironmentNameTheVariable) {
    const std::tuple<const char*, const char*, const char*> rows[] = {
        {"STSMAPD_THREADS", "0", "environment: STSMAPD_THREADS must be from 1 to 64, not 0"},
        {"STSMAPD_THREADS", "2x", "environment: STSMAPD_THREADS must be a whole number"},
        {"STSMAPD_THREADS", "", "environment: STSMAPD_THREADS must be a whole number"},
        {"STSMAPD_THREADS", "99999999999999999999", "environment: STSMAPD_THREADS must be a whole number"},
        {"STSMAPD_STRICT_TESTING", "maybe", "environment: STSMAPD_STRICT_TESTING must be true or false"},
        {"STSMAPD_FETCH_CA_FIEL", "/x",
         "environment: unknown variable STSMAPD_FETCH_CA_FIEL; did you mean STSMAPD_FETCH_CA_FILE?"},
        {"STSMAPD_NOTHING_OF_OURS", "/x", "environment: unknown variable STSMAPD_NOTHING_OF_OURS"},
        {"STSMAPD_A\nB", "", "environment: unknown variable STSMAPD_A\\x0aB"},
        {"STSMAPD_STATE_DIR", "/a\x1b[2J", "environment: STSMAPD_STATE_DIR must not hold control characters"},
        {"STSMAPD_STATE_DIR", "/a\xff", "environment: STSMAPD_STATE_DIR must be UTF-8 text"},
        {"STSMAPD_LISTEN", "unix:/a,unix:b",
         "environment: STSMAPD_LISTEN \"unix:b\": the path of a unix socket must be absolute, it must begin "
         "with \"/\""},
    };
    for (const auto& [name, text, want] : rows) {
        const auto loaded = parse("", "f", {{name, text}});
        ASSERT_FALSE(loaded) << name << "=" << text;
        ASSERT_EQ(loaded.error().size(), 1u) << name;
        EXPECT_EQ(to_string(loaded.error().front()), want);
    }
}

TEST(ConfigLoad, VariablesThatContainerEnginesInjectArePassedOver) {
    // The variables of a Kubernetes service named stsmapd, and of a Docker link with this alias.
    const Environment injected{
        {"STSMAPD_SERVICE_HOST", "10.0.0.7"},
        {"STSMAPD_SERVICE_PORT", "8461"},
        {"STSMAPD_SERVICE_PORT_SOCKETMAP", "8461"},
        {"STSMAPD_PORT", "tcp://10.0.0.7:8461"},
        {"STSMAPD_PORT_8461_TCP", "tcp://10.0.0.7:8461"},
        {"STSMAPD_PORT_8461_TCP_PROTO", "tcp"},
        {"STSMAPD_NAME", "/postfix/stsmapd"},
        {"STSMAPD_ENV_STSMAPD_LISTEN", "tcp::8461"},
    };
    const auto loaded = parse("", "f", injected);
    ASSERT_TRUE(loaded) << to_string(loaded.error().front());
    EXPECT_TRUE(loaded->origins.empty());
    EXPECT_EQ(loaded->config, Config{});
    for (const char* name : {"STSMAPD_PORTS", "STSMAPD_SERVICE", "STSMAPD_NAMES", "STSMAPD_NAME_X",
                             "STSMAPD_ENV", "STSMAPD_", "STSMAPD_DNS_PORT"})
        EXPECT_FALSE(parse("", "f", {{name, "x"}})) << name;
    for (const Option& option : options()) EXPECT_FALSE(is_injected(option.environment())) << option.path;
}

TEST(ConfigLoad, AllProblemsOfFileAndEnvironmentAreToldInOrder) {
    const auto loaded =
        parse("threads = 0\nbogus_option_name = 1\ndeadline = 0\n", "f", {{"STSMAPD_DANE", "on"}});
    ASSERT_FALSE(loaded);
    ASSERT_EQ(loaded.error().size(), 4u);
    EXPECT_EQ(loaded.error()[0].line, 1u);
    EXPECT_EQ(loaded.error()[1].line, 2u);
    EXPECT_EQ(loaded.error()[2].line, 3u);
    EXPECT_EQ(loaded.error()[3].source, "environment");
}

TEST(ConfigOverrides, ArriveInTheOrderOfTheFileWithTheirPlaces) {
    const auto loaded = parse(read_text(corpus / "good_overrides.toml"), "f", {});
    ASSERT_TRUE(loaded) << to_string(loaded.error().front());
    const auto& all = loaded->config.overrides;
    ASSERT_EQ(all.size(), 4u);
    EXPECT_EQ(all[0].domain, "a.example");
    EXPECT_EQ(all[0].action, decision::Action::off);
    EXPECT_TRUE(all[0].configured);
    EXPECT_FALSE(all[0].weakens);
    EXPECT_FALSE(all[0].until);
    EXPECT_EQ(all[1].domain, ".a.example");
    EXPECT_EQ(all[1].until, base::Instant{1801440000s}); // 2027-02-01T00:00:00Z
    EXPECT_EQ(all[2].until, base::Instant{1801414800s}); // 2027-01-31T17:00:00Z
    ASSERT_EQ(loaded->overrides_at.size(), 4u);
    EXPECT_EQ(loaded->overrides_at[0], (Origin{"f", 1, 1}));
    EXPECT_EQ(loaded->overrides_at[2], (Origin{"f", 12, 1}));
}

TEST(ConfigOverrides, OfASecureOneEverythingArrives) {
    const auto loaded = parse(read_text(corpus / "good_all.toml"), "f", {});
    ASSERT_TRUE(loaded);
    ASSERT_EQ(loaded->config.overrides.size(), 1u);
    const decision::Override& made = loaded->config.overrides.front();
    EXPECT_EQ(made.domain, "partner.example");
    EXPECT_EQ(made.action, decision::Action::secure);
    EXPECT_EQ(made.match,
              (std::vector<sts::MxPattern>{{"mx.partner.example", false}, {"partner.example", true}}));
    EXPECT_EQ(made.reason, "their certificate expired");
    EXPECT_TRUE(made.weakens);
}

TEST(ConfigOverrides, ThereMayBeAsManyAsTheDecisionTakes) {
    const auto tables = [](std::size_t count) {
        std::string text;
        for (std::size_t i = 0; i < count; ++i)
            text +=
                "[[override]]\ndomain=\"d" + std::to_string(i) + ".example\"\naction=\"off\"\nreason=\"r\"\n";
        return text;
    };
    const auto most = parse(tables(decision::max_overrides), "f", {});
    ASSERT_TRUE(most) << to_string(most.error().front());
    EXPECT_TRUE(decision::Overrides::of(most->config.overrides));
    const auto more = parse(tables(decision::max_overrides + 1), "f", {});
    ASSERT_FALSE(more);
    ASSERT_EQ(more.error().size(), 1u);
    EXPECT_EQ(to_string(more.error().front()), "f:1:1: has 10001 overrides; there may be 10000");
}

TEST(ConfigOverrides, TheEnvironmentCannotAddAny) {
    const auto loaded = parse("", "f", {{"STSMAPD_OVERRIDE", "a.example"}});
    ASSERT_FALSE(loaded);
    EXPECT_TRUE(
        to_string(loaded.error().front()).starts_with("environment: unknown variable STSMAPD_OVERRIDE"));
}

TEST(ConfigLoad, AProblemIsOnePrintableLine) {
    const auto loaded = parse("\"a\\nb\\u0007\" = 1\n[\"x\\ny\"]\n", "f\n", {});
    ASSERT_FALSE(loaded);
    for (const Problem& problem : loaded.error())
        for (const char c : to_string(problem)) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << to_string(problem);
}

TEST(ConfigLoad, AnEndlessTextIsRefused) {
    EXPECT_FALSE(parse(std::string(max_file_size + 1, '\n'), "f", {}));
    EXPECT_TRUE(parse(std::string(max_file_size, '\n'), "f", {}));
}

TEST(ConfigLoad, PicksItsVariablesFromTheEnvironment) {
    const char* block[] = {"PATH=/bin", "STSMAPD_DEADLINE=5s", "STSMAPD_FETCH_PROXY=http://a=b:1",
                           "STSMAPD_X", "XSTSMAPD_Y=1",        nullptr};
    const Environment found = environment(block);
    EXPECT_EQ(found, (Environment{{"STSMAPD_DEADLINE", "5s"}, {"STSMAPD_FETCH_PROXY", "http://a=b:1"}}));
    EXPECT_TRUE(environment(nullptr).empty());
}

class ConfigFile : public testing::Test {
protected:
    test::TempFolder folder_;
};

TEST_F(ConfigFile, IsRead) {
    std::ofstream{folder_ / "a.toml"} << "deadline = \"5s\"\n";
    const auto loaded = load(folder_ / "a.toml", true, {});
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->config.deadline, 5s);
}

TEST_F(ConfigFile, MayBeMissingUnlessItWasNamed) {
    const auto defaults = load(folder_ / "none.toml", false, {{"STSMAPD_THREADS", "2"}});
    ASSERT_TRUE(defaults);
    EXPECT_EQ(defaults->config.threads, 2u);
    const auto named = load(folder_ / "none.toml", true, {});
    ASSERT_FALSE(named);
    EXPECT_EQ(to_string(named.error().front()),
              folder_ / "none.toml" + ": cannot be read: No such file or directory");
}

TEST_F(ConfigFile, ThatCannotBeReadIsAProblemAlways) {
    const auto loaded = load(folder_.path(), false, {});
    ASSERT_FALSE(loaded);
    EXPECT_NE(to_string(loaded.error().front()).find("cannot be read"), std::string::npos);
}

} // namespace
