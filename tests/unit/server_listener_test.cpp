// Listening sockets: real unix and TCP ones, good and bad paths and addresses.
#include "server/listener.hpp"

#include "support/raw_peer.hpp"
#include "support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include <dlfcn.h>
#include <grp.h>
#include <netinet/tcp.h>
#include <sys/stat.h>

namespace {

/// The mode that the last unix socket had at its creation.
mode_t mode_at_birth = 0;

} // namespace

/// Replaces bind(2) in this program, to see the mode before later code can change it.
extern "C" int bind(int fd, const sockaddr* address, socklen_t size) noexcept {
    static const auto real = reinterpret_cast<decltype(&bind)>(::dlsym(RTLD_NEXT, "bind"));
    const int result = real(fd, address, size);
    struct stat made {};
    if (result == 0 && address->sa_family == AF_UNIX &&
        ::lstat(reinterpret_cast<const sockaddr_un*>(address)->sun_path, &made) == 0)
        mode_at_birth = made.st_mode & 07777;
    return result;
}

namespace {

using Address = net::ListenAddress;
using server::Listener;
using server::SocketOwner;
using test::RawPeer;

Address unix_address(const std::string& path) { return {Address::Kind::unix_socket, path, {}, 0}; }
Address tcp_address(const std::string& host, std::uint16_t port = 0) {
    return {Address::Kind::tcp, "", net::parse_ip(host), port};
}

mode_t mode_of(const std::string& path) {
    struct stat found {};
    return ::lstat(path.c_str(), &found) == 0 ? found.st_mode & 07777 : 0;
}

/// The error of Listener::open(); empty if it listens.
std::string refusal(const Address& address, const SocketOwner& owner = {}) {
    auto opened = Listener::open(address, owner, 16);
    return opened ? "" : opened.error();
}

bool is_v6_available() {
    auto opened = Listener::open(tcp_address("::1"), {}, 1);
    return opened.has_value();
}

TEST(Listener, NamesAddresses) {
    EXPECT_EQ(to_string(unix_address("/run/x")), "unix:/run/x");
    EXPECT_EQ(to_string(tcp_address("127.0.0.1", 8461)), "tcp:127.0.0.1:8461");
    EXPECT_EQ(to_string(tcp_address("::1", 8461)), "tcp:[::1]:8461");
    EXPECT_EQ(to_string(tcp_address("", 8461)), "tcp::8461");
}

TEST(Listener, MakesAndRemovesAUnixSocket) {
    const test::TempFolder folder;
    const std::string path = folder / "s";
    {
        const mode_t mask = ::umask(0);
        auto opened = Listener::open(unix_address(path), {0640, {}, {}}, 16);
        ::umask(mask);
        ASSERT_TRUE(opened) << opened.error();
        EXPECT_EQ(opened->name(), "unix:" + path);
        EXPECT_EQ(mode_of(path), 0640u);
        EXPECT_EQ(RawPeer::to_unix(path).connect_error, 0);
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Listener, ModeDoesNotDependOnTheUmask) {
    const test::TempFolder folder;
    const mode_t mask = ::umask(0777);
    auto opened = Listener::open(unix_address(folder / "s"), {0666, {}, {}}, 16);
    ::umask(mask);
    ASSERT_TRUE(opened) << opened.error();
    EXPECT_EQ(mode_of(folder / "s"), 0666u);
}

TEST(Listener, NobodyCanConnectBeforeTheSocketHasItsOwner) {
    const test::TempFolder folder;
    mode_at_birth = 07777;
    const mode_t mask = ::umask(0);
    auto opened = Listener::open(unix_address(folder / "s"), {0666, {}, {}}, 16);
    ::umask(mask);
    ASSERT_TRUE(opened) << opened.error();
    EXPECT_EQ(mode_at_birth, 0600u);
    EXPECT_EQ(mode_of(folder / "s"), 0666u);
}

TEST(Listener, TakesOwnerAndGroupByNameOrNumber) {
    const test::TempFolder folder;
    const std::string path = folder / "s";
    const group* mine = ::getgrgid(::getgid());
    ASSERT_NE(mine, nullptr);
    {
        auto opened =
            Listener::open(unix_address(path), {0660, std::to_string(::getuid()), mine->gr_name}, 16);
        EXPECT_TRUE(opened) << opened.error();
    }
    const std::string nobody = refusal(unix_address(path), {0660, "no-such-user", {}});
    EXPECT_NE(nobody.find("no-such-user"), std::string::npos) << nobody;
    const std::string nogroup = refusal(unix_address(path), {0660, {}, "no-such-group"});
    EXPECT_NE(nogroup.find("no-such-group"), std::string::npos) << nogroup;
    EXPECT_FALSE(std::filesystem::exists(path)) << "nothing is left of a failure";
    EXPECT_EQ(refusal(unix_address(path), {0660, "", ""}), "") << "empty is as not set";
}

TEST(Listener, LeavesNothingWhenTheOwnerCannotBeSet) {
    if (::getuid() == 0) GTEST_SKIP() << "root may give sockets away";
    const test::TempFolder folder;
    const std::string why = refusal(unix_address(folder / "s"), {0660, "root", {}});
    EXPECT_NE(why.find("root"), std::string::npos) << why;
    EXPECT_FALSE(std::filesystem::exists(folder / "s"));
}

TEST(Listener, ReplacesTheSocketOfAProcessThatIsGone) {
    const test::TempFolder folder;
    const std::string path = folder / "s";
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(fd, 1), 0);
    const std::string busy = refusal(unix_address(path));
    EXPECT_NE(busy.find("already in use by a running process"), std::string::npos) << busy;
    ::close(fd);
    EXPECT_EQ(refusal(unix_address(path)), "");
}

TEST(Listener, NeverRemovesWhatIsNoSocket) {
    const test::TempFolder folder;
    std::ofstream{folder / "file"} << "precious";
    std::filesystem::create_directory(folder / "dir");
    std::filesystem::create_symlink(folder / "nowhere", folder / "link");
    for (const char* name : {"file", "dir", "link"}) {
        const std::string why = refusal(unix_address(folder / name));
        EXPECT_NE(why.find("not a socket"), std::string::npos) << name << ": " << why;
        EXPECT_TRUE(std::filesystem::exists(std::filesystem::symlink_status(folder / name))) << name;
    }
}

TEST(Listener, LeavesTheSocketOfASuccessorAlone) {
    const test::TempFolder folder;
    const std::string path = folder / "s";
    std::optional<Listener> first{std::move(*Listener::open(unix_address(path), {}, 16))};
    std::filesystem::rename(path, folder / "moved");
    auto second = Listener::open(unix_address(path), {}, 16);
    ASSERT_TRUE(second) << second.error();
    first.reset();
    EXPECT_EQ(RawPeer::to_unix(path).connect_error, 0);
}

TEST(Listener, SaysWhatIsWrongWithAPath) {
    const test::TempFolder folder;
    const std::string missing = refusal(unix_address(folder / "no/such/folder/s"));
    EXPECT_NE(missing.find("the folder " + (folder / "no/such/folder") + " does not exist"),
              std::string::npos)
        << missing;
    EXPECT_NE(refusal(unix_address(folder / std::string(200, 'x'))).find("too long"), std::string::npos);
    EXPECT_NE(refusal(unix_address("")).find("empty"), std::string::npos);
    EXPECT_NE(refusal(unix_address("/proc/s")), "");
}

TEST(Listener, ListensOnTcp) {
    auto v4 = Listener::open(tcp_address("127.0.0.1"), {}, 16);
    ASSERT_TRUE(v4) << v4.error();
    EXPECT_TRUE(v4->name().starts_with("tcp:127.0.0.1:")) << v4->name();
    RawPeer peer = RawPeer::to_tcp(v4->name());
    EXPECT_EQ(peer.connect_error, 0);
    const int accepted = ::accept4(v4->fd(), nullptr, nullptr, SOCK_CLOEXEC);
    ASSERT_GE(accepted, 0);
    int no_delay = 0;
    socklen_t size = sizeof no_delay;
    ::getsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &no_delay, &size);
    EXPECT_NE(no_delay, 0) << "accepted sockets inherit TCP_NODELAY";
    ::close(accepted);
}

