// Overrides and observing over time, with the real cache and store: what Postfix gets, and what is counted.
#include "lookup/observed_sums.hpp"

#include "support/lookup_world.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using decision::Action;
using test::LookupWorld;
using test::policy_text;

constexpr const char* secure = "OK secure match=mx.a.example servername=hostname";
constexpr const char* notfound = "NOTFOUND ";

void serve(LookupWorld& world, const std::string& mode = "enforce") {
    world.at("a.example").record("1");
    world.at("a.example").policy(policy_text(mode, {"mx.a.example"}, 7 * 86400));
}

decision::Override entry(const std::string& domain, Action action, bool weakens = true) {
    decision::Override made;
    made.domain = domain;
    made.action = action;
    made.reason = "a test";
    made.weakens = weakens;
    return made;
}

TEST(LookupOverrides, WorkAtOnceAlsoForAnswersOfThisSecond) {
    LookupWorld world;
    serve(world);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(world.ask("a.example"), secure);
    world.set_overrides({entry("a.example", Action::may)});
    for (int i = 0; i < 3; ++i) EXPECT_EQ(world.ask("a.example"), "OK may");
    EXPECT_EQ(world.ask("[A.example]:587"), "OK may");
    EXPECT_EQ(world.log.count("answer=may source=memory"), 4u);
    EXPECT_EQ(world.log.count("why=override would=secure"), 4u);
    EXPECT_EQ(world.log.count("override-weakens domain=a.example override=a.example answer=may would=secure"), 1u)
        << "one line an hour";
    world.set_overrides({});
    EXPECT_EQ(world.ask("a.example"), secure);
}

TEST(LookupOverrides, OneThatWeakensWithoutSayingSoIsHeldBack) {
    LookupWorld world;
    serve(world);
    world.set_overrides({entry("a.example", Action::off, false)});
    for (int i = 0; i < 3; ++i) EXPECT_EQ(world.ask("a.example"), secure);
    EXPECT_EQ(world.log.count("would="), 0u);
    EXPECT_EQ(world.log.count("override-weakens"), 0u);
}

TEST(LookupOverrides, EndToTheSecondDuringAnOutage) {
    LookupWorld world;
    serve(world);
    EXPECT_EQ(world.ask("a.example"), secure);
    decision::Override ends = entry("a.example", Action::encrypt);
    ends.until = world.time.now() + 3600s;
    world.set_overrides({ends});
    world.at("a.example").dns_fails(base::Reason::dns_servfail);
    world.at("a.example").https_fails(base::Reason::connect_failed);
    EXPECT_EQ(world.ask("a.example"), "OK encrypt");
    world.pass(3599s);
    EXPECT_EQ(world.ask("a.example"), "OK encrypt");
    EXPECT_EQ(world.ask("a.example"), "OK encrypt");
    world.pass(1s);
    EXPECT_EQ(world.ask("a.example"), secure) << "what it hid was kept all the same";
    EXPECT_EQ(world.ask("a.example"), secure);
}

TEST(LookupOverrides, AreInForceOnFirstContactAndAtTheDeadline) {
    LookupWorld world;
    serve(world);
    world.at("a.example").https_delay = 30s;
    world.set_overrides({entry(".example", Action::may)});
    EXPECT_EQ(world.ask("a.example"), "OK may") << "at the deadline";
    EXPECT_EQ(world.log.count("would=notfound"), 1u);
    world.pass(60s);
    EXPECT_EQ(world.ask("a.example"), "OK may");
    EXPECT_EQ(world.log.count("why=override would=secure"), 1u) << "it was learnt all the same";
    world.set_overrides({});
    EXPECT_EQ(world.ask("a.example"), secure);
    EXPECT_EQ(world.gets(), 1u);
}

TEST(LookupOverrides, TheOneForTheRunTimeGoesBeforeTheConfiguredOne) {
    LookupWorld world;
    serve(world);
    decision::Override configured = entry("a.example", Action::may);
    configured.configured = true;
    decision::Override ends = entry("a.example", Action::encrypt);
    ends.until = world.time.now() + 60s;
    world.set_overrides({configured, ends, entry(".example", Action::off)});
    EXPECT_EQ(world.ask("a.example"), "OK encrypt");
    world.pass(60s);
    EXPECT_EQ(world.ask("a.example"), "OK may");
}

