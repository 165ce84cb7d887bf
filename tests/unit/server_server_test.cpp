// The server on one loop: several listeners, limits, idle and stop, over real unix and TCP sockets.
#include "server/server.hpp"

#include "postfix/netstring.hpp"
#include "support/canned_handler.hpp"
#include "support/memory_log.hpp"
#include "support/raw_peer.hpp"
#include "support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <vector>

#include <sys/resource.h>
#include <sys/wait.h>

namespace {

using namespace std::chrono_literals;
using Address = net::ListenAddress;
using test::RawPeer;
using test::turn_until;

Address unix_address(const std::string& path) { return {Address::Kind::unix_socket, path, {}, 0}; }

struct Fixture {
    explicit Fixture(server::Options options = {}) : served(std::in_place, loop, handler, options, log) {}

    std::string listen_unix() {
        const std::string path = folder / ("s" + std::to_string(served->addresses().size()));
        auto listening = served->listen(unix_address(path), {});
        EXPECT_TRUE(listening) << listening.error();
        return path;
    }
    std::string listen_tcp() {
        auto listening = served->listen({Address::Kind::tcp, "", net::parse_ip("127.0.0.1"), 0}, {});
        EXPECT_TRUE(listening) << listening.error();
        return served->addresses().back();
    }
    bool answers(RawPeer& peer, std::string_view key) {
        const std::string reply = postfix::frame("OK " + std::string(key));
        peer.received.clear();
        peer.send(postfix::frame("sts " + std::string(key)));
        return turn_until(loop,
                          [&] {
                              peer.receive();
                              return peer.received.size() >= reply.size() || peer.closed;
                          }) &&
               peer.received == reply;
    }
    bool closes(RawPeer& peer) {
        return turn_until(loop, [&] { return !peer.receive(); });
    }
    void settle() {
        while (loop.turn(std::chrono::milliseconds{0}) > 0) {
        }
    }

    const test::TempFolder folder;
    server::Loop loop;
    test::CannedHandler handler;
    test::MemoryLog log;
    std::optional<server::Server> served;
};

TEST(Server, AnswersOnSeveralListenersAtOnce) {
    Fixture f;
    const std::string path = f.listen_unix();
    const std::string other = f.listen_unix();
    const std::string tcp = f.listen_tcp();
    RawPeer a = RawPeer::to_unix(path), b = RawPeer::to_unix(other), c = RawPeer::to_tcp(tcp);
    for (int round = 0; round < 3; ++round) {
        EXPECT_TRUE(f.answers(a, "a.example"));
        EXPECT_TRUE(f.answers(b, "b.example"));
        EXPECT_TRUE(f.answers(c, "c.example"));
    }
    EXPECT_EQ(f.served->connections(), 3u);
    EXPECT_EQ(f.served->listening_fds().size(), 3u);
    EXPECT_EQ(f.log.count("info listening address=" + tcp), 1u);
}

TEST(Server, ServesInheritedSocketsBlockingOrNot) {
    for (const int flags : {0, static_cast<int>(SOCK_NONBLOCK)}) {
        Fixture f;
        const int fd = ::socket(AF_INET, SOCK_STREAM | flags, 0);
        sockaddr_in any{};
        any.sin_family = AF_INET;
        any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof any), 0);
        ASSERT_EQ(::listen(fd, 16), 0);
        auto adopted = f.served->adopt(fd);
        ASSERT_TRUE(adopted) << adopted.error();
        EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
        RawPeer peer = RawPeer::to_tcp(f.served->addresses().front());
        EXPECT_TRUE(f.answers(peer, "a.example"));
    }
    Fixture owner;
    const std::string path = owner.listen_unix();
    {
        Fixture f;
        ASSERT_TRUE(f.served->adopt(::dup(owner.served->listening_fds().front())));
        EXPECT_EQ(f.served->addresses().front(), "unix:" + path);
        owner.served.reset(); // the file goes with its owner ...
        EXPECT_FALSE(std::filesystem::exists(path));
    }
}

TEST(Server, TwoServersShareOneQueue) {
    Fixture first, second;
    const std::string path = first.listen_unix();
    ASSERT_TRUE(second.served->adopt(::dup(first.served->listening_fds().front())));
    RawPeer a = RawPeer::to_unix(path);
    EXPECT_TRUE(second.answers(a, "a.example")) << "whoever is awake accepts";
    second.served.reset();
    EXPECT_TRUE(std::filesystem::exists(path)) << "the adopter never removes the file";
    RawPeer b = RawPeer::to_unix(path);
    EXPECT_TRUE(first.answers(b, "b.example"));
}

