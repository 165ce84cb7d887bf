// Repeated lines: what is written, what is counted, and that memory stays bounded.
#include "base/repeats.hpp"

#include <gtest/gtest.h>

#include <malloc.h>

#include <string>

namespace {

using namespace std::chrono_literals;
using base::Repeats;
using base::Steady;
using Verdict = Repeats::Verdict;

Steady at(std::chrono::milliseconds t) { return Steady{t}; }

TEST(Repeats, WritesTheFirstAndCountsTheRestOfTheWindow) {
    Repeats repeats{60s, 10};
    EXPECT_EQ(repeats.allow("a", at(0s)), (Verdict{true, 0}));
    EXPECT_EQ(repeats.allow("a", at(1s)), (Verdict{false, 0}));
    EXPECT_EQ(repeats.allow("a", at(59'999ms)), (Verdict{false, 0}));
    EXPECT_EQ(repeats.allow("a", at(60s)), (Verdict{true, 2})) << "the window ends exclusive";
    EXPECT_EQ(repeats.allow("a", at(61s)), (Verdict{false, 0})) << "a new window began";
    EXPECT_EQ(repeats.allow("a", at(500s)), (Verdict{true, 1}));
    EXPECT_EQ(repeats.allow("a", at(1000s)), (Verdict{true, 0})) << "the count starts anew";
}

TEST(Repeats, KeysDoNotHoldEachOtherBack) {
    Repeats repeats{60s, 10};
    EXPECT_TRUE(repeats.allow("a", at(0s)).write);
    EXPECT_TRUE(repeats.allow("b", at(0s)).write);
    EXPECT_TRUE(repeats.allow("", at(0s)).write);
    EXPECT_FALSE(repeats.allow("b", at(1s)).write);
    EXPECT_EQ(repeats.size(), 3u);
}

TEST(Repeats, KeepsItsOwnCopyOfAKey) {
    Repeats repeats{60s, 10};
    {
        std::string key(1000, 'k');
        EXPECT_TRUE(repeats.allow(key, at(0s)).write);
    }
    EXPECT_FALSE(repeats.allow(std::string(1000, 'k'), at(1s)).write);
}

TEST(Repeats, RemembersAHashOfTheLargestKeyAndNotTheKey) {
    Repeats repeats{60s, 1000};
    const auto used = [] { return ::mallinfo2().uordblks; };
    std::string key(132'000, 'k');
    const std::size_t before = used();
    for (int i = 0; i < 1000; ++i) {
        key.replace(0, 4, std::to_string(1000 + i));
        EXPECT_TRUE(repeats.allow(key, at(0s)).write);
        EXPECT_FALSE(repeats.allow(key, at(1s)).write);
    }
    EXPECT_LE(used() - before, 1000U * 200U) << "octets a key";
}

TEST(Repeats, ForgetsTheKeyWrittenLongestAgoWhenFull) {
    Repeats repeats{60s, 2};
    EXPECT_TRUE(repeats.allow("a", at(0s)).write);
    EXPECT_TRUE(repeats.allow("b", at(1s)).write);
    EXPECT_TRUE(repeats.allow("a", at(61s)).write); // now b is the oldest
    EXPECT_TRUE(repeats.allow("c", at(62s)).write);
    EXPECT_EQ(repeats.size(), 2u);
    EXPECT_FALSE(repeats.allow("a", at(63s)).write);
    EXPECT_TRUE(repeats.allow("b", at(63s)).write) << "b was forgotten";
}

TEST(Repeats, StaysBoundedUnderAFloodOfKeys) {
    Repeats repeats{60s, 100};
    for (int i = 0; i < 10'000; ++i) EXPECT_TRUE(repeats.allow("key " + std::to_string(i), at(0s)).write);
    EXPECT_EQ(repeats.size(), 100u);
    Repeats none{60s, 0};
    EXPECT_TRUE(none.allow("a", at(0s)).write);
    EXPECT_FALSE(none.allow("a", at(0s)).write);
}

} // namespace
