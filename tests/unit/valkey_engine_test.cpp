// The client with an engine that is away, hangs, breaks off, lies, drips or floods. Real sockets, so short real times.
#include "cache/valkey/engine.hpp"

#include "support/faulty_engine.hpp"
#include "support/free_port.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using test::FaultyEngine;
using valkey::Answer;
using valkey::Arguments;
using valkey::Engine;
using valkey::Failure;
using valkey::Options;
using valkey::Trouble;
using Use = Engine::Use;
using Patience = Engine::Patience;

constexpr const char* password = "tiger-lily-17";
/// Of a command that will be answered, on a machine that has much to do.
constexpr auto ample = 5s;

valkey::Address at(const FaultyEngine& server) { return {"", "127.0.0.1", server.port()}; }

struct World {
    asio::io_context loop;
    FaultyEngine server{loop};
    Options options;
    std::vector<std::string> log; ///< "up", "down timeout", "subscribed", "interrupted", "message x"
    std::string words;            ///< all of them
    std::unique_ptr<Engine> engine;

    World() {
        options.engine = at(server);
        options.backoff = valkey::Backoff(20ms, 200ms);
        options.ping_limit = options.write_limit = ample;
    }
    void start() {
        valkey::Events events;
        events.up = [this](std::string_view where) { note("up", where); };
        events.down = [this](const Failure& why) {
            note("down " + std::string(to_string(why.trouble)), why.words);
        };
        events.message = [this](std::string_view, std::string_view payload) {
            note("message " + std::string(payload), "");
        };
        events.subscribed = [this] { note("subscribed", ""); };
        events.interrupted = [this](const Failure& why) { note("interrupted", why.words); };
        engine = std::move(*Engine::make(loop.get_executor(), options, std::move(events)));
        engine->start();
    }
    void note(const std::string& what, std::string_view more) {
        log.push_back(what);
        words += std::string(more) + "; ";
    }
    void start_up() {
        start();
        ASSERT_TRUE(until([this] { return engine->up(); })) << words;
    }
    template <class Done>
    bool until(Done done, std::chrono::milliseconds limit = 10s) {
        return test::run_until(loop, done, limit);
    }
    /// What it says, or the trouble.
    std::shared_ptr<std::string> ask(Arguments command, base::milliseconds limit = ample, Use use = Use::read,
                                     Patience patience = Patience::short_) {
        const auto said = std::make_shared<std::string>();
        const base::Steady deadline = valkey::steady_now() + limit;
        engine->ask(command, use, deadline, patience, [this, said](Answer answer) {
            *said = answer ? answer->text : std::string(to_string(answer.error().trouble));
            if (!answer) words += answer.error().words + "; ";
        });
        EXPECT_EQ(*said, "") << "never from within";
        return said;
    }
    std::string get(const std::string& key, base::milliseconds limit = ample) {
        const auto said = ask({"GET", key}, limit);
        EXPECT_TRUE(until([&] { return !said->empty(); }));
        return *said;
    }
    std::shared_ptr<std::string> offer(Arguments command) {
        const auto said = std::make_shared<std::string>();
        engine->offer(command, [said](const Answer& answer) {
            *said = answer ? answer->text : std::string(to_string(answer.error().trouble));
        });
        return said;
    }
    [[nodiscard]] std::size_t logged(const std::string& what) const {
        return static_cast<std::size_t>(std::ranges::count(log, what));
    }
};

TEST(ValkeyEngine, AnswersWhatIsAskedInARow) {
    World world;
    world.options.expiry_key = "x:probe";
    world.start_up();
    EXPECT_EQ(world.log, (std::vector<std::string>{"up"}));
    EXPECT_EQ(world.server.commands, (std::vector<std::string>{"ROLE", "SET x:probe x PXAT 0"}));
    std::vector<std::shared_ptr<std::string>> answers;
    for (int i = 0; i < 300; ++i) answers.push_back(world.ask({"GET", std::to_string(i)}));
    ASSERT_TRUE(world.until([&] { return !answers.back()->empty(); }));
    for (int i = 0; i < 300; ++i)
        EXPECT_EQ(*answers[static_cast<std::size_t>(i)], "value of " + std::to_string(i));
    EXPECT_EQ(world.server.connections, 1U);
    EXPECT_EQ(world.engine->counts()->commands.value(), 300U);
    EXPECT_EQ(world.engine->counts()->replies.value(), 300U);
    EXPECT_EQ(world.engine->counts()->up.value(), 1U);
}

