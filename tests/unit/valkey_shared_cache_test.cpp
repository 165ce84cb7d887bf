// The shared cache of a fleet over a real redis-server or valkey-server, with a user of least rights. Skipped where there
// is none.
#include "cache/valkey/shared_cache.hpp"

#include "cache/valkey/notification.hpp"
#include "support/faulty_engine.hpp"
#include "support/memory_log.hpp"
#include "support/real_clock.hpp"
#include "support/redis_server.hpp"
#include "wiring/real_time.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using cache::SharedPolicy;
using test::RedisServer;
using valkey::Answer;
using valkey::Arguments;
using valkey::Engine;
using valkey::KeyRing;
using valkey::Naming;
using valkey::SharedCache;

constexpr auto ample = 20s;
const std::string key_file = "k1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
const std::string other_key = "k2 101112131415161718191a1b1c1d1e1f101112131415161718191a1b1c1d1e1f\n";

base::Domain domain(std::string_view name) { return base::Domain::parse(name).value(); }

std::string text(std::string_view mx, std::size_t filler = 0) {
    std::string made = "version: STSv1\nmode: enforce\nmx: " + std::string(mx) + "\nmax_age: 604800\n";
    for (std::size_t i = 0; i < filler; ++i) made += "mx: mx" + std::to_string(i) + ".example.net\n";
    return made;
}

std::string users() {
    return std::string("user default on nopass allkeys allchannels +@all\nuser mail on >secret ") +
           test::least_rights + "\n";
}

/// One host of the fleet.
struct Host {
    Host(asio::io_context& io, const RedisServer& server, std::string name, Naming naming,
         const std::string& keys = key_file, bool read_only = false, base::milliseconds timeout = ample)
        : loop(io) {
        valkey::FleetSettings settings;
        settings.engine.engine.path = server.socket();
        settings.engine.user = "mail";
        settings.engine.password = "secret";
        settings.engine.backoff = valkey::Backoff(20ms, 200ms);
        settings.engine.read_only = read_only;
        settings.naming = naming;
        settings.host = std::move(name);
        settings.version = "0.1.0";
        settings.timeout = timeout;
        auto made = SharedCache::make({io.get_executor(), timers, clock, table, log, [] { return 0.0; }},
                                      std::move(settings), KeyRing::parse(keys).value());
        EXPECT_TRUE(made) << made.error();
        shared = std::move(*made);
        shared->watch([this](const base::Domain& about, std::optional<SharedPolicy> policy) {
            news.emplace_back(about.name(), std::move(policy));
        });
    }
    template <class Done>
    bool until(Done done) {
        return test::run_until(loop, done, 60s);
    }
    bool comes_up() {
        shared->start();
        return until([this] {
            const auto now = shared->status();
            return now.up && now.subscribed && now.sync.ended && !now.sync.running;
        });
    }
    std::optional<SharedPolicy> find(const base::Domain& about) {
        std::optional<SharedCache::Found> got;
        shared->find(about, [&](SharedCache::Found found) { got = std::move(found); });
        EXPECT_FALSE(got) << "never from within";
        EXPECT_TRUE(until([&] { return got.has_value(); }));
        EXPECT_TRUE(got && *got) << "trouble";
        return got && *got ? **got : std::nullopt;
    }
    std::string lease(const base::Domain& about, cache::Lease kind) {
        std::optional<SharedCache::Leased> got;
        shared->lease(about, kind, [&](SharedCache::Leased leased) { got = leased; });
        EXPECT_TRUE(until([&] { return got.has_value(); }));
        if (!got || !*got) return got ? std::string(got->error().word) : "none";
        return **got ? "won" : "lost";
    }
    void offer(const base::Domain& about, std::string policy, base::Instant fetched) {
        shared->offer(about,
                      {.policy_text = std::move(policy), .txt_id = "7", .fetched_at = fetched, .host = {}});
    }
    void know(const base::Domain& about, std::string_view policy, base::Instant fetched) {
        cache::Entry entry;
        entry.policy = table.intern(policy).value();
        entry.fetched_at = fetched;
        entry.txt_id = "7";
        table.put(about, std::move(entry), clock.now());
    }
    [[nodiscard]] bool heard(std::string_view about) const {
        return std::ranges::any_of(news, [&](const auto& one) { return one.first == about && one.second; });
    }
    /// The engine has all that was offered.
    bool delivered(std::uint64_t stored) {
        return until(
            [&] { return shared->counts().stored.value() == stored && shared->status().waiting == 0; });
    }

