// What is done again and again, also after a time without memory.
#include "daemon/repeated.hpp"

#include "support/manual_time.hpp"

#include <gtest/gtest.h>

#include <new>

namespace {

using namespace std::chrono_literals;

/// Timers for which there may be no memory.
class ScarceTimers final : public base::Timers {
public:
    explicit ScarceTimers(test::ManualTime& time) : time_(time) {}
    [[nodiscard]] Id after(base::milliseconds delay, std::function<void()> what) override {
        if (short_of_memory) throw std::bad_alloc{};
        return time_.after(delay, std::move(what));
    }
    void cancel(Id id) noexcept override { time_.cancel(id); }
    bool short_of_memory = false;

private:
    test::ManualTime& time_;
};

TEST(Repeated, CallsAgainAndAgain) {
    test::ManualTime time;
    ScarceTimers timers(time);
    int calls = 0;
    {
        app::Repeated repeated(timers, 60s, [&calls] { ++calls; });
        EXPECT_EQ(time.next_call(), 60s);
        time.make_next_call();
        time.make_next_call();
        EXPECT_EQ(calls, 2);
        EXPECT_EQ(time.next_call(), 180s);
        repeated.keep_on();
        EXPECT_EQ(calls, 2);
    }
    EXPECT_FALSE(time.next_call());
}

TEST(Repeated, ComesBackWhenThereIsMemoryAgain) {
    test::ManualTime time;
    ScarceTimers timers(time);
    int calls = 0;
    app::Repeated repeated(timers, 60s, [&calls] { ++calls; });
    timers.short_of_memory = true;
    EXPECT_THROW(time.make_next_call(), std::bad_alloc);
    EXPECT_FALSE(time.next_call());
    EXPECT_THROW(repeated.keep_on(), std::bad_alloc);
    timers.short_of_memory = false;
    repeated.keep_on();
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(time.next_call(), 120s);
    time.make_next_call();
    EXPECT_EQ(calls, 2);
}

} // namespace