TEST(ValkeyEngine, GivesCoroutinesTheirAnswers) {
    World world;
    world.start_up();
    std::vector<std::string> said;
    const auto work = [&]() -> asio::awaitable<void> {
        for (const char* key : {"a", "b"}) {
            Arguments command{"GET", key};
            const base::Steady deadline = valkey::steady_now() + ample;
            const Answer answer =
                co_await world.engine->command(command, Use::read, deadline, Patience::short_);
            said.push_back(answer ? answer->text : "none");
        }
    };
    asio::co_spawn(world.loop, work(), asio::detached);
    ASSERT_TRUE(world.until([&] { return said.size() == 2; }));
    EXPECT_EQ(said, (std::vector<std::string>{"value of a", "value of b"}));
}

TEST(ValkeyEngine, ComesBackWhenTheEngineDoes) {
    World world;
    world.options.engine.port = test::free_port();
    world.start();
    ASSERT_TRUE(world.until([&] { return !world.log.empty(); }));
    EXPECT_EQ(world.log, (std::vector<std::string>{"down down"}));
    EXPECT_NE(world.words.find("Connection refused"), std::string::npos) << world.words;
    EXPECT_EQ(world.get("a"), "down");
    FaultyEngine back(world.loop, world.options.engine.port);
    ASSERT_TRUE(world.until([&] { return world.engine->up(); }));
    EXPECT_EQ(world.get("a"), "value of a");
    EXPECT_EQ(world.log, (std::vector<std::string>{"down down", "up"})) << "not a line for each attempt";
    EXPECT_GE(world.engine->counts()->not_connected.of(Trouble::down).value(), 1U);
}

TEST(ValkeyEngine, WhoAcceptsAndSaysNothingIsGivenUp) {
    World world;
    world.server.silent = true;
    world.options.connect_limit = 100ms;
    world.start();
    ASSERT_TRUE(world.until([&] { return world.server.connections >= 3; }));
    EXPECT_EQ(world.log, (std::vector<std::string>{"down timeout"}));
    world.options.connect_limit = ample;
}

TEST(ValkeyEngine, ThreeTimeoutsOpenTheBreakerAndAPingClosesIt) {
    World world;
    world.start_up();
    world.server.silent = true;
    EXPECT_EQ(world.get("a", 20ms), "timeout");
    EXPECT_EQ(world.get("b", 20ms), "timeout");
    EXPECT_TRUE(world.engine->up());
    EXPECT_EQ(world.get("c", 20ms), "timeout");
    EXPECT_FALSE(world.engine->up());
    EXPECT_EQ(world.get("d", 20ms), "down");
    ASSERT_TRUE(world.until([&] { return world.server.seen("PING") == 1; }));
    EXPECT_EQ(world.server.seen("GET d"), 0U);
    world.server.release(); // late answers, and that to the PING
    ASSERT_TRUE(world.until([&] { return world.engine->up(); }));
    EXPECT_EQ(world.get("e"), "value of e") << "late replies are dropped";
    EXPECT_EQ(world.log, (std::vector<std::string>{"up", "down timeout", "up"}));
    EXPECT_EQ(world.server.connections, 1U);
    EXPECT_EQ(world.engine->counts()->breaker_opened.value(), 1U);
}

TEST(ValkeyEngine, ABulkReadDoesNotOpenTheBreaker) {
    World world;
    world.start_up();
    world.server.silent = true;
    for (int i = 0; i < 5; ++i) {
        const auto said = world.ask({"MGET", "a", "b"}, 10ms, Use::read, Patience::long_);
        ASSERT_TRUE(world.until([&] { return !said->empty(); }));
        EXPECT_EQ(*said, "timeout");
    }
    EXPECT_TRUE(world.engine->up());
}

TEST(ValkeyEngine, WhoDoesNotAnswerAPingIsDeaf) {
    World world;
    world.options.link.idle = 50ms;
    world.options.link.deaf = 3s;
    world.start_up();
    ASSERT_TRUE(world.until([&] { return world.server.seen("PING") >= 3; })) << "an idle connection lives on";
    EXPECT_EQ(world.server.connections, 1U);
    world.server.silent = true;
    ASSERT_TRUE(world.until([&] { return !world.engine->up(); }, 60s));
    EXPECT_NE(world.words.find("no answer to PING"), std::string::npos) << world.words;
    world.server.release();
    ASSERT_TRUE(world.until([&] { return world.engine->up(); }));
}