    asio::io_context& loop;
    app::AsioTimers timers{loop.get_executor()};
    test::RealClock clock;
    cache::Table table{{}};
    test::MemoryLog log;
    std::vector<std::pair<std::string, std::optional<SharedPolicy>>> news;
    std::unique_ptr<SharedCache> shared;
};

class ValkeySharedCache : public testing::TestWithParam<Naming> {
protected:
    void SetUp() override {
        if (!test::engine_program()) GTEST_SKIP() << "neither redis-server nor valkey-server is installed";
        server.emplace(users());
        valkey::Options options;
        options.engine.path = server->socket();
        options.backoff = valkey::Backoff(20ms, 200ms);
        admin = Engine::make(loop.get_executor(), options, {}).value();
        admin->start();
        ASSERT_TRUE(test::run_until(
            loop, [this] { return admin->up(); }, 60s))
            << server->log();
    }
    void TearDown() override {
        admin.reset();
        loop.restart();
        loop.run_for(10ms);
    }
    Answer ask(const Arguments& command) {
        std::optional<Answer> got;
        admin->ask(command, Engine::Use::write, valkey::steady_now() + ample, Engine::Patience::long_,
                   [&](Answer answer) { got = std::move(answer); });
        EXPECT_TRUE(test::run_until(
            loop, [&] { return got.has_value(); }, 60s));
        return got.value_or(base::unexpected(valkey::Failure{}));
    }
    [[nodiscard]] std::string key(const base::Domain& about, const std::string& keys = key_file) const {
        const KeyRing ring = KeyRing::parse(keys).value();
        return valkey::policy_key("stsmapd", valkey::name_of(about, ring.sealing(), GetParam()));
    }
    [[nodiscard]] std::string sealed(const valkey::Value& value, const std::string& keys = key_file) const {
        const KeyRing ring = KeyRing::parse(keys).value();
        return valkey::seal(value, ring.sealing(), GetParam(), valkey::random_nonce());
    }
    [[nodiscard]] base::Instant now() const { return test::RealClock().now(); }

    asio::io_context loop;
    std::optional<RedisServer> server;
    std::unique_ptr<Engine> admin;
};

INSTANTIATE_TEST_SUITE_P(Names, ValkeySharedCache, testing::Values(Naming::plain, Naming::hidden),
                         [](const auto& with) { return with.param == Naming::plain ? "Plain" : "Hidden"; });

TEST_P(ValkeySharedCache, WhatOneOffersAllHearAndFind) {
    Host a(loop, *server, "a", GetParam()), b(loop, *server, "b", GetParam());
    ASSERT_TRUE(a.comes_up()) << server->log();
    ASSERT_TRUE(b.comes_up());
    EXPECT_FALSE(b.find(domain("a.example")));
    const base::Instant fetched = now() - 10s;
    a.offer(domain("a.example"), text("mx.a.example"), fetched);
    ASSERT_TRUE(b.until([&] { return b.heard("a.example"); }));
    const SharedPolicy& told = *b.news.back().second;
    EXPECT_EQ(told.policy_text, text("mx.a.example"));
    EXPECT_EQ(told.txt_id, "7");
    EXPECT_EQ(told.fetched_at, fetched);
    EXPECT_EQ(told.host, "a");
    const auto found = b.find(domain("a.example"));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->policy_text, text("mx.a.example"));
    EXPECT_FALSE(b.find(domain("b.example")));
    // It ends with the policy.
    const Answer left = ask({"PTTL", key(domain("a.example"))});
    ASSERT_TRUE(left);
    EXPECT_NEAR(static_cast<double>(left->integer), (604800 - 10) * 1000.0, 60'000.0);
    ASSERT_TRUE(a.until([&] { return a.shared->status().lag.has_value(); }))
        << "its own notification comes back";
    EXPECT_EQ(a.shared->counts().stored.value(), 1U);
}

