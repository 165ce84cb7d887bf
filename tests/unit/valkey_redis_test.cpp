// The client with a real redis-server or valkey-server, and its Sentinel, each with users of least rights. Skipped where
// there is none.
#include "cache/valkey/engine.hpp"

#include "support/faulty_engine.hpp"
#include "support/redis_server.hpp"
#include "support/test_ca.hpp"

#include <gtest/gtest.h>
#include <openssl/pem.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using test::RedisServer;
using valkey::Answer;
using valkey::Arguments;
using valkey::Engine;
using valkey::Failure;
using valkey::Options;
using valkey::Trouble;
using Use = Engine::Use;

constexpr const char* password = "tiger-lily-17";
constexpr auto ample = 5s;

std::string users() {
    return std::string("user default off\nuser mail on >") + password + " " + test::least_rights +
           "\nuser copy on >copy +psync +replconf +ping\nuser watch on >watch allchannels +multi +slaveof "
           "+ping +exec "
           "+subscribe +config|rewrite +role +publish +info +client|setname +client|kill +script|kill\n"
           "masteruser copy\nmasterauth copy\n";
}

class ValkeyRedis : public testing::Test {
protected:
    asio::io_context loop;
    Options options;
    std::vector<std::string> log;
    std::string words;
    std::unique_ptr<Engine> engine;

    void SetUp() override {
        if (!test::engine_program()) GTEST_SKIP() << "neither redis-server nor valkey-server is installed";
        options.user = "mail";
        options.password = password;
        options.expiry_key = "stsmapd:1:probe";
        options.backoff = valkey::Backoff(20ms, 200ms);
        options.ping_limit = options.write_limit = ample;
    }
    void TearDown() override {
        EXPECT_EQ(words.find(password), std::string::npos) << words;
        engine.reset();
        loop.restart();
        loop.run_for(20ms);
    }
    void start() {
        valkey::Events events;
        events.up = [this](std::string_view where) { note("up", where); };
        events.down = [this](const Failure& why) {
            note("down " + std::string(to_string(why.trouble)), why.words);
        };
        events.message = [this](std::string_view channel, std::string_view payload) {
            note(std::string(channel) + " " + std::string(payload), "");
        };
        events.subscribed = [this] { note("subscribed", ""); };
        events.interrupted = [this](const Failure& why) { note("interrupted", why.words); };
        auto made = Engine::make(loop.get_executor(), options, std::move(events));
        ASSERT_TRUE(made) << made.error();
        engine = std::move(*made);
        engine->start();
    }
    void note(const std::string& what, std::string_view more) {
        log.push_back(what);
        words += std::string(more) + "; ";
    }
    [[nodiscard]] long times(const std::string& what) const { return std::ranges::count(log, what); }
    [[nodiscard]] bool logged(const std::string& what) const { return times(what) > 0; }
    template <class Done>
    bool until(Done done, std::chrono::milliseconds limit = 60s) {
        return test::run_until(loop, done, limit);
    }
    bool comes_up() {
        start();
        return until([this] { return engine && engine->up(); });
    }
    Answer ask(const Arguments& command, Use use = Use::read, base::milliseconds limit = ample) {
        std::optional<Answer> got;
        engine->ask(command, use, valkey::steady_now() + limit, Engine::Patience::short_,
                    [&](Answer answer) { got = std::move(answer); });
        EXPECT_TRUE(until([&] { return got.has_value(); }));
        if (!got) return base::unexpected(Failure{Trouble::timeout, "the test waited in vain"});
        if (!*got) words += got->error().words + "; ";
        return *got;
    }
    std::string said(const Arguments& command, Use use = Use::read, base::milliseconds limit = ample) {
        const Answer answer = ask(command, use, limit);
        if (!answer) return std::string(to_string(answer.error().trouble));
        return answer->is_nil() ? "nil" : answer->text;
    }
};

