// Events as they happen, as a stream of lines.
#include "support/admin_world.hpp"

#include "admin/json.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace {

using admin::Json;
using test::AdminWorld;

struct TailWorld : AdminWorld {
    events::Tap tap;
    events::Recorder front{log, time, nullptr, &tap};
    admin::Tail tail{io.get_executor(), tap};

    std::unique_ptr<admin::Stream> follow(std::map<std::string, std::string, std::less<>> parameters = {}) {
        auto reply = tail.follow(request(std::move(parameters)));
        return reply ? std::move(reply->lines) : nullptr;
    }
};

TEST(AdminTail, GivesEachEventAsALine) {
    TailWorld world;
    const auto stream = world.follow();
    ASSERT_TRUE(stream);
    const test::Pending<std::optional<std::string>> first{world.io, stream->next()};
    world.run();
    EXPECT_FALSE(first.over()) << "it waits";
    std::thread{[&] { // a front thread
        world.front.emit(events::PolicyLearnt{"a.example", sts::Mode::enforce, 2, base::seconds{7}, "1"});
    }}
        .join();
    world.run();
    ASSERT_TRUE(first.over());
    EXPECT_EQ(**first, R"({"schema":1,"at":"2023-11-14T22:13:20Z","event":"policy-learnt","level":"info",)"
                       R"("fields":{"domain":"a.example","mode":"enforce","mx":2,"max_age":7,"id":"1"}})"
                       "\n");
}

TEST(AdminTail, SaysHowManyASlowReaderHasLost) {
    TailWorld world;
    const auto stream = world.follow();
    for (std::size_t i = 0; i < events::Tap::max_queued + 3; ++i) world.front.emit(events::Stopping{15});
    const test::Pending<std::optional<std::string>> piece{world.io, stream->next()};
    world.run();
    ASSERT_TRUE(piece.over());
    EXPECT_TRUE((*piece)->ends_with("{\"schema\":1,\"lost\":3}\n"));
}

TEST(AdminTail, FollowsOneDomain) {
    TailWorld world;
    const auto stream = world.follow({{"domain", "A.Example"}});
    ASSERT_TRUE(stream);
    world.front.emit(events::PolicyLearnt{"b.example", sts::Mode::enforce, 2, base::seconds{7}, "1"});
    world.front.emit(events::PolicyLearnt{"a.example", sts::Mode::none, 0, base::seconds{7}, "1"});
    world.front.emit(events::Stopping{15});
    const auto lines = world.lines(*stream);
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_EQ(lines[0].at("fields").at("domain"), "a.example");
    const auto bad = world.tail.follow(AdminWorld::request({{"domain", "a b"}}));
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().status, 400u);
}

TEST(AdminTail, HasOnlySoManyReaders) {
    TailWorld world;
    std::vector<std::unique_ptr<admin::Stream>> readers;
    for (std::size_t i = 0; i < events::Tap::max_readers; ++i) readers.push_back(world.follow());
    const auto refused = world.tail.follow(AdminWorld::request({}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().status, 503u);
    readers.clear();
    EXPECT_FALSE(world.tap.watched()) << "whoever leaves costs nothing more";
}

} // namespace
