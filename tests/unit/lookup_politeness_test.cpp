// How often foreign servers are asked when they have trouble, or when we come back after a week: days of
// virtual time with the real learner and refresher. The schedules that these tests check are in
// tests/FIGURES.md and stsmapd(8).
#include "lookup/refresher.hpp"

#include "support/learner_world.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <random>

namespace {

using namespace std::chrono_literals;
using base::Reason;
using test::LookupWorld;
using test::policy_text;

constexpr std::string_view secure = "OK secure match=mx.a.example servername=hostname";
constexpr std::string_view notfound = "NOTFOUND ";

/// Asks every ten seconds for a while, and notes the minute of each GET.
std::vector<long> minutes_of_gets(LookupWorld& world, base::seconds duration, std::string_view expected,
                                  const std::function<void(long minute)>& each_minute = {}) {
    std::vector<long> minutes;
    const std::size_t before = world.gets();
    const auto start = world.time.passed();
    for (auto at = start; at < start + duration; at += 10s) {
        world.pass_to(at);
        const long minute = std::chrono::floor<std::chrono::minutes>(at - start).count();
        if (each_minute && (at - start).count() % 60'000 == 0) each_minute(minute);
        EXPECT_EQ(world.ask("a.example"), expected);
        world.pass_to(at); // work that the answer started in the background
        while (before + minutes.size() < world.gets()) minutes.push_back(minute);
    }
    return minutes;
}

TEST(Politeness, AHostThatSays503AllDayIsAsked29Times) {
    LookupWorld world;
    world.at("a.example").record("1");
    world.at("a.example").https_fails(Reason::http_status, "status 503");
    const std::vector<long> minutes = minutes_of_gets(world, 24h, notfound);
    // Three times after five minutes, then 10, 20 and 40 minutes, then every hour.
    std::vector<long> schedule{0, 5, 10, 15, 25, 45, 85};
    while (schedule.back() + 60 < 24 * 60) schedule.push_back(schedule.back() + 60);
    EXPECT_EQ(minutes, schedule);
    EXPECT_EQ(minutes.size(), 29u);
}

TEST(Politeness, SoItIsWhileAPolicyIsKept) {
    LookupWorld world;
    world.at("a.example").record("1");
    world.at("a.example").policy(policy_text("enforce", {"mx.a.example"}, 7 * 86400));
    EXPECT_EQ(world.ask("a.example"), secure);
    world.at("a.example").https_fails(Reason::http_status, "status 503");
    // The daily GET is due a day later; this test observes the day after it.
    EXPECT_TRUE(minutes_of_gets(world, 23h, secure).empty());
    const std::vector<long> minutes = minutes_of_gets(world, 25h, secure);
    ASSERT_FALSE(minutes.empty());
    EXPECT_LE(minutes.size(), 30u);
    for (std::size_t i = 1; i < minutes.size(); ++i) {
        const long pause = i <= 3 ? 5 : i == 4 ? 10 : i == 5 ? 20 : i == 6 ? 40 : 60;
        EXPECT_GE(minutes[i] - minutes[i - 1], pause) << "GET " << i;
        EXPECT_LE(minutes[i] - minutes[i - 1], pause + pause / 10 + 1) << "GET " << i;
    }
}

TEST(Politeness, NobodyAsksSoAFailingHostIsNotAsked) {
    LookupWorld world;
    world.at("a.example").record("1");
    world.at("a.example").https_fails(Reason::http_status, "status 503");
    EXPECT_EQ(world.ask("a.example"), notfound);
    world.pass(24h);
    EXPECT_EQ(world.gets(), 1u);
}

TEST(Politeness, ADomainThatChangesItsIdAllTheTimeGetsOneGetAMinute) {
    LookupWorld world;
    world.at("a.example").https_fails(Reason::http_status, "status 503");
    const auto minutes = minutes_of_gets(
        world, 4h, notfound, [&](long minute) { world.at("a.example").record(std::to_string(minute), 1s); });
    EXPECT_GE(minutes.size(), 100u);
    EXPECT_LE(minutes.size(), 240u);
}

/// STSMAPD_HERD policies, none refreshed for a week.
class Herd : private test::LearnerWorld {
public:
    static constexpr base::seconds fetch_takes{2};
    static constexpr std::size_t at_once = 32;

    explicit Herd(std::size_t size) {
        fetcher.delay = [this](std::string) { return fetch_delay(); };
        const auto text = policy_text("enforce", {"mx.a.example"}, 30 * 86400);
        const cache::PolicyPtr policy = *table.intern(text);
        for (std::size_t i = 0; i < size; ++i) {
            const std::string name = "d" + std::to_string(i) + ".example";
            resolver.txt("_mta-sts." + name, {"v=STSv1; id=1;"});
            fetcher.set("mta-sts." + name, text);
            cache::Entry entry;
            entry.policy = policy;
            entry.txt_id = "1";
            entry.fetched_at = time.now() - 7 * 24h - 12h;
            entry.last_asked = time.now() - 7 * 24h;
            table.put(*base::Domain::parse(name), entry, time.now());
        }
    }

    // A fetch may still be under way: its coroutine waits in `time`.
    ~Herd() {
        time.forget_calls();
        settle();
    }

    /// The GETs in each hour.
    std::vector<std::size_t> run(std::size_t hours) {
        refresher_.start();
        std::vector<std::size_t> histogram;
        for (std::size_t hour = 1; hour <= hours; ++hour) {
            const std::size_t before = fetcher.gets();
            settle();
            while (time.next_call() && *time.next_call() < hour * 3600s) {
                const std::size_t second_before = fetcher.gets();
                const auto second = std::chrono::floor<base::seconds>(time.passed());
                while (time.next_call() && *time.next_call() < second + 1s) {
                    time.make_next_call();
                    settle();
                }
                time.move_to(second + 1s);
                busiest_second = std::max(busiest_second, fetcher.gets() - second_before);
            }
            histogram.push_back(fetcher.gets() - before);
        }
        return histogram;
    }

    std::size_t most_running = 0, busiest_second = 0;

private:
    void settle() {
        LearnerWorld::run();
        most_running = std::max(most_running, refresher_.running());
    }
    boost::asio::awaitable<void> fetch_delay() {
        auto initiate = [this](auto handler) {
            auto held = std::make_shared<decltype(handler)>(std::move(handler));
            (void)time.after(fetch_takes, [held] { std::move (*held)(); });
        };
        auto woken = boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(
            std::move(initiate), boost::asio::use_awaitable);
        co_await std::move(woken);
    }

    std::mt19937_64 generator_{1};
    lookup::Refresher refresher_{{learner, table, time, time,
                                  [this] {
                                      return std::uniform_real_distribution<double>{0, 1}(generator_);
                                  },
                                  store},
                                 {},
                                 at_once};
};

TEST(Politeness, AWeekOfflineIsCaughtUpInThreeHours) {
    const char* const wanted = std::getenv("STSMAPD_HERD");
    const std::size_t size = wanted ? std::strtoul(wanted, nullptr, 10) : 15'000;
    Herd herd(size);
    const std::vector<std::size_t> histogram = herd.run(24);
    std::printf("GETs an hour after a week offline, %zu policies; at most %zu at once, %zu a second:\n", size,
                herd.most_running, herd.busiest_second);
    for (std::size_t hour = 0; hour < histogram.size(); ++hour)
        std::printf("  %2zu h %6zu %s\n", hour, histogram[hour],
                    std::string(histogram[hour] * 60 / size, '#').c_str());
    std::size_t early = 0;
    for (std::size_t hour = 0; hour < 3; ++hour) {
        EXPECT_GT(histogram[hour], size * 30 / 100) << hour;
        EXPECT_LT(histogram[hour], size * 37 / 100) << hour;
        early += histogram[hour];
    }
    EXPECT_EQ(early + histogram[3], size) << "each once";
    EXPECT_LT(histogram[3], size / 100);
    for (std::size_t hour = 4; hour < 21; ++hour) EXPECT_EQ(histogram[hour], 0u) << hour;
    EXPECT_LE(herd.most_running, Herd::at_once);
    EXPECT_LE(herd.busiest_second, 4 * size / (3 * 3600) + 10);
}

} // namespace
