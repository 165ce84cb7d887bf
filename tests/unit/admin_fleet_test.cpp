// The administration's handlers about the shared cache of a fleet.
#include "admin/fleet.hpp"

#include "support/admin_world.hpp"
#include "support/fake_fleet.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace std::chrono_literals;
using admin::Json;
using test::AdminWorld;
using test::Answered;

constexpr base::Instant t0{base::seconds{1'700'000'000}}; // 2023-11-14T22:13:20Z

class AdminFleet : public testing::Test {
protected:
    AdminFleet() {
        peers.now.engine = "tls:valkey.example:6379";
        peers.now.up = peers.now.subscribed = true;
        peers.now.since = t0 - 60s;
        peers.now.host = "mail1.example";
        peers.now.prefix = "stsmapd";
        peers.now.key_ids = {"k2", "k1"};
    }

    AdminWorld world;
    test::FakeFleet peers{world.io};
    admin::Fleet fleet{{.executor = world.io.get_executor(),
                        .timers = world.time,
                        .clock = world.time,
                        .version = "1.2.3",
                        .fleet = &peers}};
    admin::Fleet none{
        {.executor = world.io.get_executor(), .timers = world.time, .clock = world.time, .version = "1.2.3"}};
    admin::Domains domains = world.domains_with(fleet);
};

TEST_F(AdminFleet, TellsAllOfTheFleet) {
    peers.now.trouble = "timeout: no reply to GET";
    peers.now.trouble_at = t0 - 70s;
    peers.now.lag = 3ms;
    peers.now.waiting = 2;
    peers.now.waiting_octets = 700;
    peers.now.dropped = 5;
    peers.now.sync = {.begun = t0 - 60s,
                      .ended = t0 - 50s,
                      .compared = 100,
                      .newer = 3,
                      .pushed = 4,
                      .unreadable = 1,
                      .trouble = {}};
    peers.now.refused = {{"bad-seal", 0}, {"unknown-key", 7}};
    peers.all = {{"mail1.example", "1.2.3", t0 - 5s, "here", 100, {{"taken", 7}}},
                 {"mail2.example", "", {}, "unreadable", 0, {}}};
    const Answered answer = world.answer(fleet.show(AdminWorld::request({})));
    ASSERT_TRUE(answer) << answer.error().words;
    EXPECT_EQ(answer->body.dump(1), R"({
 "configured": true,
 "version": "1.2.3",
 "now": "2023-11-14T22:13:20Z",
 "engine": "tls:valkey.example:6379",
 "up": true,
 "since": "2023-11-14T22:12:20Z",
 "trouble": "timeout: no reply to GET",
 "trouble_at": "2023-11-14T22:12:10Z",
 "subscribed": true,
 "lag_ms": 3,
 "host": "mail1.example",
 "prefix": "stsmapd",
 "hidden": false,
 "read_only": false,
 "keys": [
  "k2",
  "k1"
 ],
 "waiting": {
  "writes": 2,
  "octets": 700,
  "dropped": 5
 },
 "sync": {
  "running": false,
  "begun": "2023-11-14T22:12:20Z",
  "ended": "2023-11-14T22:12:30Z",
  "compared": 100,
  "newer": 3,
  "pushed": 4,
  "unreadable": 1
 },
 "refused": {
  "bad-seal": 0,
  "unknown-key": 7
 },
 "hosts": [
  {
   "name": "mail1.example",
   "presence": "here",
   "version": "1.2.3",
   "at": "2023-11-14T22:13:15Z",
   "policies": 100,
   "counters": {
    "taken": 7
   }
  },
  {
   "name": "mail2.example",
   "presence": "unreadable"
  }
 ]
})");
}

TEST_F(AdminFleet, TheHostsAreNotAskedForWhenTheyAreNotWanted) {
    peers.hangs = true;
    const Answered answer = world.answer(fleet.show(AdminWorld::request({{"hosts", "0"}})));
    ASSERT_TRUE(answer);
    EXPECT_FALSE(answer->body.contains("hosts"));
    EXPECT_FALSE(answer->body.contains("hosts_trouble"));
    EXPECT_EQ(world.time.passed(), 0ms);
    const Answered wrong = world.answer(fleet.show(AdminWorld::request({{"hosts", "no"}})));
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().field, "hosts");
}

