// Policies out of one daemon and into another.
#include "support/admin_world.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using admin::Json;
using test::AdminWorld;
using test::Answered;

/// A daemon with its transfer.
struct Host : AdminWorld {
    std::vector<Json> own_overrides;
    std::vector<std::string> overrides_taken;
    admin::Transfer transfer{{io.get_executor(), table, store, time, recorder, time,
                              [this](const base::Domain& one) { replanned.push_back(one.name()); },
                              [this] { return own_overrides; },
                              [this](const Json& one, const admin::Request&, admin::OverrideTaken done) {
                                  if (one.at("domain") == "bad.example")
                                      return done(base::unexpected("no such action"));
                                  overrides_taken.push_back(one.at("domain"));
                                  // As one is answered whose row is on the disk, or is not.
                                  boost::asio::post(
                                      io, [this, domain = one.at("domain").get<std::string>(), done] {
                                          if (disk_full) return done(base::unexpected("the disk is full"));
                                          done(domain != "newer.example");
                                      });
                              }}};
    bool disk_full = false;

    std::string exported() {
        const admin::Reply reply = transfer.export_policies();
        std::string all;
        for (const Json& one : lines(*reply.lines)) all += one.dump() + "\n";
        return all;
    }
    Answered take(std::string body, std::map<std::string, std::string, std::less<>> parameters = {}) {
        std::deque<std::string> pieces;
        for (std::size_t at = 0; at < body.size(); at += 1000) pieces.push_back(body.substr(at, 1000));
        test::PiecesBody source{std::move(pieces)};
        admin::Request made = request(std::move(parameters));
        made.body = &source;
        return answer(transfer.import_policies(made));
    }
};

std::string policy_line(
    const std::string& domain, const std::string& fetched_at, const std::string& id = "2",
    const std::string& text = "version: STSv1\\nmode: enforce\\nmx: mx.new.example\\nmax_age: 86400\\n") {
    return R"({"schema":1,"kind":"policy","domain":")" + domain + R"(","text":")" + text + R"(","id":")" +
           id + R"(","fetched_at":")" + fetched_at + "\"}\n";
}
const std::string end = "{\"schema\":1,\"kind\":\"end\",\"policies\":1,\"overrides\":0}\n";

TEST(AdminTransfer, OneDaemonTakesWhatAnotherHasExported) {
    Host one, other;
    for (int i = 0; i < 2500; ++i)
        one.know("d" + std::to_string(i) + ".example", base::seconds{i % 3000},
                 i % 2 ? "testing" : "enforce");
    one.know("expired.example", 2 * 86400s);
    one.own_overrides.push_back(Json{{"domain", "x.example"}, {"action", "off"}});
    const std::string lines = one.exported();
    const Answered answer = other.take(lines);
    ASSERT_TRUE(answer) << answer.error().words;
    EXPECT_EQ(answer->body.dump(),
              R"({"taken":2500,"older":0,"expired":0,"future":0,"invalid":[],"invalid_count":0,)"
              R"("overrides_taken":0,"overrides_left":1,"complete":true})");
    EXPECT_EQ(other.table.policy_count(), 2500u);
    EXPECT_EQ(other.store.rows().size(), 2500u);
    EXPECT_EQ(other.replanned.size(), 2500u) << "the refresher looks after them";
    for (const std::string name : {"d0.example", "d1.example", "d2499.example"}) {
        const cache::Entry a = *one.entry(name), b = *other.entry(name);
        EXPECT_EQ(a.policy->text, b.policy->text);
        EXPECT_EQ(a.txt_id, b.txt_id);
        EXPECT_EQ(a.fetched_at, b.fetched_at);
        EXPECT_EQ(a.last_asked, b.last_asked);
    }
    EXPECT_EQ(other.log.count("info policies-imported policies=2500 refused=0 uid=4711 by=alice"), 1u);
    const Answered again = other.take(lines);
    EXPECT_EQ(again->body.at("older"), 2500) << "a second time changes nothing";
    EXPECT_EQ(again->body.at("taken"), 0);
}

TEST(AdminTransfer, TakesOnlyWhatIsCurrentAndNewer) {
    Host host; // it is 2023-11-14T22:13:20Z
    host.know("newer.example", 1h);
    host.know("older.example", 4h);
    const std::string body = policy_line("newer.example", "2023-11-14T20:00:00Z") +
                             policy_line("older.example", "2023-11-14T20:00:00Z") +
                             policy_line("expired.example", "2023-11-13T20:00:00Z") +
                             policy_line("future.example", "2023-11-14T22:18:21Z") +
                             policy_line("ahead.example", "2023-11-14T22:18:20Z") + end;
    const Answered answer = host.take(body);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body.at("taken"), 2);
    EXPECT_EQ(answer->body.at("older"), 1);
    EXPECT_EQ(answer->body.at("expired"), 1);
    EXPECT_EQ(answer->body.at("future"), 1);
    EXPECT_EQ(host.entry("newer.example")->policy->policy.mx[0].name, "mx.newer.example");
    EXPECT_EQ(host.entry("older.example")->policy->policy.mx[0].name, "mx.new.example");
    EXPECT_EQ(host.entry("older.example")->txt_id, "2");
    EXPECT_EQ(host.entry("ahead.example")->fetched_at, host.time.now()) << "clocks differ by a little";
    EXPECT_FALSE(host.entry("future.example"));
}

