// The session over a real socket pair: the test writes the far end octet by octet, and decides when the
// answers come.
#include "server/session.hpp"

#include "support/allocated.hpp"
#include "support/canned_handler.hpp"
#include "support/raw_peer.hpp"

#include <gtest/gtest.h>

#include <linux/sockios.h>
#include <memory>
#include <optional>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace {

using test::turn_until;

struct Fixture : server::SessionOwner {
    explicit Fixture(std::size_t max_request = 100, int send_buffer = 0,
                     std::shared_ptr<server::Scratch> shared = std::make_shared<server::Scratch>())
        : scratch(std::move(shared)), peer(connect(max_request, send_buffer)) {}
    ~Fixture() override {
        if (session) session->detach();
    }

    test::RawPeer connect(std::size_t max_request, int send_buffer) {
        int fds[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        if (send_buffer != 0) ::setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
        session = std::make_shared<server::Session>(net::Descriptor{fds[0]}, max_request, loop, *scratch,
                                                    handler, *this);
        EXPECT_FALSE(session->start());
        return test::RawPeer{fds[1]};
    }

    bool get(std::string_view expected) {
        const bool came = turn_until(loop, [&] {
            peer.receive();
            return peer.received.size() >= expected.size() || peer.closed;
        });
        EXPECT_EQ(peer.received, expected);
        return came && peer.received == expected;
    }
    bool get_closed() {
        return turn_until(loop, [&] { return !peer.receive(); });
    }
    /// Turns until nothing is ready: everything else waits for another event.
    void settle() {
        while (loop.turn(std::chrono::milliseconds{0}) > 0) {
        }
    }

    void violated(const server::Session&, std::string_view problem) override {
        problems.emplace_back(problem);
    }
    void ended(server::Session&) override {
        ++ends;
        session.reset();
    }

    server::Loop loop;
    std::shared_ptr<server::Scratch> scratch;
    test::CannedHandler handler;
    std::vector<std::string> problems;
    int ends = 0;
    std::shared_ptr<server::Session> session;
    test::RawPeer peer; // must come after the members that connect() uses
};

TEST(Session, AnswersEveryCut) {
    const std::string_view wire = "13:sts a.example,0013:sts b.example,";
    for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
        SCOPED_TRACE(cut);
        Fixture f;
        f.peer.send(wire.substr(0, cut));
        f.settle();
        f.peer.send(wire.substr(cut));
        ASSERT_TRUE(f.get("12:OK a.example,12:OK b.example,"));
        EXPECT_EQ(f.ends, 0);
    }
}

TEST(Session, AnswersByteByByte) {
    Fixture f;
    for (char c : std::string_view("13:sts a.example,")) {
        f.peer.send({&c, 1});
        f.settle();
    }
    EXPECT_TRUE(f.get("12:OK a.example,"));
}

TEST(Session, SharesItsScratchWithOthers) {
    Fixture other;
    Fixture f{100, 0, other.scratch};
    f.handler.replies["a.example"] = "OK first";
    other.handler.replies["b.example"] = "OK second";

    f.peer.send("13:sts a.ex");
    f.settle();
    other.peer.send("13:sts b.example,13:sts b");
    other.settle();
    f.peer.send("ample,");
    EXPECT_TRUE(f.get("8:OK first,"));
    other.peer.send(".example,");
    EXPECT_TRUE(other.get("9:OK second,9:OK second,"));
}

TEST(Session, AnswersThousandPipelinedInOrder) {
    Fixture f;
    std::string wire, expected;
    for (int i = 0; i < 1000; ++i) {
        const std::string key = "d" + std::to_string(i) + ".example";
        wire += postfix::frame("sts " + key);
        expected += postfix::frame("OK " + key);
    }
    for (std::string_view rest = wire; !rest.empty();) {
        rest.remove_prefix(f.peer.send(rest));
        f.settle();
        f.peer.receive();
    }
    EXPECT_TRUE(f.get(expected));
    EXPECT_EQ(f.handler.asked.size(), 1000u);
}