TEST(Server, ToleratesThousandSilentConnections) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < 2200) {
        files.rlim_cur = std::min<rlim_t>(files.rlim_max, 4096);
        ::setrlimit(RLIMIT_NOFILE, &files);
    }
    if (files.rlim_cur < 2200) GTEST_SKIP() << "too few descriptors: " << files.rlim_cur;
    Fixture f;
    const std::string path = f.listen_unix();
    std::vector<RawPeer> silent;
    for (int i = 0; i < 1000; ++i) {
        silent.push_back(RawPeer::to_unix(path));
        ASSERT_EQ(silent.back().connect_error, 0) << i;
        if (i % 100 == 99) f.settle();
    }
    ASSERT_TRUE(turn_until(f.loop, [&] { return f.served->connections() == 1000; }));
    RawPeer peer = RawPeer::to_unix(path);
    EXPECT_TRUE(f.answers(peer, "a.example"));
    EXPECT_TRUE(f.answers(silent[500], "b.example"));
}

TEST(Server, FullServerLetsNewcomersQueue) {
    Fixture f{{.max_connections = 2}};
    const std::string path = f.listen_unix();
    RawPeer a = RawPeer::to_unix(path), b = RawPeer::to_unix(path), c = RawPeer::to_unix(path);
    EXPECT_TRUE(f.answers(a, "a.example"));
    EXPECT_TRUE(f.answers(b, "b.example"));
    c.send(postfix::frame("sts c.example"));
    f.settle();
    EXPECT_TRUE(c.receive()) << "not closed, not answered";
    EXPECT_EQ(c.received, "");
    EXPECT_EQ(f.served->connections(), 2u);
    EXPECT_EQ(f.log.count("warning connections-full"), 1u);
    const server::Counts& counts = f.served->counts();
    EXPECT_EQ(counts.accepted.value(), 2u);
    EXPECT_EQ(counts.connections.value(), 2u);
    EXPECT_GE(counts.held_up.of(server::HeldUp::connections).value(), 1u);
    a.close();
    EXPECT_TRUE(turn_until(f.loop, [&] {
        c.receive();
        return c.received == "12:OK c.example,";
    })) << "its turn comes when one leaves";
}

TEST(Server, ACrowdAtOneListenerLeavesRoomAtTheOthers) {
    Fixture f{{.max_connections = 16}};
    const std::string path = f.listen_unix();
    const std::string tcp = f.listen_tcp();
    // Busy clients, which cannot be closed: each waits for its answer.
    std::vector<RawPeer> crowd;
    for (int i = 0; i < 20; ++i) {
        crowd.push_back(RawPeer::to_tcp(tcp));
        crowd.back().send(postfix::frame("sts later" + std::to_string(i)));
    }
    ASSERT_TRUE(turn_until(f.loop, [&] { return f.log.count("warning connections-full") == 1; }));
    f.settle();
    EXPECT_EQ(f.served->connections(), 12u) << "a quarter is set aside for the other listener";
    std::vector<RawPeer> postfix;
    for (int i = 0; i < 4; ++i) {
        postfix.push_back(RawPeer::to_unix(path));
        EXPECT_TRUE(f.answers(postfix.back(), "a.example")) << i;
    }
    EXPECT_EQ(f.served->connections(), 16u);
}

TEST(Server, TheIdlestMakeRoom) {
    Fixture f{{.max_connections = 4}};
    const std::string path = f.listen_unix();
    RawPeer silent = RawPeer::to_unix(path), later = RawPeer::to_unix(path), busy = RawPeer::to_unix(path),
            owed = RawPeer::to_unix(path);
    owed.send(postfix::frame("sts later"));
    EXPECT_TRUE(f.answers(busy, "a.example"));
    EXPECT_TRUE(f.answers(later, "a.example"));
    // Partial requests do not count as activity.
    silent.send("12");
    f.settle();
    RawPeer newcomer = RawPeer::to_unix(path);
    newcomer.send(postfix::frame("sts b.example"));
    f.settle();
    newcomer.receive();
    EXPECT_EQ(newcomer.received, "") << "nobody has been idle for a second";
    const auto idle_from = std::chrono::steady_clock::now();
    bool served = false;
    EXPECT_TRUE(turn_until(f.loop, [&] {
        served = newcomer.receive() && newcomer.received == "12:OK b.example,";
        return served || !f.answers(busy, "a.example");
    }));
    EXPECT_TRUE(served);
    EXPECT_GE(std::chrono::steady_clock::now() - idle_from, 900ms);
    EXPECT_TRUE(f.closes(silent)) << "it has been idle longest";
    EXPECT_EQ(f.served->counts().room.value(), 1u);
    EXPECT_TRUE(later.receive()) << "one is enough";
    EXPECT_TRUE(owed.receive());
    f.handler.release();
    EXPECT_TRUE(turn_until(f.loop, [&] {
        owed.receive();
        return owed.received == "8:OK later,";
    }));
}

