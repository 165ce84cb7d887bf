// Asking a daemon in the same way as a Postfix process.
#include "tool/setup/reach.hpp"

#include "support/temp_folder.hpp"
#include "tool/doctor/probes.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using setup::Reached;
using setup::Way;
using Kind = Reached::Kind;

Reached reach(const std::string& address, const Way& way, std::chrono::milliseconds limit) {
    return setup::reach(doctor::ask_status, address, way, "dane", limit);
}

TEST(JudgeReply, TellsStsmapdFromOthers) {
    const auto kind = [](const char* reply, const char* key) {
        return setup::judge_reply(base::Expected<std::string, setup::NoReply>(reply), key).kind;
    };
    EXPECT_EQ(kind("OK active", "dane"), Kind::answers);
    EXPECT_EQ(kind("OK inactive: why", "dane"), Kind::answers);
    EXPECT_EQ(kind("OK secure match=x", "dane"), Kind::stranger);
    EXPECT_EQ(kind("NOTFOUND ", "dane"), Kind::stranger);
    EXPECT_EQ(kind("OK 0.1.0", "version"), Kind::answers);
    EXPECT_EQ(kind("NOTFOUND ", "version"), Kind::answers) << "older than the question";
    EXPECT_EQ(kind("TEMP no", "version"), Kind::stranger);
    const std::pair<int, Kind> errors[] = {{ENOENT, Kind::absent},        {ECONNREFUSED, Kind::absent},
                                           {EACCES, Kind::no_permission}, {ETIMEDOUT, Kind::silent},
                                           {EHOSTUNREACH, Kind::absent},  {0, Kind::absent}};
    for (const auto& [error, expected] : errors) {
        const Reached reached = setup::judge_reply(base::unexpected(setup::NoReply{error, "x: why"}), "dane");
        EXPECT_EQ(reached.kind, expected) << error;
        EXPECT_EQ(reached.words, "x: why");
    }
}

TEST(WayWords, SayWhoAndWhere) {
    EXPECT_EQ(to_string(Way{}), "");
    EXPECT_EQ(to_string(Way{"postfix", ""}), "as user postfix");
    EXPECT_EQ(to_string(Way{"postfix", "/var/spool/postfix"}),
              "as user postfix, chrooted to /var/spool/postfix");
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
    EXPECT_EQ(reach("unix:" + folder / "s", {}, 200ms).kind, Kind::silent);
    if (::geteuid() == 0) {
        ::chmod(folder.path().c_str(), 0755);
        ::chmod((folder / "s").c_str(), 0666);
        EXPECT_EQ(reach("unix:/s", {"nobody", folder.path().string()}, 700ms).kind, Kind::silent);
    }
    EXPECT_LT(std::chrono::steady_clock::now() - began, 15s);
}

TEST(Reach, SaysWhatIsNotThere) {
    const test::TempFolder folder;
    EXPECT_EQ(reach("unix:" + folder / "none", {}, 2s).kind, Kind::absent);
    { const SilentSocket left(folder / "left"); }
    EXPECT_EQ(reach("unix:" + folder / "left", {}, 2s).kind, Kind::absent) << "nobody listens there any more";
    EXPECT_EQ(reach("inet:127.0.0.1:1", {}, 2s).kind, Kind::absent);
}

TEST(Reach, GoesAsAnotherUserAndNamesWhatIsClosed) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    const test::TempFolder folder;
    std::filesystem::create_directory(folder / "inner");
    const SilentSocket silent(folder / "inner/s");
    ::chmod(folder.path().c_str(), 0755);
    ::chmod((folder / "inner").c_str(), 0755);
    ::chmod((folder / "inner/s").c_str(), 0600);
    const std::string root = folder.path().string();

    const Reached socket = reach("unix:/inner/s", {"nobody", root}, 2s);
    EXPECT_EQ(socket.kind, Kind::no_permission);
    EXPECT_EQ(socket.closed, "");
    EXPECT_EQ(socket.mode, "root:root 0600");

    ::chmod((folder / "inner").c_str(), 0700);
    for (const Way& way : {Way{"nobody", root}, Way{"nobody", ""}}) {
        const Reached inside =
            reach("unix:" + (way.chroot.empty() ? folder / "inner/s" : "/inner/s"), way, 2s);
        EXPECT_EQ(inside.kind, Kind::no_permission) << to_string(way);
        EXPECT_EQ(inside.closed, folder / "inner") << "as seen from outside";
        EXPECT_EQ(inside.mode, "root:root 0700");
        EXPECT_NE(inside.words.find("the folder " + folder / "inner"), std::string::npos) << inside.words;
        EXPECT_NE(inside.words.find("closed to user nobody"), std::string::npos) << inside.words;
    }
    EXPECT_NE(reach("unix:/inner/s", {"root", root}, 1s).kind, Kind::no_permission);
}

TEST(Reach, SaysWhatItCouldNotSee) {
    const test::TempFolder folder;
    if (::geteuid() != 0) {
        const Reached reached = reach("unix:/s", {"nobody", ""}, 2s);
        EXPECT_EQ(reached.kind, Kind::not_seen);
        EXPECT_EQ(reached.words, "only root can ask as user nobody");
        return;
    }
    EXPECT_EQ(reach("unix:/s", {"no-such-user", ""}, 2s).words, "there is no user no-such-user");
    const Reached nowhere = reach("unix:/s", {"nobody", folder / "none"}, 2s);
    EXPECT_EQ(nowhere.kind, Kind::not_seen);
    EXPECT_NE(nowhere.words.find("cannot enter"), std::string::npos) << nowhere.words;
}

} // namespace
