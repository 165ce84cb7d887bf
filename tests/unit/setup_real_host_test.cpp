// Files and certificates of this machine.
#include "tool/setup/real_host.hpp"

#include "support/temp_folder.hpp"
#include "support/test_ca.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

setup::RealHost host() {
    return setup::RealHost(
        [](const std::string& address, const std::string& key, std::chrono::milliseconds limit) {
            return base::Expected<std::string, setup::NoReply>(address + ' ' + key + ' ' +
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

/// Postfix's files may belong to their administrator: after root replaces main.cf, the owner must be the
/// same.
TEST(RealHost, KeepsTheOwner) {
    const test::TempFolder folder;
    auto machine = host();
    put(folder / "main.cf", "before\n");
    uid_t user = ::geteuid();
    gid_t group = ::getegid();
    if (user == 0) {
        user = 12345, group = 54321;
    } else {
        // A user other than root can give a file only to his own groups.
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

/// rw- for the owner, r-- for one user, nothing for others, in the kernel's form.
std::string access_list() {
    std::string bytes;
    const auto add = [&bytes](std::uint32_t number, int octets) {
        for (int i = 0; i < octets; ++i) bytes += static_cast<char>(number >> (8 * i));
    };
    const auto entry = [&](std::uint32_t tag, std::uint32_t permissions, std::uint32_t id) {
        add(tag, 2);
        add(permissions, 2);
        add(id, 4);
    };
    constexpr std::uint32_t none = 0xffffffff;
    add(2, 4);
    entry(0x01, 6, none);
    entry(0x02, 4, 65534);
    entry(0x04, 4, none);
    entry(0x10, 4, none);
    entry(0x20, 0, none);
    return bytes;
}

TEST(RealHost, KeepsTheAccessList) {
    const test::TempFolder folder;
    auto machine = host();
    put(folder / "main.cf", "before\n");
    put(folder / "plain", "before\n");
    const std::string list = access_list();
    if (::setxattr((folder / "main.cf").c_str(), "system.posix_acl_access", list.data(), list.size(), 0) != 0)
        GTEST_SKIP() << "no access lists in this file system";
    const std::string had = machine.attributes(folder / "main.cf");
    EXPECT_TRUE(had.ends_with(" 0640+")) << had;
    for (const char* name : {"copy", "main.cf"}) {
        ASSERT_TRUE(machine.write(folder / name, "after\n", folder / "main.cf"));
        EXPECT_EQ(machine.attributes(folder / name), had) << name;
    }
    // No access list is made if the model has none, even if the folder's default gives one to new files.
    if (::setxattr(folder.path().c_str(), "system.posix_acl_default", list.data(), list.size(), 0) != 0)
        GTEST_SKIP() << "no default access lists in this file system";
    const std::string plain = machine.attributes(folder / "plain");
    EXPECT_FALSE(plain.ends_with("+"));
    ASSERT_TRUE(machine.write(folder / "main.cf", "after\n", folder / "plain"));
    EXPECT_EQ(machine.attributes(folder / "main.cf"), plain);
}

TEST(RealHost, MakesFoldersForItself) {
    const test::TempFolder folder;
    auto machine = host();
    const auto made = machine.make_folder(folder.path().string());
    ASSERT_TRUE(made) << made.error();
    EXPECT_TRUE(machine.attributes(*made).ends_with(" 0700"));
    put(*made + "/main.cf", "");
    machine.remove_folder(*made);
    EXPECT_EQ(machine.attributes(*made), "");
    EXPECT_FALSE(machine.make_folder(folder / "nowhere"));
}

TEST(RealHost, RunsInAFolder) {
    const test::TempFolder folder;
    auto machine = host();
    EXPECT_EQ(machine.run_in(folder.path().string(), {"pwd", "-P"})->out,
              fs::canonical(folder.path()).string() + "\n");
    EXPECT_FALSE(machine.run_in(folder / "nowhere", {"pwd"}));
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
            return base::Expected<std::string, setup::NoReply>(std::to_string(limit.count()));
        },
        {5s, 2s, std::chrono::steady_clock::now()});
    EXPECT_EQ(*late.status("unix:/x", "dane"), "1");
    const auto ran = late.run({"sh", "-c", "sleep 600"});
    ASSERT_FALSE(ran);
    EXPECT_EQ(ran.error(), "sh took too long");
}

} // namespace
