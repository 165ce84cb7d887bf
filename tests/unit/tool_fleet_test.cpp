// What `stsmap fleet` prints for people, what it asks, and how it ends.
#include "tool/control/fleet_text.hpp"
#include "tool/show/safe_text.hpp"
#include "tool/tool.hpp"

#include "support/control_peer.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

namespace {

using base::Instant;
using base::seconds;
using test::ControlPeer;
using tool::Json;

const tool::Zone utc = [](Instant) { return seconds{0}; };
const tool::Moment moment{*tool::parse_time("2026-11-28T20:35:20Z"), utc};

Json json(std::string_view text) { return Json::parse(text); }

void expect_narrow(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        EXPECT_LE(tool::columns(line), tool::page_columns) << line;
}

constexpr std::string_view whole = R"({"configured":true,"version":"1.4.0","now":"2026-11-28T20:35:20Z",
    "engine":"tls:valkey.example:6379","up":true,"since":"2026-11-28T20:30:20Z",
    "trouble":"timeout: no reply to GET","trouble_at":"2026-11-28T20:30:10Z","subscribed":true,"lag_ms":3,
    "host":"mail1.example","prefix":"stsmapd","hidden":true,"read_only":false,"keys":["k2","k1"],
    "waiting":{"writes":2,"octets":700,"dropped":5},
    "sync":{"running":false,"begun":"2026-11-28T20:30:20Z","ended":"2026-11-28T20:30:22Z","compared":12345,
            "newer":3,"pushed":4,"unreadable":1},
    "refused":{"bad-seal":0,"unknown-key":7,"expired":1},
    "hosts":[
      {"name":"mail1.example","presence":"here","version":"1.4.0","at":"2026-11-28T20:35:15Z","policies":12345},
      {"name":"mail2.example","presence":"here","version":"1.3.9","at":"2026-11-28T20:35:00Z","policies":12000},
      {"name":"mail3.example","presence":"silent","version":"1.4.0","at":"2026-11-28T20:30:20Z","policies":1},
      {"name":"mail4.example","presence":"gone","version":"1.4.0","at":"2026-11-20T20:30:20Z","policies":1},
      {"name":"mail5.example","presence":"other-clock","version":"1.3.9","at":"2026-11-28T20:45:20Z","policies":9999999},
      {"name":"a-host-with-a-very-long-name.example.net","presence":"unreadable"}]})";

TEST(FleetText, OfAFleet) {
    const std::string text = tool::fleet_text(json(whole), moment);
    EXPECT_EQ(text, "engine:     tls:valkey.example:6379\n"
                    "state:      up since 2026-11-28 20:30:20+00:00, 5 min ago\n"
                    "trouble:    timeout: no reply to GET, 2026-11-28 20:30:10+00:00, 5 min ago\n"
                    "news:       come; the last of our own after 3 ms\n"
                    "this host:  mail1.example, 1.4.0\n"
                    "prefix:     stsmapd; domains are hidden\n"
                    "keys:       k2 (seals), k1\n"
                    "waiting:    2 writes of 700 B; 5 dropped, because too many waited\n"
                    "comparison: 12,345 policies compared: 3 newer in the engine, 4 pushed to it, 1\n"
                    "            refused there; 2026-11-28 20:30:22+00:00, 4 min ago\n"
                    "refused:    7 unknown-key, 1 expired\n"
                    "\n"
                    "HOST                       VERSION    POLICIES  SEEN\n"
                    "mail1.example              1.4.0        12,345    5s  this host\n"
                    "mail2.example              1.3.9        12,000   20s  other version\n"
                    "mail3.example              1.4.0             1    5m  silent\n"
                    "mail4.example              1.4.0             1    8d  gone\n"
                    "mail5.example              1.3.9     9,999,999   10m  other clock, other version\n"
                    "a-host-with-a-very-long-name.example.net\n"
                    "                           -                 -     -  unreadable\n");
    expect_narrow(text);
    EXPECT_TRUE(tool::fleet_well(json(whole)));
}

