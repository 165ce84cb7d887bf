// A value made on first use.
#include "base/memo.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

TEST(Memo, MakesItsValueOnce) {
    const base::Memo<std::string> memo;
    int made = 0;
    const auto make = [&] { return std::to_string(++made); };
    const std::string& first = memo.get(make);
    EXPECT_EQ(first, "1");
    EXPECT_EQ(&memo.get(make), &first);
    EXPECT_EQ(made, 1);
}

TEST(Memo, TakesItsValueAlong) {
    base::Memo<std::string> memo;
    const std::string* const made = &memo.get([] { return "x"; });
    const base::Memo<std::string> moved = std::move(memo);
    EXPECT_EQ(&moved.get([] { return "y"; }), made);
}

TEST(Memo, ThreadsThatMeetSeeOneValue) {
    for (int round = 0; round < 200; ++round) {
        const base::Memo<std::string> memo;
        std::atomic<int> waiting{0};
        std::array<const std::string*, 3> seen{};
        std::vector<std::thread> threads;
        for (const std::string*& mine : seen)
            threads.emplace_back([&] {
                ++waiting;
                while (waiting < 3) std::this_thread::yield();
                mine = &memo.get([] { return std::string(40, 'v'); });
                EXPECT_EQ(*mine, std::string(40, 'v'));
            });
        for (std::thread& thread : threads) thread.join();
        EXPECT_EQ(seen[0], seen[1]);
        EXPECT_EQ(seen[0], seen[2]);
    }
}

} // namespace
