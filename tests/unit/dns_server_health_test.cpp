// Which server is asked first: a silent one moves back, and only one question has to wait until this is
// known.
#include "dns/server_health.hpp"

#include <gtest/gtest.h>

namespace {

using base::Steady;
using Order = std::vector<std::size_t>;
using namespace std::chrono_literals;

const Steady start{1000s};

/// Lets `server` fail one try of 2 s that ends at `now`.
bool fail(dns::ServerHealth& health, std::size_t server, Steady now) {
    return health.failed(server, now - 2s, now);
}

TEST(DnsServerHealth, ConfiguredOrderAtFirst) {
    dns::ServerHealth health{3};
    EXPECT_EQ(health.order(start), (Order{0, 1, 2}));
    EXPECT_EQ(health.order(start, 2), (Order{2, 0, 1}));
}

TEST(DnsServerHealth, ASilentServerIsAskedLastForAWhile) {
    dns::ServerHealth health{3};
    EXPECT_TRUE(fail(health, 0, start));
    EXPECT_EQ(health.order(start), (Order{1, 2, 0}));
    EXPECT_EQ(health.order(start + 29s), (Order{1, 2, 0}));
    EXPECT_EQ(health.order(start + 30s), (Order{0, 1, 2}));
}

TEST(DnsServerHealth, AllSilentKeepTheirOrder) {
    dns::ServerHealth health{2};
    fail(health, 1, start);
    fail(health, 0, start + 1s);
    EXPECT_EQ(health.order(start + 2s), (Order{0, 1}));
}

TEST(DnsServerHealth, OneQuestionAtATimeFindsOut) {
    dns::ServerHealth health{2};
    fail(health, 0, start);
    EXPECT_EQ(health.order(start + 30s), (Order{0, 1}));
    EXPECT_EQ(health.order(start + 30s), (Order{1, 0}));
    EXPECT_EQ(health.order(start + 39s), (Order{1, 0}));
    EXPECT_EQ(health.order(start + 40s), (Order{0, 1})); // the first question has no result yet
}

TEST(DnsServerHealth, DoublesUpToFiveMinutes) {
    dns::ServerHealth health{2};
    Steady now = start;
    EXPECT_TRUE(fail(health, 0, now));
    for (auto penalty : {30s, 60s, 120s, 240s, 300s, 300s}) {
        EXPECT_TRUE(health.asked_last(0, now + penalty - 1s));
        EXPECT_FALSE(health.asked_last(0, now + penalty)) << penalty.count();
        now += penalty;
        EXPECT_EQ(health.order(now)[0], 0U);
        now += 2s;
        EXPECT_FALSE(fail(health, 0, now)); // no news
    }
}

TEST(DnsServerHealth, OneOutageCountsOnce) {
    dns::ServerHealth health{2};
    EXPECT_TRUE(fail(health, 0, start));
    for (int i = 0; i < 100; ++i) EXPECT_FALSE(fail(health, 0, start + 1s));
    EXPECT_FALSE(health.asked_last(0, start + 30s));
}

TEST(DnsServerHealth, AReplyClears) {
    dns::ServerHealth health{2};
    fail(health, 0, start);
    EXPECT_TRUE(health.answered(0, start + 1s));
    EXPECT_FALSE(health.answered(0, start + 2s));
    EXPECT_EQ(health.order(start + 2s), (Order{0, 1}));
    EXPECT_TRUE(fail(health, 0, start + 10s)); // and the next penalty is the first one again
    EXPECT_FALSE(health.asked_last(0, start + 40s));
}

TEST(DnsServerHealth, ASlowQuestionIsNotASilentServer) {
    dns::ServerHealth health{2};
    health.answered(0, start + 1s);
    EXPECT_FALSE(health.failed(0, start, start + 2s)); // it answered another question meanwhile
    EXPECT_FALSE(health.asked_last(0, start + 2s));
    EXPECT_TRUE(health.failed(0, start + 2s, start + 4s));
}

} // namespace
