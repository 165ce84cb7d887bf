// What a host tells of itself.
#include "diagnose/probes.hpp"

#include "support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

using namespace diagnose;
using namespace std::chrono_literals;

setup::Installed postfix(bool chroot, bool other) {
    setup::Installed installed;
    installed.effective = {{"queue_directory", "/var/spool/postfix"}, {"mail_owner", "postfix"}};
    for (const auto& [name, in] : {std::pair{"smtp", chroot}, {"relay", other}}) {
        setup::Service service;
        service.name = name;
        service.type = "unix";
        service.chroot = in;
        installed.services.push_back(std::move(service));
    }
    return installed;
}

TEST(Approaches, GoAllTheWaysOfSmtp) {
    const auto map = *setup::parse_socketmap("socketmap:unix:stsmapd/socketmap:sts");
    const std::string outside = "unix:/var/spool/postfix/stsmapd/socketmap";
    const auto chrooted = approaches(map, postfix(true, true), true);
    ASSERT_EQ(chrooted.size(), 1U);
    EXPECT_EQ(chrooted[0].address, "unix:/stsmapd/socketmap");
    EXPECT_EQ(chrooted[0].chroot, "/var/spool/postfix");
    EXPECT_EQ(chrooted[0].user, "postfix");
    const auto free = approaches(map, postfix(false, false), true);
    ASSERT_EQ(free.size(), 1U);
    EXPECT_EQ(free[0].address, outside);
    EXPECT_EQ(free[0].chroot, "");
    EXPECT_EQ(free[0].user, "postfix");
    EXPECT_EQ(approaches(map, postfix(true, false), true).size(), 2U);
    const auto user = approaches(map, postfix(true, true), false);
    ASSERT_EQ(user.size(), 1U);
    EXPECT_EQ(user[0].address, outside);
    EXPECT_EQ(user[0].user, "");
    const auto tcp =
        approaches(*setup::parse_socketmap("socketmap:inet:[::1]:8461:sts"), postfix(true, true), true);
    ASSERT_EQ(tcp.size(), 1U);
    EXPECT_EQ(tcp[0].address, "inet:[::1]:8461");
    EXPECT_EQ(tcp[0].user, "");
}

/// A socket on which nobody ever answers.
struct SilentSocket {
    explicit SilentSocket(const std::string& path) : fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(fd, 8) != 0)
            throw std::runtime_error("cannot listen");
    }
    ~SilentSocket() { ::close(fd); }
    int fd;
};

TEST(Reach, DoesNotWaitForASilentDaemon) {
    const test::TempFolder folder;
    const SilentSocket silent(folder / "s");
    const auto began = std::chrono::steady_clock::now();
    EXPECT_FALSE(reach({"unix:" + folder / "s", "", ""}, "version", 200ms));
    if (::geteuid() == 0) {
        ::chmod(folder.path().c_str(), 0755);
        ::chmod((folder / "s").c_str(), 0666);
        const auto reply = reach({"unix:/s", "nobody", folder.path().string()}, "version", 700ms);
        ASSERT_FALSE(reply);
        ::chmod((folder / "s").c_str(), 0600);
        const auto refused = reach({"unix:/s", "nobody", folder.path().string()}, "version", 2s);
        ASSERT_FALSE(refused);
        EXPECT_NE(refused.error().find("no permission"), std::string::npos) << refused.error();
        EXPECT_NE(reach({"unix:/s", "nobody", folder / "none"}, "version", 2s).error().find("cannot enter"),
                  std::string::npos);
    }
    EXPECT_EQ(reach({"unix:/s", "no-such-user", ""}, "version", 2s).error(), "there is no user no-such-user");
    EXPECT_LT(std::chrono::steady_clock::now() - began, 15s);
}

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
