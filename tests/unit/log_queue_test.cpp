// The queue between the threads that log and the one that writes.
#include "log/log_queue.hpp"

#include "support/allocated.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>

namespace {

using namespace app;
using base::Level;
using config::LogTarget;

std::string all(const LogBatch& batch) {
    std::string text;
    for (std::size_t i = 0; i < batch.size(); ++i) text.append(batch[i].text).append("|");
    return text;
}

TEST(LogBatch, KeepsLinesAndDropsTheFirst) {
    LogBatch batch;
    std::string expected;
    for (int i = 0; i < 100; ++i) {
        const std::string line(static_cast<std::size_t>(i % 7), static_cast<char>('a' + i % 26));
        batch.add(i % 2 == 0 ? Level::info : Level::error, LogTarget::syslog, line);
        expected.append(line).append("|");
    }
    EXPECT_EQ(all(batch), expected);
    EXPECT_EQ(batch[3].level, Level::error);
    EXPECT_EQ(batch[3].target, LogTarget::syslog);
    for (std::size_t left = 100; left-- > 0;) {
        batch.drop_first();
        expected.erase(0, expected.find('|') + 1);
        EXPECT_EQ(batch.size(), left);
        EXPECT_EQ(all(batch), expected);
    }
    batch.add(Level::info, LogTarget::syslog, "again");
    EXPECT_EQ(all(batch), "again|");
}

TEST(LogBatch, GivesTheMemoryOfABurstBack) {
    LogBatch batch;
    const std::size_t before = test::allocated();
    for (int i = 0; i < 40000; ++i) batch.add(Level::info, LogTarget::syslog, std::string(100, 'x'));
    if (test::allocated() < before + 4'000'000) GTEST_SKIP() << "another allocator";
    batch.clear();
    EXPECT_LT(test::allocated(), before + 1'100'000);
}

TEST(LogBatch, GivesRunsOfLinesAsTheyAreWritten) {
    LogBatch batch;
    const auto add = [&](LogTarget target, std::string_view text) { batch.add(Level::info, target, text); };
    add(LogTarget::syslog, "dropped");
    add(LogTarget::standard_error, "one");
    add(LogTarget::standard_error, "");
    add(LogTarget::standard_error, "three");
    add(LogTarget::syslog, "four");
    batch.drop_first();
    EXPECT_EQ(batch.end_of_run(0), 3u);
    EXPECT_EQ(batch.end_of_run(3), 4u);
    EXPECT_EQ(batch.lines(0, 3), "one\n\nthree\n");
    EXPECT_EQ(batch.lines(1, 4), "\nthree\nfour\n");
    EXPECT_EQ(batch.end_of_piece(0, 3, 100), 3u);
    EXPECT_EQ(batch.end_of_piece(0, 3, 11), 3u);
    EXPECT_EQ(batch.end_of_piece(0, 3, 10), 2u);
    EXPECT_EQ(batch.end_of_piece(0, 3, 4), 1u);
    EXPECT_EQ(batch.end_of_piece(0, 3, 1), 1u) << "a line that is too long goes alone";
    EXPECT_EQ(batch.end_of_piece(1, 3, 7), 3u);
    EXPECT_EQ(batch.end_of_piece(2, 2 + 1, 1), 3u);
}

TEST(LogQueue, DropsTheOldestAndCountsThem) {
    LogQueue queue{3};
    for (const char* line : {"a", "b", "c", "d", "e"})
        queue.put(Level::info, LogTarget::standard_error, line);
    EXPECT_EQ(queue.lost(), 2u);
    LogBatch batch;
    ASSERT_TRUE(queue.take(batch));
    EXPECT_EQ(all(batch), "c|d|e|");
    queue.put(Level::info, LogTarget::standard_error, "f");
    queue.close();
    ASSERT_TRUE(queue.take(batch)) << "what came before the close is given";
    EXPECT_EQ(all(batch), "f|");
    EXPECT_FALSE(queue.take(batch));
    EXPECT_FALSE(queue.take(batch));
}

TEST(LogQueue, WakesTheReaderForALineAndForTheEnd) {
    LogQueue queue{10};
    std::string read;
    std::thread reader{[&] {
        for (LogBatch batch; queue.take(batch);) read += all(batch);
    }};
    std::string expected;
    for (int i = 0; i < 1000; ++i) {
        queue.put(Level::info, LogTarget::standard_error, std::to_string(i));
        if (i % 10 == 0) std::this_thread::yield();
    }
    queue.close();
    reader.join();
    const auto lines = static_cast<std::size_t>(std::ranges::count(read, '|'));
    EXPECT_EQ(lines + queue.lost(), 1000u);
    EXPECT_TRUE(read.ends_with("|999|") || read == "999|") << read;
}

} // namespace
