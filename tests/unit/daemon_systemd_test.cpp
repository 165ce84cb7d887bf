// The messages to systemd, on a notify socket of our own, and sockets passed as by systemd.
#include "daemon/systemd.hpp"

#include "base/net/socket_address.hpp"
#include "support/temp_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>

namespace {

using namespace app;
using namespace std::chrono_literals;
using Kind = net::ListenAddress::Kind;

sockaddr_un unix_address(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    return address;
}

class Systemd : public testing::Test {
protected:
    void SetUp() override {
        notify_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        const sockaddr_un address = unix_address(folder_ / "notify");
        ASSERT_EQ(bind(notify_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        setenv("NOTIFY_SOCKET", address.sun_path, 1);
    }
    void TearDown() override {
        for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) unsetenv(name);
        close(notify_);
    }
    std::string heard() const {
        pollfd readable{notify_, POLLIN, 0};
        if (poll(&readable, 1, 20'000) != 1) return "nothing came";
        std::array<char, 4096> message{};
        const ssize_t n = recv(notify_, message.data(), message.size(), 0);
        return {message.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0))};
    }
    test::TempFolder folder_;
    int notify_ = -1;
};

TEST_F(Systemd, HearsOfEveryState) {
    notify_ready("Answering on 2 sockets");
    EXPECT_EQ(heard(), "READY=1\nSTATUS=Answering on 2 sockets");
    notify_status("x");
    EXPECT_EQ(heard(), "STATUS=x");
    notify_watchdog();
    EXPECT_EQ(heard(), "WATCHDOG=1");
    notify_extend(std::chrono::seconds{30}, "reading");
    EXPECT_EQ(heard(), "EXTEND_TIMEOUT_USEC=30000000\nSTATUS=reading");
    notify_stopping("Bye");
    EXPECT_EQ(heard(), "STOPPING=1\nSTATUS=Bye");
}

TEST_F(Systemd, HearsWhenAReloadBegan) {
    const auto monotonic = [] {
        timespec now{};
        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * 1'000'000LL + now.tv_nsec / 1000;
    };
    const long long before = monotonic();
    notify_reloading();
    const long long after = monotonic();
    const std::string text = heard();
    ASSERT_TRUE(text.starts_with("RELOADING=1\nMONOTONIC_USEC=")) << text;
    const long long usec = std::stoll(text.substr(std::strlen("RELOADING=1\nMONOTONIC_USEC=")));
    EXPECT_GE(usec, before);
    EXPECT_LE(usec, after);
}

TEST_F(Systemd, AServiceManagerThatDoesNotReadHoldsNobodyUp) {
    // Far more than the socket's queue holds; a blocking send would never return.
    for (int i = 0; i < 30; ++i) notify_watchdog();
    EXPECT_EQ(heard(), "WATCHDOG=1");
}

TEST_F(Systemd, AnAbstractNotifySocketIsFound) {
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = "stsmapd-test-" + std::to_string(getpid());
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), size), 0);
    setenv("NOTIFY_SOCKET", ("@" + name).c_str(), 1);
    notify_watchdog();
    std::array<char, 64> message{};
    EXPECT_EQ(recv(fd, message.data(), message.size(), 0), 10);
    close(fd);
}

TEST_F(Systemd, AStatusCannotBringFurtherAssignments) {
    notify_status("a\nREADY=1\nMAINPID=1");
    const std::string text = heard();
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
}

TEST_F(Systemd, WatchdogIntervalIsForThisProcessOnly) {
    EXPECT_EQ(watchdog_interval(), std::nullopt);
    setenv("WATCHDOG_USEC", "30000000", 1);
    EXPECT_EQ(watchdog_interval(), 30s);
    setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
    EXPECT_EQ(watchdog_interval(), 30s);
    setenv("WATCHDOG_PID", std::to_string(getppid()).c_str(), 1);
    EXPECT_EQ(watchdog_interval(), std::nullopt);
    setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
    setenv("WATCHDOG_USEC", "soon", 1);
    EXPECT_EQ(watchdog_interval(), std::nullopt);
}

TEST(WithoutSystemd, NothingHappens) {
    unsetenv("NOTIFY_SOCKET");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_PID");
    notify_ready("x");
    notify_reloading();
    notify_status("x");
    notify_watchdog();
    notify_stopping("x");
    EXPECT_EQ(watchdog_interval(), std::nullopt);
    const auto sockets = inherited_sockets();
    ASSERT_TRUE(sockets);
    EXPECT_TRUE(sockets->empty());
}

