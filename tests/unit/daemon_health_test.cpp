// /healthy and /ready: of threads that answer, hang, or have no room.
#include "daemon/health.hpp"

#include "support/failing_memory.hpp"
#include "support/late.hpp"
#include "support/memory_log.hpp"
#include "support/raw_peer.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <list>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

/// Answers all but "later", which it never answers.
class Answers final : public lookup::Handler {
public:
    lookup::Reply answer(std::string_view request, base::Steady, std::string& reply,
                         lookup::Client& client) override {
        ++asked;
        if (request == "map later") {
            held = client.later();
            return lookup::Reply::later;
        }
        reply.append(request == "stsmapd.status version" && !odd ? "OK 1" : "TEMP no");
        return lookup::Reply::answered;
    }
    std::atomic<int> asked{0};
    std::atomic<bool> odd{false};
    std::function<void(std::string)> held;
};

struct Thread {
    explicit Thread(test::MemoryLog& log, server::Options options = {})
        : server(loop, answers, options, log) {
        auto listener = server::Listener::open({net::ListenAddress::Kind::tcp, {}, net::loopback, 0}, {}, 8);
        EXPECT_TRUE(listener.has_value());
        address = listener->name();
        server.serve(*std::move(listener));
    }
    ~Thread() { stop(); }
    void start() {
        thread = std::thread([this] { loop.run(); });
    }
    void stop() {
        loop.stop();
        if (thread.joinable()) thread.join();
    }
    server::Loop loop;
    Answers answers;
    server::Server server;
    std::string address;
    std::thread thread;
};

class HealthTest : public testing::Test {
protected:
    app::Health& health(std::chrono::milliseconds limit) {
        return made.emplace(app::Health::Parts{.executor = io.get_executor(),
                                               .fronts =
                                                   [this] {
                                                       std::vector<app::Health::Front> all;
                                                       for (Thread& one : threads)
                                                           all.push_back({one.loop, one.server});
                                                       return all;
                                                   },
                                               .notes = [this] { return notes; },
                                               .limit = limit});
    }
    /// Status and text of what `ask` gives, `times` at once.
    std::vector<std::pair<unsigned, std::string>>
    asked(asio::awaitable<app::Health::Outcome> (app::Health::*ask)(), int times = 1) {
        std::vector<std::pair<unsigned, std::string>> got;
        for (int i = 0; i < times; ++i)
            asio::co_spawn(io, ((*made).*ask)(), [&got](std::exception_ptr, app::Health::Outcome outcome) {
                EXPECT_TRUE(outcome && outcome->document);
                if (outcome && outcome->document) got.emplace_back(outcome->status, outcome->document->text);
            });
        const auto end = std::chrono::steady_clock::now() + test::late;
        while (got.size() < static_cast<std::size_t>(times) && std::chrono::steady_clock::now() < end) {
            io.restart();
            io.run_one_for(20ms);
        }
        EXPECT_EQ(got.size(), static_cast<std::size_t>(times));
        return got;
    }

    asio::io_context io{1};
    test::MemoryLog log;
    std::vector<std::string> notes;
    std::list<Thread> threads;
    std::optional<app::Health> made;
};

TEST_F(HealthTest, EachThreadIsAskedOnceHoweverManyWantToKnow) {
    threads.emplace_back(log).start();
    threads.emplace_back(log).start();
    notes = {"the disk does not take the policies"};
    health(test::late);
    const auto got = asked(&app::Health::ready, 5);
    for (const auto& [status, text] : got) {
        EXPECT_EQ(status, 200u) << text;
        EXPECT_EQ(text, "ready\nnote: the disk does not take the policies\n");
    }
    for (const Thread& one : threads) EXPECT_EQ(one.answers.asked, 1);
    EXPECT_EQ(asked(&app::Health::healthy).front().second,
              "healthy\nnote: the disk does not take the policies\n");
    for (const Thread& one : threads) EXPECT_EQ(one.answers.asked, 1) << "healthy asks nothing";
    EXPECT_EQ(asked(&app::Health::ready).front().first, 200u);
    for (const Thread& one : threads) EXPECT_EQ(one.answers.asked, 2);
}

