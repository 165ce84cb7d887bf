// Files and certificates of this machine.
#include "setup/real_host.hpp"

#include "support/temp_folder.hpp"
#include "support/test_ca.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

setup::RealHost host() {
    return setup::RealHost(
        [](const std::string& address, const std::string& key, std::chrono::milliseconds limit) {
            return base::Expected<std::string, std::string>(address + ' ' + key + ' ' +
                                                            std::to_string(limit.count()));
        });
}

void put(const std::string& file, const std::string& content) { std::ofstream(file) << content; }

TEST(RealHost, ReplacesAFileAsAWhole) {
    const test::TempFolder folder;
    auto machine = host();
    put(folder / "main.cf", "before\n");
    ::chmod((folder / "main.cf").c_str(), 0640);
    ASSERT_TRUE(machine.write(folder / "copy", "copy\n", folder / "main.cf"));
    ASSERT_TRUE(machine.write(folder / "main.cf", "after\n", folder / "main.cf"));
    EXPECT_EQ(**machine.read(folder / "main.cf"), "after\n");
    for (const char* name : {"copy", "main.cf"}) {
        struct stat found {};
        ASSERT_EQ(::stat((folder / name).c_str(), &found), 0);
        EXPECT_EQ(found.st_mode & 07777, 0640U) << name;
    }
    EXPECT_FALSE(machine.write(folder / "nowhere/main.cf", "x", folder / "main.cf"));
    EXPECT_FALSE(machine.write(folder / "x", "x", folder / "no model"));
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 2)
        << "nothing is left behind";
    machine.remove(folder / "copy");
    EXPECT_FALSE(machine.read(folder / "copy")->has_value());
    EXPECT_FALSE(machine.read(folder.path().string()));
}

/// Postfix's files may belong to whoever manages them: a main.cf that root wrote anew must not become root's.
TEST(RealHost, KeepsTheOwner) {
    const test::TempFolder folder;
    auto machine = host();
    put(folder / "main.cf", "before\n");
    uid_t user = ::geteuid();
    gid_t group = ::getegid();
    if (user == 0) {
        user = 12345, group = 54321;
    } else {
        // Another user than root can give a file to his groups alone.
        std::array<gid_t, 64> groups{};
        const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
        const auto end = groups.begin() + std::max(count, 0);
        const auto other = std::find_if(groups.begin(), end, [group](gid_t g) { return g != group; });
        if (other == end) GTEST_SKIP() << "neither root nor in a second group: no owner can be given away";
        group = *other;
    }
    ASSERT_EQ(::chown((folder / "main.cf").c_str(), user, group), 0);
    for (const char* name : {"copy", "main.cf"}) {
        ASSERT_TRUE(machine.write(folder / name, "after\n", folder / "main.cf"));
        struct stat found {};
        ASSERT_EQ(::stat((folder / name).c_str(), &found), 0);
        EXPECT_EQ(found.st_uid, user) << name;
        EXPECT_EQ(found.st_gid, group) << name;
    }
}

TEST(RealHost, SeesLinks) {
    const test::TempFolder folder;
    put(folder / "file", "");
    fs::create_symlink("file", folder / "link");
    auto machine = host();
    EXPECT_TRUE(machine.is_link(folder / "link"));
    EXPECT_FALSE(machine.is_link(folder / "file"));
    EXPECT_FALSE(machine.is_link(folder / "none"));
}

TEST(RealHost, CountsCertificates) {
    const test::TempFolder folder;
    auto machine = host();
    const test::TestCa ca, other;
    put(folder / "two.pem",
        "text before\n" + **machine.read(ca.file()) + "\n# between\n" + **machine.read(other.file()));
    put(folder / "none.pem", "nothing\n");
    EXPECT_EQ(machine.ca_file(folder / "two.pem").certificates, 2U);
    EXPECT_EQ(machine.ca_file(folder / "two.pem").of_system, 0U);
    if (const std::string system = machine.system_ca(); !system.empty()) {
        const setup::CaFile all = machine.ca_file(system);
        EXPECT_EQ(all.of_system, all.certificates);
        put(folder / "more.pem", **machine.read(ca.file()) + **machine.read(system));
        EXPECT_EQ(machine.ca_file(folder / "more.pem").of_system, all.certificates);
        EXPECT_EQ(machine.ca_file(folder / "more.pem").certificates, all.certificates + 1);
    }
    EXPECT_TRUE(machine.ca_file(folder / "none.pem").readable);
    EXPECT_EQ(machine.ca_file(folder / "none.pem").certificates, 0U);
    EXPECT_FALSE(machine.ca_file(folder / "missing.pem").readable);
    EXPECT_FALSE(machine.ca_file(folder.path().string()).readable);
    for (const char* name : {"0a1b2c3d.0", "ffffffff.12", "0a1b2c3d.r0", "0a1b2c3d", "ca.pem", "0a1b2c3d."})
        put(folder / name, "");
    EXPECT_EQ(machine.ca_folder(folder.path().string()), 2U);
    EXPECT_EQ(machine.ca_folder(folder / "missing"), 0U);
}

TEST(RealHost, KeepsToItsLimits) {
    EXPECT_EQ(*host().status("unix:/x", "dane"), "unix:/x dane 2000");
    setup::RealHost late(
        [](const std::string&, const std::string&, std::chrono::milliseconds limit) {
            return base::Expected<std::string, std::string>(std::to_string(limit.count()));
        },
        {5s, 2s, std::chrono::steady_clock::now()});
    EXPECT_EQ(*late.status("unix:/x", "dane"), "1");
    const auto ran = late.run({"sh", "-c", "sleep 600"});
    ASSERT_FALSE(ran);
    EXPECT_EQ(ran.error(), "sh took too long");
}

} // namespace