TEST(LookupObserve, TellsPostfixNothingAndCountsWhatItWouldHaveSaid) {
    LookupWorld world;
    serve(world);
    world.set_overrides({}, true);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(world.ask("a.example"), notfound);
    EXPECT_EQ(world.ask("b.example"), notfound);
    EXPECT_EQ(world.log.count("why=observe would=secure"), 5u);
    EXPECT_EQ(world.log.count("would="), 5u) << "nothing is hidden where there is no policy";
    const auto taken = world.take_observed();
    ASSERT_EQ(taken.sums.size(), 1u);
    EXPECT_EQ(taken.sums[0].domain, "a.example");
    EXPECT_EQ(taken.sums[0].would, "secure");
    EXPECT_EQ(taken.sums[0].lookups, 5u);
    EXPECT_EQ(taken.forgotten, 0u);
    EXPECT_TRUE(world.take_observed().sums.empty());
    EXPECT_EQ(world.log.count("override-weakens"), 0u);
}

TEST(LookupObserve, EnforcingAfterwardsNeedsNoNewLearning) {
    LookupWorld world;
    serve(world);
    world.set_overrides({}, true);
    EXPECT_EQ(world.ask("a.example"), notfound);
    world.pass(2 * 86400s); // checked and refreshed all the while
    EXPECT_EQ(world.ask("a.example"), notfound);
    const std::size_t gets = world.gets();
    EXPECT_GE(gets, 2u);
    world.at("a.example").dns_fails(base::Reason::dns_timeout);
    world.at("a.example").https_fails(base::Reason::connect_failed);
    world.set_overrides({}, false);
    EXPECT_EQ(world.ask("a.example"), secure);
    EXPECT_EQ(world.gets(), gets);
}

TEST(LookupObserve, PoliciesThatOnlyTestAreNotCounted) {
    LookupWorld world;
    serve(world, "testing");
    world.set_overrides({}, true);
    EXPECT_EQ(world.ask("a.example"), notfound);
    EXPECT_EQ(world.ask("a.example"), notfound);
    EXPECT_EQ(world.log.count("would="), 0u);
    EXPECT_TRUE(world.take_observed().sums.empty());
}

TEST(LookupObserve, OfASingleDomainIsAnOverride) {
    LookupWorld world;
    serve(world);
    world.set_overrides({entry("a.example", Action::observe)});
    for (int i = 0; i < 3; ++i) EXPECT_EQ(world.ask("a.example"), notfound);
    EXPECT_EQ(world.take_observed().sums.at(0).lookups, 3u);
    EXPECT_EQ(world.log.count("why=override would=secure"), 3u);
    world.set_overrides({entry("a.example", Action::off)});
    EXPECT_EQ(world.ask("a.example"), notfound);
    EXPECT_TRUE(world.take_observed().sums.empty()) << "off is not counted";
}

TEST(ObservedSums, AreBounded) {
    lookup::ObservedSums sums;
    const base::Instant now{1'800'000'000s};
    for (std::size_t i = 0; i < lookup::ObservedSums::max_domains + 3; ++i)
        sums.note("d" + std::to_string(i) + ".example", "secure", now);
    sums.note("d0.example", "dane-only", now + 5s);
    const auto taken = sums.take();
    EXPECT_EQ(taken.sums.size(), lookup::ObservedSums::max_domains);
    EXPECT_EQ(taken.forgotten, 3u);
    for (const auto& one : taken.sums) {
        if (one.domain != "d0.example") continue;
        EXPECT_EQ(one.lookups, 2u);
        EXPECT_EQ(one.would, "dane-only");
        EXPECT_EQ(one.first, now);
        EXPECT_EQ(one.last, now + 5s);
    }
    EXPECT_TRUE(sums.take().sums.empty());
}

} // namespace