TEST(AdminTransfer, AFetchThatHasWithdrawnThePolicySinceIsNewer) {
    Host host;
    cache::Absence withdrawn;
    withdrawn.gets.last = host.time.now() - 60s;
    host.table.put(*base::Domain::parse("a.example"), withdrawn);
    EXPECT_EQ(host.take(policy_line("a.example", "2023-11-14T20:00:00Z") + end)->body.at("older"), 1);
    EXPECT_EQ(host.take(policy_line("a.example", "2023-11-14T22:13:00Z") + end)->body.at("taken"), 1);
}

TEST(AdminTransfer, SaysWhatIsWrongWithALine) {
    Host host;
    const std::string good = policy_line("a.example", "2023-11-14T20:00:00Z");
    std::string body = "\nnothing\n[1]\n{\"schema\":2,\"kind\":\"policy\"}\n{\"schema\":1,\"kind\":"
                       "\"verdict\"}\n{\"schema\":1}\n";
    body += policy_line("no domain", "2023-11-14T20:00:00Z") + policy_line("a.example", "today") +
            policy_line("a.example", "14d") + policy_line("a.example", "2023-11-14T20:00:00Z", "") +
            policy_line("a.example", "2023-11-14T20:00:00Z", "a b") +
            policy_line("a.example", "2023-11-14T20:00:00Z", "1", "version: STSv1\\nmode: strict\\n");
    body += std::string(200'000, ' ') + "\n" + good + end + good;
    const Answered answer = host.take(body);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body.at("taken"), 1);
    EXPECT_EQ(answer->body.at("invalid_count"), 14);
    std::vector<std::string> words;
    for (const Json& one : answer->body.at("invalid"))
        words.push_back(std::to_string(one.at("line").get<int>()) + " " + one.at("words").get<std::string>());
    EXPECT_EQ(
        words,
        (std::vector<std::string>{
            "1 empty, or longer than 128 KiB", "2 no JSON object", "3 no JSON object",
            "4 the schema is not 1", "5 unknown kind verdict", "6 no kind", "7 no domain is no policy domain",
            "8 fetched_at is no time like 2027-01-31T18:00:00Z",
            "9 fetched_at is no time like 2027-01-31T18:00:00Z",
            "10 the id is not 1 to 32 letters and digits", "11 the id is not 1 to 32 letters and digits",
            "12 the policy: policy-mode", "13 empty, or longer than 128 KiB", "16 behind the end"}));
    const Answered many = host.take(std::string(100, '\n'));
    EXPECT_EQ(many->body.at("invalid").size(), 20u);
    EXPECT_EQ(many->body.at("invalid_count"), 100);
}

TEST(AdminTransfer, ABodyWithoutAnEndIsTakenAsFarAsItGoes) {
    Host host;
    std::string body = policy_line("a.example", "2023-11-14T20:00:00Z");
    body.pop_back(); // without its newline
    const Answered answer = host.take(body);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body.at("taken"), 1);
    EXPECT_EQ(answer->body.at("complete"), false);

    test::PiecesBody broken{{policy_line("b.example", "2023-11-14T20:00:00Z"), "{\"schema\":1,"}};
    broken.breaks = true;
    admin::Request request = AdminWorld::request({});
    request.body = &broken;
    const Answered error = host.answer(host.transfer.import_policies(request));
    ASSERT_FALSE(error);
    EXPECT_EQ(error.error().code, "timeout");
    EXPECT_TRUE(host.entry("b.example")) << "what came before counts";
}

TEST(AdminTransfer, WaitsForTheDiskBetweenSlices) {
    Host host;
    std::string body;
    for (int i = 0; i < 3000; ++i)
        body += policy_line("d" + std::to_string(i) + ".example", "2023-11-14T20:00:00Z");
    test::PiecesBody source{{body, end}};
    admin::Request request = AdminWorld::request({});
    request.body = &source;
    host.store.hold();
    const auto pending = host.begin(host.transfer.import_policies(request));
    EXPECT_EQ(host.store.waiting(), admin::Transfer::at_once);
    EXPECT_EQ(host.table.policy_count(), 0u) << "first on the disk, then in memory";
    for (std::size_t i = 0; i < admin::Transfer::at_once; ++i) host.store.release_one();
    host.run();
    EXPECT_EQ(host.store.waiting(), admin::Transfer::at_once) << "the next slice";
    EXPECT_EQ(host.table.policy_count(), admin::Transfer::at_once);
    host.store.release();
    host.run();
    for (int i = 0; i < 20 && !pending.over(); ++i) host.run();
    ASSERT_TRUE(pending.over());
    EXPECT_EQ((*pending)->body.at("taken"), 3000);
}