TEST(FleetText, OfAnEngineThatIsAway) {
    const Json reply =
        json(R"({"configured":true,"version":"1.4.0","engine":"unix:/run/valkey/sock","up":false,
        "since":"2026-11-28T20:30:20Z","trouble":"down: connection refused","trouble_at":"2026-11-28T20:35:10Z",
        "subscribed":false,"host":"m","prefix":"p","hidden":false,"read_only":true,"keys":["k"],
        "waiting":{"writes":0,"octets":0,"dropped":0},
        "sync":{"running":true,"begun":"2026-11-28T20:35:10Z","compared":64,"newer":0,"pushed":0,"unreadable":0},
        "refused":{},"hosts_trouble":"down"})");
    const std::string text = tool::fleet_text(reply, moment);
    EXPECT_EQ(text, "engine:     unix:/run/valkey/sock\n"
                    "state:      down since 2026-11-28 20:30:20+00:00, 5 min ago\n"
                    "why:        down: connection refused, 2026-11-28 20:35:10+00:00, 10 s ago\n"
                    "news:       do not come\n"
                    "this host:  m, 1.4.0\n"
                    "prefix:     p; nothing is written\n"
                    "keys:       k (seals)\n"
                    "waiting:    nothing\n"
                    "comparison: runs since 2026-11-28 20:35:10+00:00, 10 s ago; 64 policies\n"
                    "            compared: 0 newer in the engine, 0 pushed to it, 0 refused there\n"
                    "refused:    nothing\n"
                    "hosts:      not known: down\n");
    EXPECT_FALSE(tool::fleet_well(reply));
}

TEST(FleetText, OfNoFleetAndOfStrangeThings) {
    EXPECT_EQ(tool::fleet_text(json(R"({"configured":false})"), moment),
              "no shared cache: the section [shared] names no engine\n");
    EXPECT_FALSE(tool::fleet_well(json(R"({"configured":false})")));
    for (const char* odd : {R"("x")", "[]", "{}", "-1", "1e300", "null", "18446744073709551615", "[[]]"}) {
        Json reply = json(whole);
        for (auto& [name, value] : reply.items())
            if (name != "configured") value = json(odd);
        expect_narrow(tool::fleet_text(reply, moment));
        reply = json(whole);
        for (auto& host : reply["hosts"])
            for (auto& [name, value] : host.items()) value = json(odd);
        for (auto* part : {&reply["refused"], &reply["waiting"], &reply["sync"]})
            for (auto& [name, value] : part->items()) value = json(odd);
        expect_narrow(tool::fleet_text(reply, moment));
    }
    Json evil = json(whole);
    evil["hosts"][0]["name"] = evil["hosts"][0]["version"] = evil["engine"] = "\x1b[2J\n\xe2\x80\xae";
    EXPECT_EQ(tool::fleet_text(evil, moment).find('\x1b'), std::string::npos);
}

TEST(FleetText, OfAComparison) {
    const std::pair<const char*, const char*> table[] = {
        {R"({"running":false,"compared":0,"newer":0,"pushed":0,"unreadable":0})", "not yet"},
        {R"({"running":false,"ended":"2026-11-28T20:35:20Z","compared":1,"newer":0,"pushed":1,"unreadable":0})",
         "1 policy compared: 0 newer in the engine, 1 pushed to it, 0 refused there; 2026-11-28 "
         "20:35:20+00:00, now"},
        {R"({"running":false,"ended":"2026-11-28T20:35:20Z","trouble":"timeout","compared":64,"newer":0,"pushed":1,
             "unreadable":0})",
         "broken off 2026-11-28 20:35:20+00:00, now: timeout; 64 policies compared: 0 newer in the engine, 1 "
         "pushed to it, 0 refused there"},
        {R"({"running":true,"compared":64,"newer":1,"pushed":1,"unreadable":2})",
         "runs; 64 policies compared: 1 newer in the engine, 1 pushed to it, 2 refused there"},
    };
    for (const auto& [sync, want] : table) EXPECT_EQ(tool::compared_text(json(sync), moment), want);
}

struct Done {
    int status;
    std::string out, err;
};

