// Hosts with a shared cache: each rule of lookup/shared_steps.hpp on the real learner, and trouble of the cache at
// each step.
#include "lookup/learner.hpp"

#include "support/fleet_world.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace {

using namespace std::chrono_literals;
using base::Reason;
using cache::Lease;
using lookup::Why;
using test::FakeEngine;
using test::FleetWorld;
using test::policy_text;
using State = FakeEngine::State;

std::string text(const std::string& mx = "mx.a.example", long max_age = 7 * 86400) {
    return policy_text("enforce", {mx}, max_age);
}

class SharedTest : public testing::Test, protected FleetWorld {
protected:
    static constexpr std::size_t all = 8;
    SharedTest() : FleetWorld(all) { publish(domain, "1", text()); }

    void learn_all(Why why = Why::query) {
        for (std::size_t i = 0; i < all; ++i) learn(i, domain, why);
        run();
    }
    void learn_one(std::size_t i, Why why = Why::query) { learn(i, domain, why), run(); }
    /// A value as a host of the fleet would have offered it.
    [[nodiscard]] cache::SharedPolicy value(const std::string& id, base::seconds age = 1h,
                                            const std::string& policy = text()) {
        return {policy, id, time.now() - age, "mx9"};
    }
    void set_value(cache::SharedPolicy policy) {
        engine.values.insert_or_assign(domain.name(), std::move(policy));
    }
    [[nodiscard]] std::size_t counted(std::size_t host, lookup::Worth worth) {
        return (*this)[host].learner.shared_counts()->values.of(worth).value();
    }
};

TEST_F(SharedTest, WhatOneHasLearntAllKnow) {
    learn_one(0);
    time.move_to(1h);
    learn_all();
    EXPECT_EQ(fetcher.gets(), 1u);
    ASSERT_EQ(outcomes.size(), 1 + all);
    for (std::size_t i = 0; i < all; ++i) {
        FleetWorld::Host& host = (*this)[i];
        EXPECT_EQ(host.known(domain), "1 " + text());
        EXPECT_EQ(host.entry(domain).fetched_at, (*this)[0].entry(domain).fetched_at)
            << "no life is extended";
        EXPECT_EQ(host.store.rows().at("a.example").policy_text, text()) << "each host's own truth";
        EXPECT_EQ(host.log.count("policy-learnt domain=a.example"), 1u);
        EXPECT_EQ(host.log.count("source=shared"), i == 0 ? 0u : 1u);
        EXPECT_EQ(host.log.count("address=host mx1 of the fleet"), i == 0 ? 0u : 1u);
    }
    EXPECT_TRUE(outcomes.back().fetched);
    EXPECT_TRUE(outcomes.back().shared);
    EXPECT_EQ(counted(1, lookup::Worth::take), 1u);
    EXPECT_EQ((*this)[1].resolver.txt_questions, 1u);
}

TEST_F(SharedTest, IsOnTheDiskBeforeItIsAnswered) {
    learn_one(0);
    (*this)[1].store.hold();
    learn_one(1);
    EXPECT_EQ(outcomes.size(), 1u);
    EXPECT_EQ((*this)[1].known(domain), "nothing");
    (*this)[1].store.release();
    run();
    EXPECT_EQ(outcomes.size(), 2u);
}

TEST_F(SharedTest, AColdDomainIsFetchedOnce) {
    slow_gets(1400ms);
    learn_all();
    pass(1399ms);
    EXPECT_TRUE(outcomes.empty());
    pass(1ms);
    EXPECT_EQ(outcomes.size(), all) << "by the notification, at once";
    EXPECT_EQ(fetcher.gets(), 1u);
    EXPECT_EQ(engine.counts.won, 1u);
    EXPECT_EQ(engine.counts.offers, 1u);
    EXPECT_EQ(engine.counts.finds, all + 3 * (all - 1));
    for (const lookup::Outcome& outcome : outcomes) EXPECT_EQ(outcome.policy->text, text());
}

TEST_F(SharedTest, WithoutNotificationsItIsFoundAtTheNextLook) {
    engine.news_lost = true;
    slow_gets(300ms);
    learn_all();
    pass(499ms);
    EXPECT_EQ(outcomes.size(), 1u);
    pass(1ms);
    EXPECT_EQ(outcomes.size(), all);
    EXPECT_EQ(fetcher.gets(), 1u);
}

