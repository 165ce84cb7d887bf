// The administration's handlers about single domains, over the real learner and table.
#include "support/admin_world.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace std::chrono_literals;
using admin::Json;
using test::AdminWorld;
using test::Answered;

TEST(AdminDomains, ShowTellsOfADomainThatNobodyAskedForYet) {
    AdminWorld world;
    const Json json = world.answer(world.domains.show(AdminWorld::request({{"domain", "a.example"}})))->body;
    EXPECT_EQ(json.at("next_hop"), "a.example");
    EXPECT_EQ(json.at("known"), "nothing");
    EXPECT_EQ(json.at("answer"), "notfound");
    EXPECT_EQ(json.at("rule"), "no-policy");
    EXPECT_EQ(json.at("replies").at("sts"), "NOTFOUND ");
    EXPECT_FALSE(json.contains("policy"));
    EXPECT_FALSE(json.contains("protected_since"));
    EXPECT_FALSE(json.contains("reason"));
    EXPECT_EQ(world.fetcher.gets(), 0u) << "nothing is looked up";
}

TEST(AdminDomains, RefreshLooksNowAndTellsTheNewState) {
    AdminWorld world;
    world.publish();
    world.know("a.example", 2h);
    world.protected_since = world.time.now() - 2h;
    const Answered answer =
        world.answer(world.domains.refresh(AdminWorld::request({{"domain", "a.example"}})));
    ASSERT_TRUE(answer) << answer.error().words;
    EXPECT_EQ(world.fetcher.gets(), 1u);
    const Json& json = answer->body;
    EXPECT_EQ(json.at("answer"), "secure");
    EXPECT_EQ(json.at("policy").at("age_s"), 0);
    EXPECT_EQ(json.at("policy").at("source").at("address"), "192.0.2.80");
    EXPECT_EQ(json.at("policy").at("source").at("tls"), "TLSv1.3");
    EXPECT_EQ(json.at("policy").at("source").at("issuer"), "CN=Fake CA");
    EXPECT_EQ(json.at("policy").at("source").at("certificate_ends"), "2096-10-02T07:06:40Z");
    EXPECT_EQ(json.at("protected_since"), "2023-11-14T20:13:20Z");
    EXPECT_EQ(world.replanned, std::vector<std::string>{"a.example"});

    const Answered again =
        world.answer(world.domains.refresh(AdminWorld::request({{"domain", "A.Example."}})));
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().status, 429u);
    EXPECT_EQ(again.error().code, "wait");
    EXPECT_EQ(again.error().retry_after, 60s);
    EXPECT_EQ(world.fetcher.gets(), 1u);
    world.pass(60s);
    EXPECT_TRUE(world.answer(world.domains.refresh(AdminWorld::request({{"domain", "a.example"}}))));
    EXPECT_EQ(world.fetcher.gets(), 2u);
}

TEST(AdminDomains, RefreshAsksAgainForADomainWithoutAPolicy) {
    AdminWorld world;
    ASSERT_TRUE(world.answer(world.domains.learn(AdminWorld::request({{"domain", "a.example"}}))));
    world.publish();
    const Answered answer =
        world.answer(world.domains.refresh(AdminWorld::request({{"domain", "a.example"}})));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body.at("known"), "policy") << "what was believed of it a second ago does not matter";
}

TEST(AdminDomains, ARefreshThatFailsShowsWhyInFull) {
    AdminWorld world;
    world.publish();
    world.know("a.example", 2h);
    world.fetcher.fail("mta-sts.a.example", base::Reason::http_status, "status 503 at 192.0.2.1");
    const Answered answer =
        world.answer(world.domains.refresh(AdminWorld::request({{"domain", "a.example"}})));
    ASSERT_TRUE(answer);
    const Json& json = answer->body;
    EXPECT_EQ(json.at("answer"), "secure") << "the policy stays";
    EXPECT_EQ(json.at("reason"), "http-status");
    EXPECT_EQ(json.at("get").at("failures"), 1);
    EXPECT_EQ(json.at("get").at("reason"), "http-status");
    EXPECT_EQ(json.at("get").at("detail"), "status 503 at 192.0.2.1");
    EXPECT_EQ(json.at("get").at("failed_id"), "1");
    EXPECT_EQ(json.at("events").at(0).at("event"), "policy-failed");
}