Done run(const std::string& path, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--control", path});
    std::istringstream in;
    std::ostringstream out, err;
    tool::World world{.in = in, .out = out, .err = err};
    world.now = [] { return moment.now; };
    world.zone = utc;
    const int status = tool::run_tool(arguments, world);
    return {status, out.str(), err.str()};
}

constexpr std::string_view running =
    R"("sync":{"running":true,"compared":0,"newer":0,"pushed":0,"unreadable":0})";
constexpr std::string_view ended =
    R"("sync":{"running":false,"ended":"2026-11-28T20:35:20Z","compared":9,"newer":1,"pushed":2,"unreadable":0})";
constexpr std::string_view broken_off =
    R"("sync":{"running":false,"ended":"2026-11-28T20:35:20Z","trouble":"down","compared":9,"newer":1,"pushed":2,
               "unreadable":0})";

std::string reply_of(std::string_view sync) {
    return R"({"schema":1,"configured":true,)" + std::string(sync) + "}";
}

TEST(FleetCommand, SyncWaitsUntilTheComparisonHasEnded) {
    for (const auto& [last, status, words] :
         {std::tuple{ended, 0, "9 policies compared"}, std::tuple{broken_off, 1, "broken off"}}) {
        std::vector<std::string> asked;
        ControlPeer peer({[&asked, last = last](ControlPeer::Talk& talk) {
            for (const std::string_view sync : {running, running, last}) {
                const std::string request = talk.request();
                asked.push_back(request.substr(0, request.find(" HTTP")));
                talk.reply(reply_of(sync));
            }
            talk.until_closed();
        }});
        const Done done = run(peer.path, {"fleet", "sync"});
        EXPECT_EQ(done.status, status) << done.err;
        EXPECT_TRUE(done.out.starts_with(words)) << done.out;
        expect_narrow(done.out);
        EXPECT_EQ(asked, (std::vector<std::string>{"POST /v1/fleet/sync", "GET /v1/fleet?hosts=0",
                                                   "GET /v1/fleet?hosts=0"}));
    }
}

TEST(FleetCommand, SyncWithoutWaitingOnlyBegins) {
    ControlPeer peer({[](ControlPeer::Talk& talk) {
        (void)talk.request();
        talk.reply(reply_of(running));
        talk.until_closed();
    }});
    const Done done = run(peer.path, {"fleet", "sync", "--no-wait", "--json"});
    EXPECT_EQ(done.status, 0) << done.err;
    EXPECT_EQ(json(done.out).at("schema"), 1);
    EXPECT_EQ(json(done.out).at("sync").at("running"), true);
}

TEST(FleetCommand, EndsWithTroubleWhenTheFleetHasSome) {
    const auto peer_of = [](std::string body, std::string status) {
        return ControlPeer::Play(
            [body = std::move(body), status = std::move(status)](ControlPeer::Talk& talk) {
                (void)talk.request();
                talk.reply(body, status);
                talk.until_closed();
            });
    };
    ControlPeer peer(
        {peer_of(R"({"schema":1,"configured":false})", "200 OK"),
         peer_of(R"({"schema":1,"configured":true,"up":true})", "200 OK"),
         peer_of(R"({"schema":1,"configured":true,"up":true,"hosts_trouble":"x"})", "200 OK"),
         peer_of(R"({"schema":1,"error":{"code":"fleet-away","words":"it is away"}})", "503 X")});
    EXPECT_EQ(run(peer.path, {"fleet", "status"}).status, 1);
    EXPECT_EQ(run(peer.path, {"fleet", "status"}).status, 0);
    EXPECT_EQ(run(peer.path, {"fleet", "status"}).status, 1);
    const Done away = run(peer.path, {"fleet", "sync"});
    EXPECT_EQ(away.status, 1);
    EXPECT_EQ(away.err, "stsmap: it is away\n");
    EXPECT_EQ(run(peer.path + "x", {"fleet", "status"}).status, 3);
    EXPECT_EQ(run(peer.path, {"fleet"}).status, 2);
}

} // namespace