TEST_F(SharedTest, ANotificationWithoutThePolicyIsALook) {
    engine.news_too_large = true;
    slow_gets(300ms);
    learn_all();
    pass(300ms);
    EXPECT_EQ(outcomes.size(), all);
    EXPECT_EQ(fetcher.gets(), 1u);
}

TEST_F(SharedTest, NobodyWaitsLongForASlowHostOrATakenLease) {
    engine.take_lease(domain, Lease::fetch);
    slow_gets(1s);
    learn_all();
    pass(1499ms);
    EXPECT_EQ(fetcher.gets(), 0u);
    pass(1ms);
    EXPECT_EQ(fetcher.gets(), all);
    pass(1s);
    EXPECT_EQ(outcomes.size(), all);
    EXPECT_EQ((*this)[3].learner.shared_counts()->waited_in_vain.value(), 1u);
    EXPECT_FALSE(time.next_call() && *time.next_call() < 1min) << "nothing is left behind";
}

TEST_F(SharedTest, AnotherIdMeansAGet) {
    set_value(value("0", 1h, text("old.a.example")));
    learn_one(0);
    EXPECT_EQ(fetcher.gets(), 1u);
    EXPECT_EQ((*this)[0].known(domain), "1 " + text());
    EXPECT_EQ(counted(0, lookup::Worth::other_id), 1u);
    EXPECT_EQ(engine.values.at("a.example").txt_id, "1");
}

TEST_F(SharedTest, AChangeIsSeenByAllAtOnce) {
    learn_all();
    publish(domain, "2", text("new.a.example"));
    pass(1h);
    learn_one(0, Why::txt_check);
    EXPECT_EQ(fetcher.gets(), 2u);
    for (std::size_t i = 0; i < all; ++i) EXPECT_EQ((*this)[i].known(domain), "2 " + text("new.a.example"));
    EXPECT_EQ((*this)[5].log.count("policy-changed"), 1u);
    EXPECT_EQ((*this)[5].log.count("id_before=1 source=shared"), 1u);
    EXPECT_EQ((*this)[5].entry(domain).txt_checked, base::Instant{}) << "the record is due at once";
}

TEST_F(SharedTest, AChangeWhoseNotificationWasLostIsFoundBeforeTheGet) {
    learn_all();
    publish(domain, "2", text("new.a.example"));
    pass(1h);
    engine.news_lost = true;
    learn_all(Why::txt_check);
    pass(2s);
    EXPECT_EQ(fetcher.gets(), 2u);
    for (std::size_t i = 0; i < all; ++i) EXPECT_EQ((*this)[i].known(domain), "2 " + text("new.a.example"));
}

TEST_F(SharedTest, ANewIdForTheSameTextCostsOneGet) {
    learn_all();
    publish(domain, "2", text());
    for (std::size_t i = 0; i < all; ++i) {
        pass(2min);
        learn_one(i, Why::txt_check);
        pass(2s);
    }
    EXPECT_EQ(fetcher.gets(), 2u);
    for (std::size_t i = 0; i < all; ++i) EXPECT_EQ((*this)[i].known(domain), "2 " + text());
}

TEST_F(SharedTest, ResolversThatAreBehindDoNotMakeHostsFetchInTurns) {
    learn_all();
    test::FakeResolver behind = resolver;
    for (std::size_t i = 0; i < all / 2; ++i) (*this)[i].resolver.own = &behind;
    publish(domain, "2", text("new.a.example"));
    for (int minute = 0; minute < 60; ++minute) {
        pass(1min);
        for (std::size_t i = 0; i < all; ++i) ask(i, domain);
    }
    EXPECT_LE(fetcher.gets(), 4u);
    behind = resolver;
    for (int minute = 0; minute < 60; ++minute) {
        pass(1min);
        for (std::size_t i = 0; i < all; ++i) ask(i, domain);
    }
    EXPECT_LE(fetcher.gets(), 5u);
    for (std::size_t i = 0; i < all; ++i) EXPECT_EQ((*this)[i].known(domain), "2 " + text("new.a.example"));
}