TEST(ValkeyEngine, AResetMidWayAnswersAllAndIsRepaired) {
    World world;
    world.start_up();
    world.server.answer = [&](const Arguments& command) {
        return command[0] == "GET" ? "$100\r\nhalf of it" : FaultyEngine::good(command);
    };
    const auto first = world.ask({"GET", "a"}), second = world.ask({"GET", "b"});
    ASSERT_TRUE(world.until([&] { return world.server.seen("GET b") == 1; }));
    world.server.hang_up();
    ASSERT_TRUE(world.until([&] { return !second->empty(); }));
    EXPECT_EQ(*first + " " + *second, "down down");
    world.server.answer = FaultyEngine::good;
    ASSERT_TRUE(world.until([&] { return world.engine->up(); }));
    EXPECT_EQ(world.get("c"), "value of c");
    EXPECT_EQ(world.log, (std::vector<std::string>{"up", "down down", "up"}));
    EXPECT_EQ(world.engine->counts()->lost.value(), 1U);
}

TEST(ValkeyEngine, GarbageAndFloodsEndTheConnection) {
    struct Row {
        std::string octets;
        const char* trouble;
    };
    const std::vector<Row> rows{
        {"rubbish\r\n", "protocol"},
        {std::string("\0\0\0\0", 4), "protocol"},
        {"*100000000\r\n", "too-large"},
        {"$6000000\r\n" + std::string(6'000'000, 'x'), "too-large"},
    };
    for (const Row& row : rows) {
        World world;
        world.start_up();
        world.server.answer = [&](const Arguments&) { return row.octets; };
        EXPECT_EQ(world.get("a"), row.trouble);
        world.server.answer = FaultyEngine::good;
        ASSERT_TRUE(world.until([&] { return world.engine->up(); }));
        EXPECT_EQ(world.get("b"), "value of b");
    }
}

TEST(ValkeyEngine, WhoDripsTimesOut) {
    World world;
    world.start_up();
    world.server.per_octet = 1s;
    EXPECT_EQ(world.get("a", 50ms), "timeout");
    world.server.hang_up(); // from now on the greeting drips
    world.engine->stop();

    World slow;
    slow.server.per_octet = 50ms;
    slow.options.connect_limit = 200ms;
    slow.start();
    ASSERT_TRUE(slow.until([&] { return slow.server.connections >= 2; }));
    EXPECT_EQ(slow.log, (std::vector<std::string>{"down timeout"}));
}

TEST(ValkeyEngine, WritesWaitAndTheOldestAreDropped) {
    World world;
    world.options.max_waiting = 3;
    world.server.silent = true;
    world.options.connect_limit = ample;
    world.start();
    std::vector<std::shared_ptr<std::string>> said;
    for (int i = 0; i < 5; ++i) said.push_back(world.offer({"SET", std::to_string(i), "x"}));
    ASSERT_TRUE(world.until([&] { return !said[1]->empty(); }));
    EXPECT_EQ(*said[0] + " " + *said[1], "overloaded overloaded");
    EXPECT_EQ(world.engine->counts()->waiting.value(), 3U);
    ASSERT_TRUE(world.until([&] { return world.server.seen("ROLE") == 1; }));
    world.server.release();
    ASSERT_TRUE(world.until([&] { return !said[4]->empty(); }));
    EXPECT_EQ(world.server.commands, (std::vector<std::string>{"ROLE", "SET 2 x", "SET 3 x", "SET 4 x"}));
    EXPECT_EQ(world.engine->counts()->writes.value(), 5U);
    EXPECT_EQ(world.engine->counts()->written.value(), 3U);
    EXPECT_EQ(world.engine->counts()->dropped.value(), 2U);
    EXPECT_EQ(world.engine->counts()->waiting.value(), 0U);
}

TEST(ValkeyEngine, ManyWritesGoOutInTheirOrder) {
    World world;
    world.start_up();
    std::shared_ptr<std::string> last;
    for (int i = 0; i < 500; ++i) last = world.offer({"SET", std::to_string(i), std::string(2000, 'x')});
    ASSERT_TRUE(world.until([&] { return !last->empty(); }));
    EXPECT_EQ(*last, "OK");
    EXPECT_EQ(world.engine->counts()->written.value(), 500U);
    ASSERT_EQ(world.server.commands.size(), 501U);
    for (int i = 0; i < 500; ++i)
        EXPECT_TRUE(world.server.commands[static_cast<std::size_t>(i) + 1].starts_with(
            "SET " + std::to_string(i) + " "));
}