TEST(Session, KeepsOrderWhenAnAnswerComesLater) {
    Fixture f;
    f.peer.send("9:sts later,5:sts b,10:sts later2,5:sts c,");
    ASSERT_TRUE(turn_until(f.loop, [&] { return f.handler.waiting.size() == 1; }));
    f.settle();
    EXPECT_EQ(f.handler.asked.size(), 1u) << "the second request is not even looked at";
    f.peer.receive();
    EXPECT_EQ(f.peer.received, "");
    f.handler.release();
    ASSERT_TRUE(f.get("8:OK later,4:OK b,"));
    ASSERT_EQ(f.handler.waiting.size(), 1u);
    f.handler.release();
    EXPECT_TRUE(f.get("8:OK later,4:OK b,9:OK later2,4:OK c,"));
}

TEST(Session, TakesAnAnswerFromWithinTheQuestion) {
    Fixture f;
    f.handler.at_once = true;
    f.peer.send("9:sts later,5:sts b,10:sts later2,");
    EXPECT_TRUE(f.get("8:OK later,4:OK b,9:OK later2,"));
}

TEST(Session, ReadsNothingWhileAReplyIsOwed) {
    Fixture f;
    f.peer.send("9:sts later,");
    ASSERT_TRUE(turn_until(f.loop, [&] { return f.handler.waiting.size() == 1; }));
    const std::string flood(1 << 20, '1');
    std::size_t taken = 0;
    for (int i = 0; i < 100; ++i) {
        taken += f.peer.send(flood);
        f.settle();
    }
    EXPECT_LT(taken, flood.size()) << "the kernel's buffers, no more";
    f.handler.release();
    const std::string perm = "PERM " + std::string(to_string(postfix::FrameErrc::too_long));
    EXPECT_TRUE(f.get("8:OK later," + postfix::frame(perm)));
    EXPECT_EQ(f.problems.size(), 1u);
}

TEST(Session, WaitsForASlowReader) {
    Fixture f{100, 4096};
    f.handler.replies["big"] = std::string(90000, 'x');
    f.peer.send("7:sts big,7:sts big,5:sts c,");
    f.settle();
    EXPECT_EQ(f.handler.asked.size(), 1u) << "the second is not asked before the first is out";
    const std::string big = postfix::frame(f.handler.replies["big"]);
    EXPECT_TRUE(f.get(big + big + "4:OK c,"));
}

TEST(Session, KeepsNoMemoryOfALongReply) {
    Fixture f{100, 4096};
    f.handler.replies["big"] = std::string(90000, 'x');
    f.peer.send("5:sts a,");
    EXPECT_TRUE(f.get("4:OK a,"));
    f.scratch->out.reserve(100000); // all sessions share it
    const std::string big = "4:OK a," + postfix::frame(f.handler.replies["big"]);
    f.peer.received.reserve(2 * big.size());
    const std::size_t before = test::allocated();
    f.peer.send("7:sts big,");
    f.settle();
    if (test::allocated() < before + 50000) GTEST_SKIP() << "another allocator";
    EXPECT_TRUE(f.get(big));
    EXPECT_LT(test::allocated(), before + 10000);
}