TEST_F(SharedTest, WhereTheRecordIsMissingOrDnsFailsAPolicyIsTaken) {
    for (const Reason reason :
         {Reason::none, Reason::dns_timeout, Reason::dns_servfail, Reason::dns_network}) {
        FleetWorld world(1);
        if (reason == Reason::none)
            world.resolver.absent(world.domain.record_name(), dns::Type::txt);
        else
            world.resolver.fail(world.domain.record_name(), dns::Type::txt, reason);
        world.engine.values.insert_or_assign("a.example", value("1"));
        world.learn(0, world.domain, Why::query);
        world.run();
        EXPECT_EQ(world[0].known(world.domain), "1 " + text()) << to_string(reason);
        EXPECT_EQ(world.fetcher.gets(), 0u);
        world.ask(0, world.domain);
        world.run();
        EXPECT_EQ(world[0].resolver.txt_questions, 2u) << "the record is due at once";
        world.ask(0, world.domain);
        world.run();
        EXPECT_EQ(world[0].resolver.txt_questions, 2u) << "but then as usual";
        EXPECT_EQ(world[0].known(world.domain), "1 " + text());
    }
}

TEST_F(SharedTest, AHostWithoutDnsAndHttpsDelivers) {
    std::vector<base::Domain> domains;
    for (int i = 0; i < 100; ++i) {
        domains.push_back(*base::Domain::parse("d" + std::to_string(i) + ".example"));
        publish(domains.back(), "1", text());
        learn(0, domains.back(), Why::query);
    }
    run();
    (*this)[0].resolver.cut = (*this)[0].fetcher.cut = true;
    (*this)[1].resolver.cut = (*this)[1].fetcher.cut = true;
    pass(1h);
    outcomes.clear();
    for (const base::Domain& one : domains) learn(1, one, Why::query);
    run();
    ASSERT_EQ(outcomes.size(), 100u);
    for (const lookup::Outcome& outcome : outcomes) EXPECT_EQ(outcome.policy->text, text());
}

TEST_F(SharedTest, AFetchByHandIsMadeHereAndNow) {
    learn_all();
    pass(2h);
    learn_one(4, Why::by_hand);
    EXPECT_EQ((*this)[4].fetcher.gets, 1u);
    for (std::size_t i = 0; i < all; ++i)
        EXPECT_EQ((*this)[i].entry(domain).fetched_at, time.now()) << "all have it";
    engine.values.clear();
    EXPECT_EQ(engine.counts.offers, 2u);
}

TEST_F(SharedTest, AWithdrawnPolicyIsNeitherOfferedNorTakenAgain) {
    learn_one(0);
    pass(2min);
    publish(domain, "1", text("mx.a.example", 0));
    learn_one(0, Why::by_hand);
    EXPECT_EQ(engine.counts.offers, 1u);
    pass(2min);
    learn_one(0);
    EXPECT_NE((*this)[0].known(domain), "1 " + text()) << "the older one is still in the cache";
    EXPECT_EQ(counted(0, lookup::Worth::older), 1u);
}

TEST_F(SharedTest, NotificationsAboutOthersAreNotTaken) {
    learn_one(0);
    for (std::size_t i = 1; i < all; ++i) EXPECT_EQ((*this)[i].known(domain), "nothing");
    EXPECT_EQ((*this)[1].learner.shared_counts()->news.value(), 0u);
    EXPECT_EQ((*this)[1].learner.aloft(), 0u);
}

TEST_F(SharedTest, ANotificationDuringASearchIsTakenAfterIt) {
    learn_all();
    pass(1h);
    resolver.hold(dns::Type::txt);
    learn_one(3, Why::txt_check);
    engine.publish(domain, value("2", 1s, text("new.a.example")));
    run();
    EXPECT_EQ((*this)[3].known(domain), "1 " + text());
    EXPECT_EQ((*this)[4].known(domain), "2 " + text("new.a.example"));
    resolver.release();
    run();
    EXPECT_EQ((*this)[3].known(domain), "2 " + text("new.a.example"));
    EXPECT_EQ((*this)[3].learner.aloft(), 0u);
}

TEST_F(SharedTest, TheNewestOfManyNotificationsStays) {
    learn_all();
    pass(1h);
    for (const auto age : {30s, 10s, 20s}) {
        engine.publish(domain, value("2", age, text("m" + std::to_string(age.count()) + ".a.example")));
    }
    run();
    for (std::size_t i = 0; i < all; ++i) EXPECT_EQ((*this)[i].known(domain), "2 " + text("m10.a.example"));
}