TEST(ValkeyEngine, ErrorsOfTheEngineAreTroubles) {
    World world;
    world.start_up();
    struct Row {
        const char* reply;
        const char* trouble;
    };
    for (const Row& row : {Row{"-NOPERM no\r\n", "noperm"}, Row{"-OOM no\r\n", "oom"},
                           Row{"-LOADING wait\r\n", "loading"}, Row{"-MASTERDOWN no\r\n", "masterdown"},
                           Row{"-ERR what\r\n", "refused"}, Row{"-MOVED 1 127.0.0.1:1\r\n", "refused"}}) {
        world.server.answer = [&](const Arguments&) { return std::string(row.reply); };
        EXPECT_EQ(world.get("a"), row.trouble);
        EXPECT_TRUE(world.engine->up()) << row.reply;
    }
    EXPECT_EQ(world.server.connections, 1U);
}

TEST(ValkeyEngine, AWrongPasswordIsTriedSeldomAndNeverShown) {
    World world;
    world.options.user = "mail";
    world.options.password = password;
    world.options.backoff = valkey::Backoff(1ms, 10s);
    world.server.answer = [](const Arguments& command) {
        std::string all = "-ERR";
        for (const std::string& part : command) all += " " + part;
        return all + "\r\n";
    };
    world.start();
    ASSERT_TRUE(world.until([&] { return !world.log.empty(); }));
    EXPECT_EQ(world.log, (std::vector<std::string>{"down auth"}));
    EXPECT_FALSE(world.until([&] { return world.server.connections > 1; }, 100ms));
    EXPECT_EQ(world.words.find(password), std::string::npos) << world.words;
}

TEST(ValkeyEngine, ASentinelIsAskedAgainWhenThePrimaryBecomesAReplica) {
    World world;
    FaultyEngine second(world.loop), asleep(world.loop), sentinel(world.loop);
    std::uint16_t primary = world.server.port();
    sentinel.answer = [&](const Arguments& command) {
        if (command[0] != "SENTINEL") return FaultyEngine::good(command);
        return "*2\r\n" + FaultyEngine::bulk("engine.test") + FaultyEngine::bulk(std::to_string(primary));
    };
    asleep.silent = true;
    world.options.connect_limit = 1s;
    world.options.sentinels = {at(asleep), at(sentinel)};
    world.options.primary_name = "main";
    world.options.sentinel_password = "s";
    world.options.password = "p";
    world.options.channel = "x:n";
    std::vector<std::string> resolved;
    world.options.resolve = [&](std::string host) -> asio::awaitable<std::vector<net::IpAddress>> {
        resolved.push_back(host);
        co_return std::vector<net::IpAddress>{net::loopback};
    };
    world.start_up();
    ASSERT_TRUE(world.until([&] { return world.logged("subscribed") == 1; }));
    EXPECT_EQ(resolved.front(), "engine.test");
    EXPECT_EQ(sentinel.commands[0], "AUTH s");
    EXPECT_GE(sentinel.seen("SENTINEL GET-MASTER-ADDR-BY-NAME main"), 1U);
    EXPECT_EQ(world.server.commands[0], "AUTH p");
    const std::size_t asked = asleep.connections;

    world.server.answer = [](const Arguments&) { return std::string("-READONLY You can't write\r\n"); };
    primary = second.port();
    const auto said = world.ask({"SET", "k", "v"}, ample, Use::write);
    ASSERT_TRUE(world.until([&] { return !said->empty(); }));
    EXPECT_EQ(*said, "readonly");
    ASSERT_TRUE(world.until([&] { return world.engine->up() && second.seen("SUBSCRIBE x:n") == 1; }))
        << world.words;
    EXPECT_EQ(world.get("k"), "value of k");
    EXPECT_EQ(second.seen("GET k"), 1U);
    EXPECT_EQ(asleep.connections, asked) << "the one that answered is asked first";
    EXPECT_GE(world.logged("interrupted"), 1U);
}

TEST(ValkeyEngine, ReadsGoToTheReplicaWhileItIsThere) {
    World world;
    FaultyEngine replica(world.loop);
    replica.answer = [](const Arguments& command) {
        if (command[0] == "ROLE")
            return std::string("*5\r\n$5\r\nslave\r\n$1\r\nx\r\n:1\r\n$9\r\nconnected\r\n:0\r\n");
        return command[0] == "GET" ? FaultyEngine::bulk("copy") : FaultyEngine::good(command);
    };
    world.options.replica = at(replica);
    world.start_up();
    ASSERT_TRUE(world.until([&] { return world.engine->counts()->connections.value() == 2; }));
    EXPECT_EQ(world.get("a"), "copy");
    const auto said = world.ask({"SET", "k", "v"}, ample, Use::write);
    ASSERT_TRUE(world.until([&] { return !said->empty(); }));
    EXPECT_EQ(world.server.seen("SET k v"), 1U);
    replica.answer = [](const Arguments&) { return std::string("-MASTERDOWN no\r\n"); };
    EXPECT_EQ(world.get("b"), "masterdown");
    EXPECT_EQ(world.get("c"), "value of c");
    EXPECT_EQ(world.log, (std::vector<std::string>{"up"})) << "a replica's trouble is no trouble";
}

