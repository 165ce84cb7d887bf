// Nothing is lost when memory runs out: each allocation in the refresher, the learner and the service fails
// in turn. Afterwards nothing is counted as running, and nothing is missing from the agenda.
#include "lookup/refresher.hpp"
#include "lookup/service.hpp"

#include "support/client.hpp"
#include "support/failing_memory.hpp"
#include "support/learner_world.hpp"

#include <boost/asio/post.hpp>

#include <gtest/gtest.h>

#include <cstdio>
#include <thread>

namespace {

using namespace std::chrono_literals;

class Front final : public base::Inbox {
public:
    explicit Front(boost::asio::io_context& io) : io_(io) {}
    void post(std::function<void()> work) override { boost::asio::post(io_, std::move(work)); }

private:
    boost::asio::io_context& io_;
};

/// Everything runs on one thread, whose allocations fail.
class Household : public test::LearnerWorld {
public:
    Household() {
        publish();
        learner.on_new_policy([this](const base::Domain& one) { refresher.add(one); });
        learner.learn(domain, lookup::Why::query, {});
        run();
        refresher.start();
    }
    /// Like the daemon's loop: a handler may be lost, never the loop.
    void run() {
        for (;;) try {
                io.restart();
                io.poll();
                return;
            } catch (const std::bad_alloc&) {
                continue;
            }
    }
    void ask() try {
        test::Client::ask(service, "sts a.example", time.steady(), [](const std::string&) {});
        run();
    } catch (const std::bad_alloc&) {
        run();
    }
    void pass(base::seconds by) {
        const auto end = time.passed() + by;
        while (time.next_call() && *time.next_call() <= end) {
            try {
                time.make_next_call();
            } catch (const std::bad_alloc&) {
                lost_timer = true;
            }
            run();
        }
        time.move_to(end);
    }

    lookup::Refresher refresher{{learner, table, time, time, [] { return 0.5; }, store}, {}, 8};
    Front front{io};
    lookup::Service service{{front, io.get_executor(), learner, table, time, time, log}, {}};
    bool lost_timer = false;
};

/// Sets `came` if an allocation failed.
void one_fails(std::uint64_t n, const std::function<void(Household&)>& work, bool& came) {
    std::unique_ptr<Household> house;
    std::thread{[&] { house = std::make_unique<Household>(); }}.join();
    {
        test::FailingMemory memory;
        memory.fail(n, 1);
        std::thread{[&] { work(*house); }}.join();
        came = memory.failed() > 0;
    }
    // There is memory again: everything works as before.
    house->pass(1s);
    house->ask();
    house->pass(2h);
    const std::size_t gets = house->fetcher.gets();
    for (int hour = 0; hour < 30; ++hour) {
        house->ask();
        house->pass(1h);
    }
    EXPECT_EQ(house->refresher.running(), 0u) << "allocation " << n;
    EXPECT_EQ(house->learner.aloft(), 0u) << "allocation " << n;
    EXPECT_GT(house->fetcher.gets(), gets) << "allocation " << n << ": the daily GET goes on";
    const cache::Knowledge known = house->table.find(house->domain);
    const auto* entry = std::get_if<cache::Entry>(&known);
    ASSERT_TRUE(entry != nullptr) << "allocation " << n;
    EXPECT_NE(entry->agenda_at, base::Instant{}) << "allocation " << n;
    EXPECT_GE(entry->agenda_at + 1h, house->time.now()) << "allocation " << n;
}

TEST(LookupMemory, OneAllocationOfTheDailyGetFails) {
    std::uint64_t n = 0;
    for (bool came = true; came && n < 1000;)
        one_fails(
            ++n,
            [](Household& house) {
                (void)house.table.ask(house.domain, house.time.now() + 60s);
                house.pass(13h);
            },
            came);
    std::printf("    %ju allocations failed in turn\n", static_cast<std::uintmax_t>(n - 1));
    EXPECT_GT(n, 20u);
}

TEST(LookupMemory, OneAllocationOfACheckInTheBackgroundFails) {
    std::uint64_t n = 0;
    for (bool came = true; came && n < 1000;)
        one_fails(
            ++n,
            [](Household& house) {
                house.time.move_to(house.time.passed() + 2h);
                house.ask();
            },
            came);
    std::printf("    %ju allocations failed in turn\n", static_cast<std::uintmax_t>(n - 1));
    EXPECT_GT(n, 20u);
}

/// A log of level warning.
class Quiet final : public events::Sink {
public:
    [[nodiscard]] bool wants(base::Level level) const noexcept override {
        return level >= base::Level::warning;
    }
    void count(events::Id) noexcept override {}
    void emit(const events::Event&) override { ADD_FAILURE() << "an event that is not wanted was made"; }
};

std::uint64_t answered(const lookup::Service& service) {
    std::uint64_t all = 0;
    for (const auto& of_source : service.counts().queries)
        for (std::size_t kind = 0; kind < decision::kinds; ++kind)
            all += of_source.of(static_cast<decision::Kind>(kind)).value();
    return all;
}

TEST(LookupMemory, AnswerOfAKnownDomainTakesNone) {
    Household house;
    Quiet quiet;
    lookup::Service service{
        {house.front, house.io.get_executor(), house.learner, house.table, house.time, house.time, quiet},
        {}};
    test::Client client{[](const std::string&) { ADD_FAILURE() << "not from memory"; }};
    std::string reply;
    reply.reserve(1000);
    // The memory for remembered answers is allocated once, at the first repeated question.
    for (int i = 0; i < 2; ++i) (void)service.answer("sts a.example", house.time.steady(), reply, client);
    const std::uint64_t before = answered(service);
    test::FailingMemory memory;
    memory.fail(1);
    std::thread{[&] {
        for (const char* request : {"sts a.example", "sts-tlsrpt a.example", "sts .example"})
            for (int second = 0; second < 3; ++second) {
                house.time.move_to(house.time.passed() + base::seconds{1}); // no remembered answer
                for (int i = 0; i < 4; ++i) {
                    reply.clear();
                    EXPECT_EQ(service.answer(request, house.time.steady(), reply, client),
                              lookup::Reply::answered);
                }
            }
    }}.join();
    EXPECT_EQ(memory.failed(), 0u);
    EXPECT_EQ(answered(service) - before, 36u);
}

} // namespace
