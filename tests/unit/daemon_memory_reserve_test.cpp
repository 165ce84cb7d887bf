// The reserve of memory: freed when an allocation fails, allocated again later.
#include "daemon/memory_reserve.hpp"

#include "support/manual_time.hpp"
#include "support/memory_log.hpp"
#include "support/sanitized.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <new>

namespace {

void ask_for_too_much() {
    volatile std::size_t much = std::numeric_limits<std::size_t>::max() / 4;
    ::operator delete(::operator new(much));
}

TEST(MemoryReserve, IsGivenBackOnceAndPutAsideAgain) {
    if (test::sanitized) GTEST_SKIP() << "a sanitizer's allocator asks no new handler";
    test::ManualTime time;
    test::MemoryLog log;
    app::MemoryReserve reserve{time, log};
    EXPECT_TRUE(reserve.available());
    EXPECT_THROW(ask_for_too_much(), std::bad_alloc) << "it helps only those it is enough for";
    EXPECT_FALSE(reserve.available());
    EXPECT_FALSE(reserve.available());
    EXPECT_EQ(log.count("error memory-short"), 1u);
    EXPECT_THROW(ask_for_too_much(), std::bad_alloc);
    time.move_to(std::chrono::milliseconds{999});
    EXPECT_FALSE(reserve.available()) << "not before a second is over";
    time.move_to(std::chrono::milliseconds{1000});
    EXPECT_TRUE(reserve.available());
    EXPECT_EQ(log.count("info memory-back"), 1u);
    EXPECT_THROW(ask_for_too_much(), std::bad_alloc);
    EXPECT_FALSE(reserve.available());
    EXPECT_EQ(log.count("error memory-short"), 2u);
}

TEST(MemoryReserve, LeavesNoHandlerBehind) {
    {
        test::ManualTime time;
        test::MemoryLog log;
        const app::MemoryReserve reserve{time, log};
        EXPECT_NE(std::get_new_handler(), nullptr);
    }
    EXPECT_EQ(std::get_new_handler(), nullptr);
}

} // namespace