TEST(Listener, ListensOnTcp6Only) {
    if (!is_v6_available()) GTEST_SKIP() << "no IPv6 here";
    auto v6 = Listener::open(tcp_address("::"), {}, 16);
    ASSERT_TRUE(v6) << v6.error();
    EXPECT_EQ(RawPeer::to_tcp(v6->name(), "::1").connect_error, 0);
    EXPECT_EQ(RawPeer::to_tcp(v6->name(), "127.0.0.1").connect_error, ECONNREFUSED);
}

TEST(Listener, ListensOnAllAddresses) {
    auto all = Listener::open(tcp_address(""), {}, 16);
    ASSERT_TRUE(all) << all.error();
    EXPECT_EQ(RawPeer::to_tcp(all->name(), "127.0.0.1").connect_error, 0);
    if (!is_v6_available()) return;
    EXPECT_TRUE(all->name().starts_with("tcp::")) << all->name();
    EXPECT_EQ(RawPeer::to_tcp(all->name(), "::1").connect_error, 0);
}

TEST(Listener, TcpErrorsNameTheAddress) {
    auto first = Listener::open(tcp_address("127.0.0.1"), {}, 16);
    ASSERT_TRUE(first);
    const auto port =
        static_cast<std::uint16_t>(std::stoi(first->name().substr(first->name().rfind(':') + 1)));
    const std::string taken = refusal(tcp_address("127.0.0.1", port));
    EXPECT_NE(taken.find(first->name()), std::string::npos) << taken;
    EXPECT_NE(taken.find("Address already in use"), std::string::npos) << taken;
    EXPECT_NE(refusal(tcp_address("192.0.2.1", 8461)).find("tcp:192.0.2.1:8461: cannot bind"),
              std::string::npos);
}