TEST_F(ValkeyRedis, TheLeastRightsAreEnough) {
    const RedisServer server(users());
    options.engine.path = server.socket();
    options.channel = "stsmapd:1:n";
    ASSERT_TRUE(comes_up()) << words << server.log();
    ASSERT_TRUE(until([this] { return logged("subscribed"); })) << words;
    EXPECT_EQ(said({"GET", "stsmapd:1:probe"}), "nil") << "the question about PXAT writes nothing";
    const auto end = std::chrono::duration_cast<std::chrono::milliseconds>(
        (std::chrono::system_clock::now() + 1h).time_since_epoch());
    EXPECT_EQ(said({"SET", "stsmapd:1:p:{a.test}", "v", "PXAT", std::to_string(end.count())}, Use::write),
              "OK");
    EXPECT_EQ(said({"SET", "stsmapd:1:l:{a.test}", "me", "NX", "PX", "15000"}, Use::write), "OK");
    EXPECT_EQ(said({"SET", "stsmapd:1:l:{a.test}", "you", "NX", "PX", "15000"}, Use::write), "nil");
    const Answer several = ask({"MGET", "stsmapd:1:p:{a.test}", "stsmapd:1:p:{b.test}"});
    ASSERT_TRUE(several);
    ASSERT_EQ(several->elements.size(), 2U);
    EXPECT_EQ(several->elements[0].text, "v");
    EXPECT_TRUE(several->elements[1].is_nil());
    EXPECT_EQ(ask({"PUBLISH", "stsmapd:1:n", "news"}, Use::write)->integer, 1);
    EXPECT_TRUE(until([this] { return logged("stsmapd:1:n news"); }));
    EXPECT_EQ(said({"GET", "others"}), "noperm");
    EXPECT_EQ(said({"PUBLISH", "others", "x"}, Use::write), "noperm");
    EXPECT_EQ(said({"KEYS", "*"}), "noperm");
    EXPECT_EQ(said({"INFO", "server"}), "noperm");
    EXPECT_EQ(said({"SET", "stsmapd:1:x", "v", "NONSENSE"}, Use::write), "refused");
    EXPECT_EQ(times("up"), 1);
    EXPECT_FALSE(logged("interrupted"));
}

TEST_F(ValkeyRedis, SaysWhichRightIsMissing) {
    const RedisServer server("user default off\nuser mail on >" + std::string(password) +
                             " ~stsmapd:* -@all +auth +get\n");
    options.engine.path = server.socket();
    start();
    ASSERT_TRUE(until([this] { return logged("down noperm"); })) << words << server.log();
    EXPECT_NE(words.find("does not tell its role (NOPERM)"), std::string::npos) << words;
}

TEST_F(ValkeyRedis, AWrongPasswordIsNotTriedOften) {
    const RedisServer server(users());
    options.engine = {"", "127.0.0.1", server.port()};
    options.password = std::string(password) + "x";
    options.backoff = valkey::Backoff(20ms, 60s);
    start();
    ASSERT_TRUE(until([this] { return logged("down auth"); })) << words << server.log();
    EXPECT_EQ(engine->counts()->not_connected.of(Trouble::auth).value(), 1U);
    EXPECT_NE(words.find("WRONGPASS"), std::string::npos) << words;
}

TEST_F(ValkeyRedis, AStoppedEngineCostsThreeTimeouts) {
    RedisServer server(users());
    options.engine = {"", "127.0.0.1", server.port()};
    ASSERT_TRUE(comes_up()) << words << server.log();
    server.stop();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(said({"GET", "stsmapd:1:x"}, Use::read, 50ms), "timeout");
    EXPECT_FALSE(engine->up());
    EXPECT_EQ(said({"GET", "stsmapd:1:x"}, Use::read, 50ms), "down");
    server.go_on();
    ASSERT_TRUE(until([this] { return engine->up(); }));
    EXPECT_EQ(said({"GET", "stsmapd:1:x"}), "nil");
    EXPECT_EQ(engine->counts()->connections.value(), 1U);
}