TEST(Server, MoreRoomTakesEffectAtOnce) {
    Fixture f{{.max_connections = 1}};
    const std::string path = f.listen_unix();
    RawPeer a = RawPeer::to_unix(path), b = RawPeer::to_unix(path);
    EXPECT_TRUE(f.answers(a, "a.example"));
    f.served->configure({.max_connections = 2, .backlog = 8});
    EXPECT_TRUE(f.answers(b, "b.example"));
}

TEST(Server, ClosesIdleConnectionsAndNoOthers) {
    Fixture f{{.idle = 200ms}};
    const std::string path = f.listen_unix();
    RawPeer idle = RawPeer::to_unix(path), waiting = RawPeer::to_unix(path), talking = RawPeer::to_unix(path);
    waiting.send(postfix::frame("sts later"));
    const auto began = std::chrono::steady_clock::now();
    bool talked = true;
    EXPECT_TRUE(turn_until(f.loop, [&] {
        talked = talked && f.answers(talking, "t.example");
        return !idle.receive();
    }));
    EXPECT_GE(std::chrono::steady_clock::now() - began, 200ms);
    EXPECT_TRUE(talked);
    EXPECT_EQ(f.served->connections(), 2u) << "who waits for us is not idle";
    EXPECT_EQ(f.served->counts().idle.value(), 1u);
    EXPECT_EQ(f.served->counts().connections.value(), 2u);
    f.handler.release();
    EXPECT_TRUE(turn_until(f.loop, [&] {
        waiting.receive();
        return waiting.received == "8:OK later,";
    }));
    EXPECT_TRUE(f.closes(waiting));
    EXPECT_TRUE(f.closes(talking));
}

TEST(Server, ClosesManyIdleConnectionsInTurns) {
    Fixture f;
    const std::string path = f.listen_unix();
    std::vector<RawPeer> silent;
    for (int i = 0; i < 400; ++i) {
        silent.push_back(RawPeer::to_unix(path));
        f.settle();
    }
    ASSERT_EQ(f.served->connections(), 400u);
    f.served->configure({.idle = 80ms});
    std::size_t before = 400, most = 0;
    EXPECT_TRUE(turn_until(f.loop, [&] {
        const std::size_t now = f.served->connections();
        most = std::max(most, before - now);
        before = now;
        return now == 0;
    }));
    EXPECT_LE(most, 128u) << "a part from the timer, a part from the queue";
}

TEST(Server, ArmsNoTimerWithoutConnections) {
    Fixture f{{.idle = 8ms}};
    const std::string path = f.listen_unix();
    {
        RawPeer gone = RawPeer::to_unix(path);
        EXPECT_TRUE(f.answers(gone, "a.example"));
    }
    ASSERT_TRUE(turn_until(f.loop, [&] { return f.served->connections() == 0; }));
    // One sweep may still be running; after it only the listener is left to wait for.
    f.loop.turn(50ms);
    EXPECT_EQ(f.loop.turn(50ms), 0u);
}

TEST(Server, LogsViolationsSeldom) {
    Fixture f;
    const std::string path = f.listen_unix();
    for (int i = 0; i < 20; ++i) {
        RawPeer peer = RawPeer::to_unix(path);
        peer.send("x");
        EXPECT_TRUE(f.closes(peer));
        EXPECT_TRUE(peer.received.find("PERM ") != std::string::npos);
    }
    EXPECT_EQ(f.log.count("protocol-violation"), 1u);
    EXPECT_EQ(f.served->counts().broken.value(), 20u);
    EXPECT_EQ(f.log.count("peer=unix pid="), 1u);
}

TEST(Server, StopAnswersWhatIsOwedAndClosesTheRest) {
    Fixture f;
    const std::string path = f.listen_unix();
    RawPeer idle = RawPeer::to_unix(path), waiting = RawPeer::to_unix(path);
    waiting.send(postfix::frame("sts later"));
    ASSERT_TRUE(
        turn_until(f.loop, [&] { return f.handler.waiting.size() == 1 && f.served->connections() == 2; }));
    bool stopped = false;
    f.served->stop([&] { stopped = true; });
    EXPECT_FALSE(stopped);
    EXPECT_FALSE(std::filesystem::exists(path));
    EXPECT_TRUE(f.closes(idle));
    EXPECT_FALSE(stopped);
    f.handler.release();
    EXPECT_TRUE(f.closes(waiting));
    EXPECT_EQ(waiting.received, "8:OK later,");
    EXPECT_TRUE(turn_until(f.loop, [&] { return stopped; }));
    EXPECT_EQ(f.served->connections(), 0u);
}