TEST_P(ValkeySharedCache, ALargePolicyIsHeardOfToo) {
    Host a(loop, *server, "a", GetParam()), b(loop, *server, "b", GetParam());
    ASSERT_TRUE(a.comes_up());
    ASSERT_TRUE(b.comes_up());
    const std::string large = text("mx.a.example", 1000);
    ASSERT_GT(large.size(), valkey::max_notification);
    a.offer(domain("a.example"), large, now());
    ASSERT_TRUE(b.until([&] { return !b.news.empty(); }));
    EXPECT_EQ(b.news.back().first, "a.example");
    // Only with a hidden name the cache had to look, to know the domain.
    EXPECT_EQ(b.news.back().second.has_value(), GetParam() == Naming::hidden);
    const auto found = b.find(domain("a.example"));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->policy_text, large);
}

TEST_P(ValkeySharedCache, OneGetsTheLease) {
    Host a(loop, *server, "a", GetParam()), b(loop, *server, "b", GetParam());
    ASSERT_TRUE(a.comes_up());
    ASSERT_TRUE(b.comes_up());
    EXPECT_EQ(a.lease(domain("a.example"), cache::Lease::fetch), "won");
    EXPECT_EQ(b.lease(domain("a.example"), cache::Lease::fetch), "lost");
    EXPECT_EQ(a.lease(domain("a.example"), cache::Lease::fetch), "lost");
    EXPECT_EQ(b.lease(domain("a.example"), cache::Lease::refresh), "won");
    EXPECT_EQ(a.lease(domain("a.example"), cache::Lease::refresh), "lost");
    EXPECT_EQ(b.lease(domain("b.example"), cache::Lease::fetch), "won");
    const std::string name =
        valkey::name_of(domain("a.example"), KeyRing::parse(key_file).value().sealing(), GetParam());
    const auto fetch = ask({"PTTL", valkey::lease_key("stsmapd", name)});
    const auto refresh = ask({"PTTL", valkey::refresh_key("stsmapd", name)});
    EXPECT_LE(fetch->integer, 15'000);
    EXPECT_GT(refresh->integer, 15'000);
    EXPECT_LE(refresh->integer, 120'000);
}

TEST_P(ValkeySharedCache, ANewerOneStaysAndIsTaken) {
    Host a(loop, *server, "a", GetParam()), b(loop, *server, "b", GetParam());
    ASSERT_TRUE(a.comes_up());
    ASSERT_TRUE(b.comes_up());
    a.offer(domain("a.example"), text("new.example"), now());
    ASSERT_TRUE(a.delivered(1));
    b.news.clear();
    b.offer(domain("a.example"), text("old.example"), now() - 100s);
    ASSERT_TRUE(b.until([&] { return b.shared->counts().not_stored.value() == 1; }));
    ASSERT_TRUE(b.heard("a.example"));
    EXPECT_EQ(b.news.back().second->policy_text, text("new.example"));
    EXPECT_EQ(b.find(domain("a.example"))->policy_text, text("new.example"));
    // The same again is nothing new.
    b.offer(domain("a.example"), text("newest.example"), now() + 1s);
    EXPECT_TRUE(b.delivered(1));
    EXPECT_EQ(a.find(domain("a.example"))->policy_text, text("newest.example"));
}

TEST_P(ValkeySharedCache, WhatOthersMayReadIsLeftAndWhatNobodyCanIsReplaced) {
    Host a(loop, *server, "a", GetParam());
    ASSERT_TRUE(a.comes_up());
    const valkey::Value mine{domain("a.example"), "7", now(), "x", text("x.example")};
    const std::string good = sealed(mine);
    std::string damaged = good;
    damaged[damaged.size() - 2] = static_cast<char>(damaged[damaged.size() - 2] ^ 1);
    valkey::Value ahead = mine;
    ahead.fetched = now() + 1h;
    struct Row {
        std::string problem, octets;
        bool replaced;
    };
    const std::vector<Row> rows{
        {"bad-seal", damaged, true},
        {"bad-seal", good.substr(0, good.size() - 1), true},
        {"garbage", "hello", true},
        {"too-large", "stsmapd1 k1 " + std::string(43, 'A') + "\n" + std::string(80'000, 'x'), true},
        {"from-future", sealed(ahead), true},
        {"unknown-key", sealed(mine, other_key), false},
        {"unknown-version", "stsmapd2" + good.substr(8), false},
    };
    std::uint64_t stored = 0;
    for (const Row& row : rows) {
        ASSERT_TRUE(ask({"SET", key(mine.domain), row.octets}));
        EXPECT_FALSE(a.find(mine.domain)) << row.problem;
        EXPECT_GE(a.log.count("fleet-value-refused key=" + key(mine.domain) + " problem=" + row.problem), 1U)
            << row.problem;
        const auto before = a.shared->counts().not_stored.value();
        a.offer(mine.domain, text("a.example"), now());
        if (row.replaced) {
            EXPECT_TRUE(a.delivered(++stored)) << row.problem;
            EXPECT_EQ(a.find(mine.domain)->policy_text, text("a.example")) << row.problem;
        } else {
            EXPECT_TRUE(a.until([&] { return a.shared->counts().not_stored.value() == before + 1; }));
            EXPECT_EQ(ask({"GET", key(mine.domain)})->text, row.octets) << row.problem;
        }
    }
    const auto status = a.shared->status();
    for (const auto& refused : status.refused) {
        const std::string_view word = refused.first;
        EXPECT_EQ(refused.second > 0,
                  std::ranges::any_of(rows, [&](const Row& row) { return row.problem == word; }))
            << word;
    }
    // Moved to another domain.
    ASSERT_TRUE(ask({"SET", key(domain("b.example")), good}));
    EXPECT_FALSE(a.find(domain("b.example")));
}

TEST_P(ValkeySharedCache, ForeignNotificationsAreNotBelieved) {
    Host a(loop, *server, "a", GetParam());
    ASSERT_TRUE(a.comes_up());
    for (const std::string& payload : std::vector<std::string>{
             "", "nonsense", key(domain("a.example")) + " nonsense", std::string(9000, 'x'),
             key(domain("a.example")) + " " +
                 sealed({domain("a.example"), "7", now(), "x", text("x.example")}, other_key)})
        ASSERT_TRUE(ask({"PUBLISH", "stsmapd:1:n", payload}));
    ASSERT_TRUE(ask({"PUBLISH", "stsmapd:1:n",
                     key(domain("b.example")) + " " +
                         sealed({domain("b.example"), "7", now(), "x", text("x.example")})}));
    ASSERT_TRUE(a.until([&] { return a.heard("b.example"); }));
    EXPECT_EQ(a.news.size(), 1U);
    EXPECT_EQ(a.shared->counts().unreadable_news.value(), 3U);
}

TEST_P(ValkeySharedCache, AtTheStartBothSidesAreCompared) {
    Host a(loop, *server, "a", GetParam()), b(loop, *server, "b", GetParam());
    const base::Instant today = now() - 1h, yesterday = now() - 24h;
    constexpr int many = 300;
    for (int i = 0; i < many; ++i)
        a.know(domain("d" + std::to_string(i) + ".example"), text("mx.example"), today);
    a.know(domain("expired.example"), text("mx.example"), now() - 605000s);
    a.know(domain("ahead.example"), text("mx.example"), now() + 3600s);
    ASSERT_TRUE(a.comes_up());
    ASSERT_TRUE(a.delivered(many)) << a.shared->counts().stored.value();
    auto sync = a.shared->status().sync;
    EXPECT_EQ(sync.compared, many);
    EXPECT_EQ(sync.pushed, many);
    EXPECT_EQ(sync.newer, 0U);
    EXPECT_EQ(sync.trouble, "");
    EXPECT_EQ(ask({"DBSIZE"})->integer, many + 1) << "and the heartbeats";

    for (int i = 0; i < 100; ++i)
        b.know(domain("d" + std::to_string(i) + ".example"), text("old.example"), yesterday);
    for (int i = 100; i < 120; ++i)
        b.know(domain("d" + std::to_string(i) + ".example"), text("mx.example"), today);
    b.know(domain("d120.example"), text("new.example"), now() - 60s);
    ASSERT_TRUE(b.comes_up());
    ASSERT_TRUE(b.delivered(1));
    sync = b.shared->status().sync;
    EXPECT_EQ(sync.compared, 121U);
    EXPECT_EQ(sync.newer, 100U);
    EXPECT_EQ(sync.pushed, 1U);
    EXPECT_GE(b.news.size(), 100U);
    ASSERT_TRUE(a.until([&] { return a.heard("d120.example"); }))
        << "who has the older one hears of the newer";
    EXPECT_TRUE(b.shared->synchronise());
    EXPECT_EQ(b.log.count("fleet-compared compared=121 newer=100 pushed=1 unreadable=0"), 1U);
}

TEST_P(ValkeySharedCache, WhatTheEngineLostComesBack) {
    Host a(loop, *server, "a", GetParam());
    ASSERT_TRUE(a.comes_up());
    for (int i = 0; i < 50; ++i)
        a.know(domain("d" + std::to_string(i) + ".example"), text("mx.example"), now() - 60s);
    ASSERT_TRUE(a.shared->synchronise());
    ASSERT_TRUE(a.delivered(50));
    server->kill(); // it keeps nothing on its disk
    ASSERT_TRUE(a.until([&] { return !a.shared->status().up; }));
    EXPECT_EQ(a.lease(domain("a.example"), cache::Lease::fetch), "down");
    EXPECT_NE(a.shared->status().trouble, "");
    a.offer(domain("meanwhile.example"), text("mx.example"), now());
    EXPECT_EQ(a.shared->status().waiting, 1U);
    server->start();
    ASSERT_TRUE(a.delivered(101)) << a.shared->counts().stored.value();
    EXPECT_TRUE(a.find(domain("meanwhile.example")));
    EXPECT_TRUE(a.find(domain("d49.example")));
    EXPECT_EQ(a.log.count("fleet-up"), 2U);
    EXPECT_GE(a.log.count("fleet-down"), 1U);
}

TEST_P(ValkeySharedCache, TheKeyChanges) {
    Host a(loop, *server, "a", GetParam()), b(loop, *server, "b", GetParam());
    ASSERT_TRUE(a.comes_up());
    ASSERT_TRUE(b.comes_up());
    a.offer(domain("a.example"), text("mx.a.example"), now() - 60s);
    ASSERT_TRUE(a.delivered(1));
    b.shared->set_keys(KeyRing::parse(key_file + other_key).value());
    a.shared->set_keys(KeyRing::parse(other_key + key_file).value());
    EXPECT_EQ(a.shared->status().key_ids, (std::vector<std::string>{"k2", "k1"}));
    EXPECT_TRUE(a.find(domain("a.example"))) << "under the old key, and name";
    a.offer(domain("a.example"), text("new.example"), now());
    ASSERT_TRUE(a.delivered(2));
    EXPECT_EQ(b.find(domain("a.example"))->policy_text, text("new.example"));
    b.shared->set_keys(KeyRing::parse(other_key).value());
    EXPECT_EQ(b.find(domain("a.example"))->policy_text, text("new.example"));
    EXPECT_EQ(a.log.count("fleet-keys keys=2 sealing=k2"), 1U);
}

TEST_P(ValkeySharedCache, Forgets) {
    Host a(loop, *server, "a", GetParam());
    ASSERT_TRUE(a.comes_up());
    a.offer(domain("a.example"), text("mx.a.example"), now());
    ASSERT_TRUE(a.delivered(1));
    EXPECT_EQ(a.lease(domain("a.example"), cache::Lease::refresh), "won");
    std::optional<base::Expected<std::size_t, std::string>> got;
    a.shared->forget(domain("a.example"), [&](auto removed) { got = std::move(removed); });
    ASSERT_TRUE(a.until([&] { return got.has_value(); }));
    EXPECT_EQ(*got, 2U);
    EXPECT_FALSE(a.find(domain("a.example")));
}

// At whatever step of its way to the engine the offer is.
TEST_P(ValkeySharedCache, ForgetsWhatIsOnItsWay) {
    Host a(loop, *server, "a", GetParam());
    ASSERT_TRUE(a.comes_up());
    for (int turns = 0; turns < 24; ++turns) {
        const auto about = domain("a" + std::to_string(turns) + ".example");
        a.offer(about, text("mx.a.example"), now());
        loop.restart();
        for (int i = 0; i < turns; ++i) loop.run_one_for(10ms);
        bool done = false;
        a.shared->forget(about, [&](const auto& removed) { done = removed.has_value(); });
        ASSERT_TRUE(a.until([&] { return done && a.shared->status().waiting == 0; }));
        ASSERT_TRUE(a.until([&] { return ask({"EXISTS", key(about)})->integer == 0; })) << turns;
        EXPECT_FALSE(a.find(about)) << turns;
    }
}

TEST_P(ValkeySharedCache, HostsAreSeen) {
    Host a(loop, *server, "a", GetParam()), b(loop, *server, "b", GetParam());
    ASSERT_TRUE(a.comes_up());
    ASSERT_TRUE(b.comes_up());
    ASSERT_TRUE(ask({"HSET", "stsmapd:1:hosts", "c\n", "{}", "d",
                     R"({"schema":1,"version":"0.0.9","at":1000,"entries":3})"}));
    std::vector<cache::FleetHost> hosts;
    ASSERT_TRUE(a.until([&] {
        std::optional<base::Expected<std::vector<cache::FleetHost>, std::string>> got;
        a.shared->hosts([&](auto all) { got = std::move(all); });
        EXPECT_TRUE(a.until([&] { return got.has_value(); }));
        if (got && *got) hosts = **got;
        return hosts.size() == 4;
    }));
    EXPECT_EQ(hosts[0].name, "a");
    EXPECT_EQ(hosts[0].presence, "here");
    EXPECT_EQ(hosts[0].version, "0.1.0");
    EXPECT_EQ(hosts[1].name, "b");
    EXPECT_EQ(hosts[2].presence, "unreadable");
    EXPECT_EQ(hosts[2].name.find('\n'), std::string::npos);
    EXPECT_EQ(hosts[3].presence, "gone");
    EXPECT_EQ(hosts[3].policies, 3U);
}

TEST_P(ValkeySharedCache, WhoOnlyReadsWritesNothing) {
    Host a(loop, *server, "a", GetParam()), b(loop, *server, "b", GetParam(), key_file, true);
    ASSERT_TRUE(a.comes_up());
    b.know(domain("b.example"), text("mx.example"), now());
    ASSERT_TRUE(b.comes_up());
    b.offer(domain("c.example"), text("mx.example"), now());
    EXPECT_EQ(b.lease(domain("c.example"), cache::Lease::fetch), "readonly");
    a.offer(domain("a.example"), text("mx.a.example"), now());
    ASSERT_TRUE(b.until([&] { return b.heard("a.example"); }));
    EXPECT_TRUE(b.find(domain("a.example")));
    EXPECT_EQ(b.shared->status().sync.pushed, 0U);
    EXPECT_EQ(ask({"DBSIZE"})->integer, 2) << "a's policy and a's heartbeat";
    EXPECT_EQ(ask({"HLEN", "stsmapd:1:hosts"})->integer, 1);
}

TEST_P(ValkeySharedCache, AStoppedEngineIsLeftAloneAfterThreeTimeOuts) {
    Host a(loop, *server, "a", GetParam(), key_file, false, 50ms);
    a.shared->start();
    ASSERT_TRUE(a.until([&] { return a.shared->status().up && a.shared->status().subscribed; }));
    server->stop();
    int timeouts = 0;
    ASSERT_TRUE(a.until([&] {
        timeouts += a.lease(domain("a.example"), cache::Lease::fetch) == "timeout";
        return !a.shared->status().up;
    }));
    EXPECT_GE(timeouts, 1);
    EXPECT_EQ(a.lease(domain("a.example"), cache::Lease::fetch), "down") << "at once";
    EXPECT_TRUE(a.shared->status().trouble.starts_with("timeout: ")) << a.shared->status().trouble;
    EXPECT_FALSE(a.shared->synchronise());
    server->go_on();
    ASSERT_TRUE(a.until([&] { return a.shared->status().up; }));
}

TEST_P(ValkeySharedCache, EndsWhileThingsAreUnderWay) {
    auto a = std::make_unique<Host>(loop, *server, "a", GetParam());
    for (int i = 0; i < 300; ++i)
        a->know(domain("d" + std::to_string(i) + ".example"), text("mx.example"), now() - 60s);
    a->shared->start();
    ASSERT_TRUE(a->until([&] { return a->shared->status().sync.running; }));
    bool called = false;
    a->shared->find(domain("a.example"), [&](SharedCache::Found) { called = true; });
    a->offer(domain("a.example"), text("mx.example"), now());
    a->shared.reset();
    loop.restart();
    loop.run_for(50ms);
    EXPECT_FALSE(called);
}

} // namespace