TEST(Listener, AdoptsOnlyListeningStreamSockets) {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    int pipe[2];
    ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
    const struct {
        int fd;
        const char* words;
    } table[] = {
        {pair[0], "is not listening"},
        {pipe[0], "is no socket"},
        {::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "is no stream socket"},
        {::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "is not listening"},
        {999999, "is no socket"},
    };
    for (const auto& row : table) {
        auto adopted = Listener::adopt(row.fd);
        ASSERT_FALSE(adopted) << row.words;
        EXPECT_NE(adopted.error().find(row.words), std::string::npos) << adopted.error();
        EXPECT_EQ(::fcntl(row.fd, F_GETFD), -1) << "closed in any case";
    }
    ::close(pair[1]);
    ::close(pipe[1]);
}

TEST(ListenerCheck, SaysWhatOpenSaysAndMakesNothing) {
    const test::TempFolder folder;
    std::ofstream{folder / "file"} << "x";
    const std::pair<Address, SocketOwner> refused[] = {
        {unix_address(folder / "missing/s"), {}},
        {unix_address(folder / "file"), {}},
        {unix_address(folder / "file/s"), {}},
        {unix_address(folder / "s"), {0660, "no-such-user", {}}},
        {unix_address(folder / "s"), {0660, {}, "no-such-group"}},
        {tcp_address("192.0.2.1"), {}},
    };
    for (const auto& [address, owner] : refused) {
        const auto checked = Listener::check(address, owner);
        ASSERT_FALSE(checked) << to_string(address);
        if (address.path != folder / "file/s") {
            EXPECT_EQ(checked.error(), refusal(address, owner));
        }
    }
    for (const Address& address : {unix_address(folder / "s"), tcp_address("127.0.0.1", 1), tcp_address("")})
        EXPECT_TRUE(Listener::check(address, {}).has_value()) << to_string(address);
    EXPECT_FALSE(std::filesystem::exists(folder / "s"));
    auto listening = Listener::open(unix_address(folder / "s"), {}, 1);
    ASSERT_TRUE(listening);
    EXPECT_TRUE(Listener::check(unix_address(folder / "s"), {}).has_value());
}

} // namespace
