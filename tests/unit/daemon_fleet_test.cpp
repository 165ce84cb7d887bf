// The daemon's shared cache: when there is one, which files keep it from starting, and a key file that changes.
#include "daemon/fleet.hpp"

#include "config/load.hpp"
#include "support/address_resolver.hpp"
#include "support/memory_log.hpp"
#include "support/real_clock.hpp"
#include "support/temp_folder.hpp"
#include "wiring/context.hpp"
#include "wiring/real_time.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace {

const std::string key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
const std::string other = "101112131415161718191a1b1c1d1e1f101112131415161718191a1b1c1d1e1f\n";

class FleetTest : public testing::Test {
protected:
    std::string file(const std::string& name, const std::string& text) {
        std::ofstream{folder / name} << text;
        std::filesystem::permissions(folder / name, std::filesystem::perms{0600});
        return folder / name;
    }
    app::Fleet made(const std::string& lines) {
        const auto loaded = config::parse("[shared]\n" + lines, "f", {});
        if (!loaded) throw std::runtime_error(to_string(loaded.error().front()));
        shared = loaded->config.shared;
        return {shared, {loop.get_executor(), timers, clock, table, log, [] { return 0.0; }}, resolver};
    }
    std::string refusal(const std::string& lines) {
        log.clear();
        const app::Fleet fleet = made(lines);
        EXPECT_TRUE(fleet.wanted());
        const auto said = log.lines();
        EXPECT_EQ(fleet.cache() == nullptr, said.size() == 1);
        return said.empty() ? "" : said.front();
    }
    /// An engine that is not there.
    [[nodiscard]] std::string engine() const { return "engine = \"unix:" + (folder / "e") + "\"\n"; }

    test::TempFolder folder;
    config::Shared shared; ///< of the last one that was made
    app::Context loop;
    app::AsioTimers timers{loop.get_executor()};
    test::RealClock clock;
    cache::Table table{cache::Limits{}};
    test::MemoryLog log;
    test::AddressResolver resolver;
};

TEST_F(FleetTest, NoneWithoutAnEngine) {
    app::Fleet fleet = made("key_file = \"/no/such\"\n");
    EXPECT_EQ(fleet.cache(), nullptr);
    fleet.start();
    const auto keys = fleet.read_keys(shared);
    ASSERT_TRUE(keys);
    EXPECT_FALSE(*keys);
    fleet.use(app::Fleet::Keys{});
    fleet.stop();
}

TEST_F(FleetTest, FilesKeepItFromStarting) {
    const std::string why = "error fleet-unusable detail=";
    const std::string keys = "key_file = \"" + file("keys", "k1 " + key) + "\"\n";
    EXPECT_EQ(refusal(engine() + keys), "");
    EXPECT_EQ(refusal(engine() + "key_file = \"/no/such\"\n"),
              why + "shared.key_file: /no/such: cannot be read: No such file or directory");
    EXPECT_EQ(refusal(engine() + keys + "password_file = \"/no/such\"\n"),
              why + "shared.password_file: /no/such: cannot be read: No such file or directory");
    EXPECT_EQ(
        refusal("sentinels = [\"tcp:127.0.0.1:1\"]\n" + keys + "sentinel_password_file = \"/no/such\"\n"),
        why + "shared.sentinel_password_file: /no/such: cannot be read: No such file or directory");
    const std::string tls = "engine = \"tls:127.0.0.1:1\"\n" + keys;
    EXPECT_EQ(refusal(tls + "tls_key_file = \"/no/such\"\ntls_certificate_file = \"/no/such\"\n"),
              why + "shared.tls_key_file: /no/such: cannot be read: No such file or directory");
    EXPECT_EQ(refusal(tls + "tls_ca_file = \"/no/such\"\n"),
              why + "shared: cannot use CA file /no/such: No such file or directory");
}

TEST_F(FleetTest, AKeyFileIsReadAgain) {
    const std::string path = file("keys", "k1 " + key);
    app::Fleet fleet = made(engine() + "key_file = \"" + path + "\"\nhost = \"mx1\"\nprefix = \"mail\"\n");
    ASSERT_NE(fleet.cache(), nullptr);
    const auto ids = [&] { return fleet.cache()->status().key_ids; };
    using Ids = std::vector<std::string>;
    EXPECT_EQ(ids(), Ids{"k1"});
    EXPECT_EQ(fleet.cache()->status().host, "mx1");
    EXPECT_EQ(fleet.cache()->status().prefix, "mail");
    (void)file("keys", "k2 " + other + "k1 " + key);
    auto keys = fleet.read_keys(shared);
    ASSERT_TRUE(keys);
    EXPECT_EQ(ids(), Ids{"k1"}); // not before all of a reload is found good
    fleet.use(std::move(*keys));
    EXPECT_EQ(ids(), (Ids{"k2", "k1"}));
    (void)file("keys", "k2 hush!\n");
    keys = fleet.read_keys(shared);
    ASSERT_FALSE(keys);
    EXPECT_EQ(keys.error(), "shared.key_file: " + path + ": line 1: the key is neither base64 nor hex");
    EXPECT_EQ(ids(), (Ids{"k2", "k1"}));
    // Another file, or none any more, waits for a restart, and no reload is refused for it.
    shared.key_file = "/no/such";
    keys = fleet.read_keys(shared);
    ASSERT_TRUE(keys);
    EXPECT_FALSE(*keys);
    keys = fleet.read_keys({});
    ASSERT_TRUE(keys);
    EXPECT_FALSE(*keys);
    fleet.stop();
}

TEST_F(FleetTest, StartsWithoutItsEngineAndStopsAtOnce) {
    app::Fleet fleet = made(engine() + "key_file = \"" + file("keys", "k1 " + key) + "\"\n");
    fleet.start();
    loop.run_for(std::chrono::milliseconds{50});
    EXPECT_FALSE(fleet.cache()->status().up);
    fleet.stop();
    loop.drop_handlers();
}

} // namespace
