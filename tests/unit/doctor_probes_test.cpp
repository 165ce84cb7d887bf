// What doctor reads from the host.
#include "tool/doctor/fleet_probe.hpp"
#include "tool/doctor/probes.hpp"

#include "support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace {

using namespace doctor;
using namespace std::chrono_literals;

TEST(ProbeState, TellsFoldersApart) {
    const test::TempFolder folder;
    EXPECT_FALSE(probe_state(folder / "none", {}, 1s).there);
    std::ofstream(folder / "file").close();
    EXPECT_TRUE(probe_state(folder / "file", {}, 1s).there);
    EXPECT_FALSE(probe_state(folder / "file", {}, 1s).is_folder);
    const StateFacts good = probe_state(folder.path().string(), "somebody", 1s);
    EXPECT_TRUE(good.is_folder && good.may_look && good.writable_by_owner);
    EXPECT_EQ(good.trouble, "");
    EXPECT_NE(good.owner, "");
    EXPECT_EQ(good.file_owner, "");
    EXPECT_EQ(good.daemon_user, "somebody");
    EXPECT_GT(good.free_octets, 0U);
    EXPECT_EQ(good.store, StateFacts::Store::none);
    std::ofstream(folder / "stsmapd.sqlite") << std::string(5000, 'x');
    const StateFacts damaged = probe_state(folder.path().string(), {}, 1s);
    EXPECT_EQ(damaged.store, StateFacts::Store::damaged);
    EXPECT_EQ(damaged.file_owner, damaged.owner);
}

TEST(ProbeFleet, LooksAtFilesWithSecrets) {
    const test::TempFolder folder;
    std::ofstream(folder / "keys") << "k1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
    config::Shared shared;
    shared.key_file = folder / "keys";
    EXPECT_FALSE(probe_fleet(shared, nullptr).configured);
    EXPECT_TRUE(probe_fleet(shared, nullptr).files_refused.empty());
    shared.engine = config::parse_engine("unix:/e").value();
    std::filesystem::permissions(shared.key_file, std::filesystem::perms{0644});
    FleetFacts facts = probe_fleet(shared, nullptr);
    EXPECT_TRUE(facts.configured && !facts.asked);
    ASSERT_EQ(facts.files_refused.size(), 1u);
    EXPECT_TRUE(
        facts.files_refused[0].starts_with("shared.key_file: " + shared.key_file + ": others may use it"));
    std::filesystem::permissions(shared.key_file, std::filesystem::perms{0640});
    shared.password_file = "/no/such";
    facts = probe_fleet(shared, nullptr);
    ASSERT_EQ(facts.files_refused.size(), 1u);
    EXPECT_TRUE(facts.files_refused[0].starts_with("shared.password_file: /no/such: cannot be read"));
    // A control socket that nobody listens on.
    tool::ControlOptions options;
    options.path = folder / "control";
    tool::ControlClient client(options);
    EXPECT_FALSE(probe_fleet(shared, &client).asked);
}

TEST(ProbeFleet, TakesWhatTheDaemonSays) {
    FleetFacts facts;
    take_fleet(tool::Json::parse(R"({"schema":1,"configured":false})"), facts);
    EXPECT_TRUE(facts.asked && !facts.in_use);
    take_fleet(tool::Json::parse(
                   R"({"schema":1,"configured":true,"engine":"e\u001b[0m:6379","up":true,"since":"then",
        "trouble":"timeout: words","subscribed":true,"hosts":[{"name":"mx1","presence":"here"},
        {"name":"mx2\n","presence":"other-clock"},7]})"),
               facts);
    EXPECT_TRUE(facts.asked && facts.in_use && facts.up && facts.subscribed);
    EXPECT_EQ(facts.engine.find('\x1b'), std::string::npos);
    EXPECT_EQ(facts.since, "then");
    EXPECT_EQ(facts.trouble, "timeout: words");
    EXPECT_EQ(facts.hosts_trouble, "");
    ASSERT_EQ(facts.other_clocks.size(), 1u);
    EXPECT_EQ(facts.other_clocks[0].find('\n'), std::string::npos);
    FleetFacts wrong;
    take_fleet(tool::Json::parse(R"({"configured":"yes","hosts":{"a":1},"engine":3})"), wrong);
    EXPECT_TRUE(wrong.asked && !wrong.in_use);
}

TEST(ParseUnits, ReadsWhatSystemctlShows) {
    const auto units =
        parse_units("Id=stsmapd.socket\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n\n"
                    "LoadState=not-found\nActiveState=inactive\nId=stsmapd.service\n");
    ASSERT_EQ(units.size(), 2U);
    EXPECT_EQ(units[0].name, "stsmapd.socket");
    EXPECT_EQ(units[0].file_state, "enabled");
    EXPECT_EQ(units[1].name, "stsmapd.service");
    EXPECT_EQ(units[1].load, "not-found");
    EXPECT_EQ(units[1].file_state, "");
    EXPECT_TRUE(parse_units("").empty());
    EXPECT_TRUE(parse_units("nonsense\n\n\n").empty());
}

} // namespace