TEST(AdminDomains, LearnIsAFirstContactThatCountsAsAskedFor) {
    AdminWorld world;
    world.publish();
    const Answered learnt = world.answer(world.domains.learn(AdminWorld::request({{"domain", "a.example"}})));
    ASSERT_TRUE(learnt);
    EXPECT_EQ(learnt->body.dump(),
              R"({"domain":"a.example","known":false,"answer":"secure","mode":"enforce"})");
    EXPECT_EQ(world.entry("a.example")->last_asked, world.time.now()) << "it is fetched daily from now on";
    world.pass(2h);
    const Answered again = world.answer(world.domains.learn(AdminWorld::request({{"domain", "a.example"}})));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->body.at("known"), true);
    EXPECT_EQ(again->body.at("mode"), "enforce");
    EXPECT_EQ(world.fetcher.gets(), 1u) << "nothing is looked up";
    EXPECT_EQ(world.entry("a.example")->last_asked, world.time.now());
}

TEST(AdminDomains, LearnTellsWhyThereIsNoPolicy) {
    AdminWorld world;
    const Answered learnt = world.answer(world.domains.learn(AdminWorld::request({{"domain", "a.example"}})));
    ASSERT_TRUE(learnt);
    EXPECT_EQ(learnt->body.dump(),
              R"({"domain":"a.example","known":false,"answer":"notfound","reason":"no-record"})");
    const Answered again = world.answer(world.domains.learn(AdminWorld::request({{"domain", "a.example"}})));
    EXPECT_EQ(again->body.at("known"), true) << "that there is none is known, and current";
}

TEST(AdminDomains, AKeyWithoutAPolicyDomainCanOnlyBeShown) {
    AdminWorld world;
    const Json json =
        world.answer(world.domains.show(AdminWorld::request({{"domain", "[192.0.2.1]:25"}})))->body;
    EXPECT_EQ(json.at("rule"), "no-domain");
    EXPECT_EQ(json.at("reason"), "key-address-literal");
    EXPECT_FALSE(json.contains("domain"));
    const Answered refreshed =
        world.answer(world.domains.refresh(AdminWorld::request({{"domain", "[192.0.2.1]:25"}})));
    ASSERT_FALSE(refreshed);
    EXPECT_EQ(refreshed.error().status, 400u);
    EXPECT_EQ(
        world.answer(world.domains.forget(AdminWorld::request({{"domain", ".example.com"}}))).error().status,
        400u);
}

TEST(AdminDomains, ForgetTakesAnEnforcedPolicyOnlyWithYes) {
    AdminWorld world;
    world.know("a.example");
    const auto refused = world.answer(world.domains.forget(AdminWorld::request({{"domain", "a.example"}})));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().status, 409u);
    EXPECT_EQ(refused.error().code, "needs-yes");
    EXPECT_NE(refused.error().words.find("valid until 2023-11-15T22:13:20Z"), std::string::npos)
        << refused.error().words;
    EXPECT_TRUE(world.entry("a.example"));
    const auto forgotten =
        world.answer(world.domains.forget(AdminWorld::request({{"domain", "a.example"}, {"yes", "true"}})));
    ASSERT_TRUE(forgotten);
    EXPECT_EQ(forgotten->body.at("forgotten"), true);
    EXPECT_EQ(forgotten->body.at("mode"), "enforce");
    EXPECT_FALSE(world.entry("a.example"));
    EXPECT_TRUE(world.store.rows().empty());
    EXPECT_EQ(world.forgotten, std::vector<std::string>{"a.example"});
    EXPECT_EQ(world.log.count("warning policy-forgotten domain=a.example mode=enforce uid=4711 by=alice"),
              1u);
    const auto again =
        world.answer(world.domains.forget(AdminWorld::request({{"domain", "a.example"}, {"yes", "true"}})));
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().status, 404u);
    EXPECT_EQ(again.error().code, "unknown-domain");
}

TEST(AdminDomains, ForgetTakesAnAbsenceATestingPolicyAndItsPastWithoutAsking) {
    AdminWorld world;
    ASSERT_TRUE(world.answer(world.domains.learn(AdminWorld::request({{"domain", "a.example"}}))));
    const auto absent = world.answer(world.domains.forget(AdminWorld::request({{"domain", "a.example"}})));
    ASSERT_TRUE(absent);
    EXPECT_FALSE(absent->body.contains("mode"));
    world.know("b.example", 0s, "testing");
    world.history.note(events::PolicyLearnt{.domain = "b.example", .id = "1"}, world.time.now());
    ASSERT_TRUE(world.answer(world.domains.forget(AdminWorld::request({{"domain", "b.example"}}))));
    EXPECT_TRUE(world.history.of("b.example").empty());
    EXPECT_EQ(world.log.count("info policy-forgotten"), 2u);
}

} // namespace