TEST(ValkeyEngine, MayBeToldToReadOnly) {
    World world;
    world.options.read_only = true;
    world.options.expiry_key = "x:probe";
    world.server.answer = [](const Arguments& command) {
        if (command[0] == "ROLE")
            return std::string("*5\r\n$5\r\nslave\r\n$1\r\nx\r\n:1\r\n$9\r\nconnected\r\n:0\r\n");
        return FaultyEngine::good(command);
    };
    world.start_up();
    const auto said = world.ask({"SET", "k", "v"}, ample, Use::write),
               offered = world.offer({"SET", "k", "v"});
    ASSERT_TRUE(world.until([&] { return !said->empty() && !offered->empty(); }));
    EXPECT_EQ(*said + " " + *offered, "readonly readonly");
    EXPECT_EQ(world.get("k"), "value of k");
    EXPECT_EQ(world.server.commands, (std::vector<std::string>{"ROLE", "GET k"}));
}

TEST(ValkeyEngine, ASubscriptionSaysWhenItWasInterrupted) {
    World world;
    world.options.channel = "x:n";
    world.start_up();
    ASSERT_TRUE(world.until([&] { return world.logged("subscribed") == 1; }));
    world.server.answer = [](const Arguments& command) {
        return command[0] == "TEST" ? "*3\r\n$7\r\nmessage\r\n$3\r\nx:n\r\n$5\r\nhello\r\n"
                                    : FaultyEngine::good(command);
    };
    world.server.hang_up();
    ASSERT_TRUE(world.until([&] { return world.logged("subscribed") == 2 && world.engine->up(); }));
    EXPECT_EQ(world.logged("interrupted"), 1U);
    EXPECT_EQ(world.engine->counts()->interruptions.value(), 1U);
    world.server.say(
        "*3\r\n$7\r\nmessage\r\n$3\r\nx:n\r\n$5\r\nhello\r\n"); // the other connection ends by it
    ASSERT_TRUE(world.until([&] { return world.logged("message hello") == 1; }));
    EXPECT_EQ(world.engine->counts()->messages.value(), 1U);
}

TEST(ValkeyEngine, StoppingAnswersEverything) {
    World world;
    world.options.channel = "x:n";
    world.start_up();
    world.server.silent = true;
    const auto asked = world.ask({"GET", "a"});
    const auto offered = world.offer({"SET", "a", "b"});
    std::string said;
    const auto work = [&]() -> asio::awaitable<void> {
        Arguments command{"GET", "b"};
        const base::Steady deadline = valkey::steady_now() + ample;
        const Answer answer = co_await world.engine->command(command, Use::read, deadline, Patience::short_);
        said = answer ? "none" : to_string(answer.error().trouble);
    };
    asio::co_spawn(world.loop, work(), asio::detached);
    ASSERT_TRUE(world.until([&] { return world.server.seen("GET b") == 1; }));
    world.engine->stop();
    EXPECT_EQ(*asked + " " + *offered, "stopping stopping");
    EXPECT_EQ(world.get("c"), "stopping");
    ASSERT_TRUE(world.until([&] { return !said.empty(); }));
    EXPECT_EQ(said, "stopping");
    world.engine.reset();
    ASSERT_TRUE(world.until([&] { return world.server.open() == 0; }));
    EXPECT_EQ(world.logged("up"), 1U);
    EXPECT_EQ(world.logged("down stopping"), 0U);
}

TEST(ValkeyEngine, EndsWithItsLoop) {
    auto world = std::make_unique<World>();
    world->options.channel = "x:n";
    world->start_up();
    world->server.silent = true;
    (void)world->ask({"GET", "a"});
    (void)world->offer({"SET", "a", "b"});
    world.reset(); // nothing is run any more
}

TEST(ValkeyEngine, SaysWhatIsWrongWithItsFiles) {
    asio::io_context loop;
    Options options;
    options.tls.emplace();
    options.tls->ca_file = "/nowhere/ca.pem";
    const auto made = Engine::make(loop.get_executor(), options, {});
    ASSERT_FALSE(made);
    EXPECT_NE(made.error().find("/nowhere/ca.pem: No such file"), std::string::npos) << made.error();
    options.tls->ca_file.clear();
    options.tls->certificate_file = "/nowhere/me.pem";
    EXPECT_FALSE(Engine::make(loop.get_executor(), options, {}));
}

} // namespace
