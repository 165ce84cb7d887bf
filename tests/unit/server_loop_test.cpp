// The loop with real descriptors: what wakes it, what does not, and what is never called again.
#include "server/loop.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using net::Descriptor;
using server::Loop;

struct Pipe {
    Pipe() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
        out = Descriptor{ends[0]};
        in = Descriptor{ends[1]};
    }
    void write() const { EXPECT_EQ(::write(in.get(), "x", 1), 1); }
    Descriptor out, in;
};

struct Told final : Loop::Watcher {
    std::function<void()> then;
    std::vector<std::uint32_t> events;
    void ready(std::uint32_t now) override {
        events.push_back(now);
        if (then) then();
    }
};

TEST(Loop, TellsOfAnEdgeOnce) {
    Loop loop;
    const Pipe pipe;
    Told told;
    ASSERT_FALSE(loop.watch(pipe.out.get(), EPOLLIN | EPOLLET, told));
    EXPECT_EQ(loop.turn(0ms), 0u);
    pipe.write();
    EXPECT_EQ(loop.turn(1s), 1u);
    EXPECT_EQ(loop.turn(0ms), 0u) << "although nobody has read";
    pipe.write();
    EXPECT_EQ(loop.turn(1s), 1u);
    loop.change(pipe.out.get(), EPOLLIN, told);
    EXPECT_EQ(loop.turn(0ms), 1u);
    EXPECT_EQ(loop.turn(0ms), 1u) << "level-triggered: as long as there is something";
    EXPECT_EQ(told.events, std::vector<std::uint32_t>(4, EPOLLIN));
}

TEST(Loop, SaysHowLongATurnTookInWhichSomebodyAskedForTheTime) {
    Loop loop;
    std::vector<std::chrono::nanoseconds> turns;
    loop.at_turn_end([&](std::chrono::nanoseconds took) { turns.push_back(took); });
    loop.post([] {});
    EXPECT_EQ(loop.turn(1s), 1u);
    loop.turn(0ms);
    EXPECT_TRUE(turns.empty()) << "nobody asked";
    loop.post([&] {
        const auto until = loop.now() + 3ms;
        while (std::chrono::steady_clock::now() < until) {
        }
        (void)loop.now();
    });
    EXPECT_EQ(loop.turn(1s), 1u);
    EXPECT_TRUE(turns.empty()) << "it is over when the next begins";
    loop.turn(0ms);
    loop.turn(0ms);
    ASSERT_EQ(turns.size(), 1u);
    EXPECT_GE(turns.front(), 3ms);
    EXPECT_LT(turns.front(), 30s);
}

TEST(Loop, AWatchThatCannotBeIsAnError) {
    Loop loop;
    Told told;
    EXPECT_EQ(loop.watch(-1, EPOLLIN, told), std::errc::bad_file_descriptor);
}

TEST(Loop, NobodyUnwatchedIsCalledNotEvenForEventsSeen) {
    Loop loop;
    const std::array<Pipe, 3> pipes;
    std::array<Told, 3> told;
    for (std::size_t i = 0; i < pipes.size(); ++i) {
        ASSERT_FALSE(loop.watch(pipes[i].out.get(), EPOLLIN, told[i]));
        pipes[i].write();
        told[i].then = [&] {
            for (std::size_t k = 0; k < pipes.size(); ++k) loop.unwatch(pipes[k].out.get(), told[k]);
        };
    }
    EXPECT_EQ(loop.turn(1s), 1u) << "whoever comes first";
    EXPECT_EQ(loop.turn(0ms), 0u);
}

TEST(Loop, RunsPostedWorkInOrderAndNeverAtOnce) {
    Loop loop;
    std::string order;
    loop.post([&] {
        order += 'a';
        loop.post([&] { order += 'c'; });
    });
    loop.post([&] { order += 'b'; });
    EXPECT_EQ(order, "");
    EXPECT_EQ(loop.turn(1s), 2u);
    EXPECT_EQ(order, "ab");
    EXPECT_EQ(loop.turn(1s), 1u) << "does not wait for what is there";
    EXPECT_EQ(order, "abc");
}

TEST(Loop, PostedWorkWakesASleeperEachTime) {
    Loop loop;
    std::atomic<int> done{0};
    std::thread turning{[&] { loop.run(); }};
    for (int i = 1; i <= 1000; ++i) {
        loop.post([&] {
            ++done;
            done.notify_one();
        });
        for (int seen = done; seen < i; seen = done) done.wait(seen);
    }
    loop.stop();
    turning.join();
    EXPECT_EQ(done, 1000);
}

TEST(Loop, TakesWorkOfManyThreads) {
    Loop loop;
    std::vector<std::thread> posters;
    std::array<int, 4> last{};
    int done = 0;
    constexpr int each = 2000;
    for (std::size_t t = 0; t < last.size(); ++t)
        posters.emplace_back([&, t] {
            for (int i = 1; i <= each; ++i)
                loop.post([&, t, i] {
                    EXPECT_EQ(last[t] + 1, i);
                    last[t] = i;
                    if (++done == each * static_cast<int>(last.size())) loop.stop();
                });
        });
    loop.run();
    for (std::thread& poster : posters) poster.join();
    EXPECT_EQ(done, each * 4);
}

/// Works longer than a turn allows for calls of one kind.
void work_long() {
    const auto end = std::chrono::steady_clock::now() + 2ms;
    while (std::chrono::steady_clock::now() < end) {
    }
}