TEST_F(SharedTest, AValueThatIsNoGoodChangesNothing) {
    struct Row {
        cache::SharedPolicy value;
        lookup::Worth worth;
    };
    const Row rows[] = {
        {value("1", 1h, "no policy"), lookup::Worth::unreadable},
        {value("1", 1h, ""), lookup::Worth::unreadable},
        {value("id with blanks"), lookup::Worth::unreadable},
        {value("1", 8 * 24h), lookup::Worth::expired},
        {value("1", -301s), lookup::Worth::future},
        {value("9"), lookup::Worth::other_id},
    };
    for (const Row& row : rows) {
        FleetWorld world(1);
        world.publish(domain, "1", text());
        world.engine.values.insert_or_assign("a.example", row.value);
        world.learn(0, domain, Why::query);
        world.run();
        EXPECT_EQ(world.fetcher.gets(), 1u) << to_string(row.worth);
        EXPECT_EQ(world[0].known(domain), "1 " + text());
        EXPECT_EQ(world[0].learner.shared_counts()->values.of(row.worth).value(), 1u) << to_string(row.worth);
        if (row.worth == lookup::Worth::other_id) continue; // a notification: nobody has asked for the record
        world.engine.publish(domain, row.value);
        world.run();
        EXPECT_EQ(world[0].known(domain), "1 " + text()) << to_string(row.worth);
        EXPECT_FALSE(world[0].log.count("source=shared")) << to_string(row.worth);
    }
}

TEST_F(SharedTest, AnOlderPolicyIsReplayedInVainToWhoHasANewerOne) {
    learn_all();
    pass(1h);
    const cache::SharedPolicy old = value("0", 2 * 24h, text("old.a.example"));
    set_value(old);
    engine.publish(domain, old);
    learn_all(Why::txt_check);
    for (std::size_t i = 0; i < all; ++i) EXPECT_EQ((*this)[i].known(domain), "1 " + text());
}

/// Each kind of trouble, on its own and together.
struct TroubleRow {
    const char* name;
    State find, lease;
    bool offers_lost, news_lost;
    base::milliseconds at_most; ///< later than without a cache
};
constexpr TroubleRow troubles[] = {
    {"find says so", State::trouble, State::well, false, false, 0ms},
    {"find hangs", State::hangs, State::well, false, false, cache::Shared::max_wait},
    {"lease says so", State::well, State::trouble, false, false, 0ms},
    {"lease hangs", State::well, State::hangs, false, false, cache::Shared::max_wait},
    {"offers are lost", State::well, State::well, true, true, 1500ms},
    {"notifications are lost", State::well, State::well, false, true, 1500ms},
    {"all say so", State::trouble, State::trouble, true, true, 0ms},
    {"all hang", State::hangs, State::hangs, true, true, cache::Shared::max_wait},
};

void set(FakeEngine& engine, const TroubleRow& row) {
    engine.find = row.find;
    engine.lease = row.lease;
    engine.offers_lost = row.offers_lost;
    engine.news_lost = row.news_lost;
}

TEST(SharedTrouble, AnswersAreTheSameButForBeingLearntLater) {
    struct Case {
        const char* name;
        void (*set)(FleetWorld&);
    };
    const Case cases[] = {
        {"a policy", [](FleetWorld& w) { w.publish(w.domain, "1", text()); }},
        {"no record", [](FleetWorld&) {}},
        {"DNS fails",
         [](FleetWorld& w) { w.resolver.fail(w.domain.record_name(), dns::Type::txt, Reason::dns_timeout); }},
        {"no policy host",
         [](FleetWorld& w) {
             w.publish(w.domain, "1", text());
             w.fetcher.fail(w.domain.policy_host(), Reason::connect_timeout);
         }},
        {"not valid", [](FleetWorld& w) { w.publish(w.domain, "1", "nothing"); }},
        {"max_age 0", [](FleetWorld& w) { w.publish(w.domain, "1", text("mx.a.example", 0)); }},
    };
    constexpr std::size_t hosts = 3;
    for (const Case& one : cases) {
        FleetWorld without(hosts, FleetWorld::Sharing::no);
        one.set(without);
        for (std::size_t i = 0; i < hosts; ++i) without.learn(i, without.domain, Why::query);
        without.run();
        ASSERT_EQ(without.outcomes.size(), hosts);
        const auto& [policy, reason] = std::pair{without.outcomes[0].policy, without.outcomes[0].reason};
        for (const TroubleRow& row : troubles) {
            SCOPED_TRACE(std::string(one.name) + ", " + row.name);
            FleetWorld with(hosts);
            one.set(with);
            set(with.engine, row);
            for (std::size_t i = 0; i < hosts; ++i) with.learn(i, with.domain, Why::query);
            with.pass(row.at_most);
            ASSERT_EQ(with.outcomes.size(), hosts) << "in time";
            for (const lookup::Outcome& outcome : with.outcomes) {
                EXPECT_EQ(outcome.reason, reason);
                EXPECT_EQ(outcome.policy ? outcome.policy->text : "none", policy ? policy->text : "none");
            }
            for (std::size_t i = 0; i < hosts; ++i)
                EXPECT_EQ(with[i].known(with.domain), without[i].known(without.domain));
            EXPECT_LE(with.fetcher.gets(), hosts) << "never more than without";
        }
    }
}

