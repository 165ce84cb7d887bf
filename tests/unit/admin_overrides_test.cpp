// The administration's list of overrides: a long one is made in pieces.
#include "admin/overrides.hpp"

#include "base/utc.hpp"
#include "support/admin_world.hpp"
#include "support/memory_log.hpp"
#include "support/temp_folder.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace {

using decision::Override;
using test::AdminWorld;

TEST(AdminOverrides, ALongListLeavesTheThreadToOthersInBetween) {
    constexpr std::size_t count = 1000;
    AdminWorld world;
    const test::TempFolder folder;
    test::MemoryLog log;
    state::Keeper::Options options;
    options.post = [](const std::function<void()>& call) { call(); };
    const std::unique_ptr<state::Keeper> keeper = std::move(
        state::Keeper::open(folder / "state.db", std::move(options), log, world.time).value().keeper);
    state::Book book({*keeper, log, world.time, world.time, [] {}}, {});
    std::vector<Override> many;
    for (std::size_t i = 0; i < count; ++i) {
        const std::string domain = "d" + std::to_string(i) + ".example";
        many.push_back(
            decision::parse_override(
                {.domain = domain, .action = "may", .reason = "a test", .configured = true}, world.time.now())
                .value());
    }
    book.set_configured(std::move(many));
    world.options.overrides = book.current();
    admin::Overrides overrides({world.io.get_executor(),
                                world.table,
                                book,
                                *keeper,
                                world.time,
                                [&world] { return world.options; },
                                {}});
    const admin::Request request = AdminWorld::request({});
    const test::Pending<test::Answered> answer{world.io, overrides.list(request)};
    std::size_t turns = 0;
    world.io.restart();
    while (!answer.over() && world.io.run_one() > 0) ++turns;
    ASSERT_TRUE(answer.over());
    ASSERT_TRUE(*answer) << (*answer).error().words;
    const admin::Json& all = (*answer)->body.at("overrides");
    ASSERT_EQ(all.size(), count);
    EXPECT_EQ(all.back().at("domain"), "d999.example");
    EXPECT_GE(turns, 2 * count / 100);
}

TEST(AdminOverrides, ThoseOfAnImportAreInUseTogether) {
    AdminWorld world;
    const test::TempFolder folder;
    test::MemoryLog log;
    state::Keeper::Options options;
    options.post = [&world](std::function<void()> call) { boost::asio::post(world.io, std::move(call)); };
    const std::unique_ptr<state::Keeper> keeper = std::move(
        state::Keeper::open(folder / "state.db", std::move(options), log, world.time).value().keeper);
    int changes = 0;
    state::Book book({*keeper, log, world.time, world.time, [&changes] { ++changes; }}, {});
    admin::Overrides overrides({world.io.get_executor(),
                                world.table,
                                book,
                                *keeper,
                                world.time,
                                [&world] { return world.options; },
                                {}});
    const admin::Request request = AdminWorld::request({});
    std::size_t taken = 0, in_use_at_the_end = 0;
    constexpr std::size_t count = 20;
    for (std::size_t i = 0; i < count; ++i) {
        admin::Json one = {{"domain", "d" + std::to_string(i) + ".example"},
                           {"action", "may"},
                           {"match", admin::Json::array()},
                           {"until", base::utc(world.time.now() + base::seconds{3600})},
                           {"reason", "a test"},
                           {"weakens", true},
                           {"added_at", base::utc(world.time.now())},
                           {"added_by", "uid 0"}};
        overrides.take(one, request, [&](const base::Expected<bool, std::string>& done) {
            EXPECT_TRUE(done) << done.error();
            if (++taken == count) in_use_at_the_end = book.current()->all().size();
        });
    }
    const auto work = boost::asio::make_work_guard(world.io);
    world.io.restart();
    while (taken < count && world.io.run_one_for(std::chrono::seconds{60}) > 0) {
    }
    EXPECT_EQ(taken, count);
    EXPECT_EQ(in_use_at_the_end, count);
    EXPECT_EQ(changes, 1);
}

} // namespace