TEST_F(ValkeyRedis, WritesWaitForARestart) {
    RedisServer server(users());
    options.engine.path = server.socket();
    ASSERT_TRUE(comes_up()) << words << server.log();
    server.kill();
    ASSERT_TRUE(until([this] { return !engine->up(); }));
    std::string last;
    for (int i = 0; i < 100; ++i)
        engine->offer({"SET", "stsmapd:1:" + std::to_string(i), std::to_string(i)},
                      [&](const Answer& answer) { last = answer ? answer->text : answer.error().words; });
    server.start();
    ASSERT_TRUE(until([&] { return engine->counts()->written.value() == 100; })) << words << server.log();
    EXPECT_EQ(last, "OK");
    EXPECT_EQ(said({"GET", "stsmapd:1:99"}), "99");
}

TEST_F(ValkeyRedis, AFullEngineIsATrouble) {
    const RedisServer server(users() + "maxmemory 1\nmaxmemory-policy noeviction\n");
    options.engine.path = server.socket();
    ASSERT_TRUE(comes_up()) << words << server.log();
    EXPECT_EQ(said({"SET", "stsmapd:1:x", "v"}, Use::write), "oom");
    EXPECT_EQ(said({"GET", "stsmapd:1:x"}), "nil");
}

/// Writes the files of a certificate and its key.
struct Pem {
    Pem(const test::TempFolder& folder, const std::string& name, const test::Identity& identity)
        : certificate(folder / (name + ".pem")), key(folder / (name + ".key")) {
        std::ofstream chain(certificate);
        chain << test::to_pem(identity);
        for (const auto& issuer : identity.chain) chain << test::to_pem({nullptr, issuer, {}});
        const std::unique_ptr<FILE, int (*)(FILE*)> out{std::fopen(key.c_str(), "w"), std::fclose};
        PEM_write_PrivateKey(out.get(), identity.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    }
    std::string certificate, key;
};

TEST_F(ValkeyRedis, OverTlsTheCertificateAndItsNameAreChecked) {
    const test::TempFolder folder;
    const test::TestCa ca, other;
    const Pem of_server(folder, "server", ca.leaf({"engine.test"})),
        of_client(folder, "client", ca.leaf({"client.test"}));
    const std::uint16_t port = test::free_port();
    const RedisServer server(users() + "tls-port " + std::to_string(port) + "\ntls-cert-file " +
                             of_server.certificate + "\ntls-key-file " + of_server.key +
                             "\ntls-ca-cert-file " + ca.file() + "\ntls-auth-clients yes\n");
    options.engine = {"", "127.0.0.1", port};
    options.channel = "stsmapd:1:n";
    options.tls.emplace();
    struct Row {
        const char* name;
        const char* words;
        std::function<void(valkey::TlsSettings&)> change;
    };
    const std::vector<Row> rows{
        {"good", "", [](valkey::TlsSettings&) {}},
        {"another name", "ostname mismatch", [](valkey::TlsSettings& tls) { tls.name = "other.test"; }},
        {"no name, so the address", "IP address mismatch",
         [](valkey::TlsSettings& tls) { tls.name.clear(); }},
        {"another CA", "certificate", [&](valkey::TlsSettings& tls) { tls.ca_file = other.file(); }},
        {"no certificate of ours", "",
         [](valkey::TlsSettings& tls) { tls.certificate_file = tls.key_file = ""; }},
    };
    for (const Row& row : rows) {
        *options.tls = {ca.file(), "engine.test", of_client.certificate, of_client.key};
        row.change(*options.tls);
        const bool good = std::string_view(row.name) == "good";
        log.clear();
        words.clear();
        start();
        if (good) {
            ASSERT_TRUE(until([this] { return engine->up() && logged("subscribed"); }))
                << words << server.log();
            EXPECT_EQ(said({"SET", "stsmapd:1:big", std::string(500'000, 'x')}, Use::write), "OK");
            EXPECT_EQ(said({"GET", "stsmapd:1:big"}).size(), 500'000U);
        } else {
            ASSERT_TRUE(until([this] { return logged("down down"); })) << row.name << words << server.log();
            EXPECT_FALSE(engine->up());
            EXPECT_NE(words.find(row.words), std::string::npos) << row.name << ": " << words;
        }
        engine.reset();
    }
}

TEST_F(ValkeyRedis, AReplicaIsNotTakenForThePrimary) {
    const RedisServer primary(users());
    const RedisServer replica(users() + "replicaof 127.0.0.1 " + std::to_string(primary.port()) + "\n");
    options.engine.path = replica.socket();
    start();
    ASSERT_TRUE(until([this] { return logged("down readonly"); })) << words << replica.log();
    engine.reset();
    options.engine.path = primary.socket();
    options.replica = valkey::Address{replica.socket(), "", 0};
    ASSERT_TRUE(comes_up()) << words << primary.log();
    ASSERT_TRUE(until([this] { return engine->counts()->connections.value() == 2; }));
    EXPECT_EQ(said({"SET", "stsmapd:1:x", "v"}, Use::write), "OK");
    EXPECT_TRUE(until([this] { return said({"GET", "stsmapd:1:x"}) == "v"; })) << replica.log();
}

TEST_F(ValkeyRedis, FollowsASentinelToTheNewPrimary) {
    auto first = std::make_unique<RedisServer>(users() + "replica-priority 100\n");
    const RedisServer second(users() + "replicaof 127.0.0.1 " + std::to_string(first->port()) + "\n");
    options.engine.path = second.socket();
    options.read_only = true;
    ASSERT_TRUE(comes_up()) << words << second.log();
    const auto copied = [&] { return said({"GET", "stsmapd:1:x"}) == "v"; };
    engine.reset();

    const RedisServer sentinel(
        "sentinel monitor main 127.0.0.1 " + std::to_string(first->port()) +
            " 1\nsentinel down-after-milliseconds main 1000\nsentinel failover-timeout main "
            "5000\nsentinel auth-user main watch\nsentinel auth-pass main watch\nuser default off\n"
            "user ask on >ask " +
            test::sentinel_rights + "\n",
        true);
    options = Options();
    SetUp();
    options.sentinels = {{"", "127.0.0.1", test::free_port()}, {"", "127.0.0.1", sentinel.port()}};
    options.primary_name = "main";
    options.sentinel_user = options.sentinel_password = "ask";
    options.channel = "stsmapd:1:n";
    options.read_replicas = true;
    log.clear();
    ASSERT_TRUE(comes_up()) << words << sentinel.log();
    EXPECT_EQ(said({"SET", "stsmapd:1:x", "v"}, Use::write), "OK");
    ASSERT_TRUE(until(copied)) << "by the replica or the primary";
    ASSERT_TRUE(until([this] { return engine->counts()->connections.value() >= 3; }))
        << words << sentinel.log();
    const std::uint16_t was = first->port();
    const long downs = times("down down"); // perhaps one, before the Sentinel listened
    first.reset();
    ASSERT_TRUE(until([&] { return times("down down") > downs; }));
    ASSERT_TRUE(until([this] { return engine->up(); })) << words << sentinel.log() << second.log();
    EXPECT_NE(words.find("127.0.0.1:" + std::to_string(second.port())), std::string::npos) << words;
    EXPECT_EQ(said({"SET", "stsmapd:1:y", "w"}, Use::write), "OK");
    ASSERT_TRUE(until([this] { return times("subscribed") == times("interrupted") + 1; })) << words;
    EXPECT_TRUE(logged("interrupted"));
    EXPECT_NE(was, second.port());
}

} // namespace
