// [shared] as the settings of the shared cache.
#include "wiring/fleet_settings.hpp"

#include "base/version.hpp"
#include "cache/valkey/hosts.hpp"
#include "cache/valkey/keys.hpp"
#include "config/load.hpp"
#include "config/options.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using valkey::Address;

config::Shared shared(const std::string& lines) {
    auto loaded = config::parse("[shared]\nkey_file = \"/k\"\n" + lines, "f", {});
    if (!loaded) throw std::runtime_error(to_string(loaded.error().front()));
    return loaded->config.shared;
}

TEST(FleetSettings, OfAnEngineAlone) {
    const auto settings =
        app::fleet_settings(shared("engine = \"unix:/run/e\"\n"), {"", "", "mx 1", nullptr});
    EXPECT_EQ(settings.engine.engine, (Address{"/run/e", "", 0}));
    EXPECT_TRUE(settings.engine.sentinels.empty());
    EXPECT_FALSE(settings.engine.replica || settings.engine.tls || settings.engine.read_replicas ||
                 settings.engine.read_only);
    EXPECT_EQ(settings.engine.password, "");
    EXPECT_EQ(settings.timeout, 50ms);
    EXPECT_EQ(settings.prefix, "stsmapd");
    EXPECT_EQ(settings.naming, valkey::Naming::plain);
    EXPECT_EQ(settings.host, "mx-1");
    EXPECT_EQ(settings.version, base::version());
}

TEST(FleetSettings, OfAllThatCanBeSet) {
    const auto settings = app::fleet_settings(
        shared("sentinels = [\"tls:S1.example\", \"tls:[::1]:5\"]\nprimary = \"mail\"\nread_only = true\n"
               "replica = \"unix:/r\"\ndatabase = 3\nuser = \"u\"\npassword_file = \"/p\"\nsentinel_user = "
               "\"su\"\n"
               "sentinel_password_file = \"/sp\"\ntls_ca_file = \"/ca\"\ntls_name = \"n\"\n"
               "tls_certificate_file = \"/c\"\ntls_key_file = \"/t\"\ntimeout = \"200ms\"\nprefix = \"p\"\n"
               "hide_domains = true\nhost = \"mx1\"\n"),
        {"secret", "hush", "system", [](std::string) -> boost::asio::awaitable<std::vector<net::IpAddress>> {
             co_return std::vector<net::IpAddress>{};
         }});
    const valkey::Options& engine = settings.engine;
    EXPECT_EQ(engine.sentinels, (std::vector<Address>{{"", "s1.example", 26379}, {"", "::1", 5}}));
    EXPECT_EQ(engine.primary_name, "mail");
    EXPECT_EQ(engine.replica, (Address{"/r", "", 0}));
    EXPECT_TRUE(engine.read_only);
    EXPECT_EQ(engine.database, 3);
    EXPECT_EQ(engine.user, "u");
    EXPECT_EQ(engine.password, "secret");
    EXPECT_EQ(engine.sentinel_user, "su");
    EXPECT_EQ(engine.sentinel_password, "hush");
    EXPECT_EQ(engine.tls, (valkey::TlsSettings{"/ca", "n", "/c", "/t"}));
    EXPECT_TRUE(engine.resolve);
    EXPECT_EQ(settings.timeout, 200ms);
    EXPECT_EQ(settings.prefix, "p");
    EXPECT_EQ(settings.naming, valkey::Naming::hidden);
    EXPECT_EQ(settings.host, "mx1");
    EXPECT_TRUE(app::fleet_settings(shared("sentinels = [\"tcp:s\"]\nread_replicas = true\n"), {})
                    .engine.read_replicas);
}

TEST(FleetSettings, TlsWhereAnAddressAsksForIt) {
    for (const char* with :
         {"engine = \"tls:e\"", "engine = \"unix:/e\"\nreplica = \"tls:r\"", "sentinels = [\"tls:s\"]"})
        EXPECT_TRUE(app::tls_settings(shared(with))) << with;
    for (const char* without : {"engine = \"tcp:e\"", "engine = \"unix:/e\"", "sentinels = [\"tcp:s\"]"})
        EXPECT_FALSE(app::tls_settings(shared(without))) << without;
}

TEST(FleetSettings, WhatTheTableTakesIsWhatTheCacheTakes) {
    const auto takes = [](const char* option, std::string_view text) {
        config::Config config;
        return static_cast<bool>(config::find_option(option)->assign(config, std::string(text)));
    };
    for (const std::string& text :
         {std::string("a"), std::string("A-z_0.9"), std::string(32, 'x'), std::string(33, 'x'),
          std::string("a:b"), std::string("{a}"), std::string("a*"), std::string("a b")}) {
        EXPECT_EQ(takes("shared.prefix", text), valkey::is_prefix(text)) << text;
        EXPECT_EQ(takes("shared.host", text), valkey::is_host_name(text)) << text;
    }
    EXPECT_TRUE(takes("shared.host", std::string(253, 'x')) && !takes("shared.host", std::string(254, 'x')));
    EXPECT_FALSE(takes("shared.prefix", ""));
}

} // namespace
