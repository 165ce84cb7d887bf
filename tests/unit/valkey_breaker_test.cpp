#include "cache/valkey/breaker.hpp"
#include "cache/valkey/write_queue.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using base::Steady;
using valkey::Backoff;
using valkey::Breaker;
using State = Breaker::State;

TEST(ValkeyBreaker, PausesDoubleToAMinute) {
    Backoff backoff;
    std::vector<long> pauses;
    for (int i = 0; i < 8; ++i) pauses.push_back(backoff.next(0.5).count());
    EXPECT_EQ(pauses, (std::vector<long>{1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000}));
    backoff.reset();
    EXPECT_EQ(backoff.next(0), 800ms);
    EXPECT_EQ(backoff.next(1), 2400ms);
    EXPECT_EQ(backoff.longest(0), 48s);
    EXPECT_EQ(backoff.longest(1), 72s);
}

TEST(ValkeyBreaker, ThreeTimeoutsInARowOpenIt) {
    Breaker breaker;
    Steady now{10s};
    EXPECT_FALSE(breaker.timed_out(now, 0.5));
    EXPECT_FALSE(breaker.timed_out(now, 0.5));
    breaker.answered();
    EXPECT_FALSE(breaker.timed_out(now, 0.5));
    EXPECT_FALSE(breaker.timed_out(now, 0.5));
    EXPECT_TRUE(breaker.closed());
    EXPECT_TRUE(breaker.timed_out(now, 0.5));
    EXPECT_EQ(breaker.state(), State::open);
    EXPECT_FALSE(breaker.timed_out(now, 0.5)) << "it is told once";
    EXPECT_EQ(breaker.due(), now + 1s);
}

TEST(ValkeyBreaker, OnlyAPingClosesIt) {
    Breaker breaker;
    Steady now{10s};
    for (int i = 0; i < 3; ++i) (void)breaker.timed_out(now, 0.5);
    breaker.answered(); // late
    EXPECT_EQ(breaker.state(), State::open);
    EXPECT_FALSE(breaker.try_now(now + 999ms));
    now += 1s;
    EXPECT_TRUE(breaker.try_now(now));
    EXPECT_EQ(breaker.state(), State::half_open);
    EXPECT_FALSE(breaker.try_now(now)) << "one PING at a time";
    breaker.not_ponged(now, 0.5);
    EXPECT_EQ(breaker.due(), now + 2s);
    now += 2s;
    EXPECT_TRUE(breaker.try_now(now));
    breaker.ponged();
    EXPECT_TRUE(breaker.closed());
    // From the beginning again.
    for (int i = 0; i < 3; ++i) (void)breaker.timed_out(now, 0.5);
    EXPECT_EQ(breaker.due(), now + 1s);
}

TEST(ValkeyBreaker, AnotherConnectionBeginsAnew) {
    Breaker breaker;
    for (int i = 0; i < 3; ++i) (void)breaker.timed_out(Steady{1s}, 0.5);
    breaker.reset();
    EXPECT_TRUE(breaker.closed());
    breaker.not_ponged(Steady{2s}, 0.5); // of the last one
    EXPECT_TRUE(breaker.closed());
}

TEST(ValkeyWriteQueue, DropsTheOldestAboveItsLimits) {
    valkey::WriteQueue queue(3, 100);
    for (const char* text : {"a", "b", "c"}) EXPECT_TRUE(queue.push({text, {}}).empty());
    auto dropped = queue.push({"d", {}});
    ASSERT_EQ(dropped.size(), 1U);
    EXPECT_EQ(dropped[0].octets, "a");
    dropped = queue.push({std::string(98, 'x'), {}});
    ASSERT_EQ(dropped.size(), 1U);
    EXPECT_EQ(queue.octets(), 100U);
    EXPECT_EQ(queue.front().octets, "c");
    dropped = queue.push({std::string(101, 'y'), {}});
    EXPECT_EQ(dropped.size(), 4U) << "too large alone";
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(queue.octets(), 0U);
}

} // namespace
