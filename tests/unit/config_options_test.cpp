// The option table: every default, every environment name, and the rules for all rows.
#include "config/options.hpp"

#include "config/load.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace {

using namespace config;
using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

const std::map<std::string_view, Value>& defaults() {
    static const std::map<std::string_view, Value> rows{
        {"listen", Texts{"unix:/var/spool/postfix/stsmapd/socketmap", "tcp:127.0.0.1:8461"}},
        {"state_dir", "/var/lib/stsmapd"},
        {"deadline", "10s"},
        {"threads", 1},
        {"mode", "enforce"},
        {"dane", "auto"},
        {"strict_testing", false},
        {"log.level", "info"},
        {"log.format", "text"},
        {"log.target", "stderr"},
        {"socket.mode", "0660"},
        {"socket.owner", ""},
        {"socket.group", "postfix"},
        {"control.socket", "/run/stsmapd/control"},
        {"control.mode", "0660"},
        {"control.group", ""},
        {"web.listen", Texts{}},
        {"web.mode", "0660"},
        {"web.group", ""},
        {"web.hosts", Texts{}},
        {"web.show_domains", false},
        {"limits.max_connections", 4096},
        {"limits.idle", "100s"},
        {"limits.max_request", 10000},
        {"dns.servers", Texts{}},
        {"dns.trust_ad", "auto"},
        {"dns.timeout", "8s"},
        {"dns.try_timeout", "2s"},
        {"dns.signed_name", "."},
        {"dns.broken_name", ""},
        {"fetch.ca_file", ""},
        {"fetch.allow_private_addresses", false},
        {"fetch.nat64_prefixes", Texts{}},
        {"fetch.proxy", ""},
        {"fetch.timeout", "60s"},
        {"fetch.max_concurrent", 64},
        {"fetch.max_per_address", 8},
        {"cache.max_policies", 1'000'000},
        {"cache.max_absences", 200'000},
        {"cache.forget_unasked_after", "30d"},
        {"state.keep_observed", "90d"},
        {"shared.engine", ""},
        {"shared.sentinels", Texts{}},
        {"shared.primary", "mymaster"},
        {"shared.replica", ""},
        {"shared.read_replicas", false},
        {"shared.read_only", false},
        {"shared.database", 0},
        {"shared.user", ""},
        {"shared.password_file", ""},
        {"shared.sentinel_user", ""},
        {"shared.sentinel_password_file", ""},
        {"shared.tls_ca_file", ""},
        {"shared.tls_name", ""},
        {"shared.tls_certificate_file", ""},
        {"shared.tls_key_file", ""},
        {"shared.timeout", "50ms"},
        {"shared.key_file", ""},
        {"shared.prefix", "stsmapd"},
        {"shared.hide_domains", false},
        {"shared.host", ""},
    };
    return rows;
}

/// For each option, a text for the environment that is not the default.
const std::map<std::string_view, std::pair<std::string, Value>>& other_values() {
    static const std::map<std::string_view, std::pair<std::string, Value>> rows{
        {"listen", {"unix:/run/a, tcp::8461", Texts{"unix:/run/a", "tcp::8461"}}},
        {"state_dir", {"/srv/s", "/srv/s"}},
        {"deadline", {"5", "5s"}},
        {"threads", {"2", 2}},
        {"mode", {"observe", "observe"}},
        {"dane", {"off", "off"}},
        {"strict_testing", {"yes", true}},
        {"log.level", {"debug", "debug"}},
        {"log.format", {"json", "json"}},
        {"log.target", {"syslog", "syslog"}},
        {"socket.mode", {"0666", "0666"}},
        {"socket.owner", {"postfix", "postfix"}},
        {"socket.group", {"", ""}},
        {"control.socket", {"/run/x", "/run/x"}},
        {"control.mode", {"0600", "0600"}},
        {"control.group", {"adm", "adm"}},
        {"web.listen", {"tcp:127.0.0.1:9461,unix:/run/w", Texts{"tcp:127.0.0.1:9461", "unix:/run/w"}}},
        {"web.mode", {"0600", "0600"}},
        {"web.group", {"www-data", "www-data"}},
        {"web.hosts", {"MX1.example.com, [2001:0db8::1]", Texts{"mx1.example.com", "[2001:db8::1]"}}},
        {"web.show_domains", {"true", true}},
        {"limits.max_connections", {"10", 10}},
        {"limits.idle", {"1m", "60s"}},
        {"limits.max_request", {"512", 512}},
        {"dns.servers", {"127.0.0.1:5300,[::1]:53", Texts{"127.0.0.1:5300", "::1"}}},
        {"dns.trust_ad", {"no", "no"}},
        {"dns.timeout", {"4s", "4s"}},
        {"dns.try_timeout", {"1s", "1s"}},
        {"dns.signed_name", {"example.com", "example.com"}},
        {"dns.broken_name", {"broken.example", "broken.example"}},
        {"fetch.ca_file", {"/etc/ca.pem", "/etc/ca.pem"}},
        {"fetch.allow_private_addresses", {"1", true}},
        {"fetch.nat64_prefixes",
         {"64:ff9b:1::/48, 2A00:64:0:0::/96", Texts{"64:ff9b:1::/48", "2a00:64::/96"}}},
        {"fetch.proxy", {"http://p:1", "http://p:1"}},
        {"fetch.timeout", {"5m", "5m"}},
        {"fetch.max_concurrent", {"1", 1}},
        {"fetch.max_per_address", {"1", 1}},
        {"cache.max_policies", {"1", 1}},
        {"cache.max_absences", {"1", 1}},
        {"cache.forget_unasked_after", {"2h", "2h"}},
        {"state.keep_observed", {"2h", "2h"}},
        {"shared.engine", {"unix:/run/redis/redis-server.sock", "unix:/run/redis/redis-server.sock"}},
        {"shared.sentinels",
         {"tls:S1.example, tls:[::1]:5000", Texts{"tls:s1.example:26379", "tls:[::1]:5000"}}},
        {"shared.primary", {"mail", "mail"}},
        {"shared.replica", {"tcp:192.0.2.7", "tcp:192.0.2.7:6379"}},
        {"shared.read_replicas", {"true", true}},
        {"shared.read_only", {"true", true}},
        {"shared.database", {"3", 3}},
        {"shared.user", {"mail", "mail"}},
        {"shared.password_file", {"/etc/p", "/etc/p"}},
        {"shared.sentinel_user", {"mail", "mail"}},
        {"shared.sentinel_password_file", {"/etc/p", "/etc/p"}},
        {"shared.tls_ca_file", {"/etc/ca.pem", "/etc/ca.pem"}},
        {"shared.tls_name", {"valkey.example", "valkey.example"}},
        {"shared.tls_certificate_file", {"/etc/c.pem", "/etc/c.pem"}},
        {"shared.tls_key_file", {"/etc/k.pem", "/etc/k.pem"}},
        {"shared.timeout", {"120ms", "120ms"}},
        {"shared.key_file", {"/etc/stsmapd/fleet.keys", "/etc/stsmapd/fleet.keys"}},
        {"shared.prefix", {"mail", "mail"}},
        {"shared.hide_domains", {"true", true}},
        {"shared.host", {"mx1", "mx1"}},
    };
    return rows;
}

TEST(Options, DefaultsAreThoseOfTheDesign) {
    const Config config;
    ASSERT_EQ(options().size(), defaults().size());
    for (const Option& option : options()) {
        ASSERT_TRUE(defaults().contains(option.path)) << option.path << " is not in this test";
        EXPECT_EQ(option.read(config), defaults().at(option.path)) << option.path;
    }
}

TEST(Options, DefaultsAsValues) {
    const Config c;
    ASSERT_EQ(c.listen.size(), 2u);
    EXPECT_EQ(c.listen[0].kind, ListenAddress::Kind::unix_socket);
    EXPECT_EQ(c.listen[1].port, 8461);
    EXPECT_EQ(c.deadline, 10s);
    EXPECT_EQ(c.socket.mode.bits, 0660u);
    EXPECT_EQ(c.log.level, base::Level::info);
    EXPECT_EQ(c.cache.forget_unasked_after, 720h);
    EXPECT_TRUE(conflicts(c).empty());
}

TEST(Options, AWebListenerThatOthersReachNeedsHosts) {
    for (const char* listen :
         {"tcp::9461", "tcp:192.0.2.1:9461", "tcp:[2001:db8::1]:9461", "tcp:0.0.0.0:9461"}) {
        const std::string text =
            "[web]\nlisten = [\"tcp:127.0.0.1:9461\", \"" + std::string(listen) + "\"]\n";
        const auto alone = parse(text, "f", {});
        ASSERT_FALSE(alone) << listen;
        ASSERT_EQ(alone.error().size(), 1u);
        EXPECT_NE(to_string(alone.error().front()).find("other hosts can reach " + std::string(listen)),
                  std::string::npos);
        EXPECT_TRUE(parse(text + "hosts = [\"mx1.example.com\"]\n", "f", {})) << listen;
    }
    EXPECT_TRUE(
        parse("[web]\nlisten = [\"tcp:127.0.0.2:9461\", \"tcp:[::1]:9461\", \"unix:/run/w\"]\n", "f", {}));
    for (const char* host :
         {"a b", "mx1.example.com:9461", "http://mx1", "*", "", "2001:db8::1", "mx1.example.com."})
        EXPECT_FALSE(parse("[web]\nhosts = [\"" + std::string(host) + "\"]\n", "f", {})) << host;
}

TEST(Options, EveryDefaultPassesItsOwnCheck) {
    for (const Option& option : options()) {
        Config config;
        const auto done = option.assign(config, option.read(config));
        EXPECT_TRUE(done) << option.path << " " << (done ? "" : done.error().front().words);
        EXPECT_EQ(config, Config{}) << option.path;
    }
}

TEST(Options, EveryRowIsComplete) {
    std::set<std::string> paths, variables;
    for (const Option& option : options()) {
        EXPECT_TRUE(paths.insert(std::string{option.path}).second) << option.path << " twice";
        EXPECT_TRUE(variables.insert(option.environment()).second) << option.environment() << " twice";
        EXPECT_NE(option.environment(), file_variable);
        ASSERT_FALSE(option.help.empty()) << option.path;
        EXPECT_EQ(option.help.back(), '.') << option.path;
        EXPECT_EQ(option.help.find("\n\n"), std::string_view::npos) << option.path;
        if (option.type == Type::integer || option.type == Type::duration ||
            option.type == Type::short_duration) {
            EXPECT_LT(option.min, option.max);
        }
        if (option.type == Type::choice) {
            EXPECT_GE(option.choices.size(), 2u) << option.path;
        }
        if (option.type == Type::text || option.type == Type::list) {
            EXPECT_FALSE(option.form.empty()) << option.path;
        }
        const bool known_section =
            option.section().empty() ||
            std::ranges::find(sections(), option.section(), &Section::name) != sections().end();
        EXPECT_TRUE(known_section) << option.path;
        EXPECT_EQ(find_option(option.path), &option);
    }
    EXPECT_EQ(find_option("nothing"), nullptr);
}

TEST(Options, LimitsAreInclusive) {
    for (const Option& option : options()) {
        if (option.type == Type::short_duration) {
            Config c;
            EXPECT_TRUE(option.assign(c, std::to_string(option.min) + "ms")) << option.path;
            EXPECT_TRUE(option.assign(c, std::to_string(option.max) + "ms")) << option.path;
            EXPECT_FALSE(option.assign(c, std::to_string(option.min - 1) + "ms")) << option.path;
            EXPECT_FALSE(option.assign(c, std::to_string(option.max + 1) + "ms")) << option.path;
        }
        if (option.type != Type::integer && option.type != Type::duration) continue;
        Config c;
        EXPECT_TRUE(option.assign(c, option.min)) << option.path;
        EXPECT_TRUE(option.assign(c, option.max)) << option.path;
        EXPECT_FALSE(option.assign(c, option.min - 1)) << option.path;
        EXPECT_FALSE(option.assign(c, option.max + 1)) << option.path;
    }
}

TEST(Options, ARefusedValueLeavesTheConfigAlone) {
    for (const Option& option : options()) {
        Config c;
        EXPECT_FALSE(option.assign(c, Value{std::string{"\x01"}})) << option.path;
        EXPECT_EQ(c, Config{}) << option.path;
    }
}

TEST(Options, EnvironmentNames) {
    EXPECT_EQ(find_option("fetch.ca_file")->environment(), "STSMAPD_FETCH_CA_FILE");
    EXPECT_EQ(find_option("listen")->environment(), "STSMAPD_LISTEN");
    EXPECT_EQ(find_option("cache.forget_unasked_after")->environment(), "STSMAPD_CACHE_FORGET_UNASKED_AFTER");
}

/// What must be set besides.
std::string what_it_needs(std::string_view path) {
    static const std::map<std::string_view, std::string> others{
        {"shared.engine", "key_file = \"/k\""},
        {"shared.sentinels", "key_file = \"/k\""},
        {"shared.primary", "key_file = \"/k\"\nsentinels = [\"tcp:s\"]"},
        {"shared.replica", "key_file = \"/k\"\nengine = \"unix:/e\""},
        {"shared.read_replicas", "key_file = \"/k\"\nsentinels = [\"tcp:s\"]"},
        {"shared.user", "password_file = \"/p\""},
        {"shared.sentinel_user",
         "key_file = \"/k\"\nsentinels = [\"tcp:s\"]\nsentinel_password_file = \"/p\""},
        {"shared.sentinel_password_file", "key_file = \"/k\"\nsentinels = [\"tcp:s\"]"},
        {"shared.tls_ca_file", "key_file = \"/k\"\nengine = \"tls:e\""},
        {"shared.tls_name", "key_file = \"/k\"\nengine = \"tls:e\""},
        {"shared.tls_certificate_file", "key_file = \"/k\"\nengine = \"tls:e\"\ntls_key_file = \"/t\""},
        {"shared.tls_key_file", "key_file = \"/k\"\nengine = \"tls:e\"\ntls_certificate_file = \"/t\""},
    };
    const auto found = others.find(path);
    return found == others.end() ? std::string{} : "[shared]\n" + found->second + "\n";
}

TEST(Options, EveryEnvironmentNameWorks) {
    for (const Option& option : options()) {
        ASSERT_TRUE(other_values().contains(option.path)) << option.path << " is not in this test";
        const auto& [text, want] = other_values().at(option.path);
        const auto loaded = parse(what_it_needs(option.path), "f", {{option.environment(), text}});
        ASSERT_TRUE(loaded) << to_string(loaded.error().front());
        EXPECT_EQ(option.read(loaded->config), want) << option.path;
        EXPECT_NE(option.read(loaded->config), option.read(Config{})) << option.path;
        Config without = loaded->config;
        ASSERT_TRUE(option.assign(without, option.read(Config{}))) << option.path;
        const Changes changes = changed(without, loaded->config);
        ASSERT_EQ(changes.live.size() + changes.restart.size(), 1u) << option.path;
        EXPECT_EQ((option.reload == Reload::live ? changes.live : changes.restart).front(), option.path);
    }
}

TEST(Options, ChangesAreSplitByWhenTheyTakeEffect) {
    Config after;
    EXPECT_TRUE(changed(Config{}, after).live.empty());
    EXPECT_TRUE(changed(Config{}, after).restart.empty());
    after.deadline = 5s;
    after.log.level = base::Level::debug;
    after.state_dir = "/srv";
    after.listen.pop_back();
    after.overrides.emplace_back();
    const Changes changes = changed(Config{}, after);
    EXPECT_EQ(changes.live, (std::vector<std::string_view>{"deadline", "log.level", "override"}));
    EXPECT_EQ(changes.restart, (std::vector<std::string_view>{"listen", "state_dir"}));
}

TEST(Options, ATypingMistakeFindsItsOption) {
    const std::pair<const char*, const char*> rows[] = {
        {"fetch.timout", "fetch.timeout"},
        {"dns.timeout_", "dns.timeout"},
        {"dns.server", "dns.servers"},
        {"lisen", "listen"},
        {"Deadline", "deadline"},
        {"ca_file", "fetch.ca_file"},     // the right name outside its section
        {"dns.ca_file", "fetch.ca_file"}, // the right name in another section
        {"fech.max_concurrent", "fetch.max_concurrent"},
        {"timeout", "dns.timeout"}, // two have the name: the nearer one
        {"completely_else", ""},
        {"x", ""},
        {"", ""},
    };
    for (const auto& [path, want] : rows) EXPECT_EQ(nearest_option(path), want) << path;
    EXPECT_EQ(nearest_option(std::string(100'000, 'x')), "");
    EXPECT_EQ(nearest_environment("STSMAPD_FETCH_CAFILE"), "STSMAPD_FETCH_CA_FILE");
    EXPECT_EQ(nearest_environment("STSMAPD_LOGLEVEL"), "STSMAPD_LOG_LEVEL");
    EXPECT_EQ(nearest_environment("STSMAPD_COLOUR_OF_IT"), "");
    EXPECT_EQ(nearest_environment("STSMAPD_"), "");
}

} // namespace