TEST(AdminTransfer, ADiskThatFailsIsSaidAndStopsNothing) {
    Host host;
    host.store.fail_next(1);
    const Answered answer = host.take(policy_line("a.example", "2023-11-14T20:00:00Z") +
                                      policy_line("b.example", "2023-11-14T20:00:00Z") + end);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body.at("taken"), 2) << "in memory";
    EXPECT_EQ(answer->body.at("not_stored"), 1);
    host.store.hold(); // and one that does not answer
    const Answered late = host.take(policy_line("c.example", "2023-11-14T20:00:00Z") + end);
    ASSERT_TRUE(late) << "it is not waited for without end";
    EXPECT_EQ(late->body.at("not_stored"), 1);
}

TEST(AdminTransfer, AFetchThatCameFirstIsNotOverwritten) {
    Host host;
    test::PiecesBody source{{policy_line("a.example", "2023-11-14T20:00:00Z") + end}};
    admin::Request request = AdminWorld::request({});
    request.body = &source;
    host.store.hold();
    const auto pending = host.begin(host.transfer.import_policies(request));
    host.know("a.example"); // fetched meanwhile: its row waits before or behind ours
    host.store.release();
    host.run();
    ASSERT_TRUE(pending.over());
    EXPECT_EQ((*pending)->body.at("older"), 1);
    EXPECT_EQ(host.entry("a.example")->txt_id, "1");
    EXPECT_EQ(host.store.rows().at("a.example").txt_id, "1");
}

TEST(AdminTransfer, AClientThatLeavesLosesNothingThatIsOnTheDisk) {
    Host host;
    {
        Host gone;
        test::PiecesBody source{{policy_line("a.example", "2023-11-14T20:00:00Z") + end}};
        admin::Request request = AdminWorld::request({});
        request.body = &source;
        gone.store.hold();
        boost::asio::cancellation_signal signal;
        boost::asio::co_spawn(gone.io, gone.transfer.import_policies(request),
                              boost::asio::bind_cancellation_slot(
                                  signal.slot(), [](const std::exception_ptr&, const Answered&) {}));
        gone.run();
        signal.emit(boost::asio::cancellation_type::terminal);
        gone.run();
        gone.store.release();
        gone.run();
        EXPECT_TRUE(gone.entry("a.example"));
    }
}

TEST(AdminTransfer, OverridesAreTakenOnlyWhenToldSo) {
    Host host;
    const std::string body = R"({"schema":1,"kind":"override","domain":"x.example","action":"off"})"
                             "\n"
                             R"({"schema":1,"kind":"override","domain":"newer.example","action":"off"})"
                             "\n"
                             R"({"schema":1,"kind":"override","domain":"bad.example","action":"drop"})"
                             "\n" +
                             end;
    EXPECT_EQ(host.take(body)->body.at("overrides_left"), 3);
    EXPECT_TRUE(host.overrides_taken.empty());
    const Answered answer = host.take(body, {{"overrides", "true"}});
    EXPECT_EQ(answer->body.at("overrides_taken"), 1);
    EXPECT_EQ(answer->body.at("overrides_left"), 1);
    EXPECT_EQ(answer->body.at("invalid").at(0).dump(),
              R"({"line":3,"words":"the override: no such action"})");
    host.disk_full = true;
    const Answered full = host.take(body, {{"overrides", "true"}});
    EXPECT_EQ(full->body.at("overrides_taken"), 0) << "never said of one that is not on the disk";
    EXPECT_EQ(full->body.at("invalid_count"), 3);
    EXPECT_EQ(full->body.at("invalid").at(0).dump(),
              R"({"line":1,"words":"the override: the disk is full"})");
}

TEST(AdminTransfer, LinesDoNotDependOnHowTheBodyIsCut) {
    const std::string body = "one\n\ntwo\n" + std::string(admin::max_import_line + 5, 'x') + "\nthree";
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{65'536}, body.size()}) {
        admin::LineCutter cutter;
        std::vector<std::string> lines;
        const auto drain = [&] {
            while (auto line = cutter.next()) lines.push_back(*std::move(line));
        };
        for (std::size_t at = 0; at < body.size(); at += step) {
            cutter.feed(std::string_view{body}.substr(at, step));
            if (step > 1 || at % 1000 == 0) drain();
        }
        cutter.end();
        drain();
        EXPECT_EQ(lines, (std::vector<std::string>{"one", "", "two", "", "three"})) << step;
    }
}

} // namespace