TEST(Session, OneWritePerReply) {
    // A sequenced-packet socket keeps writes separate, so they can be counted.
    int fds[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    Fixture f;
    f.session->detach();
    f.session =
        std::make_shared<server::Session>(net::Descriptor{fds[0]}, 100, f.loop, *f.scratch, f.handler, f);
    ASSERT_FALSE(f.session->start());
    test::RawPeer peer{fds[1]};
    peer.send("13:sts a.example,13:sts b.example,");
    ASSERT_TRUE(turn_until(f.loop, [&] {
        peer.receive();
        return peer.received.size() >= 32;
    }));
    EXPECT_EQ(peer.received, "12:OK a.example,12:OK b.example,");
    EXPECT_EQ(peer.reads, 2u);
}

struct Violation {
    const char* name;
    std::string bytes;
    bool shut = false; ///< the peer shuts down its side after them
};

TEST(Session, AnswersViolationsWithOnePermAndCloses) {
    const Violation table[] = {
        {"no digit", "x"},
        {"a line of another protocol", "get sts example.com\n"},
        {"empty length", ":,"},
        {"negative", "-1:a,"},
        {"blank before the length", " 5:sts a,"},
        {"over the limit", "101:"},
        {"over the limit by leading digits", "9999999999999999999999999999999:"},
        {"no comma", "5:sts ab"},
        {"newline for a comma", "5:sts a\n"},
        {"no space in the payload", "3:sts,"},
        {"empty payload", "0:,"},
        {"end within the length", "13", true},
        {"end within the payload", "13:sts a.ex", true},
        {"end before the comma", "5:sts a", true},
        {"TLS", std::string("\x16\x03\x01\x00\x05hello", 10)},
        {"more after it", "x13:sts a.example,13:sts a.example,"},
    };
    for (const Violation& row : table) {
        SCOPED_TRACE(row.name);
        Fixture f;
        f.peer.send("5:sts a," + row.bytes);
        if (row.shut) f.peer.shut_sending();
        ASSERT_TRUE(f.get_closed());
        EXPECT_FALSE(f.peer.reset);
        ASSERT_TRUE(f.peer.received.starts_with("4:OK a,")) << f.peer.received;
        postfix::NetstringReader replies{1000};
        replies.feed(f.peer.received);
        ASSERT_TRUE(replies.next());
        const auto perm = replies.next();
        ASSERT_TRUE(perm && *perm) << f.peer.received;
        EXPECT_TRUE((*perm)->starts_with("PERM ")) << **perm;
        EXPECT_GT((*perm)->size(), 10u) << "has words";
        EXPECT_FALSE(replies.next()) << "and nothing after it";
        EXPECT_EQ(replies.buffered(), 0u);
        f.peer.close(); // ends the lingering
        EXPECT_TRUE(turn_until(f.loop, [&] { return f.ends == 1; }));
    }
}

TEST(Session, PeerThatStillSendsReadsThePermAndNoReset) {
    Fixture f;
    f.peer.send("x");
    const std::string more(1000, 'y');
    for (int i = 0; i < 50; ++i) {
        f.peer.send(more);
        f.settle();
    }
    EXPECT_TRUE(f.get_closed());
    EXPECT_FALSE(f.peer.reset);
    EXPECT_EQ(f.peer.received,
              postfix::frame("PERM " + std::string(to_string(postfix::FrameErrc::not_a_digit))));
    EXPECT_EQ(f.ends, 0) << "still reading";
    EXPECT_TRUE(turn_until(f.loop, [&] { return f.ends == 1; })) << "but not for ever";
}

TEST(Session, LingeringHasALimitInOctets) {
    Fixture f;
    f.peer.send("x");
    const std::string more(65536, 'y');
    EXPECT_TRUE(turn_until(
        f.loop,
        [&] {
            f.peer.send(more);
            return f.ends == 1;
        },
        std::chrono::milliseconds(900)))
        << "sooner than the limit in time";
}

TEST(Session, StaysOpenAfterTempAndNotfound) {
    Fixture f;
    f.handler.replies = {{"t", "TEMP later"}, {"n", "NOTFOUND "}};
    f.peer.send("5:sts t,5:sts n,5:sts a,");
    EXPECT_TRUE(f.get("10:TEMP later,9:NOTFOUND ,4:OK a,"));
}

TEST(Session, PeerMayShutItsSideAndStillGetsItsReplies) {
    Fixture f;
    f.peer.send("9:sts later,5:sts b,");
    f.peer.shut_sending();
    ASSERT_TRUE(turn_until(f.loop, [&] { return f.handler.waiting.size() == 1; }));
    f.settle();
    EXPECT_EQ(f.ends, 0);
    f.handler.release();
    ASSERT_TRUE(f.get_closed());
    EXPECT_EQ(f.peer.received, "8:OK later,4:OK b,");
    EXPECT_EQ(f.ends, 1);
    EXPECT_TRUE(f.problems.empty());
}

TEST(Session, PeerThatVanishesInMidQuestion) {
    Fixture f;
    f.peer.send("9:sts later,5:sts b,");
    ASSERT_TRUE(turn_until(f.loop, [&] { return f.handler.waiting.size() == 1; }));
    f.peer.close();
    f.settle();
    f.handler.release(); // no SIGPIPE, no use after free
    EXPECT_TRUE(turn_until(f.loop, [&] { return f.ends == 1; }));
}

TEST(Session, ClosesForWantOfMemory) {
    {
        Fixture f;
        f.handler.no_memory_for = "memory";
        f.peer.send("5:sts a,10:sts memory,5:sts b,");
        EXPECT_TRUE(f.get_closed());
        EXPECT_EQ(f.peer.received, "4:OK a,");
        EXPECT_EQ(f.ends, 1);
    }
    Fixture f;
    f.peer.send("9:sts later,5:sts b,");
    ASSERT_TRUE(turn_until(f.loop, [&] { return f.handler.waiting.size() == 1; }));
    f.handler.release(""); // there was no memory for the reply
    EXPECT_TRUE(f.get_closed());
    EXPECT_EQ(f.peer.received, "");
    EXPECT_EQ(f.ends, 1);
}

TEST(Session, DropsAReplyThatComesAfterTheEnd) {
    Fixture f;
    f.peer.send("9:sts later,");
    ASSERT_TRUE(turn_until(f.loop, [&] { return f.handler.waiting.size() == 1; }));
    f.session->close();
    EXPECT_EQ(f.ends, 1);
    f.settle();
    f.handler.release();
    f.settle();
    f.peer.receive();
    EXPECT_EQ(f.peer.received, "");
    EXPECT_TRUE(f.peer.closed);
}

TEST(Session, FinishLetsTheOwedReplyOut) {
    Fixture f;
    f.peer.send("9:sts later,5:sts b,");
    ASSERT_TRUE(turn_until(f.loop, [&] { return f.handler.waiting.size() == 1; }));
    f.session->finish();
    EXPECT_EQ(f.ends, 0);
    f.handler.release();
    ASSERT_TRUE(f.get_closed());
    EXPECT_EQ(f.peer.received, "8:OK later,") << "but no further one";
}

TEST(Session, FinishClosesAnIdleOneAtOnce) {
    Fixture f;
    f.settle();
    f.session->finish();
    EXPECT_EQ(f.ends, 1);
    EXPECT_TRUE(f.get_closed());
}

TEST(Session, CountsQuietSweeps) {
    Fixture f;
    EXPECT_EQ(f.session->quiet_sweeps(), 1u);
    EXPECT_EQ(f.session->quiet_sweeps(), 2u);
    f.peer.send("5:st");
    f.settle();
    EXPECT_EQ(f.session->quiet_sweeps(), 1u) << "half a request is a sign of life";
    f.peer.send("s a,9:sts later,");
    ASSERT_TRUE(turn_until(f.loop, [&] { return f.handler.waiting.size() == 1; }));
    EXPECT_EQ(f.session->quiet_sweeps(), 0u) << "it waits for us, not we for it";
    EXPECT_EQ(f.session->quiet_sweeps(), 0u);
    f.handler.release();
    f.settle();
    EXPECT_EQ(f.session->quiet_sweeps(), 1u);
}

/// Two sessions on one loop.
struct Pair : Fixture {
    explicit Pair(std::size_t max_request = 100)
        : Fixture(max_request), greedy(session), rest(std::move(peer)) {
        other_peer.emplace(connect(100, 0));
    }
    ~Pair() override { greedy->detach(); }
    [[nodiscard]] std::size_t asked() const { return handler.asked.size(); }
    /// One turn of the loop; returns how many requests were asked in it.
    std::size_t turn() {
        const std::size_t before = asked();
        (void)loop.turn(std::chrono::milliseconds{0});
        rest.receive();
        other_peer->receive();
        return asked() - before;
    }
    std::shared_ptr<server::Session> greedy;
    test::RawPeer rest; ///< the far end of `greedy`
    std::optional<test::RawPeer> other_peer;
};

std::string repeat(std::string_view request, std::size_t count) {
    std::string all;
    while (count-- > 0) all += postfix::frame(request);
    return all;
}

TEST(Session, WhoAsksLittleGoesBeforeWhoAsksMuch) {
    Pair f;
    f.handler.spin = std::chrono::microseconds{100};
    f.rest.send(repeat("sts much", 1000));
    EXPECT_LT(f.turn(), 100u) << "some at once and a turn from the queue";
    EXPECT_EQ(f.greedy->idle_for(std::chrono::steady_clock::now() + std::chrono::hours{1}), std::nullopt)
        << "it waits for its turn: not to be closed to make room";
    for (int i = 0; i < 5; ++i) {
        f.rest.send(repeat("sts much", 10)); // new input gives no new turn
        f.other_peer->send("10:sts little,");
        const std::size_t before = f.asked();
        EXPECT_LT(f.turn(), 100u);
        EXPECT_EQ(f.handler.asked[before], "sts little");
    }
    EXPECT_TRUE(turn_until(f.loop, [&] { return f.turn() == 0; }));
    EXPECT_EQ(f.asked(), 1055u) << "and all are answered in the end";
}

TEST(Session, WhoAskedMuchBeginsInTheQueue) {
    Pair f;
    f.handler.replies["much"] = std::string(20000, 'x');
    const auto first = [&f](std::string_view greedy_asks) {
        f.rest.send(postfix::frame(greedy_asks));
        f.other_peer->send("10:sts little,");
        const std::size_t before = f.asked();
        EXPECT_EQ(f.turn(), 2u);
        return f.handler.asked[before];
    };
    EXPECT_EQ(first("sts much"), "sts much") << "in order of their coming";
    EXPECT_EQ(first("sts much"), "sts little");
    EXPECT_EQ(first("sts much"), "sts little") << "one long answer at a time is much, too";
    EXPECT_EQ(first("sts a"), "sts little");
    EXPECT_EQ(first("sts a"), "sts a") << "it has asked little the last time";
}

TEST(Session, ATurnEndsByOctetsOfAnswers) {
    Pair f;
    f.handler.replies["much"] = std::string(20000, 'x');
    f.rest.send(repeat("sts much", 50));
    EXPECT_LE(f.turn(), 5u) << "16 KiB at once, 64 KiB from the queue";
    std::size_t all = f.asked();
    while (all < 50) {
        const std::size_t asked = f.turn();
        EXPECT_LE(asked, 4u);
        ASSERT_TRUE(asked > 0 || f.loop.turn(std::chrono::seconds{1}) > 0);
        all = f.asked();
    }
    EXPECT_TRUE(turn_until(f.loop, [&] {
        f.rest.receive();
        return f.rest.received.size() == 50 * postfix::frame(f.handler.replies["much"]).size();
    }));
}

TEST(Session, ATurnEndsByTime) {
    Pair f;
    f.handler.spin = std::chrono::microseconds{1000};
    f.rest.send(repeat("sts much", 100));
    EXPECT_EQ(f.turn(), 32u) << "16 at once, then the clock is looked at after 16 more";
    EXPECT_EQ(f.turn(), 16u);
    EXPECT_EQ(f.turn(), 16u);
}

TEST(Session, ATurnEndsByOctetsOfRequests) {
    constexpr std::size_t size = 150000;
    for (const bool breach : {false, true}) { // a request, or what comes after a breach
        SCOPED_TRACE(breach);
        Pair f{size};
        const int limit = 4 * size;
        EXPECT_EQ(::setsockopt(f.rest.fd(), SOL_SOCKET, SO_SNDBUF, &limit, sizeof limit), 0);
        if (breach) {
            f.rest.send("x");
            (void)f.turn();
        }
        const std::string wire = (breach ? "" : std::to_string(size) + ":") + std::string(size, 'x');
        std::size_t left = f.rest.send(wire);
        ASSERT_GT(left, size / 2);
        std::size_t turns = 0;
        while (left > 0) {
            (void)f.turn();
            int unread = 0;
            ASSERT_EQ(::ioctl(f.rest.fd(), SIOCOUTQ, &unread),
                      0); // counts kernel memory, but is 0 when all is read
            if (unread == 0) break;
            ++turns;
            ASSERT_LT(turns, 10u);
        }
        EXPECT_GE(turns, 1u) << "not all in one turn";
    }
}

TEST(Session, NamesAUnixPeer) {
    Fixture f;
    EXPECT_EQ(f.session->peer(),
              "unix pid=" + std::to_string(::getpid()) + " uid=" + std::to_string(::getuid()));
}

} // namespace