TEST_F(HealthTest, AThreadThatHangsIsFoundAndGetsNoFurtherQuestions) {
    threads.emplace_back(log).start();
    Thread& hangs = threads.emplace_back(log); // nobody runs its loop
    health(1s);
    const auto first = asked(&app::Health::ready).front();
    EXPECT_EQ(first.first, 503u);
    EXPECT_TRUE(first.second.starts_with("not ready\nthread 2: ")) << first.second;
    EXPECT_NE(first.second.find("within 1 s"), std::string::npos) << first.second;
    const auto second = asked(&app::Health::ready).front();
    EXPECT_EQ(second.first, 503u);
    EXPECT_EQ(second.second, "not ready\nthread 2: it has not done what it was asked to before\n");
    EXPECT_EQ(asked(&app::Health::healthy).front().second,
              "not healthy\nthread 2: nothing came within 1 s\n");
    // It comes back.
    made->~Health();
    new (&*made) app::Health({.executor = io.get_executor(),
                              .fronts =
                                  [&] {
                                      return std::vector<app::Health::Front>{{hangs.loop, hangs.server}};
                                  },
                              .notes = [] { return std::vector<std::string>(); },
                              .limit = test::late});
    hangs.start();
    EXPECT_EQ(asked(&app::Health::ready).front().second, "ready\n");
}

TEST_F(HealthTest, AQuestionThatMemoryRanOutForIsNotWaitedForAtTheNextOne) {
    threads.emplace_back(log).start();
    health(test::late);
    test::FailingMemory memory;
    memory.fail(1);
    const auto without = asked(&app::Health::ready).front();
    EXPECT_EQ(without.first, 503u) << without.second;
    EXPECT_GT(memory.failed(), 0u);
    memory.heal();
    EXPECT_EQ(asked(&app::Health::ready).front().second, "ready\n");
    EXPECT_EQ(asked(&app::Health::healthy).front().second, "healthy\n");
}

TEST_F(HealthTest, ThatReadyIsAskedIsNoReasonForHealthyToFail) {
    Thread& thread = threads.emplace_back(log);
    health(test::late);
    std::vector<unsigned> got;
    for (const auto ask : {&app::Health::ready, &app::Health::healthy})
        asio::co_spawn(io, ((*made).*ask)(), [&got](std::exception_ptr, app::Health::Outcome outcome) {
            got.push_back(outcome ? outcome->status : 0);
        });
    (void)io.poll(); // both have begun
    thread.start();
    const auto end = std::chrono::steady_clock::now() + test::late;
    while (got.size() < 2 && std::chrono::steady_clock::now() < end) {
        io.restart();
        io.run_one_for(20ms);
    }
    EXPECT_EQ(got, (std::vector{200u, 200u}));
}

TEST_F(HealthTest, AnAnswerThatIsNoneIsFound) {
    threads.emplace_back(log).start();
    threads.front().answers.odd = true;
    health(test::late);
    EXPECT_EQ(asked(&app::Health::ready).front().second, "not ready\nthread 1: its answer was none\n");
    EXPECT_EQ(asked(&app::Health::healthy).front().second, "healthy\n");
}

TEST_F(HealthTest, ReadyNeedsRoomForAClient) {
    Thread& thread = threads.emplace_back(log, server::Options{.max_connections = 1});
    thread.start();
    test::RawPeer busy = test::RawPeer::to_tcp(thread.address);
    (void)busy.send("9:map later,");
    const auto end = std::chrono::steady_clock::now() + test::late;
    while (thread.answers.asked == 0 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    health(1s);
    const auto full = asked(&app::Health::ready).front();
    EXPECT_EQ(full.first, 503u);
    EXPECT_EQ(full.second,
              "not ready\nthread 1: as many clients as there may be are connected, and all are busy\n");
    health(test::late);
    EXPECT_EQ(asked(&app::Health::healthy).front().first, 200u);
    thread.loop.post([&thread] { thread.answers.held("OK 1"); });
    busy.close();
    EXPECT_EQ(asked(&app::Health::ready).front().second, "ready\n");
}

} // namespace
