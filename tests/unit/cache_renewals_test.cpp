#include "cache/disk/renewals.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using cache::Renewals;

TEST(Renewals, ComeAtGrowingIntervalsWhileTheyFollowEachOther) {
    Renewals renewals{60s};
    Renewals::Time now{1000h};
    EXPECT_TRUE(renewals.may(now)) << "the first at once";
    for (const auto gap : {60s, 120s, 240s, 480s, 960s, 1920s, 3600s, 3600s}) {
        renewals.note(now);
        EXPECT_FALSE(renewals.may(now + gap - 1ms)) << gap.count();
        EXPECT_TRUE(renewals.may(now + gap)) << gap.count();
        now += gap;
    }
    renewals.note(now + 2h);
    EXPECT_TRUE(renewals.may(now + 2h + 60s)) << "after two hours without, from the beginning";
}

} // namespace