TEST_F(AdminFleet, TheHostsAreWaitedForTwoSecondsAtMost) {
    peers.hangs = true;
    const Answered answer = world.answer(fleet.show(AdminWorld::request({})));
    ASSERT_TRUE(answer);
    EXPECT_EQ(world.time.passed(), 2000ms);
    EXPECT_EQ(answer->body.at("hosts_trouble"), "no answer in time");
    EXPECT_EQ(answer->body.at("up"), true) << "all else is there";
    peers.hangs = false;
    peers.away = "down: connection refused";
    EXPECT_EQ(world.answer(fleet.show(AdminWorld::request({})))->body.at("hosts_trouble"),
              "down: connection refused");
    EXPECT_FALSE(world.time.next_call()) << "no timer is left";
}

TEST_F(AdminFleet, WhatOthersSayIsPrintableAndCut) {
    const std::string evil = "\x1b[2J\n\"" + std::string(10'000, 'x');
    peers.now.engine = peers.now.trouble = peers.now.sync.trouble = evil;
    peers.all = {{evil, evil, t0, "here", 1, {}}};
    for (int i = 0; i < 100; ++i) peers.all[0].counters[std::to_string(i) + evil] = 1;
    peers.all.resize(5000, {"h", "0.1.0", t0, "here", 1, {}});
    const Answered answer = world.answer(fleet.show(AdminWorld::request({})));
    ASSERT_TRUE(answer);
    const Json& json = answer->body;
    EXPECT_TRUE(json.at("engine").get<std::string>().starts_with("\\x1b[2J\\x0a\\\"xx"));
    for (const char* name : {"engine", "trouble"}) EXPECT_LE(json.at(name).get<std::string>().size(), 400u);
    EXPECT_LE(json.at("sync").at("trouble").get<std::string>().size(), 400u);
    ASSERT_EQ(json.at("hosts").size(), 4096u);
    const Json& host = json.at("hosts").at(0);
    EXPECT_LE(host.at("name").get<std::string>().size(), 260u);
    EXPECT_LE(host.at("version").get<std::string>().size(), 60u);
    EXPECT_LE(host.at("counters").size(), 32u);
    EXPECT_EQ(json.dump().find('\x1b'), std::string::npos);
    peers.now.trouble = R"(refused: \"words\")";
    EXPECT_EQ(world.answer(fleet.show(AdminWorld::request({{"hosts", "0"}})))->body.at("trouble"),
              R"(refused: \"words\")")
        << "what is printable stays as it is";
}

TEST_F(AdminFleet, ASyncBeginsOrSaysThatTheEngineIsAway) {
    const auto begun = fleet.sync();
    ASSERT_TRUE(begun);
    EXPECT_EQ(begun->body.at("sync").at("running"), true);
    EXPECT_EQ(peers.syncs, 1u);
    peers.away = "down";
    peers.now.trouble = "down: connection refused";
    const auto refused = fleet.sync();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().status, 503u);
    EXPECT_EQ(refused.error().code, "fleet-away");
    EXPECT_EQ(refused.error().words,
              "the engine of the shared cache cannot be asked: down: connection refused");
}