int unix_listener(const std::filesystem::path& path) {
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    const sockaddr_un address = unix_address(path);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(fd, 1) != 0)
        return -1;
    return fd;
}

/// A bound IPv6 stream socket on `host`, listening or not.
int tcp6_socket(const char* host, bool only_v6, bool listening) {
    const int fd = socket(AF_INET6, SOCK_STREAM, 0);
    const int flag = only_v6 ? 1 : 0;
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &flag, sizeof flag);
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    inet_pton(AF_INET6, host, &address.sin6_addr);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return -1;
    if (listening && listen(fd, 1) != 0) return -1;
    return fd;
}

int tcp4_listener() {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(fd, 1) != 0)
        return -1;
    return fd;
}

TEST(BoundAddress, IsWrittenAsInListen) {
    const int all = tcp6_socket("::", false, true);
    if (all < 0) GTEST_SKIP() << "no IPv6 here";
    const int v6 = tcp6_socket("::", true, true), loopback = tcp6_socket("::1", true, true),
              v4 = tcp4_listener();
    EXPECT_EQ(net::bound_address(all)->host, std::nullopt);
    EXPECT_EQ(net::bound_address(v6)->host, net::parse_ip("::"));
    EXPECT_EQ(net::bound_address(loopback)->host, net::parse_ip("::1"));
    EXPECT_EQ(net::bound_address(v4)->host, net::parse_ip("127.0.0.1"));
    for (const int fd : {all, v6, loopback, v4}) {
        EXPECT_EQ(net::bound_address(fd)->kind, Kind::tcp);
        EXPECT_GT(net::bound_address(fd)->port, 0);
        close(fd);
    }
    EXPECT_FALSE(net::bound_address(-1));
    const test::TempFolder folder;
    const int file = unix_listener(folder.path() / "map");
    EXPECT_EQ(to_string(net::bound_address(file).value()), "unix:" + (folder / "map"));
    close(file);
    const int other = socket(AF_NETLINK, SOCK_RAW, 0);
    const auto none = net::bound_address(other);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error(), EAFNOSUPPORT);
    close(other);
}

/// Runs in a child: puts `fds` at 3, 4, ... like systemd, takes them over and reports on standard error.
[[noreturn]] void take_over(std::vector<int> fds, const char* names) {
    std::vector<int> high;
    for (const int fd : fds) high.push_back(fcntl(fd, F_DUPFD, 100)); // first move them away from 3, 4, ...
    for (std::size_t i = 0; i < high.size(); ++i) dup2(high[i], 3 + static_cast<int>(i));
    setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
    setenv("LISTEN_FDS", std::to_string(fds.size()).c_str(), 1);
    setenv("LISTEN_FDNAMES", names, 1);
    const auto sockets = inherited_sockets();
    if (!sockets) {
        std::fprintf(stderr, "refused: %s\n", sockets.error().c_str());
        _exit(1);
    }
    for (const InheritedSocket& socket : *sockets) {
        const bool closes = (fcntl(socket.fd, F_GETFD) & FD_CLOEXEC) != 0;
        std::fprintf(stderr, "%d=%s@%s%s ", socket.fd, socket.name.c_str(), to_string(socket.address).c_str(),
                     closes ? "" : " stays open on exec");
    }
    std::fprintf(stderr, "again=%zu\n", inherited_sockets()->size());
    _exit(0);
}

TEST_F(Systemd, HandsOverSocketsWithNames) {
    const std::filesystem::path path = folder_ / "map";
    const int one = unix_listener(path), two = tcp4_listener();
    ASSERT_GE(one, 0);
    ASSERT_GE(two, 0);
    const std::string want = "3=main@unix:" + path.string() +
                             " 4=tcp@tcp:127.0.0.1:" + std::to_string(net::bound_address(two)->port) +
                             " again=0";
    EXPECT_EXIT(take_over({one, two}, "main:tcp"), testing::ExitedWithCode(0), testing::HasSubstr(want));
    close(one);
    close(two);
}

TEST_F(Systemd, WhatIsNoListeningStreamSocketIsRefused) {
    const int bound = tcp4_listener(), datagram = socket(AF_INET, SOCK_DGRAM, 0),
              file = open("/dev/null", O_RDONLY);
    const int silent = socket(AF_INET, SOCK_STREAM, 0);
    for (const int bad : {datagram, file, silent})
        EXPECT_EXIT(
            take_over({bound, bad}, "a:b"), testing::ExitedWithCode(1),
            testing::HasSubstr("refused: inherited file descriptor 4 (b): it is not a listening stream"));
    for (const int fd : {bound, datagram, file, silent}) close(fd);
}

} // namespace