TEST(Server, StopEndsWithinASecondWhateverIsOwed) {
    Fixture f;
    const std::string path = f.listen_unix();
    RawPeer waiting = RawPeer::to_unix(path);
    waiting.send(postfix::frame("sts later"));
    ASSERT_TRUE(turn_until(f.loop, [&] { return f.handler.waiting.size() == 1; }));
    bool stopped = false;
    f.served->stop([&] { stopped = true; });
    EXPECT_TRUE(turn_until(
        f.loop, [&] { return stopped; }, 1s));
    EXPECT_TRUE(f.closes(waiting));
    f.handler.release(); // too late, and harmless
}

TEST(Server, StopWithoutConnectionsIsOverAtOnce) {
    Fixture f;
    f.listen_unix();
    bool stopped = false;
    f.served->stop([&] { stopped = true; });
    EXPECT_TRUE(turn_until(f.loop, [&] { return stopped; }));
    EXPECT_TRUE(f.served->addresses().empty());
    EXPECT_EQ(f.loop.turn(0ms), 0u) << "nothing is left to wait for";
}

TEST(Server, MayGoWithEverythingPending) {
    Fixture f;
    const std::string path = f.listen_unix();
    RawPeer waiting = RawPeer::to_unix(path), idle = RawPeer::to_unix(path);
    waiting.send(postfix::frame("sts later"));
    ASSERT_TRUE(
        turn_until(f.loop, [&] { return f.handler.waiting.size() == 1 && f.served->connections() == 2; }));
    f.served.reset();
    EXPECT_FALSE(std::filesystem::exists(path));
    f.handler.release();
    f.settle();
    EXPECT_TRUE(f.closes(waiting));
    EXPECT_TRUE(f.closes(idle));
}

TEST(Server, LeavesDescriptorsToTheRestOfTheProcess) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        rlimit files{};
        ::getrlimit(RLIMIT_NOFILE, &files);
        files.rlim_cur = 200;
        ::setrlimit(RLIMIT_NOFILE, &files);
        Fixture f;
        const std::string path = f.listen_unix();
        std::vector<RawPeer> crowd;
        for (int i = 0; i < 90; ++i) crowd.push_back(RawPeer::to_unix(path));
        bool good = turn_until(f.loop, [&] { return f.log.count("warning connections-full") == 1; });
        f.settle();
        const std::size_t held = f.served->connections();
        good = good && held > 20 && held < 80 && f.log.count("accept-failed") == 0;
        std::vector<int> free;
        for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) free.push_back(fd);
        for (const int fd : free) ::close(fd);
        good = good && free.size() >= 45; // a quarter of 200, minus the one that showed where it begins
        // A client that leaves makes room for a waiting one.
        RawPeer last = std::move(crowd.back());
        last.send(postfix::frame("sts z.example"));
        crowd.clear();
        good = good && turn_until(f.loop, [&] {
                   last.receive();
                   return last.received == "12:OK z.example,";
               });
        std::filesystem::remove_all(f.folder.path());
        ::_exit(good ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST(Server, PausesWhenDescriptorsRunOut) {
    // In a child process: the limit applies to a whole process.
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        Fixture f;
        const std::string path = f.listen_unix();
        RawPeer first = RawPeer::to_unix(path);
        bool good = f.answers(first, "a.example");
        RawPeer second = RawPeer::to_unix(path);
        second.send(postfix::frame("sts b.example"));
        rlimit files{};
        ::getrlimit(RLIMIT_NOFILE, &files);
        const rlim_t before = files.rlim_cur;
        files.rlim_cur = static_cast<rlim_t>(second.fd()) + 1;
        ::setrlimit(RLIMIT_NOFILE, &files);
        for (int fd = 3; fd < second.fd(); ++fd) // no free numbers below the limit
            while (::fcntl(fd, F_GETFD) == -1 && ::dup(0) >= 0) {
            }
        // Half a second of pauses: a few turns, not a spin; connected clients are served during that time.
        std::size_t turns = 0;
        const auto end = std::chrono::steady_clock::now() + 500ms;
        while (std::chrono::steady_clock::now() < end) turns += f.loop.turn(50ms);
        good = good && turns < 30 && f.answers(first, "c.example");
        good = good && f.log.count("error accept-failed") == 1 && second.receive() && second.received.empty();
        files.rlim_cur = before;
        ::setrlimit(RLIMIT_NOFILE, &files);
        good = good && turn_until(f.loop, [&] {
                   second.receive();
                   return second.received == "12:OK b.example,";
               });
        std::filesystem::remove_all(f.folder.path());
        ::_exit(good ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

} // namespace