TEST_F(AdminFleet, ForgettingBeginsInTheEngine) {
    world.know("a.example");
    peers.keys["a.example"] = 2;
    peers.on_forget = [this] { EXPECT_TRUE(world.entry("a.example")) << "the engine first"; };
    const auto request = AdminWorld::request({{"domain", "a.example"}, {"yes", "true"}, {"fleet", "1"}});
    const Answered gone = world.answer(domains.forget(request));
    ASSERT_TRUE(gone) << gone.error().words;
    EXPECT_EQ(gone->body.at("forgotten"), true);
    EXPECT_EQ(gone->body.at("mode"), "enforce");
    EXPECT_EQ(gone->body.at("shared_keys"), 2);
    EXPECT_FALSE(world.entry("a.example"));
    EXPECT_EQ(world.log.count("warning policy-forgotten domain=a.example mode=enforce uid=4711 by=alice"),
              1u);

    peers.on_forget = nullptr;
    const Answered again = world.answer(domains.forget(request));
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, "unknown-domain") << "here and there";
    peers.keys["a.example"] = 1;
    const Answered there = world.answer(domains.forget(request));
    ASSERT_TRUE(there) << "only the engine had it";
    EXPECT_EQ(there->body.dump(), R"({"domain":"a.example","forgotten":true,"shared_keys":1})");
}

TEST_F(AdminFleet, NothingIsForgottenWhenTheEngineIsAway) {
    world.know("a.example");
    const auto request = AdminWorld::request({{"domain", "a.example"}, {"yes", "true"}, {"fleet", "1"}});
    peers.away = "timeout: no reply to DEL";
    const Answered refused = world.answer(domains.forget(request));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().status, 503u);
    EXPECT_EQ(refused.error().code, "fleet-away");
    EXPECT_TRUE(world.entry("a.example"));
    peers.away.clear();
    peers.hangs = true;
    const Answered late = world.answer(domains.forget(request));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, "fleet-away");
    EXPECT_EQ(world.time.passed(), 5000ms);
    EXPECT_TRUE(world.entry("a.example"));
    EXPECT_EQ(world.log.count("policy-forgotten"), 0u);
}

TEST_F(AdminFleet, TheEngineIsNotAskedForWhatIsRefused) {
    world.know("a.example");
    const auto code = [this](std::map<std::string, std::string, std::less<>> parameters) {
        const auto request = AdminWorld::request(std::move(parameters));
        const Answered refused = world.answer(domains.forget(request));
        return refused ? "" : refused.error().code;
    };
    EXPECT_EQ(code({{"domain", "a.example"}, {"fleet", "1"}}), "needs-yes");
    EXPECT_EQ(code({{"domain", "a.example"}, {"yes", "true"}, {"fleet", "yes"}}), "bad-request");
    EXPECT_EQ(code({{"domain", ".example"}, {"fleet", "1"}}), "bad-request");
    EXPECT_TRUE(peers.forgotten.empty());
    EXPECT_TRUE(world.entry("a.example"));
    EXPECT_EQ(code({{"domain", "a.example"}, {"yes", "true"}}), "") << "without the fleet";
    EXPECT_TRUE(peers.forgotten.empty());
}

TEST_F(AdminFleet, APolicyThatCameDuringTheRemovalNeedsItsOwnYes) {
    peers.keys["a.example"] = 1;
    peers.on_forget = [this] { world.know("a.example"); };
    const auto request = AdminWorld::request({{"domain", "a.example"}, {"fleet", "1"}});
    const Answered refused = world.answer(domains.forget(request));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "needs-yes");
    EXPECT_TRUE(world.entry("a.example"));
}

TEST_F(AdminFleet, WithoutASharedCacheThereIsNothingToShow) {
    EXPECT_EQ(world.answer(none.show(AdminWorld::request({})))->body.dump(), R"({"configured":false})");
    EXPECT_EQ(none.sync().error().code, "no-fleet");
    world.know("a.example");
    const auto request = AdminWorld::request({{"domain", "a.example"}, {"yes", "true"}, {"fleet", "1"}});
    const Answered refused = world.answer(world.domains.forget(request));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().status, 409u);
    EXPECT_EQ(refused.error().code, "no-fleet");
    EXPECT_TRUE(world.entry("a.example"));
}

} // namespace