TEST(Loop, NoKindOfWorkHoldsUpTheOthers) {
    Loop loop;
    const Pipe pipe;
    Told told;
    std::string order;
    told.then = [&] { order += 's'; };
    ASSERT_FALSE(loop.watch(pipe.out.get(), EPOLLIN | EPOLLET, told));
    for (const char name : {'a', 'b', 'c'}) {
        loop.post([&order, name] {
            work_long();
            order += name;
        });
        (void)loop.after(0ms, [&order, name] {
            work_long();
            order += static_cast<char>(name + 'A' - 'a');
        });
        loop.queue([&order, name] {
            work_long();
            order += static_cast<char>(name + '1' - 'a');
        });
    }
    pipe.write();
    EXPECT_EQ(loop.turn(1s), 4u) << "one of each kind: it has used the time of all";
    EXPECT_EQ(order, "saA1");
    pipe.write();
    (void)loop.turn(1s);
    EXPECT_EQ(order, "saA1sbB2") << "the socket first again";
    loop.post([&] { order += 'd'; });
    (void)loop.turn(1s);
    EXPECT_EQ(order, "saA1sbB2cC3");
    (void)loop.turn(1s);
    EXPECT_EQ(order, "saA1sbB2cC3d") << "posted work keeps its order";
    EXPECT_EQ(loop.turn(0ms), 0u);
}

TEST(Loop, TheQueueGoesRound) {
    Loop loop;
    std::string order;
    std::function<void(char)> again = [&](char name) {
        order += name;
        loop.queue([&again, name] { again(name); });
    };
    for (const char name : {'a', 'b', 'c'}) again(name);
    EXPECT_EQ(order, "abc");
    for (int turn = 0; turn < 2; ++turn) EXPECT_LE(loop.turn(1s), 3u) << "nobody twice in one turn";
    while (order.size() < 12) (void)loop.turn(1s);
    EXPECT_EQ(order.substr(0, 12), "abcabcabcabc");
}

TEST(Loop, AFloodOfPostedWorkKeepsNoTimerWaiting) {
    Loop loop;
    std::function<void()> flood = [&] { loop.post(flood); };
    for (int i = 0; i < 10000; ++i) loop.post(flood);
    const auto due = std::chrono::steady_clock::now() + 10ms;
    std::size_t turns_late = 0;
    bool called = false;
    (void)loop.after(10ms, [&] { called = true; });
    while (!called) {
        (void)loop.turn(1s);
        if (!called && std::chrono::steady_clock::now() >= due) ++turns_late;
    }
    EXPECT_LE(turns_late, 1u);
}

TEST(Loop, DropsWithoutACallWhatIsLeft) {
    const auto held = std::make_shared<int>(0);
    {
        Loop loop;
        loop.post([held] { ++*held; });
        loop.queue([held] { ++*held; });
        (void)loop.after(0ms, [held] { ++*held; });
    }
    EXPECT_EQ(*held, 0);
    EXPECT_EQ(held.use_count(), 1);
}

TEST(Loop, CallsWhatIsDueInOrderOfTime) {
    Loop loop;
    std::string order;
    const auto begun = std::chrono::steady_clock::now();
    (void)loop.after(20ms, [&] {
        order += 'c';
        loop.stop();
    });
    (void)loop.after(10ms, [&] { order += 'a'; });
    (void)loop.after(10ms, [&] { order += 'b'; });
    const Loop::Id never = loop.after(15ms, [&] { order += 'x'; });
    loop.cancel(never);
    loop.cancel(never);
    loop.cancel(0);
    EXPECT_EQ(order, "") << "never from within after()";
    loop.run();
    EXPECT_EQ(order, "abc");
    EXPECT_GE(std::chrono::steady_clock::now() - begun, 20ms);
}

TEST(Loop, EachTurnHasOneTime) {
    Loop loop;
    std::vector<std::chrono::steady_clock::time_point> times;
    const auto note = [&] { times.push_back(loop.now()); };
    const auto before = std::chrono::steady_clock::now();
    loop.post(note);
    loop.post(note);
    EXPECT_EQ(loop.turn(0ms), 2u);
    (void)loop.after(2ms, note);
    while (times.size() < 3) loop.turn(1s);
    EXPECT_GE(times[0], before);
    EXPECT_EQ(times[0], times[1]);
    EXPECT_GE(times[2] - times[0], 2ms);
}

TEST(Loop, ACallWithoutMemoryCostsNoOther) {
    Loop loop;
    const Pipe first, second;
    Told poor, rich;
    poor.then = [] { throw std::bad_alloc{}; };
    ASSERT_FALSE(loop.watch(first.out.get(), EPOLLIN | EPOLLET, poor));
    ASSERT_FALSE(loop.watch(second.out.get(), EPOLLIN | EPOLLET, rich));
    first.write();
    second.write();
    std::string order;
    loop.post([] { throw std::bad_alloc{}; });
    loop.post([&] { order += 'a'; });
    (void)loop.after(0ms, [] { throw std::bad_alloc{}; });
    (void)loop.after(0ms, [&] {
        order += 'b';
        loop.stop();
    });
    loop.run();
    EXPECT_EQ(order, "ab");
    EXPECT_EQ(poor.events.size(), 1u);
    EXPECT_EQ(rich.events.size(), 1u);
}

TEST(Loop, ACallMayMakeAndCancelOthers) {
    Loop loop;
    int calls = 0;
    Loop::Id other = 0;
    (void)loop.after(0ms, [&] {
        ++calls;
        loop.cancel(other);
        (void)loop.after(0ms, [&] { ++calls; });
    });
    other = loop.after(0ms, [&] { calls += 100; });
    while (calls < 2) loop.turn(1s);
    EXPECT_EQ(loop.turn(0ms), 0u);
    EXPECT_EQ(calls, 2);
}

} // namespace