TEST(SharedTrouble, WhatIsKnownStaysThroughChangesAndDays) {
    constexpr std::size_t hosts = 3;
    for (const TroubleRow& row : troubles) {
        SCOPED_TRACE(row.name);
        FleetWorld world(hosts);
        world.publish(world.domain, "1", text());
        for (std::size_t i = 0; i < hosts; ++i) world.learn(i, world.domain, Why::query);
        world.pass(2s);
        set(world.engine, row);
        const auto live = [&](base::seconds time, const std::string& want) {
            for (base::seconds passed{0}; passed < time; passed += 10min) {
                world.pass(10min);
                for (std::size_t i = 0; i < hosts; ++i) world.ask(i, world.domain);
                world.run();
            }
            for (std::size_t i = 0; i < hosts; ++i) EXPECT_EQ(world[i].known(world.domain), want);
        };
        live(3 * 24h, "1 " + text());
        for (std::size_t i = 0; i < hosts; ++i)
            EXPECT_GE(world[i].entry(world.domain).fetched_at, world.time.now() - 27h) << "refreshed daily";
        EXPECT_LE(world.fetcher.gets(), hosts * 5) << "not more often than without";
        world.publish(world.domain, "2", text("new.a.example"));
        live(1h, "2 " + text("new.a.example"));
        world.engine.all(State::well);
        live(24h, "2 " + text("new.a.example"));
    }
}

TEST(SharedTrouble, ALeaseOfAnotherDelaysADailyGetByMinutes) {
    FleetWorld world(1);
    world.publish(world.domain, "1", text());
    world.learn(0, world.domain, Why::query);
    world.run();
    while (world.fetcher.gets() == 1 && world.time.passed() < 30h) {
        world.engine.take_lease(world.domain, Lease::refresh); // somebody takes it again and again
        world.pass(10s);
    }
    EXPECT_EQ(world.fetcher.gets(), 2u);
    EXPECT_LE(world.time.passed(), 24h + 144min + 4min);
    EXPECT_GE(world[0].learner.shared_counts()->leases.of(lookup::SharedLease::lost).value(), 2u);
    EXPECT_LE(world[0].learner.shared_counts()->leases.of(lookup::SharedLease::lost).value(), 4u);
}

TEST(SharedTrouble, AWinnerThatFailsLeavesTheGetToAnother) {
    FleetWorld world(2);
    world.publish(world.domain, "1", text());
    world[0].fetcher.cut = true;
    world.learn(0, world.domain, Why::query);
    world.run();
    world.learn(1, world.domain, Why::query);
    world.pass(1499ms);
    EXPECT_EQ(world.fetcher.gets(), 0u);
    world.pass(1ms);
    EXPECT_EQ(world[1].known(world.domain), "1 " + text());
    world.run();
    EXPECT_EQ(world[0].known(world.domain), "1 " + text()) << "the fleet reaches the policy host";
}

TEST(SharedTrouble, HostsMayEndAtAnyMoment) {
    for (const State find : {State::well, State::hangs})
        for (const State lease : {State::well, State::hangs}) {
            FleetWorld world(3);
            world.publish(world.domain, "1", text());
            world.slow_gets(10s);
            world.engine.find = find;
            world.engine.lease = lease;
            for (std::size_t i = 0; i < 3; ++i) world.learn(i, world.domain, Why::query);
            world.pass(300ms);
            EXPECT_TRUE(world.outcomes.empty());
        }
}

TEST(SharedNone, NothingIsAsked) {
    FleetWorld world(1, FleetWorld::Sharing::no);
    world.publish(world.domain, "1", text());
    world.learn(0, world.domain, Why::query);
    world.pass(3 * 24h);
    EXPECT_EQ(world.engine.counts.finds + world.engine.counts.leases + world.engine.counts.offers, 0u);
    EXPECT_EQ(world[0].learner.shared_counts(), nullptr);
}

} // namespace
