// What doctor reads from the host.
#include "tool/doctor/probes.hpp"

#include "support/temp_folder.hpp"

#include <gtest/gtest.h>

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
